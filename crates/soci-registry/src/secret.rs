//! Text that must not be seen: passwords and tokens.
//!
//! Redaction is a property of the type, not of the places that print: whoever wants the text has to ask for it by name.

use std::fmt;

/// A password or token. Displays as nothing but the fact that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides this text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one header or request body that it belongs into.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}
