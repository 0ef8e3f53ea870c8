//! The Lambda function: an event of Amazon ECR in, an indexed image out.
//!
//! ```text
//! payload ──parse──▶ request ──decide──▶ image ──soci-index──▶ report ──▶ answer, log, metrics, event
//! ```
//!
//! A library, so that whoever wants the function's behaviour without AWS drives the same handler; the program `bootstrap` joins it to
//! Lambda's runtime API.
//!
//! # What it promises
//! - Every invocation ends in one of the outcomes of [`soci_index::Report`]; only what may succeed later is an error, which Lambda repeats.
//! - What need not be asked of anybody is decided before anybody is asked ([`decide`]).
//! - It stops before it is killed, and refuses at once what would take twice the time there is.
//! - A stack that waits for an answer gets one, whatever is wrong.
//! - A wrong configuration is told with the variable, what stands there and what may ([`Faults`]).
//!
//! # Modules
//! `payload` and `decide` are pure; `settings` reads the environment; `handler` is an invocation from top to bottom, `images` its work on one
//! image, `answer` what it ends as, `stack` the answer to CloudFormation, `seen` what is told outside; `aws` asks the two services that are not ECR.

mod answer;
pub mod arns;
mod aws;
mod decide;
#[cfg(test)]
mod example;
mod filter_list;
mod handler;
mod images;
mod invocation;
mod payload;
mod seen;
mod services;
mod settings;
mod stack;
mod time_left;

pub use decide::{Decision, decide};
pub use handler::Handler;
pub use invocation::{Invocation, InvocationFailed, registry_of};
pub use payload::{
    Change, CustomResourceRequest, ImageRequest, Occasion, PAYLOAD_BYTES, Refused, Registry,
    Request, parse, read,
};
pub use seen::logs;
pub use services::{Lines, Services};
pub use settings::{Fault, Faults, FilterSource, Settings};
pub use time_left::{ceiling, stop_at};
