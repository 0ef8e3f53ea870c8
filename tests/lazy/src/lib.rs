//! Lazy loading for real: containers read every file of images that our `build` made, through containerd and soci-snapshotter.
//!
//! A mount that succeeds and a container that ends with 0 prove nothing: with wrong checkpoints soci-snapshotter shows wrong contents
//! without any error. So the contents of every file are known before the image is made ([`tree`]), a process in a container reads
//! every file ([`rig`]), and both are compared ([`compare`]). Whether the rig would notice is tested too, with an image that is
//! damaged on purpose ([`damage`]).
//!
//! It takes root, `/dev/fuse`, runc and the programs of `tests/lazy/go`: `cargo xtask test --only lazy` sees to them.
//!
//! # Map
//! [`rig`] containerd and soci-snapshotter in namespaces of their own · [`tree`] what is in a layer, as an archive and as what a
//! reader has to see · [`compare`] expected against seen · [`images`] images of real files and of odd layers · [`published`] pushing,
//! `soci-index build`, what it said · [`damage`] a valid image with one wrong window

#![allow(
    clippy::missing_panics_doc,
    reason = "everything here serves tests, where a panic is a failed test"
)]

pub mod compare;
pub mod damage;
pub mod images;
pub mod published;
pub mod rig;
pub mod tree;

pub use compare::{Difference, differences, regular_files_differ};
pub use published::{Built, Format, Published};
pub use rig::{Pulled, Rig};
pub use tree::{Node, Tree};
