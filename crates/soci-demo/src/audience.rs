//! Who watches: what is told here is printed by others.

use std::sync::Arc;

use soci_index::Progress;

/// Told what happens.
pub trait Audience: Send + Sync {
    /// Something happened: one line, without its end.
    fn say(&self, line: &str);

    /// A step over so many bytes begins; what is returned is told of each piece done. It is dropped when the step ends.
    fn step(&self, what: &str, bytes: u64) -> Box<dyn Fn(u64) + Send + Sync>;

    /// Who is told of layers that are indexed or verified.
    fn layers(&self) -> Arc<dyn Progress>;
}
