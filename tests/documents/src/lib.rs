//! The repository's Markdown as tests see it: pages, their links and headings, tables, and the commands in them.
//!
//! Every command that a page shows is held to what it calls, each by whoever knows that: `soci-index` by the command line's own parser (in
//! `crates/soci-cli`), `cargo xtask` by xtask's, `aws` and `terraform` by these programs (in `tests/deploy`). [`command::UNCHECKED`] is the
//! one list of what nobody can check, with reasons. A line that fits nowhere is a failure, so no command is passed over.

pub mod command;
pub mod page;
pub mod steps;
pub mod table;

pub use command::{Command, Kind, commands, of_kind};
pub use page::{Block, Link, Page, pages};

use std::path::{Path, PathBuf};

/// The repository's root.
///
/// # Panics
/// Never: this package lies two deep.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().nth(2).expect("this package lies two deep");
    root.to_owned()
}
