//! The Lambda function as it ships, held to the sizes that functions have: what an image costs in each, and what the reference's converter
//! costs in the size of AWS's own builder.
//!
//! What makes the comparison fair: the function gets what Lambda gives it, an environment, a runtime API and a registry with the image; the
//! reference gets the easier task, from a folder into a folder, with blobs linked instead of copied. The runs alternate, and each result must have
//! the same digest. The registry and the runtime API run outside of the limits, on the same cores: where a size has as many cores as the
//! machine, they take their share of them.

mod lambda;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::image::make::{Image, THREE, TWELVE};
use crate::image::stage::Stage;
use crate::registry::Registry;
use crate::report::{print, progress, work_folder, write_json};
use crate::versions;
use soci_test_aws::cgroup::{Group, Size};

use lambda::Lambda;
use report::{Comparison, Measured, Package};

/// What Lambda gives for memory: 1,769 MiB come with one core; AWS Lambda developer guide, "Configure memory".
const SIZES: [Size; 4] = [
    size(0.29, 512),
    BUILDERS_SIZE,
    size(1.0, 1_769),
    size(2.0, 3_538),
];

/// The size of AWS's own builder.
const BUILDERS_SIZE: Size = size(0.58, 1_024);

/// Starts whose median is told.
const STARTS: usize = 25;

const fn size(cores: f64, memory_mib: u64) -> Size {
    Size { cores, memory_mib }
}

/// Options of the comparison.
#[derive(Args)]
pub(crate) struct Options {
    /// The function's program.
    #[arg(long, value_name = "FILE")]
    function: PathBuf,
    /// The zip that it is shipped in.
    #[arg(long, value_name = "FILE")]
    zip: PathBuf,
    /// The reference's converter.
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// Folder for images, the registry and the report.
    #[arg(long, value_name = "FOLDER")]
    work: PathBuf,
    /// Measured runs of each size.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Measures, writes `function.json` into the work folder, prints the table or the same JSON. A limit that does not hold is an error.
pub(crate) fn run(options: &Options) -> Result<()> {
    let work = work_folder(&options.work)?;
    // Before minutes are spent on what could not be measured.
    drop(Group::new(BUILDERS_SIZE).context("NOT MEASURED")?);
    let comparison = compare(options, &work)?;
    write_json(&comparison, &work.join("function.json"))?;
    print(&comparison, report::table, options.json)?;
    let missed = comparison.missed();
    ensure!(missed.is_empty(), "does not hold: {}", missed.join("; "));
    Ok(())
}

fn compare(options: &Options, work: &Path) -> Result<Comparison> {
    let lambda = Lambda::new(&options.function)?;
    progress(&format!("{STARTS} starts"));
    let starts = (0..STARTS).map(|_| lambda.start_seconds());
    let package = Package {
        start_seconds: starts.collect::<Result<_>>()?,
        program_bytes: bytes_of(&options.function)?,
        zip_bytes: bytes_of(&options.zip)?,
    };
    let images = [
        Image::of_files(THREE, work)?,
        Image::of_files(TWELVE, work)?,
    ];
    let registry = Registry::start(&work.join("registry"))?;
    let mut measured = Vec::new();
    for image in &images {
        let stage = Stage::new(&options.reference, &registry, image, work)?;
        measured.push(measure(&lambda, &stage, options.runs)?);
    }
    let versions = versions::of_functions(&options.reference);
    Ok(Comparison::new(options.runs, versions, &package, measured))
}

fn bytes_of(file: &Path) -> Result<u64> {
    let data = fs::metadata(file).with_context(|| format!("cannot find {}", file.display()))?;
    Ok(data.len())
}

/// Every size and the reference in turn.
fn measure(lambda: &Lambda, stage: &Stage<'_>, runs: u16) -> Result<Measured> {
    let name = stage.image.name;
    progress(&format!("{name}: one unmeasured run of the reference"));
    let expected = stage.reference(None, None)?.1;
    let mut measured = Measured::new(stage.image, BUILDERS_SIZE, &SIZES);
    for run in 1..=runs {
        progress(&format!("{name}: run {run} of {runs}"));
        let group = Group::new(BUILDERS_SIZE)?;
        let (cost, _) = stage.reference(Some(&group), Some(&expected))?;
        measured.add_reference(cost);
        drop(group);
        for (row, size) in SIZES.into_iter().enumerate() {
            let indexed = stage.in_fresh_repository(|repository| {
                let indexed = lambda.index(size, stage.registry.host(), repository)?;
                stage.must_be(repository, &expected)?;
                Ok(indexed)
            })?;
            measured.add_ours(row, indexed);
        }
    }
    Ok(measured)
}
