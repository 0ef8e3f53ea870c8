//! How far things are: bars where somebody is there to see them, else lines.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use soci_registry::Digest;

use crate::output;

/// How often a bar is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// How much of an input has been read. Shown on standard error, on a terminal only.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// For an input of this size in bytes, if it is known.
    pub(crate) fn new(what: &str, bytes: Option<u64>) -> Progress {
        let bar = output::bars().add(bar(what, bytes));
        // It moves even while nothing is read.
        bar.enable_steady_tick(TICK);
        Progress(bar)
    }

    /// So many more bytes have been read.
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn bar(what: &str, bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (
            ProgressBar::new(bytes),
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{msg} {spinner} {bytes} {bytes_per_sec}",
        ),
    };
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.expect("the template is a constant that parses"));
    bar.with_message(what.to_owned())
}

/// How far the layers of an image are: a bar for each that is being read, or a line when one begins and one when it is read.
pub(crate) struct LayerProgress {
    is_terminal: bool,
    /// Whether the image is still worked on: layers given up for another's failure may end later, and have nothing to tell then.
    is_open: Arc<Mutex<bool>>,
}

impl LayerProgress {
    pub(crate) fn new() -> LayerProgress {
        LayerProgress {
            is_terminal: io::stderr().is_terminal(),
            is_open: Arc::new(Mutex::new(true)),
        }
    }

    /// The image has its outcome: nothing more is told of its layers.
    pub(crate) fn close(&self) {
        *self.is_open.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl soci_index::Progress for LayerProgress {
    fn layer(&self, digest: &Digest, size_bytes: u64) -> Box<dyn Fn(u64) + Send + Sync> {
        let name = crate::images::short(&digest.to_string()).to_owned();
        if self.is_terminal {
            let bar = Progress::new(&name, Some(size_bytes));
            Box::new(move |bytes| bar.advance(bytes))
        } else {
            let lines = Lines::new(name, size_bytes, Arc::clone(&self.is_open));
            Box::new(move |bytes| lines.advance(bytes))
        }
    }
}

/// Two lines for a layer, the second only if it is read to its end.
struct Lines {
    layer: String,
    size_bytes: u64,
    read_bytes: AtomicU64,
    begun: Instant,
    is_open: Arc<Mutex<bool>>,
}

impl Lines {
    fn new(layer: String, size_bytes: u64, is_open: Arc<Mutex<bool>>) -> Lines {
        let lines = Lines {
            layer,
            size_bytes,
            read_bytes: AtomicU64::new(0),
            begun: Instant::now(),
            is_open,
        };
        lines.tell(&format!("reading {}", HumanBytes(size_bytes)));
        lines
    }

    fn advance(&self, bytes: u64) {
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn tell(&self, what: &str) {
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_open {
            output::note(&format!("{}: {what}", self.layer));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.read_bytes.load(Ordering::Relaxed) == self.size_bytes {
            let seconds = self.begun.elapsed().as_secs_f64();
            let per_second = HumanBytes((self.size_bytes as f64 / seconds) as u64);
            self.tell(&format!("read in {seconds:.1} s, {per_second}/s"));
        }
    }
}
