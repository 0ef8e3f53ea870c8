//! What is wrong with the configuration, for whoever has to mend it.

use std::fmt;

/// Faults that are shown. Whoever mends these sees the others next.
const SHOWN: usize = 5;

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}; allowed: {allowed}")]
pub struct Fault {
    /// The variable's name.
    pub variable: String,
    /// What is wrong with it.
    pub problem: String,
    /// What may stand there.
    pub allowed: String,
}

/// Everything that is wrong with the configuration; at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the function's configuration is wrong: ")?;
        for (place, fault) in self.0.iter().take(SHOWN).enumerate() {
            let between = if place == 0 { "" } else { " | " };
            write!(f, "{between}{fault}")?;
        }
        match self.0.len() {
            0..=SHOWN => Ok(()),
            found => write!(f, " | and {} more", found - SHOWN),
        }
    }
}

impl std::error::Error for Faults {}
