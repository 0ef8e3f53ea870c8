//! The comparison of one layer as a table for people and as JSON for programs.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place of this program that prints"
)]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::measure::Cost;
use crate::stats::{MIB, Summary, Target, float};

/// The reference's CPU time for ours, at least.
const CPU_RATIO: f64 = 5.5;

/// The reference's wall time for ours, at least, with two cores.
const WALL_RATIO: f64 = 8.0;

/// Peak memory that ours may take whatever the layer.
const MEMORY_BASE_BYTES: f64 = 32.0 * 1024.0 * 1024.0;

/// Peak memory that ours may take for each byte of the zTOC it builds.
const MEMORY_PER_ZTOC_BYTE: f64 = 2.2;

/// What was measured on which layer, and what came out.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    layer: LayerFacts,
    versions: Vec<(String, String)>,
    runs: usize,
    reference: Summary,
    ours: Summary,
    /// The reference's median divided by ours.
    ratios: Ratios,
    targets: Vec<Target>,
    bare_loops: Vec<Bare>,
    /// Peak memory that a program that does nothing shows in this measurement.
    floor_bytes: u64,
}

/// The layer and its zTOC.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LayerFacts {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) spans: u64,
    pub(crate) ztoc_bytes: u64,
}

/// A loop that no builder can beat; without numbers when its tool is not installed.
#[derive(Debug, Serialize)]
pub(crate) struct Bare {
    name: &'static str,
    costs: Option<Summary>,
}

#[derive(Debug, Serialize)]
struct Ratios {
    wall: f64,
    cpu: f64,
    peak: f64,
}

impl Comparison {
    /// Sums up the samples. Both lists hold at least one.
    pub(crate) fn new(
        layer: LayerFacts,
        versions: Vec<(String, String)>,
        reference: &[Cost],
        ours: &[Cost],
        bare_loops: Vec<Bare>,
        floor: Cost,
    ) -> Self {
        let runs = ours.len();
        let (reference, ours) = (Summary::of(reference), Summary::of(ours));
        let ratios = Ratios {
            wall: reference.wall_seconds.median / ours.wall_seconds.median,
            cpu: reference.cpu_seconds.median / ours.cpu_seconds.median,
            peak: reference.peak_bytes.median / ours.peak_bytes.median,
        };
        let targets = targets(&ratios, &ours, layer.ztoc_bytes);
        let floor_bytes = floor.peak_bytes;
        Self {
            layer,
            versions,
            runs,
            reference,
            ours,
            ratios,
            targets,
            bare_loops,
            floor_bytes,
        }
    }
}

impl Bare {
    /// Sums up the samples, if there are any.
    pub(crate) fn new(name: &'static str, costs: &[Cost]) -> Self {
        Self {
            name,
            costs: (!costs.is_empty()).then(|| Summary::of(costs)),
        }
    }
}

fn targets(ratios: &Ratios, ours: &Summary, ztoc_bytes: u64) -> Vec<Target> {
    let memory_bytes = MEMORY_BASE_BYTES + MEMORY_PER_ZTOC_BYTE * float(ztoc_bytes);
    vec![
        Target::at_least("CPU time, reference / ours", CPU_RATIO, ratios.cpu),
        Target::at_least("wall time, reference / ours", WALL_RATIO, ratios.wall),
        Target::at_most_bytes("peak memory of ours", memory_bytes, ours.peak_bytes.max),
    ]
}

/// A line for the person who waits; kept off standard output, which may be JSON.
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}

/// The folder that a comparison works in, made if it is not there, as it is called from anywhere.
pub(crate) fn work_folder(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(fs::canonicalize(folder)?)
}

/// How often was measured, and how.
pub(crate) fn runs_line(runs: u16) -> String {
    format!(
        "median (min to max) of {runs} runs each, in turn, page cache warm; results equal by digest"
    )
}

