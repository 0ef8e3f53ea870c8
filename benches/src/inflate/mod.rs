//! Layers of seven kinds inflated: our decoder and zlib-rs in turn, on the same bytes in memory.
//!
//! What makes the comparison fair: both get the layer in the same pieces, stop at every block and keep their output in a window of
//! the same size; neither computes a checksum; the runs alternate so that a slow minute of the machine hits both; and a run that is
//! not measured finds the same output and the same block ends in both, the checksum being the layer's own.

mod decoders;
mod kinds;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::measure::duration;
use crate::report::{print, progress, work_folder, write_json};
use crate::stats::{Spread, Target, float};
use crate::versions;

use decoders::{Findings, Trailer, ours, split, zlib_rs};

/// At most so much of zlib-rs' CPU time on the default layer, and on any kind of layer.
const DEFAULT_SHARE: f64 = 0.72;
const ANY_SHARE: f64 = 0.82;

/// Options of the comparison.
#[derive(Args)]
pub(crate) struct Options {
    /// Folder for layers and the report.
    #[arg(long, value_name = "FOLDER")]
    work: PathBuf,
    /// Measured runs of each decoder.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// What was measured, and what came out.
#[derive(Debug, Serialize)]
struct Comparison {
    versions: Vec<(String, String)>,
    runs: u16,
    layers: Vec<Measured>,
    targets: Vec<Target>,
}

/// One layer.
#[derive(Debug, Serialize)]
struct Measured {
    kind: &'static str,
    compressed_bytes: u64,
    output_bytes: u64,
    blocks: u64,
    zlib_rs_cpu_seconds: Spread,
    ours_cpu_seconds: Spread,
    /// Our median divided by zlib-rs'.
    share: f64,
}

/// Measures, writes `inflate.json` into the work folder, prints the table or the same JSON. A limit that does not hold is an error.
pub(crate) fn run(options: &Options) -> Result<()> {
    let work = work_folder(&options.work)?;
    let mut layers = Vec::new();
    for (kind, file) in kinds::layers(&work)? {
        layers.push(side_by_side(kind, &file, options.runs)?);
    }
    let comparison = Comparison {
        versions: versions::of_decoders(),
        runs: options.runs,
        targets: layers.iter().map(target).collect(),
        layers,
    };
    write_json(&comparison, &work.join("inflate.json"))?;
    print(&comparison, table, options.json)?;
    let missed = comparison.targets.iter().filter(|target| !target.holds);
    let missed: Vec<_> = missed.map(Target::line).collect();
    ensure!(missed.is_empty(), "does not hold: {}", missed.join("; "));
    Ok(())
}

fn target(layer: &Measured) -> Target {
    let most = match layer.kind {
        kinds::DEFAULT => DEFAULT_SHARE,
        _ => ANY_SHARE,
    };
    let name = format!("CPU time, ours / zlib-rs, {}", layer.kind);
    Target::at_most(name, most, layer.share)
}

fn side_by_side(kind: &'static str, file: &Path, runs: u16) -> Result<Measured> {
    let layer = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (deflate, trailer) = split(&layer).with_context(|| file.display().to_string())?;
    progress(&format!("{kind}: one run of each that is not measured"));
    let findings = same_findings(deflate, trailer).with_context(|| kind.to_owned())?;
    let (mut zlib_rs_seconds, mut our_seconds) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        progress(&format!("{kind}: run {run} of {runs}"));
        zlib_rs_seconds.push(cpu_seconds(|| zlib_rs(deflate, &mut |_| {}, &mut |_| {}))?);
        our_seconds.push(cpu_seconds(|| ours(deflate, &mut |_| {}, &mut |_| {}))?);
    }
    let zlib_rs_cpu_seconds = Spread::of(zlib_rs_seconds.into_iter());
    let ours_cpu_seconds = Spread::of(our_seconds.into_iter());
    Ok(Measured {
        kind,
        compressed_bytes: layer.len() as u64,
        output_bytes: findings.output_bytes,
        blocks: findings.block_ends,
        share: ours_cpu_seconds.median / zlib_rs_cpu_seconds.median,
        zlib_rs_cpu_seconds,
        ours_cpu_seconds,
    })
}

/// Runs both with every check, once.
fn same_findings(deflate: &[u8], trailer: Trailer) -> Result<Findings> {
    let ours = Findings::of(|output, end| ours(deflate, output, end))?;
    let theirs = Findings::of(|output, end| zlib_rs(deflate, output, end))?;
    ensure!(
        ours == theirs,
        "zlib-rs found {theirs:?}, ours {ours:?}: one of them is wrong"
    );
    ensure!(
        ours.trailer() == trailer,
        "the trailer says {trailer:?}, decoded was {:?}",
        ours.trailer()
    );
    Ok(ours)
}

/// CPU time of this process, which has one thread.
fn cpu_seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let now = || -> Result<f64> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).context("cannot read the resource usage")?;
        Ok((duration(usage.user_time()) + duration(usage.system_time())).as_secs_f64())
    };
    let start = now()?;
    work()?;
    Ok(now()? - start)
}

fn table(comparison: &Comparison) -> String {
    let mut lines: Vec<_> = comparison
        .versions
        .iter()
        .map(|(name, version)| format!("{name:<12} {version}"))
        .collect();
    lines.push(format!(
        "\nCPU seconds, median (min to max) of {} runs each, in turn, layers in memory",
        comparison.runs
    ));
    lines.push(format!(
        "{:<20} {:>8} {:>8} {:>8} {:>22} {:>22} {:>8}",
        "layer", "MB", "MB out", "blocks", "zlib-rs", "ours", "share"
    ));
    lines.extend(comparison.layers.iter().map(|layer| {
        format!(
            "{:<20} {:>8.1} {:>8.1} {:>8} {:>22} {:>22} {:>8.3}",
            layer.kind,
            float(layer.compressed_bytes) / 1e6,
            float(layer.output_bytes) / 1e6,
            layer.blocks,
            layer.zlib_rs_cpu_seconds.shown(1.0, 3),
            layer.ours_cpu_seconds.shown(1.0, 3),
            layer.share
        )
    }));
    lines.push("\ntargets".to_owned());
    lines.extend(comparison.targets.iter().map(Target::line));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_decoders_find_what_gzip_packed() {
        use std::io::Write;
        let bytes: Vec<u8> = (0..900_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder
            .write_all(&bytes)
            .expect("a vector takes every write");
        let layer = encoder.finish().expect("a vector takes every write");
        let (deflate, trailer) = split(&layer).expect("it is gzip");
        let found = same_findings(deflate, trailer).expect("both are right");
        assert_eq!(found.output_bytes, bytes.len() as u64);
        assert!(found.block_ends > 10);

        let mut wrong = trailer;
        wrong.crc32 ^= 1;
        assert!(same_findings(deflate, wrong).is_err());
        assert!(same_findings(&deflate[..deflate.len() / 2], trailer).is_err());
    }

    #[test]
    fn the_default_layer_has_the_stricter_limit() {
        let layer = |kind, share| Measured {
            kind,
            compressed_bytes: 1,
            output_bytes: 2,
            blocks: 1,
            zlib_rs_cpu_seconds: Spread::of([1.0].into_iter()),
            ours_cpu_seconds: Spread::of([share].into_iter()),
            share,
        };
        assert!(!target(&layer(kinds::DEFAULT, 0.8)).holds);
        assert!(target(&layer("text", 0.8)).holds);
    }
}
