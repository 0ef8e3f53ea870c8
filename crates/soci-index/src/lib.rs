//! Indexes a container image where it lies: plan, build, publish, report.
//!
//! # Example
//! ```no_run
//! use std::sync::Arc;
//! use soci_index::{IndexOptions, Job, Silent};
//! use soci_registry::{Store, Tag, Target};
//!
//! # async fn example(store: Arc<dyn Store>) -> Result<(), Box<dyn std::error::Error>> {
//! let job = Job {
//!     store,
//!     target: Target::Tag(Tag::new("1")?),
//!     image: "127.0.0.1:5000/app:1".to_owned(),
//!     repository: "127.0.0.1:5000/app".to_owned(),
//!     options: IndexOptions::default(),
//!     progress: Arc::new(Silent),
//! };
//! let report = job.run().await;
//! println!("{}", report.outcome.as_str());
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! - The source's tag and manifests are never touched; the result goes under a tag of its own, set last.
//! - Each step may be repeated and gives the same digests: a run that was killed is finished by the next.
//! - No layer is stored; memory grows with the zTOCs being built at once.
//! - Every run ends in one [`Report`] with one of a closed set of outcomes.
//!
//! # What it does not do
//! It knows no AWS, no command line, and no events; where images live is behind [`soci_registry::Store`].
//!
//! # Modules
//! `job` is the use case from top to bottom; `source` reads documents, `plan` decides, `reuse` takes over zTOCs that are there, `layers`
//! and `pipeline` build, `convert` makes the result's documents, `v1` those of the older format; `current` finds out that all is done
//! already, by what `described` reads in a SOCI index; `account` tells what became of each layer; `document` is JSON that survives; `report`
//! is the outcome; `links` leads from an image to its SOCI index, where `inspect` and `verify` go; `lazy` reads files as consumers do.

mod account;
mod convert;
mod current;
mod described;
mod document;
mod error;
mod filter;
mod inspect;
mod job;
mod layers;
mod lazy;
mod links;
mod media_type;
mod options;
mod output_tag;
pub mod pipeline;
mod plan;
mod platform;
mod progress;
mod report;
mod reuse;
mod source;
mod v1;
mod verify;

pub use error::IndexError;
pub use filter::{Filter, Filters, InvalidFilters, MOST_FILTER_CHARS, MOST_FILTERS, Verdict};
pub use inspect::{
    InspectedIndex, InspectedLayer, InspectedPlatform, InspectedZtoc, Inspection, inspect,
};
pub use job::Job;
pub use lazy::{Fetched, LazyError, LazyLayer};
pub use media_type::not_an_image;
pub use options::{
    Ceiling, DEFAULT_MEMORY_BUDGET_BYTES, DEFAULT_MIN_LAYER_BYTES, IndexFormat, IndexOptions,
    ReuseFrom,
};
pub use output_tag::{InvalidOutputTag, OutputTag};
pub use progress::{Progress, Silent};
pub use report::{
    Bytes, LayerOutcome, LayerReport, LeftAlone, Outcome, Output, PlatformReport, Reason, Report,
    ZtocReport,
};
pub use soci_ztoc::{FileKind, FileMetadata, MultiMember, SpanSize};
pub use verify::{
    Fault, Finding, Level, Place, PlatformVerdict, Proof, Verification, VerifiedIndex,
    VerifiedZtoc, VerifyOptions, verify,
};
