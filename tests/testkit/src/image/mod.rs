//! Container images in memory, and the table of odd ones.
//!
//! Registries hold images that no tool of today would write, and tools that rewrite images lose what they do not know. Images
//! here are plain JSON around plain bytes, so that every field of every document is in the test's hands:
//!
//! ```
//! use soci_testkit::image::{AMD64, Layer, Manifest, Shelf};
//!
//! let mut shelf = Shelf::new();
//! let root = Manifest::oci(AMD64).layer(Layer::large(1)).shelve(&mut shelf);
//! let image = shelf.image(root, "1.0");
//! assert_eq!(image.blobs.len(), 3);
//! ```
//!
//! # Map
//! [`media`] media types · [`Descriptor`], [`Layer`], [`Manifest`], [`Index`] documents · [`Shelf`], [`Image`] blobs by digest
//! · [`Edit`] a layout changed in one place · [`image_cases`] the table, its columns in [`ImageCase`]

mod cases;
mod document;
mod edit;
mod layer;
pub mod media;
mod outcome;
mod shelf;

pub use cases::image_cases;
pub use document::{AMD64, ARM64, Descriptor, Index, Manifest, Platform};
pub use edit::Edit;
pub use layer::Layer;
pub use outcome::{
    Defect, ImageCase, ImageOptions, LayerOutcome, OursForImage, PlatformOutcome, ReferenceForImage,
};
pub use shelf::{Image, Shelf, digest};
