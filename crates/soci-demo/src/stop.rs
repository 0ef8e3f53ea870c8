//! Tells threads that somebody wants to end: they can be asked, not dropped as futures are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::DemoError;

/// Whether to end. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), DemoError> {
        match self.is_set() {
            true => Err(DemoError::Interrupted),
            false => Ok(()),
        }
    }
}
