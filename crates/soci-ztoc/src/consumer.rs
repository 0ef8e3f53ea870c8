//! What consumers cannot serve although a zTOC describes it rightly.
//!
//! The rule of the product is that a zTOC leaves the builder only if soci-snapshotter v0.15.0 reads every file of the layer right
//! through it. What can be told from one entry is judged where entries are read, in `tar`; here is what takes the whole zTOC.

use crate::error::{NotIndexable, Reason};
use crate::model::{FileKind, FileMetadata, SpanTable, Ztoc};
use crate::tree;

/// soci-snapshotter decodes a span with C code that counts its bytes in an `int`.
const SPAN_LIMIT_BYTES: u64 = 1 << 31;

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
