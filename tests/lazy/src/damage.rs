//! An image that is valid everywhere and wrong in one place: a checkpoint's window.
//!
//! No digest of the format covers windows, so whoever makes a wrong one publishes it with right digests. This does the same to a
//! finished index: one window turned over, and every digest above it computed anew.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use soci_e2e::{Walked, tag, walk};
use soci_registry::{Descriptor, Digest, Listing, Manifest, Store, Target};
use soci_ztoc::{Limits, SpanTable, Ztoc};

/// Media type of zTOCs.
const ZTOC: &str = "application/octet-stream";

/// Bytes by their old digest.
type Replaced = BTreeMap<Digest, Bytes>;

/// Publishes what a tag holds a second time, under another tag, with the window of one checkpoint of its only zTOC turned over. The
/// uncompressed bytes between this checkpoint and the next.
///
/// # Errors
/// The registry's, in words.
pub async fn with_wrong_window(
    store: &dyn Store,
    from: &Target,
    to: &str,
) -> Result<Range<u64>, String> {
    let found = walk(store, from).await?;
    let (digest, bytes) = only_ztoc(&found)?;
    let (bytes, span) = turn_over(&bytes)?;
    let mut replaced = Replaced::from([(digest, bytes)]);
    while let Some((old, new)) = outdated(&found, &replaced) {
        replaced.insert(old, new);
    }
    publish(store, &found, &replaced, to).await?;
    Ok(span)
}

fn only_ztoc(found: &Walked) -> Result<(Digest, Bytes), String> {
    let limits = Limits::default();
    let is_ztoc = |bytes: &[u8]| Ztoc::decode(bytes, &limits).is_ok();
    let mut ztocs = found.blobs.iter().filter(|(_, bytes)| is_ztoc(bytes));
    match (ztocs.next(), ztocs.next()) {
        (Some((digest, bytes)), None) => Ok((*digest, bytes.clone())),
        (first, _) => Err(format!(
            "{} zTOCs",
            if first.is_some() { "many" } else { "no" }
        )),
    }
}

/// Turns every bit of the window of a checkpoint in the middle, and nothing else.
fn turn_over(bytes: &[u8]) -> Result<(Bytes, Range<u64>), String> {
    let words = |error: soci_ztoc::DecodeError| error.to_string();
    let ztoc = Ztoc::decode(bytes, &Limits::default()).map_err(words)?;
    let SpanTable::Gzip(checkpoints) = &ztoc.spans else {
        return Err("the layer has no windows".into());
    };
    let index = checkpoints.len() / 2;
    let window = &checkpoints.get(index).window[..];
    let places = bytes.windows(window.len()).enumerate();
    let mut places = places.filter(|(_, bytes)| *bytes == window);
    let (Some((at, _)), None) = (places.next(), places.next()) else {
        return Err("the window is not there once".into());
    };
    let mut wrong = bytes.to_vec();
    for byte in &mut wrong[at..at + window.len()] {
        *byte = !*byte;
    }
    let wrong_ztoc = Ztoc::decode(&wrong, &Limits::default()).map_err(words)?;
    wrong_ztoc
        .check_structure()
        .map_err(|error| error.to_string())?;
    Ok((wrong.into(), ztoc.span(index).uncompressed))
}

/// A document that names something by a digest that is no longer its, with the new one in its place. Nothing else changes, no size
/// either: soci-snapshotter takes a SOCI index only in the order of fields in which it would write it.
fn outdated(found: &Walked, replaced: &Replaced) -> Option<(Digest, Bytes)> {
    found.manifests.iter().find_map(|(digest, manifest)| {
        let text = String::from_utf8_lossy(manifest.bytes()).into_owned();
        let renamed = replaced.iter().fold(text.clone(), |text, (old, new)| {
            text.replace(&old.to_string(), &Digest::of(new).to_string())
        });
        let bytes = Bytes::from(renamed.clone());
        (renamed != text && replaced.get(digest) != Some(&bytes)).then_some((*digest, bytes))
    })
}

/// Pushes what is new: blobs first, then each document behind those that it names.
async fn publish(
    store: &dyn Store,
    found: &Walked,
    replaced: &Replaced,
    to: &str,
) -> Result<(), String> {
    let words = |error: soci_registry::Error| error.to_string();
    let (manifests, blobs): (Vec<_>, Vec<_>) = replaced
        .iter()
        .partition(|(old, _)| found.manifests.contains_key(*old));
    for (_, bytes) in blobs {
        let blob = Descriptor::new(ZTOC, Digest::of(bytes), bytes.len() as u64);
        store.push_blob(&blob, bytes).await.map_err(words)?;
    }
    let name = tag(to);
    let mut waiting: Vec<(&Digest, &Bytes)> = manifests;
    // A document names others by digest: it can go when none of those that wait is named in it.
    while !waiting.is_empty() {
        let is_named = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            waiting
                .iter()
                .any(|(_, other)| text.contains(&Digest::of(other).to_string()))
        };
        let ready = waiting.iter().position(|(_, bytes)| !is_named(bytes));
        let (old, bytes) = waiting.remove(ready.ok_or("documents name each other")?);
        let media_type = found.manifests[old].descriptor().media_type;
        let manifest = Manifest::new(&media_type, bytes.clone());
        let listing = if *old == found.root {
            Listing::Tag(&name)
        } else {
            Listing::Digest
        };
        store
            .push_manifest(&manifest, listing)
            .await
            .map_err(words)?;
    }
    Ok(())
}
