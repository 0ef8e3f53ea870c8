//! The whole system on real parts: real registries, an independent client, and hands that hold a job still or let it fall at any step.
//!
//! Nothing here imitates a registry. Where a registry has to misbehave, a [`Proxy`] in front of a real one does it for chosen requests;
//! where a job has to be stopped between two steps, a [`Watched`] store does it. Missing programs are errors that say how to get them,
//! never skipped tests: `cargo xtask test --only e2e` installs and builds them.
//!
//! # Map
//! [`registry`] real registries · [`proxy`] counts and answers in the registry's place · [`fault`] makes things go wrong on the way ·
//! [`watched`] stops a job at its writes · [`images`] what is pushed · [`walk`](mod@walk) everything behind a tag, and the proof of its
//! zTOCs · [`skopeo`] the independent client · [`job`] runs the job, [`program`] the product, [`function`] the Lambda function, [`aws`]
//! the parts of AWS around it, [`emulator`] Lambda as AWS imitates it, [`policy`] what its role may do, [`recipe`] CI
//! systems and their steps

#![allow(
    clippy::missing_panics_doc,
    reason = "everything here serves tests, where a panic is a failed test"
)]

pub mod emulator;
pub mod fault;
pub mod function;
pub mod images;
pub mod job;
pub mod policy;
pub mod program;
pub mod proxy;
pub mod recipe;
pub mod registry;
pub mod skopeo;
pub mod walk;
pub mod watched;
mod wire;
mod written;

pub use soci_test_aws as aws;

pub use job::{index, options};
pub use proxy::{Answer, Asked, Proxy};
pub use registry::{Registry, Settings};
pub use walk::{Walked, prove, walk};
pub use watched::{Moment, Step, Watched};

use soci_registry::{Tag, Target};

/// A tag that is known to be one.
#[must_use]
pub fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

/// What a tag holds.
#[must_use]
pub fn tagged(text: &str) -> Target {
    Target::Tag(tag(text))
}
