//! Whether an image is wanted, as far as that can be told without asking anybody: most events are not, and cost nothing.

use soci_index::{Filters, IndexFormat, Reason, Verdict};
use soci_registry::{Tag, Target};

use crate::payload::{ImageRequest, Occasion, Refused};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This is to be indexed.
    Index(Target),
    /// Nothing is to be done.
    Skip(Reason),
    /// It names something that cannot be asked for.
    Refuse(Refused),
}

/// Decides. Somebody's own wish is not filtered: filters choose among what happens, a wish has chosen.
#[must_use]
pub fn decide(request: &ImageRequest, filters: &Filters, format: IndexFormat) -> Decision {
    if let Occasion::Event {
        arrived,
        manifest_media_type,
        artifact_media_type,
        ..
    } = &request.occasion
    {
        if !arrived {
            return Decision::Skip(Reason::IgnoredAction);
        }
        let told = (
            manifest_media_type.as_deref(),
            artifact_media_type.as_deref(),
        );
        if let Some(reason) = soci_index::not_an_image(told.0, told.1) {
            return Decision::Skip(reason);
        }
        // The parts of an image index are pushed without a tag. In version 2 the index is what counts, in version 1 they are.
        if request.tag.is_none() && format == IndexFormat::V2 {
            return Decision::Skip(Reason::Untagged);
        }
        if !is_chosen(request, filters) {
            return Decision::Skip(Reason::NotMatched);
        }
    }
    target(request).map_or_else(Decision::Refuse, Decision::Index)
}

fn is_chosen(request: &ImageRequest, filters: &Filters) -> bool {
    let tag = request.tag.as_deref().unwrap_or_default();
    let name = format!("{}:{tag}", request.repository);
    matches!(filters.judge(&name), Verdict::Chosen(_))
}

/// What to ask the registry for. Of a tag, what it holds by then: the digest of an event is that of a moment gone by.
fn target(request: &ImageRequest) -> Result<Target, Refused> {
    match (&request.tag, request.digest) {
        (Some(tag), _) => Tag::new(tag).map(Target::Tag).map_err(|_| {
            Refused::new(format!(
                "the tag has {} characters; registries hand out images under at most {}",
                tag.len(),
                soci_registry::TAG_CHARS
            ))
        }),
        (None, Some(digest)) => Ok(Target::Digest(digest)),
        (None, None) => Err(Refused::new("there is neither a tag nor a digest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Registry;

    fn request(repository: &str, tag: Option<&str>) -> ImageRequest {
        ImageRequest {
            registry: Registry {
                account: "123456789012".to_owned(),
                region: "eu-central-1".to_owned(),
            },
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: Some(digest()),
            occasion: Occasion::Event {
                arrived: true,
                is_replica: false,
                manifest_media_type: None,
                artifact_media_type: None,
            },
        }
    }

    fn digest() -> soci_registry::Digest {
        soci_registry::Digest::of(b"manifest")
    }

    fn decided(request: &ImageRequest, filters: &str, format: IndexFormat) -> Decision {
        decide(request, &filters.parse().expect("filters"), format)
    }

    fn tagged(tag: &str) -> Decision {
        Decision::Index(Target::Tag(Tag::new(tag).expect("a tag")))
    }

    const V1: IndexFormat = IndexFormat::V1;
    const V2: IndexFormat = IndexFormat::V2;

    #[test]
    fn filters_choose_among_events() {
        let app = request("team/app", Some("1"));
        assert_eq!(decided(&app, "*:*", V2), tagged("1"));
        for filters in ["other:*", "team/app:2", "*:*,!team/*:1"] {
            assert_eq!(
                decided(&app, filters, V2),
                Decision::Skip(Reason::NotMatched),
                "{filters}"
            );
        }
        let wish = ImageRequest {
            occasion: Occasion::Wish,
            ..app
        };
        assert_eq!(decided(&wish, "other:*", V2), tagged("1"));
    }

    #[test]
    fn what_has_no_tag_is_for_version_1() {
        let child = request("app", None);
        assert_eq!(decided(&child, "*:*", V2), Decision::Skip(Reason::Untagged));
        assert_eq!(
            decided(&child, "app:*", V1),
            Decision::Index(Target::Digest(digest()))
        );
        assert_eq!(
            decided(&child, "app:v*", V1),
            Decision::Skip(Reason::NotMatched)
        );
        let nothing = ImageRequest {
            digest: None,
            ..child
        };
        assert!(matches!(decided(&nothing, "*:*", V1), Decision::Refuse(_)));
    }

    #[test]
    fn a_tag_that_no_registry_hands_out_is_refused_only_where_it_is_wanted() {
        let long = request("app", Some(&"x".repeat(129)));
        assert!(matches!(decided(&long, "*:*", V2), Decision::Refuse(_)));
        assert_eq!(
            decided(&long, "other:*", V2),
            Decision::Skip(Reason::NotMatched)
        );
    }

    /// Defect A9 of AWS's builder: whatever ends in -soci was taken for its own.
    #[test]
    fn a_tag_that_ends_in_soci_is_like_any_other() {
        let app = request("app", Some("v1-soci"));
        assert_eq!(decided(&app, "*:*", V2), tagged("v1-soci"));
    }
}
