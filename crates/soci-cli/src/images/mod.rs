//! The commands for images: where they live, what is done with them, how that is told.

mod build;
mod inspect;
mod match_filters;
pub(crate) mod places;
mod report;
mod summary;
mod verify;

pub(crate) use build::run as build;
pub(crate) use inspect::run as inspect;
pub(crate) use match_filters::run as match_filters;
pub(crate) use summary::short;
pub(crate) use verify::run as verify;
