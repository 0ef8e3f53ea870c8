//! Who is told how far a layer is.

use soci_registry::Digest;

/// Told of layers as they are read. Called from several threads at once.
pub trait Progress: Send + Sync {
    /// A layer of this size in bytes is begun; what is returned is told of each piece read. It is dropped when the layer is done.
    fn layer(&self, digest: &Digest, size_bytes: u64) -> Box<dyn Fn(u64) + Send + Sync>;
}

/// Nobody is told.
pub struct Silent;

impl Progress for Silent {
    fn layer(&self, _: &Digest, _: u64) -> Box<dyn Fn(u64) + Send + Sync> {
        Box::new(|_| {})
    }
}
