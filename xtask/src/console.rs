//! What this program says itself, apart from what the programs it starts print.
//!
//! A reader who goes away (`cargo xtask test | head`) must not turn a passed run into a failed one, so write errors are
//! dropped here.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when standard output belongs to a program that reads JSON from it.
static ASIDE: AtomicBool = AtomicBool::new(false);

/// From here on, everything said goes to standard error.
pub(crate) fn step_aside() {
    ASIDE.store(true, Ordering::Relaxed);
}

/// One line on standard output.
pub(crate) fn line(text: &str) {
    let text = format!("{text}\n");
    let _ = if ASIDE.load(Ordering::Relaxed) {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes())
    };
}

/// What went wrong, on standard error.
pub(crate) fn error(text: &str) {
    let _ = io::stderr().write_all(format!("error: {text}\n").as_bytes());
}

/// A line that is found again in a long log.
pub(crate) fn heading(text: &str) {
    line(&format!("\n==> {text}"));
}
