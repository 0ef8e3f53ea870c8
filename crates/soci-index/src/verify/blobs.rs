//! Blobs that are read whole, and layers of which it is asked only whether they are there.

use bytes::Bytes;
use soci_registry::Store;

use super::fault::{Finding, Place};
use crate::document::Descriptor;
use crate::error::IndexError;
use crate::media_type as types;

/// What is wrong with a small blob.
pub(super) async fn check(
    store: &dyn Store,
    place: Place,
    blob: &Descriptor,
    limit_bytes: u64,
) -> Result<Option<Finding>, IndexError> {
    Ok(read(store, place, blob, limit_bytes).await?.err())
}

/// A blob's bytes, which have its digest and size; or what is wrong with it.
pub(super) async fn read(
    store: &dyn Store,
    place: Place,
    blob: &Descriptor,
    limit_bytes: u64,
) -> Result<Result<Bytes, Finding>, IndexError> {
    let read = async {
        let blob = store.blob(&blob.to_registry()).await?;
        blob.read_whole(limit_bytes).await
    };
    match read.await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) => Finding::of(place, error).map(Err),
    }
}

/// Whether a layer is there with the size that the image says, told by its first byte.
pub(super) async fn check_layer(
    store: &dyn Store,
    layer: &Descriptor,
) -> Result<Option<Finding>, IndexError> {
    let read = async {
        if layer.size_bytes == 0 {
            let found = store.has_blob(&layer.digest).await?;
            return Ok(found);
        }
        let mut first = store.blob_part(&layer.to_registry(), 0..1).await?;
        Ok(first.next_chunk().await?.is_some())
    };
    let place = Place::Layer(layer.digest);
    match read.await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(Finding::new(place, super::Fault::Missing))),
        // Nobody needs to have it.
        Err(error)
            if types::is_foreign(&layer.media_type)
                && soci_registry::Error::is_not_found(&error) =>
        {
            Ok(None)
        }
        Err(error) => Finding::of(place, error).map(Some),
    }
}
