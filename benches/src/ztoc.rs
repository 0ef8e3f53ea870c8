//! One layer to one zTOC: ours and the reference builder in turn, on the same file.
//!
//! What makes the comparison fair: the file is in the page cache (both builders run once unmeasured), the runs
//! alternate so that a slow minute of the machine hits both, both write their zTOC to the same folder, and after every
//! pair the two files must be equal byte for byte: a builder that does less work cannot win.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::layer;
use crate::measure::{self, Cost};
use crate::report::{self, Bare, Comparison, LayerFacts};
use crate::versions;

/// Output bytes between checkpoints; soci-snapshotter's default is 4 MiB.
const SPAN_BYTES: &str = "4194304";

/// Given to both builders, because the identifier is part of the bytes.
const BUILD_TOOL: &str = "soci-bench";

/// Runs of each bare loop: they vary less than the builders.
const BARE_RUNS: usize = 3;

/// Options of the comparison.
#[derive(Args)]
pub(crate) struct Options {
    /// Our program.
    #[arg(long, value_name = "FILE")]
    ours: PathBuf,
    /// The reference builder.
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// Folder for layers, zTOCs and the report.
    #[arg(long, value_name = "FOLDER")]
    work: PathBuf,
    /// Layer to measure; by default one is made from the files of /usr.
    #[arg(long, value_name = "FILE")]
    layer: Option<PathBuf>,
    /// Measured runs of each builder.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Measures, writes `ztoc.json` into the work folder, prints the table or the same JSON.
pub(crate) fn run(options: &Options) -> Result<()> {
    let work = report::work_folder(&options.work)?;
    let layer = match &options.layer {
        Some(layer) => layer.clone(),
        None => layer::default_layer(&work, &report::progress)?,
    };
    let comparison = compare(options, &layer, &work)?;
    report::write_json(&comparison, &work.join("ztoc.json"))?;
    report::print(&comparison, report::table, options.json)
}

fn compare(options: &Options, layer: &Path, work: &Path) -> Result<Comparison> {
    let pair = Pair::new(options, layer, work);
    report::progress("one unmeasured run of each");
    let facts = pair.warm_up(layer)?;
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for run in 1..=options.runs {
        report::progress(&format!("run {run} of {}", options.runs));
        reference.push(measure::cost_of(&pair.reference)?);
        ours.push(measure::cost_of(&pair.ours)?);
        pair.must_be_equal()?;
    }
    report::progress("bare loops");
    let floor = measure::cost_of(&["true".into()])?;
    Ok(Comparison::new(
        facts,
        versions::of_layers(&options.ours, &options.reference),
        &reference,
        &ours,
        bare_loops(layer)?,
        floor,
    ))
}

/// The two commands, and the files that they write.
struct Pair {
    ours: Vec<OsString>,
    reference: Vec<OsString>,
    our_ztoc: PathBuf,
    reference_ztoc: PathBuf,
}

impl Pair {
    fn new(options: &Options, layer: &Path, work: &Path) -> Self {
        let (our_ztoc, reference_ztoc) = (work.join("ours.ztoc"), work.join("reference.ztoc"));
        let ours: [OsString; 11] = [
            options.ours.clone().into(),
            "ztoc".into(),
            "create".into(),
            layer.into(),
            "--output".into(),
            our_ztoc.clone().into(),
            "--span-size".into(),
            SPAN_BYTES.into(),
            "--build-tool-identifier".into(),
            BUILD_TOOL.into(),
            "--json".into(),
        ];
        let reference: [OsString; 8] = [
            options.reference.clone().into(),
            "build".into(),
            "-span".into(),
            SPAN_BYTES.into(),
            "-tool".into(),
            BUILD_TOOL.into(),
            layer.into(),
            reference_ztoc.clone().into(),
        ];
        Self {
            ours: ours.into(),
            reference: reference.into(),
            our_ztoc,
            reference_ztoc,
        }
    }

    /// Runs both once, so that file and programs are in memory, and learns what the layer holds.
    fn warm_up(&self, layer: &Path) -> Result<LayerFacts> {
        measure::cost_of(&self.reference)?;
        let (program, args) = self
            .ours
            .split_first()
            .context("our command is not empty")?;
        let output = Command::new(program)
            .args(args)
            .output()
            .context("cannot start our builder")?;
        if !output.status.success() {
            bail!(
                "our builder: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let answer: Answer =
            serde_json::from_slice(&output.stdout).context("our builder printed no result")?;
        self.must_be_equal()?;
        Ok(LayerFacts {
            file: layer.display().to_string(),
            bytes: fs::metadata(layer)?.len(),
            files: answer.ztoc.files,
            spans: answer.ztoc.spans,
            ztoc_bytes: fs::metadata(&self.our_ztoc)?.len(),
        })
    }

    fn must_be_equal(&self) -> Result<()> {
        let (ours, reference) = (fs::read(&self.our_ztoc)?, fs::read(&self.reference_ztoc)?);
        let position = ours.iter().zip(&reference).position(|(a, b)| a != b);
        ensure!(
            ours == reference,
            "the zTOCs differ: ours has {} bytes, the reference's {}, first difference at byte {}",
            ours.len(),
            reference.len(),
            position.unwrap_or(ours.len().min(reference.len()))
        );
        Ok(())
    }
}

/// What `soci-index ztoc create --json` prints, as far as it is used here.
#[derive(Deserialize)]
struct Answer {
    ztoc: AnswerZtoc,
}

#[derive(Deserialize)]
struct AnswerZtoc {
    files: u64,
    spans: u64,
}

fn bare_loops(layer: &Path) -> Result<Vec<Bare>> {
    let this: OsString = env::current_exe()
        .context("cannot find this program's file")?
        .into();
    let own = |kind: &str| vec![this.clone(), "limit".into(), kind.into(), layer.into()];
    let tool = |name: &str, flags: &str| vec![name.into(), flags.into(), layer.into()];
    let loops = [
        ("SHA-256 (sha2)", own("sha256")),
        ("inflate (zlib-rs)", own("inflate")),
        ("inflate (libdeflate)", tool("libdeflate-gunzip", "-tk")),
        ("inflate (igzip)", tool("igzip", "-t")),
        ("inflate (gzip)", tool("gzip", "-dc")),
    ];
    loops
        .into_iter()
        .map(|(name, command)| bare(name, &command))
        .collect()
}

/// A tool that is not installed is told, not an error: the limits explain the comparison, they do not decide it.
fn bare(name: &'static str, command: &[OsString]) -> Result<Bare> {
    let is_there = Command::new(&command[0]).arg("--help").output().is_ok();
    let costs = if is_there {
        (0..BARE_RUNS)
            .map(|_| measure::cost_of(command))
            .collect::<Result<Vec<Cost>>>()?
    } else {
        Vec::new()
    };
    Ok(Bare::new(name, &costs))
}
