//! The event-driven flow on one machine, with nothing installed: a registry, an image, a push, the function, proof.
//!
//! ```text
//! files of this machine ──pack──▶ image ──push──▶ registry ──event──▶ the function's handler
//!          │                                        ▲  ▲                     │
//!          └── SHA-256 of each ──▶ proof ◀──spans───┘  └──── zTOCs, tag ─────┘
//! ```
//!
//! # What it promises
//! - The handler is the one that runs in AWS Lambda; it gets events of Amazon ECR's shape, one for each push, its own included.
//! - Every file of the image is read through the zTOCs and held against the SHA-256 that it had on the disk before anything was indexed. Of
//!   an image that the caller names nobody knows the files; its zTOCs are held against its layers in full.
//! - Nothing leaves this machine, and nothing is left on it: files are in a folder that is removed at the end, whatever the end is.
//!
//! # What it does not do
//! It knows no AWS. Its registry is for trying things: nobody logs in, nothing is deleted, it is gone at the end.
//!
//! # Modules
//! `demo` is the flow from top to bottom, `lines` what is told of it; `registry`, `image`, `function` and `proof` are its parts, `copy`
//! brings in an image of somebody's own.

mod audience;
mod content;
mod copy;
mod demo;
mod error;
mod function;
mod image;
mod lines;
mod memory;
mod proof;
mod registry;
mod stop;

pub use audience::Audience;
pub use demo::{AfterIndexing, Ending, Given, Indexed, Options, What, run};
pub use error::DemoError;
pub use image::{LayerPlan, Plan, PlatformPlan, Root};
