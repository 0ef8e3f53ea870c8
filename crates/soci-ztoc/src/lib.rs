//! zTOCs of container image layers: building, encoding, decoding, reading and verifying them.
//!
//! A zTOC lets a runtime read single files of a compressed layer without fetching the rest. This
//! crate makes one in a single pass over the layer's bytes, byte for byte as soci-snapshotter
//! v0.15.0 does wherever that tool's zTOCs are right.
//!
//! # Example
//! ```
//! use soci_ztoc::{BuildOptions, Builder, Built};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let empty_tar_layer = [0; 1024];
//! let mut builder = Builder::new(BuildOptions::default());
//! for piece in empty_tar_layer.chunks(100) {
//!     builder.push(piece)?;
//! }
//! match builder.finish()? {
//!     Built::Indexed { ztoc, layer } => println!("{}: zTOC {}", layer.digest, ztoc.encode()?.digest()),
//!     Built::NotIndexable { why, .. } => println!("left out: {why}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! - The result depends on the layer's bytes and the options alone, not on how the bytes are cut.
//! - A zTOC that comes out covers the whole layer, and soci-snapshotter v0.15.0 reads every file
//!   through it. Sound layers of which that cannot be said are [`NotIndexable`], with a reason of a
//!   closed set; damaged ones are an error.
//! - Memory is bounded by the zTOC's own size and by [`Limits`], whatever the input. No input makes
//!   it panic.
//!
//! # What it does not do
//! No I/O, no clock, no thread, no async: callers push bytes and fetch ranges. Callers with two
//! cores run [`LayerWalker`] and [`LayerHasher`] side by side; [`Builder`] runs them one after the
//! other.
//!
//! # Modules
//! `gzip` decodes and finds checkpoints, `tar` reads entries, `walk` and `hash` are the two stages,
//! `self_check` decodes a sample again, `build` joins them; `model` is the zTOC as data, `codec`
//! its bytes, `structure` its rules; `read` gets one file out of a layer, `verify` proves a zTOC
//! against its layer.

mod build;
mod checkpoints;
mod codec;
mod consumer;
mod digest;
mod error;
mod gzip;
mod hash;
mod limits;
mod model;
mod options;
mod pax_records;
mod read;
mod self_check;
mod structure;
mod tar;
mod timestamp;
mod tree;
mod verify;
mod walk;

pub use build::{Builder, Built};
pub use checkpoints::{Checkpoint, Checkpoints, InvalidCheckpoints};
pub use codec::{DecodeError, EncodedZtoc};
pub use consumer::UnservedError;
pub use digest::{Digest, DigestHasher, InvalidDigest};
pub use error::{BuildError, Damage, DamageKind, NotIndexable, Reason};
pub use hash::{HashedLayer, LayerHasher, LayerIdentity, Passed};
pub use limits::{LimitExceeded, Limits};
pub use model::{DEFAULT_SPAN_BYTES, FileKind, FileMetadata, Span, SpanTable, VERSION, Ztoc};
pub use options::{BuildOptions, DEFAULT_BUILD_TOOL_IDENTIFIER, Expected, MultiMember, SpanSize};
pub use pax_records::PaxRecords;
pub use read::{FileReader, FindError, ReadError, SpanPieces};
pub use structure::StructureError;
pub use timestamp::Timestamp;
pub use verify::{CheckpointFault, LayerVerifier, SpanVerifier, VerifyError};
pub use walk::{LayerWalker, WalkedLayer};
