//! What is seen of the function from outside: lines of its log, metrics, events with results.
//!
//! None of it holds a token or a presigned address: those never reach a report, an error or a field.

pub(crate) mod events;
pub mod logs;
pub(crate) mod metrics;
