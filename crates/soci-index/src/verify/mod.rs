//! Proof that what was indexed is right, whoever indexed it.
//!
//! A mount that succeeds proves nothing, and neither does a container that ends well: with a wrong window in a zTOC files have wrong
//! content, and nobody notices. So an image is walked from its tag down to the zTOCs, and up again from each SOCI index to its
//! image, and the zTOCs are held against their layers.
//!
//! # Levels
//! Each proves what those before it do, and more.
//! - [`Level::Structure`] reads documents, configs and zTOCs, and one byte of each layer. It proves links in both directions, digests and
//!   sizes of all that it reads and the sizes of layers; media types, annotations, platforms and order; that each zTOC decodes, does
//!   not contradict itself, is for a layer of that size, and has nothing in it that soci-snapshotter v0.15.0 refuses or gets wrong.
//! - [`Level::Sample`] reads some spans of each layer, by their ranges: the first, the last, that of the archive's end, and others at
//!   equal distances. They prove their own digests; that they decode from their checkpoints up to exactly the next checkpoint, whose
//!   place, bits and window they prove; and of each entry whose header they hold, that it is where consumers look for it and
//!   says what the zTOC says. Of a layer with that many spans and no more, this is nearly everything.
//! - [`Level::Full`] reads each layer once, from the first byte to the last, and keeps none of it. It proves the layer's digest; every
//!   span's digest, checkpoint and content, compared byte by byte with what a straight decoding gives; every entry; and where
//!   the archive ends.
//!
//! What is wrong becomes a [`Finding`], never an error. An error means that it could not be found out: a registry does not answer, or
//! the image is not there.

mod blobs;
mod fault;
mod image;
mod level;
mod prove;
mod report;
mod soci_index;
mod ztoc;

use std::collections::BTreeMap;
use std::sync::Arc;

use soci_registry::{Store, Tag, Target};

pub use fault::{Fault, Finding, Place};
pub use level::{Level, VerifyOptions};
pub use report::{PlatformVerdict, Proof, Verification, VerifiedIndex, VerifiedZtoc};

use self::image::{Checked, Image};
use self::prove::{Key, Looked};
use crate::document::{Descriptor, Platform};
use crate::error::IndexError;
use crate::output_tag::OutputTag;
use crate::source::Source;

/// Verifies what a target holds.
///
/// # Errors
/// [`IndexError`]: why it could not be found out. What is wrong with the image is no error.
pub async fn verify(
    store: &Arc<dyn Store>,
    target: &Target,
    image: String,
    options: &VerifyOptions,
) -> Result<Verification, IndexError> {
    let mut unread = Vec::new();
    let source = Source::read_past(&**store, target, |entry, error| {
        let finding = Finding::of_document(Place::Manifest(entry.digest), error)?;
        unread.push((entry.clone(), finding));
        Ok(())
    });
    let source = source.await?;
    check_platforms(&source, &unread, options)?;
    let mut checked = Vec::new();
    for (place, found) in source.images() {
        if is_wanted(&found.platform, options) {
            let image = Image::new(&source, place, found);
            checked.push(image.check(&**store).await?);
        }
    }
    let pairs = checked.iter().flat_map(Checked::pairs);
    let looked = prove::all(store, pairs, options).await?;
    let mut platforms: Vec<_> = checked
        .into_iter()
        .map(|checked| checked.verdict(&looked))
        .collect();
    let unread = unread.into_iter().filter(|(entry, _)| {
        let is_soci_index = source
            .soci_indexes()
            .any(|listed| listed.digest == entry.digest);
        let platform = entry.platform.as_ref();
        !is_soci_index && platform.is_none_or(|platform| is_wanted(platform, options))
    });
    platforms.extend(unread.map(|(entry, finding)| unreadable(&entry, finding)));
    let findings = image::orphans(&source);
    let spoiled = (!findings.is_empty()).then_some(Proof::NotProven);
    let each = platforms.iter().map(|platform| platform.verdict);
    let verdict = Proof::of_all(each.chain(spoiled));
    let unchanged_from = match verdict {
        Proof::NoIndex => unchanged_from(&**store, target, &source).await?,
        Proof::Proven | Proof::NotProven => None,
    };
    Ok(Verification {
        image,
        digest: source.digest().to_string(),
        level: options.level,
        verdict,
        unchanged_from: unchanged_from.map(|tag| tag.to_string()),
        findings,
        platforms,
    })
}

/// What was found in zTOCs, each looked into once however many platforms share it.
type LookedInto = BTreeMap<Key, Looked>;

fn is_wanted(platform: &Platform, options: &VerifyOptions) -> bool {
    let name = platform.clone().normalized().name();
    let mut wanted = options.platforms.iter();
    options.platforms.is_empty() || wanted.any(|wish| Platform::parse(wish).name() == name)
}

fn check_platforms(
    source: &Source,
    unread: &[(Descriptor, Finding)],
    options: &VerifyOptions,
) -> Result<(), IndexError> {
    let unread = unread
        .iter()
        .filter_map(|(entry, _)| entry.platform.as_ref());
    let has: Vec<String> = source
        .images()
        .map(|(_, image)| &image.platform)
        .chain(unread)
        .map(|platform| platform.clone().normalized().name())
        .collect();
    let is_missing = |wish: &&String| !has.contains(&Platform::parse(wish).name());
    match options.platforms.iter().find(is_missing) {
        Some(wanted) => Err(IndexError::NoSuchPlatform {
            wanted: wanted.clone(),
            has: has.join(", "),
        }),
        None => Ok(()),
    }
}

/// The verdict on a manifest that nobody can read.
fn unreadable(entry: &Descriptor, finding: Finding) -> PlatformVerdict {
    let platform = entry.platform.as_ref();
    PlatformVerdict {
        platform: platform.map_or_else(|| "unknown".to_owned(), Platform::name),
        manifest: entry.digest.to_string(),
        verdict: Proof::NotProven,
        layers: 0,
        indexes: Vec::new(),
        findings: vec![finding],
    }
}

/// The tag out of which this one is made by default, if it holds the same.
async fn unchanged_from(
    store: &dyn Store,
    target: &Target,
    source: &Source,
) -> Result<Option<Tag>, IndexError> {
    let Target::Tag(tag) = target else {
        return Ok(None);
    };
    let Some(other) = OutputTag::default().source_of(tag) else {
        return Ok(None);
    };
    match store.resolve(&Target::Tag(other.clone())).await {
        Ok(found) => Ok((found.digest == source.digest()).then_some(other)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
