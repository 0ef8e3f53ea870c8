//! Turns samples into medians, ratios and verdicts, as a table for people and as JSON for programs.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place of this program that prints"
)]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::measure::Cost;

/// Ours takes at most a quarter of the reference's CPU time.
const CPU_RATIO: f64 = 4.0;

/// Ours takes at most a fifth of the reference's wall time, with two cores.
const WALL_RATIO: f64 = 5.0;

/// Peak memory that ours may take whatever the layer.
const MEMORY_BASE_BYTES: f64 = 32.0 * 1024.0 * 1024.0;

/// Peak memory that ours may take for each byte of the zTOC it builds.
const MEMORY_PER_ZTOC_BYTE: f64 = 2.2;

const MIB: f64 = 1024.0 * 1024.0;

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

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Summary {
    wall_seconds: Spread,
    cpu_seconds: Spread,
    peak_bytes: Spread,
}

#[derive(Debug, Serialize)]
struct Ratios {
    wall: f64,
    cpu: f64,
    peak: f64,
}

#[derive(Debug, Serialize)]
struct Target {
    name: &'static str,
    wanted: String,
    measured: String,
    holds: bool,
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

impl Summary {
    fn of(costs: &[Cost]) -> Self {
        Self {
            wall_seconds: Spread::of(costs.iter().map(|cost| cost.wall_seconds)),
            cpu_seconds: Spread::of(costs.iter().map(|cost| cost.cpu_seconds)),
            #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
            peak_bytes: Spread::of(costs.iter().map(|cost| cost.peak_bytes as f64)),
        }
    }
}

impl Spread {
    fn of(samples: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<_> = samples.collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self {
            median: f64::midpoint(low, high),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
        }
    }
}

fn targets(ratios: &Ratios, ours: &Summary, ztoc_bytes: u64) -> Vec<Target> {
    #[expect(clippy::cast_precision_loss, reason = "a zTOC is far below 2^52 bytes")]
    let memory_bytes = MEMORY_BASE_BYTES + MEMORY_PER_ZTOC_BYTE * ztoc_bytes as f64;
    let at_least = |name, wanted: f64, measured: f64| Target {
        name,
        wanted: format!(">= {wanted:.1} x"),
        measured: format!("{measured:.2} x"),
        holds: measured >= wanted,
    };
    vec![
        at_least("CPU time, reference / ours", CPU_RATIO, ratios.cpu),
        at_least("wall time, reference / ours", WALL_RATIO, ratios.wall),
        Target {
            name: "peak memory of ours",
            wanted: format!("<= {:.1} MiB", memory_bytes / MIB),
            // The worst run: a limit that holds at the median only does not hold.
            measured: format!("{:.1} MiB", ours.peak_bytes.max / MIB),
            holds: ours.peak_bytes.max <= memory_bytes,
        },
    ]
}

/// A line for the person who waits; kept off standard output, which may be JSON.
pub(crate) fn progress(text: &str) {
    eprintln!("{text}");
}

/// Keeps the result where later runs can be compared with it.
pub(crate) fn write_json(comparison: &Comparison, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(comparison)? + "\n";
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Prints the table, or the JSON.
pub(crate) fn print(comparison: &Comparison, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(comparison)?);
    } else {
        println!("{}", table(comparison));
    }
    Ok(())
}

fn table(comparison: &Comparison) -> String {
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
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let floor_mib = comparison.floor_bytes as f64 / MIB;
    lines.push(format!(
        "a program that does nothing shows a peak of {floor_mib:.1} MiB"
    ));
    lines.push("\ntargets".to_owned());
    lines.extend(comparison.targets.iter().map(|target| {
        let verdict = if target.holds {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        format!(
            "{:<30} wanted {:<14} measured {:<14} {verdict}",
            target.name, target.wanted, target.measured
        )
    }));
    lines.join("\n")
}

fn row(name: &str, summary: Option<&Summary>) -> String {
    let Some(summary) = summary else {
        return format!("{name:<22} not installed");
    };
    let seconds = |spread: Spread| {
        format!(
            "{:.2} ({:.2} to {:.2})",
            spread.median, spread.min, spread.max
        )
    };
    let mib = |spread: Spread| {
        format!(
            "{:.1} ({:.1} to {:.1})",
            spread.median / MIB,
            spread.min / MIB,
            spread.max / MIB
        )
    };
    format!(
        "{name:<22} {:>22} {:>22} {:>24}",
        seconds(summary.wall_seconds),
        seconds(summary.cpu_seconds),
        mib(summary.peak_bytes)
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
            &[cost(10.0, 12.0, 140)],
            &[ours],
            Vec::new(),
            cost(0.0, 0.0, 2),
        )
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0].into_iter());
        assert_eq!(
            spread,
            Spread {
                median: 2.5,
                min: 1.0,
                max: 4.0
            }
        );
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
