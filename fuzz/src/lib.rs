//! What the fuzz targets share: the laws that they hold the engine to.
//!
//! `cargo +nightly fuzz run gzip_walk -- -max_len=40000 -max_total_time=240` looks for inputs that break one; `-s none`
//! leaves out the address sanitizer and is several times as fast. The committed corpus and mutations of it run with the
//! ordinary tests: `cargo test -p soci-ztoc --test fuzz_corpus`. A finding is fixed, its input committed as
//! `corpus/<target>/regression-…`, and a test named `regression_…` there says what went wrong.

pub mod laws;
