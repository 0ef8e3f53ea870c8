//! What must hold for any bytes at all, as functions that panic where it does not: one room per crate.
//!
//! The fuzz targets call them with inputs that libFuzzer makes. The test `fuzz_corpus` of each crate includes its room as a
//! file and calls it with the committed inputs; so a room uses its crate, those below it,
//! [`cuts`] beside it, and nothing else of ours.

pub mod cuts;
pub mod index;
pub mod inflate;
pub mod registry;
pub mod ztoc;
