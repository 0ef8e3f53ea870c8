//! What this program says itself, apart from what the programs it starts print.
//!
//! A reader who goes away (`cargo xtask test | head`) must not turn a passed run into a failed one, so write errors are
//! dropped here.

use std::io::{self, Write};

/// One line on standard output.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// A line that is found again in a long log.
pub(crate) fn heading(text: &str) {
    line(&format!("\n==> {text}"));
}
