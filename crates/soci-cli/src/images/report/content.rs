//! What a zTOC tells of its layer, as far as the page shows it: counts, sizes, and a bar of its spans.

use std::ops::Range;

use soci_index::FileKind;
use soci_ztoc::Ztoc;

use super::html;

/// Pieces that all bars together are drawn in, so that no image makes the page too heavy for a browser.
const MOST_PIECES: usize = 40_000;

/// Pieces of one bar: more would be narrower than anybody sees.
const MOST_PIECES_OF_BAR: usize = 160;

/// What is known of a layer by its zTOC.
pub(super) struct Content {
    pub(super) build_tool: String,
    pub(super) compressed_bytes: u64,
    pub(super) uncompressed_bytes: u64,
    /// Uncompressed bytes between two checkpoints, as asked for.
    pub(super) span_bytes: u64,
    pub(super) spans: usize,
    /// Compressed bytes of the largest span: the most that one read can cost.
    pub(super) largest_span_bytes: u64,
    /// Entries of the archive.
    pub(super) entries: usize,
    /// Regular files among them.
    pub(super) files: usize,
    pub(super) pieces: Vec<Piece>,
}

/// A piece of the bar: one span, or several where there are too many.
pub(super) struct Piece {
    pub(super) spans: Range<usize>,
    /// Where they lie in the layer, in bytes.
    pub(super) compressed: Range<u64>,
    pub(super) uncompressed: Range<u64>,
    /// Regular files whose data begins in them.
    pub(super) files: usize,
}

impl Content {
    /// `bars` is how many layers the page draws.
    pub(super) fn of(ztoc: &Ztoc, bars: usize) -> Content {
        let spans = ztoc.spans.len();
        let sizes = (0..spans).map(|span| {
            let compressed = ztoc.span(span).compressed;
            compressed.end - compressed.start
        });
        let most = (MOST_PIECES / bars.max(1)).clamp(1, MOST_PIECES_OF_BAR);
        let pieces = pieces(ztoc, spans.div_ceil(most).max(1));
        Content {
            build_tool: html::beginning(&ztoc.build_tool_identifier),
            compressed_bytes: ztoc.compressed_bytes,
            uncompressed_bytes: ztoc.uncompressed_bytes,
            span_bytes: ztoc.spans.span_bytes(),
            spans,
            largest_span_bytes: sizes.max().unwrap_or(0),
            entries: ztoc.files.len(),
            files: pieces.iter().map(|piece| piece.files).sum(),
            pieces,
        }
    }
}

/// The spans in groups of so many.
fn pieces(ztoc: &Ztoc, spans_each: usize) -> Vec<Piece> {
    let spans = ztoc.spans.len();
    let starts = (0..spans).step_by(spans_each);
    let mut pieces: Vec<Piece> = starts
        .map(|start| {
            let end = (start + spans_each).min(spans);
            let (first, last) = (ztoc.span(start), ztoc.span(end - 1));
            Piece {
                spans: start..end,
                compressed: first.compressed.start..last.compressed.end,
                uncompressed: first.uncompressed.start..last.uncompressed.end,
                files: 0,
            }
        })
        .collect();
    for file in &ztoc.files {
        if file.kind == FileKind::Regular {
            let start = file.uncompressed_offset;
            let behind = pieces.partition_point(|piece| piece.uncompressed.start <= start);
            // The first begins at 0.
            pieces[behind - 1].files += 1;
        }
    }
    pieces
}
