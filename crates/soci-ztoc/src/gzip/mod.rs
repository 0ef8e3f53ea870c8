//! Gzip layers: framing, the walk from block to block, and decoding from a checkpoint.
//!
//! [`stream::GzipStream`] is the one decoder: the builder runs it from a layer's first byte and
//! takes checkpoints where it stops, the self-check, the reader and the verifier run it from a
//! checkpoint.

mod header;
mod stream;

pub(crate) use header::MEMBER_MAGIC;
pub(crate) use soci_inflate::WINDOW_BYTES;
pub(crate) use stream::{Boundary, GzipStream};
