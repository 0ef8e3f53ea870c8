//! Somebody's own request: `{"images": ["repository:tag", "repository@sha256:…"]}`, for the registry of the function's own account
//! and Region.

use serde_json::Value;
use soci_registry::{RegistryReference, Tag};

use super::fields::{Refused, refuse, repository, shown};
use super::{ImageRequest, Occasion, Registry};

/// Images of one request. They are worked on one after the other, so more would never be done in time.
const MOST_IMAGES: usize = 1_000;

/// Characters of a name: 256 of a repository, 128 of a tag, 71 of a digest, and what stands between them.
const MOST_NAME_CHARS: usize = 457;

/// Reads the list.
pub(super) fn parse(
    images: &Value,
    here: &Registry,
) -> Result<Vec<Result<ImageRequest, Refused>>, Refused> {
    let Some(images) = images.as_array() else {
        return Err(refuse("images is no list"));
    };
    match images.len() {
        0 => Err(refuse("images is empty")),
        found if found > MOST_IMAGES => Err(refuse(format!(
            "{found} images, at most {MOST_IMAGES} are taken at once"
        ))),
        _ => Ok(images.iter().map(|image| parse_one(image, here)).collect()),
    }
}

fn parse_one(image: &Value, here: &Registry) -> Result<ImageRequest, Refused> {
    let Some(text) = image.as_str() else {
        return Err(refuse("an image of the list is no text"));
    };
    let no_name = || {
        refuse(format!(
            "{} is neither repository:tag nor repository@sha256:…, without the registry's host",
            shown(text)
        ))
    };
    let path = text.split([':', '@']).next().unwrap_or_default();
    if text.len() > MOST_NAME_CHARS || path.len() == text.len() || repository(path).is_none() {
        return Err(no_name());
    }
    let reference: RegistryReference = format!("registry.invalid/{text}")
        .parse()
        .map_err(|_| no_name())?;
    Ok(ImageRequest {
        registry: here.clone(),
        repository: path.to_owned(),
        // As everywhere, the digest wins where both are written.
        tag: match reference.digest {
            Some(_) => None,
            None => reference.tag.as_ref().map(Tag::to_string),
        },
        digest: reference.digest,
        occasion: Occasion::Wish,
    })
}
