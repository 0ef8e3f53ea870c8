//! Numbers that a test takes from the environment, so that a run at random can be repeated.

use std::hash::{BuildHasher, RandomState};

/// The number that a variable holds.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// The seed that a variable holds, or a new one.
pub(crate) fn seed(variable: &str) -> u64 {
    number(variable).unwrap_or_else(|| RandomState::new().hash_one(0) >> 16)
}
