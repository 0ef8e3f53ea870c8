//! Whole images: ours from a registry into the same registry, the reference's converter from a layout into a layout, and
//! what people without either do, download, convert, push.
//!
//! What makes the comparison fair: layers lie in the page cache, the runs alternate so that a slow minute of the machine hits all,
//! every run finds a repository or a folder where nothing was indexed before, and after each the results are compared by
//! digest: a builder that does less work cannot win. The reference gets the easier task, without a registry and with blobs linked
//! instead of copied. The registry's own CPU time is nobody's, but it takes its share of the cores.

mod contenders;
pub(crate) mod make;
mod report;
pub(crate) mod stage;

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, ensure};
use clap::Args;

use crate::measure::{self, Cost};
use crate::proxy::Proxy;
use crate::registry::Registry;
use crate::report::{print, progress, work_folder, write_json};
use crate::versions;

use contenders::Bench;
use make::{Image, THREE, TWELVE};
use report::{Comparison, Measured};

/// What "large" means where memory must not grow with the image.
const LARGE_BYTES: u64 = 1_000_000_000;

/// Options of the comparison.
#[derive(Args)]
pub(crate) struct Options {
    /// Our program.
    #[arg(long, value_name = "FILE")]
    ours: PathBuf,
    /// The reference's converter.
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// Folder for images, the registry and the report.
    #[arg(long, value_name = "FOLDER")]
    work: PathBuf,
    /// Measured runs of each.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Measures, writes `image.json` into the work folder, prints the table or the same JSON. A limit that does not hold is an error.
pub(crate) fn run(options: &Options) -> Result<()> {
    let work = work_folder(&options.work)?;
    let comparison = compare(options, &work)?;
    write_json(&comparison, &work.join("image.json"))?;
    print(&comparison, report::table, options.json)?;
    let missed = comparison.missed();
    ensure!(missed.is_empty(), "does not hold: {}", missed.join("; "));
    Ok(())
}

fn compare(options: &Options, work: &Path) -> Result<Comparison> {
    let three = Image::of_files(THREE, work)?;
    let twelve = Image::of_files(TWELVE, work)?;
    let large = Image::of_layers("all fifteen layers", &[&three, &twelve], work)?;
    ensure!(
        large.bytes() >= LARGE_BYTES,
        "the layers have only {} bytes together; {LARGE_BYTES} are wanted",
        large.bytes()
    );
    let registry = Registry::start(&work.join("registry"))?;
    let bench = |image| Bench::new(options, &registry, image, work);
    let mut images = Vec::new();
    for image in [&three, &twelve] {
        images.push(side_by_side(&bench(image)?, options.runs)?);
    }
    images.push(alone(&bench(&large)?, options.runs)?);
    let floor = measure::cost_of(&["true".into()])?;
    let versions = versions::of_images(&options.ours, &options.reference);
    Ok(Comparison::new(options.runs, versions, images, floor))
}

/// All three ways in turn.
fn side_by_side(bench: &Bench<'_>, runs: u16) -> Result<Measured> {
    let proxy = Proxy::start(bench.stage.registry.host())?;
    progress(&format!(
        "{}: one unmeasured run of each",
        bench.stage.image.name
    ));
    let expected = bench.stage.reference(None, None)?.1;
    bench.download(proxy.host(), &expected)?;
    let download_moved = proxy.take();
    let mut measured = warm_up(bench, &proxy, &expected)?;
    let (mut reference, mut download) = (Vec::new(), Vec::new());
    let mut ours = Vec::new();
    for run in 1..=runs {
        progress(&format!("{}: run {run} of {runs}", bench.stage.image.name));
        reference.push(bench.stage.reference(None, Some(&expected))?.0);
        ours.push(bench.ours(bench.stage.registry.host(), &expected)?);
        download.push(bench.download(bench.stage.registry.host(), &expected)?);
    }
    measured.add_ours(&ours);
    measured.add_others(&reference, &download, download_moved);
    Ok(measured)
}

/// Ours only, for its memory; the reference says once what has to come out.
fn alone(bench: &Bench<'_>, runs: u16) -> Result<Measured> {
    let proxy = Proxy::start(bench.stage.registry.host())?;
    progress(&format!(
        "{}: one unmeasured run of each",
        bench.stage.image.name
    ));
    let expected = bench.stage.reference(None, None)?.1;
    let mut measured = warm_up(bench, &proxy, &expected)?;
    let ours = (1..=runs).map(|run| {
        progress(&format!("{}: run {run} of {runs}", bench.stage.image.name));
        bench.ours(bench.stage.registry.host(), &expected)
    });
    let ours: Vec<Cost> = ours.collect::<Result<_>>()?;
    measured.add_ours(&ours);
    Ok(measured)
}

/// Two runs of ours through the proxy: what the first moves and builds, and that the second does nothing.
fn warm_up(bench: &Bench<'_>, proxy: &Proxy, expected: &str) -> Result<Measured> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (mut ztoc_bytes, first, second) = bench.ours_twice(proxy, expected)?;
    ztoc_bytes.sort_unstable_by(|a, b| b.cmp(a));
    Ok(Measured::new(
        bench.stage.image,
        &ztoc_bytes,
        cores,
        first,
        second,
    ))
}
