//! Faults on the way between the job and a real registry, each at a request that is named beforehand, so that a run can be repeated.
//!
//! `ask` names a job's requests, `rule` what goes wrong with which of them, `proxy` does it, with what `answer` spoils. The proxy also plays what a plain registry
//! on one machine lacks: bearer tokens that can end, and a host of blobs to which the registry redirects, with addresses that can end.

mod answer;
mod ask;
mod proxy;
mod rule;

pub use ask::Ask;
pub use proxy::{FaultProxy, Seen, Setup};
pub use rule::{Fault, Permille, Rule, When};

use std::sync::Mutex;
use std::time::Duration;

use soci_registry::{Pending, Sleeper};

/// A clock for waits between tries that runs a hundred times as fast, and tells what was waited for.
#[derive(Debug, Default)]
pub struct Hurried {
    waits: Mutex<Vec<Duration>>,
}

impl Hurried {
    /// Every wait that was asked for, in full length.
    #[must_use]
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().expect("no test panics here").clone()
    }
}

impl Sleeper for Hurried {
    fn sleep(&self, duration: Duration) -> Pending<'_, ()> {
        let mut waits = self.waits.lock().expect("no test panics here");
        waits.push(duration);
        Box::pin(tokio::time::sleep(duration / 100))
    }
}
