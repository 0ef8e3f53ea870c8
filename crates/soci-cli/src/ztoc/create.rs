//! `soci-index ztoc create`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, anyhow};
use serde::Serialize;
use soci_ztoc::{BuildOptions, Built, Expected, SpanSize, Ztoc};

use super::pipeline::{self, PipelineError};
use crate::args::CreateArgs;
use crate::exit::Exit;
use crate::output;
use crate::progress::Progress;

/// The outcome as JSON.
#[derive(Serialize)]
struct Report {
    outcome: &'static str,
    /// Why it was left out, or what kind of failure it is.
    reason: Option<&'static str>,
    /// The same for people, with details.
    detail: Option<String>,
    ztoc: Option<ZtocReport>,
}

#[derive(Serialize)]
struct ZtocReport {
    digest: String,
    size: usize,
    files: usize,
    spans: usize,
}

pub(crate) fn run(args: CreateArgs) -> anyhow::Result<Exit> {
    let options = BuildOptions {
        span_size: SpanSize::from_bytes(args.span_size).context("span size out of range")?,
        build_tool_identifier: args.build_tool_identifier,
        multi_member: args.multi_member.into(),
        expected: Expected {
            digest: args.digest,
            size_bytes: None,
        },
        ..BuildOptions::default()
    };
    let built = match build(&args.layer, &options) {
        Ok(built) => built,
        Err(PipelineError::Build(error)) => {
            report_if(
                args.json,
                "failed",
                Some(error.kind()),
                Some(error.to_string()),
                None,
            )?;
            return Err(anyhow!(error).context(format!("cannot index {}", args.layer.display())));
        }
        Err(PipelineError::Read(error)) => {
            report_if(
                args.json,
                "failed",
                Some("unreadable"),
                Some(error.to_string()),
                None,
            )?;
            return Err(anyhow!(error).context(format!("cannot read {}", args.layer.display())));
        }
    };
    match built {
        Built::Indexed { ztoc, .. } => {
            let written = write(ztoc, &args.output)?;
            if !args.json {
                output::note(&format!(
                    "{}: {} bytes, {} files, {} spans, {}",
                    args.output.display(),
                    written.size,
                    written.files,
                    written.spans,
                    written.digest
                ));
            }
            report_if(args.json, "indexed", None, None, Some(written))?;
            Ok(Exit::Done)
        }
        Built::NotIndexable { why, .. } => {
            output::note(&format!("skipped {}: {why}", args.layer.display()));
            report_if(
                args.json,
                "skipped",
                Some(why.reason().as_str()),
                Some(why.to_string()),
                None,
            )?;
            Ok(Exit::Skipped)
        }
    }
}

fn build(path: &Path, options: &BuildOptions) -> Result<Built, PipelineError> {
    let (layer, bytes): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(path).map_err(PipelineError::Read)?;
        let metadata = file.metadata().map_err(PipelineError::Read)?;
        (Box::new(file), metadata.is_file().then_some(metadata.len()))
    };
    let progress = Progress::new("indexing", bytes);
    pipeline::build(layer, options, |bytes| progress.advance(bytes))
}

fn write(ztoc: Ztoc, path: &Path) -> anyhow::Result<ZtocReport> {
    let (files, spans) = (ztoc.files.len(), ztoc.spans.len());
    let encoded = ztoc.encode()?;
    output::file(path, encoded.chunks())?;
    Ok(ZtocReport {
        digest: encoded.digest().to_string(),
        size: encoded.len(),
        files,
        spans,
    })
}

fn report_if(
    json: bool,
    outcome: &'static str,
    reason: Option<&'static str>,
    detail: Option<String>,
    ztoc: Option<ZtocReport>,
) -> anyhow::Result<()> {
    if json {
        output::json(&Report {
            outcome,
            reason,
            detail,
            ztoc,
        })
    } else {
        Ok(())
    }
}
