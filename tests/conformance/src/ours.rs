//! Our side of a comparison.

use sha2::{Digest, Sha256};
use soci_ztoc::{
    BuildError, BuildOptions, Builder, Built, FileReader, Limits, MultiMember, SpanSize, Ztoc,
};

use crate::source::{self, Contents};

/// Each file read decodes its spans again; so many, spread evenly, keep a comparison short.
const FILES_READ_BY_US: usize = 12;

/// What our builder made of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// A zTOC's bytes.
    Indexed(Vec<u8>),
    /// A layer reason.
    NotIndexable(String),
    /// The words of an error about damaged bytes.
    Damaged(String),
    /// The words of an error that no layer should cause.
    Failed(String),
}

/// Builds with the plain driver, pushing pieces of a size that no buffer of the engine divides.
///
/// # Panics
/// When the span size is none.
pub fn build(layer: &[u8], span: u64, tool: &str, allow_members: bool) -> Ours {
    let options = BuildOptions {
        span_size: SpanSize::from_bytes(span).expect("tests use possible span sizes"),
        build_tool_identifier: tool.to_owned(),
        multi_member: if allow_members {
            MultiMember::Allow
        } else {
            MultiMember::Skip
        },
        ..BuildOptions::default()
    };
    let mut builder = Builder::new(options);
    let built = layer
        .chunks(100_003)
        .try_for_each(|piece| builder.push(piece))
        .and_then(|()| builder.finish());
    match built {
        Ok(Built::Indexed { ztoc, .. }) => match ztoc.encode() {
            Ok(encoded) => Ours::Indexed(encoded.to_vec()),
            Err(error) => Ours::Failed(error.to_string()),
        },
        Ok(Built::NotIndexable { why, .. }) => Ours::NotIndexable(why.reason().as_str().to_owned()),
        Err(error @ BuildError::Damaged(_)) => Ours::Damaged(error.to_string()),
        Err(error) => Ours::Failed(error.to_string()),
    }
}

/// How many spans a zTOC has; that our decoder takes it at all is part of the comparison.
pub fn spans(ztoc: &[u8]) -> Result<usize, String> {
    Ztoc::decode(ztoc, &Limits::default())
        .map(|z| z.spans.len())
        .map_err(|e| format!("our decoder: {e}"))
}

/// What our reader gets wrong when it reads some files of a layer through a zTOC.
pub fn read_differences(layer: &[u8], ztoc: &[u8], contents: &Contents) -> Vec<String> {
    let ztoc = match Ztoc::decode(ztoc, &Limits::default()) {
        Ok(ztoc) => ztoc,
        Err(error) => return vec![format!("our decoder: {error}")],
    };
    let wrong = |(path, sum): (&str, &str)| {
        let differs = match read(layer, &ztoc, &source::unhex(path)) {
            Ok(found) if found == sum => return None,
            Ok(_) => "other content".to_owned(),
            Err(words) => words,
        };
        Some(format!("our reader, {}: {differs}", source::readable(path)))
    };
    contents
        .sample(FILES_READ_BY_US)
        .filter_map(wrong)
        .collect()
}

/// SHA-256 of a file's content, read span by span as a client with ranged requests would.
fn read(layer: &[u8], ztoc: &Ztoc, path: &[u8]) -> Result<String, String> {
    let limits = Limits::default();
    let file = ztoc.find(path).map_err(|e| e.to_string())?;
    let mut reader = FileReader::new(ztoc, file, &limits).map_err(|e| e.to_string())?;
    let mut hash = Sha256::new();
    while let Some(span) = reader.next_span() {
        let range = span.compressed.start as usize..span.compressed.end as usize;
        let bytes = layer.get(range).ok_or("a span outside of the layer")?;
        let mut pieces = reader.open_span(bytes).map_err(|e| e.to_string())?;
        while let Some(piece) = pieces.next_piece().map_err(|e| e.to_string())? {
            hash.update(piece);
        }
    }
    Ok(source::hex(&hash.finalize()))
}
