//! What the fuzz targets share: the laws that they hold the crates to.
//!
//! `cargo xtask fuzz` looks for inputs that break one, with any compiler; `cargo +nightly fuzz run gzip_walk` (of cargo-fuzz) does it with
//! the address sanitizer, which only the one module with unsafe code needs. The committed corpus and mutations of it run with the
//! ordinary tests: `cargo test --workspace --test fuzz_corpus`. A finding is fixed, its input committed as
//! `corpus/<target>/regression-…`, and a test named `regression_…` there says what went wrong.

pub mod laws;
