//! The tar archive in a layer: its entries with the offsets of their data, from bytes that arrive
//! in any pieces.
//!
//! [`TarParser`] is pushed the uncompressed layer once. It keeps an entry's metadata and skips its
//! data. What it reports is what Go's `archive/tar` would report, because soci-snapshotter parses
//! each header again with it before it serves the file; what that reader could not serve makes the
//! layer not indexable.

mod entry;
mod header;
mod numeric;
mod parser;
mod pax;

pub(crate) use entry::{check_served, extended_attributes};
pub(crate) use parser::TarParser;

use crate::error::{BuildError, NotIndexable};

/// Reads decoded bytes, as long as they make an archive that can be indexed.
pub(crate) fn push_content(
    content: &mut Result<TarParser, NotIndexable>,
    bytes: &[u8],
) -> Result<(), BuildError> {
    if let Ok(parser) = content
        && let Err(why) = parser.push(bytes)?
    {
        *content = Err(why);
    }
    Ok(())
}
