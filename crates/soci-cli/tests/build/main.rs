//! `soci-index build`, run as its users run it. One program, so that it is linked once.

mod again;
mod bad_input;
mod choices;
mod dry_run;
mod images;
mod outcomes;
mod reuse;
#[path = "../support/mod.rs"]
mod support;
mod v1;
