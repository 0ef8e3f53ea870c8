//! Lazy loading for real. One program, so that it is linked once; `cargo xtask test --only lazy` runs it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure here, in a helper too, is a failed test; figures are part of the result"
)]

mod damaged_window;
mod every_file;
mod nothing_left;
mod odd_layers;
