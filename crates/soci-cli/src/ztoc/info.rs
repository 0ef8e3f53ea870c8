//! `soci-index ztoc info`, with the keys of `soci ztoc info`.

use serde::Serialize;
use soci_ztoc::{FileMetadata, Limits, Ztoc};

use super::load;
use crate::args::InfoArgs;
use crate::exit::Exit;
use crate::output;

#[derive(Serialize)]
struct Info<'a> {
    version: &'a str,
    build_tool: &'a str,
    /// Bytes of the zTOC.
    size: usize,
    span_size: u64,
    num_spans: usize,
    num_files: usize,
    num_multi_span_files: usize,
    files: Vec<FileInfo<'a>>,
}

#[derive(Serialize)]
struct FileInfo<'a> {
    filename: std::borrow::Cow<'a, str>,
    offset: u64,
    size: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    start_span: usize,
    end_span: usize,
}

pub(crate) fn run(args: &InfoArgs) -> anyhow::Result<Exit> {
    let (ztoc, size) = load::ztoc(&args.ztoc, &Limits::default())?;
    let files: Vec<_> = ztoc
        .files
        .iter()
        .map(|file| file_info(&ztoc, file))
        .collect();
    output::pretty_json(&Info {
        version: &ztoc.version,
        build_tool: &ztoc.build_tool_identifier,
        size,
        span_size: ztoc.spans.span_bytes(),
        num_spans: ztoc.spans.len(),
        num_files: files.len(),
        num_multi_span_files: files
            .iter()
            .filter(|file| file.start_span != file.end_span)
            .count(),
        files,
    })?;
    Ok(Exit::Done)
}

fn file_info<'a>(ztoc: &Ztoc, file: &'a FileMetadata) -> FileInfo<'a> {
    // A file without data lies where its data would begin.
    let spans =
        ztoc.spans_of(file.uncompressed_offset..file.data().end.max(file.uncompressed_offset + 1));
    // Behind the layer's last byte there is no span any more.
    let last_span = ztoc.spans.len() - 1;
    FileInfo {
        filename: file.display_name(),
        offset: file.uncompressed_offset,
        size: file.uncompressed_bytes,
        kind: file.kind.as_str(),
        start_span: spans.start.min(last_span),
        end_span: (spans.end - 1).min(last_span),
    }
}
