//! Blobs that are read whole, and layers of which it is asked only whether they are there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use soci_registry::{Digest, Store};

use super::fault::{Fault, Finding, Place};
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
        Ok(bytes) => Ok(check_carried(place, blob).map_or(Ok(bytes), Err)),
        Err(error) => Finding::of(place, error).map(Err),
    }
}

/// Whether a descriptor carries content that is not that of its digest; consumers may take it instead of the blob (OCI image-spec 1.1,
/// "Embedded Content").
pub(super) fn check_carried(place: Place, descriptor: &Descriptor) -> Option<Finding> {
    let found = match STANDARD.decode(descriptor.data.as_ref()?) {
        Ok(content) if Digest::of(&content) == descriptor.digest => return None,
        Ok(content) => Digest::of(&content).to_string(),
        Err(error) => error.to_string(),
    };
    Some(Finding::new(place, Fault::Carried { found }))
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
        Ok(true) => Ok(check_carried(place, layer)),
        Ok(false) => Ok(Some(Finding::new(place, Fault::Missing))),
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
