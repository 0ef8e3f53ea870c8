//! Image manifests and indexes as JSON documents that survive being written again.
//!
//! A converted image consists of the source's documents with a few fields changed, written as soci-snapshotter's Go code would write
//! them, so that digests can be compared between tools: known fields in the order of the OCI specification, maps sorted, no
//! spaces. What Go's types do not know, that tool drops; here it is kept, behind the known fields, in the order in
//! which it stood.

mod descriptor;
mod fields;
mod index;
mod manifest;
mod write;

pub(crate) use descriptor::{Descriptor, Platform};
pub(crate) use fields::InvalidDocument;
pub(crate) use index::ImageIndex;
pub(crate) use manifest::ImageManifest;
pub(crate) use write::to_json;