/// Keeps the result where later runs can be compared with it.
pub(crate) fn write_json(comparison: &impl Serialize, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(comparison)? + "\n";
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Prints the table, or the JSON.
pub(crate) fn print<T: Serialize>(
    comparison: &T,
    table: impl FnOnce(&T) -> String,
    json: bool,
) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(comparison)?);
    } else {
        println!("{}", table(comparison));
    }
    Ok(())
}

/// The comparison for people.
pub(crate) fn table(comparison: &Comparison) -> String {
    let layer = &comparison.layer;
    let mut lines = vec![
        format!("layer        {}", layer.file),
        format!(
            "             {} bytes, {} entries, {} spans",
            layer.bytes, layer.files, layer.spans
        ),
        format!(
            "zTOC         {} bytes, the same from both builders",
            layer.ztoc_bytes
        ),
    ];
    lines.extend(
        comparison
            .versions
            .iter()
            .map(|(name, version)| format!("{name:<12} {version}")),
    );
    lines.push(format!(
        "\nmedian (min to max) of {} runs each, in turn, page cache warm",
        comparison.runs
    ));
    lines.push(format!(
        "{:<22} {:>22} {:>22} {:>24}",
        "", "wall s", "CPU s", "peak MiB"
    ));
    lines.push(row("reference", Some(&comparison.reference)));
    lines.push(row("ours", Some(&comparison.ours)));
    let ratios = &comparison.ratios;
    let ratio = |value: f64| format!("{value:.2} x");
    lines.push(format!(
        "{:<22} {:>22} {:>22} {:>24}",
        "reference / ours",
        ratio(ratios.wall),
        ratio(ratios.cpu),
        ratio(ratios.peak)
    ));
    lines.push("\nlimits of this machine on the same file".to_owned());
    lines.extend(
        comparison
            .bare_loops
            .iter()
            .map(|bare| row(bare.name, bare.costs.as_ref())),
    );
    let floor_mib = float(comparison.floor_bytes) / MIB;
    lines.push(format!(
        "a program that does nothing shows a peak of {floor_mib:.1} MiB"
    ));
    lines.push("\ntargets".to_owned());
    lines.extend(comparison.targets.iter().map(Target::line));
    lines.join("\n")
}

fn row(name: &str, summary: Option<&Summary>) -> String {
    let Some(summary) = summary else {
        return format!("{name:<22} not installed");
    };
    format!(
        "{name:<22} {:>22} {:>22} {:>24}",
        summary.wall_seconds.shown(1.0, 2),
        summary.cpu_seconds.shown(1.0, 2),
        summary.peak_bytes.shown(MIB, 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(wall_seconds: f64, cpu_seconds: f64, peak_mib: u64) -> Cost {
        Cost {
            wall_seconds,
            cpu_seconds,
            peak_bytes: peak_mib << 20,
            disk_bytes: 0,
        }
    }

    fn sample(ours: Cost) -> Comparison {
        let layer = LayerFacts {
            file: "layer".into(),
            bytes: 9,
            files: 3,
            spans: 2,
            ztoc_bytes: 10 << 20,
        };
        Comparison::new(
            layer,
            Vec::new(),
            &[cost(16.0, 16.5, 140)],
            &[ours],
            Vec::new(),
            cost(0.0, 0.0, 2),
        )
    }

    #[test]
    fn targets_hold_at_their_bounds() {
        // 32 MiB + 2.2 x 10 MiB.
        let comparison = sample(cost(2.0, 3.0, 54));
        assert!(
            comparison.targets.iter().all(|target| target.holds),
            "{:?}",
            comparison.targets
        );
    }

    #[test]
    fn a_missed_target_is_told() {
        let comparison = sample(cost(2.1, 3.1, 55));
        assert!(
            comparison.targets.iter().all(|target| !target.holds),
            "{:?}",
            comparison.targets
        );
        assert_eq!(table(&comparison).matches("DOES NOT HOLD").count(), 3);
    }

    #[test]
    fn a_missing_tool_is_named() {
        assert_eq!(
            row("inflate (igzip)", None),
            "inflate (igzip)        not installed"
        );
    }
}
