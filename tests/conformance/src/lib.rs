//! Asks the reference: drives `cmd/oracle`, which is soci-snapshotter v0.15.0 behind a small door.
//!
//! The tests beside this library compare in both directions: our zTOCs with the reference's byte for byte, and what the
//! reference's daemon reads through our zTOCs with the source. Neither the reference nor the compressors are imitated; a
//! missing one is an error that says how to get it, never a skipped test.
//!
//! # What it does not do
//! It builds nothing itself: `cargo xtask test` builds the oracle and names it in `SOCI_ORACLE`.
//!
//! # Map
//! [`oracle`] the process and its protocol · [`tools`] compressors and tar of the machine · [`source`] what a layer should hold ·
//! [`images`] the table of images · [`layout`] what a converted image lost or got wrong · [`ours`] our builder and reader · [`desk`] one comparison in all directions · [`report`] the printed matrix

pub mod desk;
pub mod images;
pub mod layout;
pub mod oracle;
pub mod ours;
pub mod report;
pub mod source;
pub mod tools;

pub use desk::{Checked, Desk, Layer};
pub use images::Answer;
pub use layout::{Layout, defects};
pub use oracle::{Conversion, Flush, Made, Node, Oracle, OracleError, Recipe};
pub use ours::Ours;
pub use report::Report;
pub use source::Contents;
