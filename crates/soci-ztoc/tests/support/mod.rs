//! What the tests of this crate share: building in pieces, and outcomes that can be compared.
#![allow(dead_code)] // reason: each test file uses its own part

use soci_ztoc::{
    BuildError, BuildOptions, Builder, Built, FileReader, Limits, MultiMember, SpanSize, Ztoc,
};

/// Options with this span size.
pub(crate) fn options(span_bytes: u64, allow_members: bool) -> BuildOptions {
    let multi_member = if allow_members {
        MultiMember::Allow
    } else {
        MultiMember::Skip
    };
    BuildOptions {
        span_size: SpanSize::from_bytes(span_bytes).expect("a span size"),
        multi_member,
        ..BuildOptions::default()
    }
}

/// Builds from pieces of equal size.
pub(crate) fn build_in_pieces(
    layer: &[u8],
    options: &BuildOptions,
    piece_bytes: usize,
) -> Result<Built, BuildError> {
    let mut builder = Builder::new(options.clone());
    for piece in layer.chunks(piece_bytes) {
        builder.push(piece)?;
    }
    builder.finish()
}

/// Builds from pieces of these sizes, the last one being what is left.
pub(crate) fn build_at_cuts(
    mut layer: &[u8],
    options: &BuildOptions,
    sizes: &[usize],
) -> Result<Built, BuildError> {
    let mut builder = Builder::new(options.clone());
    for size in sizes {
        let (piece, rest) = layer.split_at((*size).min(layer.len()));
        builder.push(piece)?;
        layer = rest;
    }
    builder.push(layer)?;
    builder.finish()
}

/// What came out, in a form that shows little when it differs: the zTOC by its digest.
pub(crate) fn outcome(built: Result<Built, BuildError>) -> Result<String, BuildError> {
    Ok(match built? {
        Built::Indexed { ztoc, layer } => {
            let encoded = ztoc.encode().expect("small enough");
            format!("{} of {layer:?}", encoded.digest())
        }
        Built::NotIndexable { why, layer } => format!("{why} of {layer:?}"),
    })
}

/// The zTOC of a layer that has one.
pub(crate) fn ztoc(layer: &[u8], options: &BuildOptions) -> Ztoc {
    match build_in_pieces(layer, options, usize::MAX) {
        Ok(Built::Indexed { ztoc, .. }) => ztoc,
        other => panic!("{:?}", outcome(other)),
    }
}

/// A file's content, by way of the zTOC and the spans it names.
pub(crate) fn read(ztoc: &Ztoc, layer: &[u8], path: &[u8]) -> Vec<u8> {
    let file = ztoc.find(path).expect("the file");
    let mut reader = FileReader::new(ztoc, file, &Limits::default()).expect("a reader");
    let mut content = Vec::new();
    while let Some(span) = reader.next_span() {
        let bytes = &layer[span.compressed.start as usize..span.compressed.end as usize];
        let mut pieces = reader.open_span(bytes).expect("the span's bytes");
        while let Some(piece) = pieces.next_piece().expect("a piece") {
            content.extend_from_slice(piece);
        }
    }
    content
}
