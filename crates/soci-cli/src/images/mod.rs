//! The commands for images: where they live, what is done with them, how that is told.

mod build;
mod places;
mod summary;

pub(crate) use build::run as build;
pub(crate) use summary::short;
