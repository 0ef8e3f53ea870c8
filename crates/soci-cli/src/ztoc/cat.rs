//! `soci-index ztoc cat`: one file of a layer, by way of its zTOC.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use anyhow::{Context, anyhow};
use soci_ztoc::{FileReader, FindError, Limits, Ztoc};

use super::load;
use crate::args::CatArgs;
use crate::exit::Exit;
use crate::output;

pub(crate) fn run(args: &CatArgs) -> anyhow::Result<Exit> {
    let limits = Limits::default();
    let (ztoc, _) = load::ztoc(&args.ztoc, &limits)?;
    let layer =
        File::open(&args.layer).with_context(|| format!("cannot open {}", args.layer.display()))?;
    print_file(&ztoc, &layer, &args.path, &limits).with_context(|| {
        format!(
            "cannot read {} from {}",
            args.path.display(),
            args.layer.display()
        )
    })?;
    Ok(Exit::Done)
}

fn print_file(ztoc: &Ztoc, layer: &File, path: &OsStr, limits: &Limits) -> anyhow::Result<()> {
    let file = ztoc.find(path.as_bytes()).map_err(|error| match error {
        FindError::NotFound => anyhow!("{error}; `soci-index ztoc info` lists those that are"),
        error => error.into(),
    })?;
    let mut reader = FileReader::new(ztoc, file, limits)?;
    while let Some(span) = reader.next_span() {
        // The reader has held the span's size against a limit.
        let mut bytes = vec![0; (span.compressed.end - span.compressed.start) as usize];
        layer
            .read_exact_at(&mut bytes, span.compressed.start)
            .map_err(|error| unread(error, &span.compressed))?;
        let mut pieces = reader
            .open_span(&bytes)
            .context("not the layer that the zTOC was made of")?;
        while let Some(piece) = pieces.next_piece()? {
            output::bytes(piece)?;
        }
    }
    Ok(())
}

fn unread(error: io::Error, bytes: &Range<u64>) -> anyhow::Error {
    let Range { start, end } = bytes;
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            anyhow!("the layer ends before byte {end}, which the zTOC says it has")
        }
        _ => anyhow!(error).context(format!("bytes {start} to {end} of the layer")),
    }
}
