//! What consumers cannot serve although a zTOC describes it rightly.
//!
//! The rule of the product is that a zTOC leaves the builder only if soci-snapshotter v0.15.0 reads every file of the layer right
//! through it. What can be told from one entry is judged where entries are read, in `tar`; here is what takes the whole zTOC.

use crate::error::{NotIndexable, Reason};
use crate::model::{FileKind, FileMetadata, SpanTable, Ztoc};
use crate::tar::{check_served, extended_attributes};
use crate::tree;

/// soci-snapshotter decodes a span with C code that counts its bytes in an `int`.
const SPAN_LIMIT_BYTES: u64 = 1 << 31;

/// What marks a directory whose content in lower layers does not show.
const OPAQUE_WHITEOUT: &[u8] = b".wh..wh..opq";

/// Why consumers get a layer wrong through a zTOC that holds together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnservedError {
    /// Consumers look for the next header behind data that is not there.
    #[error(
        "entry {index} ({name}), a {}, has a size of {size_bytes} bytes although it has no data: soci-snapshotter gives an I/O error on the file behind it", kind.as_str()
    )]
    SizeWithoutData {
        /// Its number in archive order, from 0.
        index: usize,
        /// Its name.
        name: String,
        /// What it is.
        kind: FileKind,
        /// Its size.
        size_bytes: u64,
    },
    /// The header has a time that the format cannot hold.
    #[error(
        "entry {index} ({name}) has no modification time, which is how the years outside 0 to 9999 are written: soci-snapshotter gives an I/O error on the file"
    )]
    NoTime {
        /// Its number in archive order, from 0.
        index: usize,
        /// Its name.
        name: String,
    },
    /// Anything else for which we would leave the layer out.
    #[error("soci-snapshotter does not read it right: {0}")]
    Other(NotIndexable),
}

impl Ztoc {
    /// Checks what can be told without a look at the layer of whether soci-snapshotter v0.15.0 reads every file right through this zTOC,
    /// which [`Ztoc::check_structure`] finds in order. Other tools make ones of which that is not so.
    ///
    /// # Errors
    /// The first thing that it gets wrong.
    pub fn check_served(&self) -> Result<(), UnservedError> {
        for (index, file) in self.files.iter().enumerate() {
            let name = || file.display_name().into_owned();
            if file.kind != FileKind::Regular && file.uncompressed_bytes > 0 {
                return Err(UnservedError::SizeWithoutData {
                    index,
                    name: name(),
                    kind: file.kind,
                    size_bytes: file.uncompressed_bytes,
                });
            }
            if file.modified.is_none() {
                return Err(UnservedError::NoTime {
                    index,
                    name: name(),
                });
            }
            check_served(file).map_err(|(reason, detail)| {
                let detail = format!("{:?}: {detail}", file.display_name());
                let why = NotIndexable::new(reason, file.uncompressed_offset, detail);
                UnservedError::Other(why)
            })?;
        }
        check(self).map_err(UnservedError::Other)
    }

    /// Whether a mount of this layer has to show extended attributes: an entry has one, or is the mark of an opaque directory, which
    /// becomes one.
    #[must_use]
    pub fn needs_extended_attributes(&self) -> bool {
        self.files.iter().any(|file| {
            let last = file.name.rsplit(|byte| *byte == b'/').next();
            extended_attributes(file).next().is_some() || last == Some(OPAQUE_WHITEOUT)
        })
    }
}

/// Checks that consumers can serve every file.
pub(crate) fn check(ztoc: &Ztoc) -> Result<(), NotIndexable> {
    match ztoc.spans {
        SpanTable::Gzip(_) => check_span_sizes(ztoc)?,
        SpanTable::Uncompressed {
            span_bytes,
            layer_bytes,
        } => check_end(ztoc, span_bytes, layer_bytes)?,
    }
    tree::check(&ztoc.files)
}

/// Some compressors write one block over a whole layer, and a span ends only where a block does.
fn check_span_sizes(ztoc: &Ztoc) -> Result<(), NotIndexable> {
    for index in 0..ztoc.spans.len() {
        let span = ztoc.span(index);
        let compressed_bytes = span.compressed.end - span.compressed.start;
        let uncompressed_bytes = span
            .uncompressed
            .end
            .saturating_sub(span.uncompressed.start);
        if compressed_bytes.max(uncompressed_bytes) >= SPAN_LIMIT_BYTES {
            let detail = format!(
                "span {index} has {compressed_bytes} bytes and decodes to {uncompressed_bytes}, consumers take less than {SPAN_LIMIT_BYTES}"
            );
            return Err(NotIndexable::new(
                Reason::UnsupportedCompression,
                span.uncompressed.start,
                detail,
            ));
        }
    }
    Ok(())
}

/// soci-snapshotter looks up the span behind a file's last byte too. In a plain tar that ends with a file and a span at once there
/// is none, and the whole daemon ends with it.
fn check_end(ztoc: &Ztoc, span_bytes: u64, layer_bytes: u64) -> Result<(), NotIndexable> {
    let ends_on_span = layer_bytes > 0 && layer_bytes.is_multiple_of(span_bytes);
    let ends_layer =
        |file: &FileMetadata| file.kind == FileKind::Regular && file.data().end == layer_bytes;
    let last_file = ztoc.files.iter().any(ends_layer);
    if ends_on_span && last_file {
        let detail = "the archive has no end blocks, and its last file ends with the last span";
        return Err(NotIndexable::new(Reason::NotATar, layer_bytes, detail));
    }
    Ok(())
}
