//! `soci-index ztoc create`.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use anyhow::anyhow;
use serde::Serialize;
use soci_index::pipeline::PipelineError;
use soci_ztoc::{BuildOptions, Built, Expected, NotIndexable, SpanSize, Ztoc};

use super::layer;
use crate::args::CreateArgs;
use crate::exit::{Exit, WrongUsage};
use crate::output;
use crate::progress::Progress;

/// How it ended, when nothing failed.
enum Outcome {
    Indexed(ZtocReport),
    Skipped(NotIndexable),
}

/// What failed, with its kind for reports.
struct Failure {
    kind: &'static str,
    error: anyhow::Error,
}

/// The outcome as JSON.
#[derive(Serialize)]
struct Report<'a> {
    outcome: &'static str,
    /// Why it was left out, or what kind of failure it is.
    reason: Option<&'static str>,
    /// The same for people, with details.
    detail: Option<String>,
    ztoc: Option<&'a ZtocReport>,
}

#[derive(Serialize)]
struct ZtocReport {
    digest: String,
    size: usize,
    files: usize,
    spans: usize,
}

pub(crate) fn run(args: &CreateArgs) -> anyhow::Result<Exit> {
    if args.json && output::is_stdout(&args.output) {
        let why = "--json and -o /dev/stdout would mix two results there; write the zTOC to a file";
        return Err(WrongUsage(why.to_owned()).into());
    }
    let result = create(args);
    if args.json {
        output::json(&report(&result))?;
    }
    match result {
        Ok(Outcome::Indexed(written)) => {
            if !args.json {
                output::note(&summary(&args.output, &written));
            }
            Ok(Exit::Done)
        }
        Ok(Outcome::Skipped(why)) => {
            output::note(&format!("skipped {}: {why}", args.layer.display()));
            Ok(Exit::Skipped)
        }
        Err(failure) => Err(failure.error),
    }
}

fn create(args: &CreateArgs) -> Result<Outcome, Failure> {
    let unwritable = |error: anyhow::Error| Failure {
        kind: output::kind(&error),
        error,
    };
    let unusable = |error: PipelineError<io::Error>| failure(error, &args.layer);
    output::check_path(&args.output, "-o").map_err(unwritable)?;
    let (layer, metadata) =
        open(&args.layer).map_err(|error| unusable(PipelineError::Read(error)))?;
    output::check_other_than(&metadata, "the layer", &args.output).map_err(unwritable)?;
    let built = build(layer, &metadata, &options(args)).map_err(unusable)?;
    match built {
        Built::Indexed { ztoc, .. } => write(ztoc, &args.output)
            .map(Outcome::Indexed)
            .map_err(unwritable),
        Built::NotIndexable { why, .. } => Ok(Outcome::Skipped(why)),
    }
}

fn options(args: &CreateArgs) -> BuildOptions {
    BuildOptions {
        span_size: SpanSize::from_bytes(args.span_size)
            .expect("the argument parser admits span sizes only"),
        build_tool_identifier: args.build_tool_identifier.clone(),
        multi_member: args.multi_member.into(),
        expected: Expected {
            digest: args.digest,
            size_bytes: None,
        },
        ..BuildOptions::default()
    }
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let layer = if path == Path::new("-") {
        // Standard input may be a file too, and that file then the output.
        File::from(io::stdin().as_fd().try_clone_to_owned()?)
    } else {
        File::open(path)?
    };
    let metadata = layer.metadata()?;
    Ok((layer, metadata))
}

fn build(
    layer: File,
    metadata: &Metadata,
    options: &BuildOptions,
) -> Result<Built, PipelineError<io::Error>> {
    let progress = Progress::new("indexing", metadata.is_file().then_some(metadata.len()));
    layer::build(layer, options, |bytes| progress.advance(bytes))
}

fn failure(error: PipelineError<io::Error>, layer: &Path) -> Failure {
    match error {
        PipelineError::Build(error) => Failure {
            kind: error.kind(),
            error: anyhow!(error).context(format!("cannot index {}", layer.display())),
        },
        PipelineError::Read(error) => {
            let error = anyhow!(error).context(format!("cannot read {}", layer.display()));
            Failure {
                kind: output::kind(&error),
                error,
            }
        }
    }
}

fn write(ztoc: Ztoc, path: &Path) -> anyhow::Result<ZtocReport> {
    let (files, spans) = (ztoc.files.len(), ztoc.spans.len());
    let encoded = ztoc.encode()?;
    let digest = thread::scope(|scope| {
        // While the file is written and synced.
        let digest = scope.spawn(|| encoded.digest());
        output::file(path, encoded.chunks())?;
        anyhow::Ok(digest.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    Ok(ZtocReport {
        digest: digest.to_string(),
        size: encoded.len(),
        files,
        spans,
    })
}

fn summary(path: &Path, written: &ZtocReport) -> String {
    format!(
        "{}: {} bytes, files: {}, spans: {}, {}",
        path.display(),
        written.size,
        written.files,
        written.spans,
        written.digest
    )
}

fn report(result: &Result<Outcome, Failure>) -> Report<'_> {
    let (outcome, reason, detail, ztoc) = match result {
        Ok(Outcome::Indexed(written)) => ("indexed", None, None, Some(written)),
        Ok(Outcome::Skipped(why)) => (
            "skipped",
            Some(why.reason().as_str()),
            Some(why.to_string()),
            None,
        ),
        Err(Failure { kind, error }) => ("failed", Some(*kind), Some(format!("{error:#}")), None),
    };
    Report {
        outcome,
        reason,
        detail,
        ztoc,
    }
}
