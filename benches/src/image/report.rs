//! The comparison of images: limits, table.

use serde::Serialize;

use super::make::Image;
use crate::measure::Cost;
use crate::proxy::Moved;
use crate::report::runs_line;
use crate::stats::{MIB, Summary, Target, float};

/// The reference's CPU time for ours, at least.
const CPU_RATIO: f64 = 4.5;

/// The reference's wall time for ours, at least.
const WALL_RATIO: f64 = 4.0;

/// Peak memory that ours may take whatever the image.
const MEMORY_BASE_BYTES: f64 = 64.0 * MIB;

/// Peak memory that ours may take for each byte of the zTOCs that it builds at once.
const MEMORY_PER_ZTOC_BYTE: f64 = 2.2;

/// What a second run may move: heads and documents, far less than any layer.
const SECOND_RUN_BYTES: u64 = 64 << 10;

const MB: f64 = 1e6;

/// What was measured, and what came out.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    versions: Vec<(String, String)>,
    runs: u16,
    images: Vec<Measured>,
    /// Peak memory that a program that does nothing shows in this measurement.
    floor_bytes: u64,
}

/// One image.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    name: &'static str,
    layers: usize,
    bytes: u64,
    ztoc_bytes: u64,
    /// The largest zTOCs, as many as are built at once.
    ztoc_bytes_at_once: u64,
    rows: Vec<Row>,
    /// What our first and second run moved.
    moved: Moved,
    moved_again: Moved,
    ratios: Vec<Ratio>,
    targets: Vec<Target>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    costs: Summary,
    moved: Moved,
}

/// The median of another way divided by ours.
#[derive(Debug, Serialize)]
struct Ratio {
    name: &'static str,
    wall: f64,
    cpu: f64,
    peak: f64,
}

impl Comparison {
    pub(super) fn new(
        runs: u16,
        versions: Vec<(String, String)>,
        images: Vec<Measured>,
        floor: Cost,
    ) -> Comparison {
        let floor_bytes = floor.peak_bytes;
        Comparison {
            versions,
            runs,
            images,
            floor_bytes,
        }
    }

    /// The limits that do not hold.
    pub(super) fn missed(&self) -> Vec<String> {
        let images = self.images.iter();
        images
            .flat_map(|image| Target::missed(image.name, &image.targets))
            .collect()
    }
}

impl Measured {
    /// Before the measured runs. The zTOCs' sizes come largest first.
    pub(super) fn new(
        image: &Image,
        ztoc_bytes: &[u64],
        at_once: usize,
        moved: Moved,
        moved_again: Moved,
    ) -> Measured {
        let again_bytes = moved_again.down_bytes + moved_again.up_bytes;
        let second_run = Target {
            name: "second run: moved, with nothing written".to_owned(),
            wanted: format!("<= {} KiB", SECOND_RUN_BYTES >> 10),
            measured: format!("{:.1} KiB", float(again_bytes) / 1024.0),
            holds: again_bytes <= SECOND_RUN_BYTES,
        };
        Measured {
            name: image.name,
            layers: image.layers.len(),
            bytes: image.bytes(),
            ztoc_bytes: ztoc_bytes.iter().sum(),
            ztoc_bytes_at_once: ztoc_bytes.iter().take(at_once).sum(),
            rows: Vec::new(),
            moved,
            moved_again,
            ratios: Vec::new(),
            targets: vec![second_run],
        }
    }

    /// The measured runs of ours.
    pub(super) fn add_ours(&mut self, costs: &[Cost]) {
        let costs = Summary::of(costs);
        let limit_bytes = MEMORY_BASE_BYTES + MEMORY_PER_ZTOC_BYTE * float(self.ztoc_bytes_at_once);
        self.targets.push(Target::at_most_bytes(
            "peak memory of ours",
            limit_bytes,
            costs.peak_bytes.max,
        ));
        self.targets.push(Target::at_most_bytes(
            "files of ours, refused by the kernel",
            0.0,
            costs.disk_bytes.max,
        ));
        self.rows.push(Row {
            name: "ours, in the registry",
            costs,
            moved: self.moved,
        });
    }

    /// The measured runs of the others; those of ours come first.
    pub(super) fn add_others(&mut self, reference: &[Cost], download: &[Cost], moved: Moved) {
        let others = [
            ("reference, in folders", reference, Moved::default()),
            ("download, convert, push", download, moved),
        ];
        for (name, costs, moved) in others {
            let costs = Summary::of(costs);
            let ours = &self.rows[0].costs;
            self.ratios.push(Ratio {
                name,
                wall: costs.wall_seconds.median / ours.wall_seconds.median,
                cpu: costs.cpu_seconds.median / ours.cpu_seconds.median,
                peak: costs.peak_bytes.median / ours.peak_bytes.median,
            });
            self.rows.push(Row { name, costs, moved });
        }
        let ratio = &self.ratios[0];
        let speed = [
            Target::at_least("CPU time, reference / ours", CPU_RATIO, ratio.cpu),
            Target::at_least("wall time, reference / ours", WALL_RATIO, ratio.wall),
        ];
        self.targets.splice(0..0, speed);
    }
}

/// The comparison for people.
pub(super) fn table(comparison: &Comparison) -> String {
    let versions = comparison.versions.iter();
    let mut lines: Vec<_> = versions
        .map(|(name, version)| format!("{name:<16} {version}"))
        .collect();
    lines.push(runs_line(comparison.runs));
    for image in &comparison.images {
        lines.extend(section(image));
    }
    lines.push(format!(
        "\na program that does nothing shows a peak of {:.1} MiB",
        float(comparison.floor_bytes) / MIB
    ));
    lines.join("\n")
}

fn section(image: &Measured) -> Vec<String> {
    let mut lines = vec![
        format!(
            "\n{}: {:.1} MB in {} layers, zTOCs {:.1} MB, built at once {:.1} MB",
            image.name,
            float(image.bytes) / MB,
            image.layers,
            float(image.ztoc_bytes) / MB,
            float(image.ztoc_bytes_at_once) / MB
        ),
        line("", ["wall s", "CPU s", "peak MiB", "disk MB", "MB down/up"]),
    ];
    lines.extend(image.rows.iter().map(row));
    lines.extend(image.ratios.iter().map(|ratio| {
        let [wall, cpu, peak] =
            [ratio.wall, ratio.cpu, ratio.peak].map(|value| format!("{value:.2} x"));
        line(
            &format!("{} / ours", short(ratio.name)),
            [&wall, &cpu, &peak, "", ""],
        )
    }));
    lines.push(format!(
        "second run of ours: {} bytes down, {} up, heads included",
        image.moved_again.down_bytes, image.moved_again.up_bytes
    ));
    lines.extend(image.targets.iter().map(Target::line));
    lines
}

fn row(row: &Row) -> String {
    let costs = &row.costs;
    let moved = format!(
        "{:.1}/{:.1}",
        float(row.moved.down_bytes) / MB,
        float(row.moved.up_bytes) / MB
    );
    let columns = [
        &costs.wall_seconds.shown(1.0, 2),
        &costs.cpu_seconds.shown(1.0, 2),
        &costs.peak_bytes.shown(MIB, 1),
        &format!("{:.1}", costs.disk_bytes.max / MB),
        &moved,
    ];
    line(row.name, columns.map(String::as_str))
}

/// The name of a way up to its explanation.
fn short(name: &str) -> &str {
    name.split(',').next().unwrap_or(name)
}

fn line(name: &str, [wall, cpu, peak, disk, moved]: [&str; 5]) -> String {
    let line = format!("{name:<24} {wall:>22} {cpu:>22} {peak:>22} {disk:>9} {moved:>13}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(wall_seconds: f64, cpu_seconds: f64, peak_mib: u64, disk_bytes: u64) -> Cost {
        Cost {
            wall_seconds,
            cpu_seconds,
            peak_bytes: peak_mib << 20,
            disk_bytes,
        }
    }

    /// An image with two zTOCs of 10 MiB at once, so 64 MiB and 44 more are allowed.
    fn measured(ours: Cost, again_bytes: u64) -> Comparison {
        let image = Image {
            name: "some image",
            layout: "nowhere".into(),
            layers: Vec::new(),
        };
        let again = Moved {
            down_bytes: again_bytes,
            up_bytes: 0,
        };
        let sizes = [10 << 20, 10 << 20, 1 << 20];
        let mut measured = Measured::new(&image, &sizes, 2, Moved::default(), again);
        measured.add_ours(&[ours]);
        let other = [cost(8.0, 13.5, 140, 1 << 30)];
        measured.add_others(&other, &other, Moved::default());
        Comparison::new(1, Vec::new(), vec![measured], cost(0.0, 0.0, 2, 0))
    }

    #[test]
    fn targets_hold_at_their_bounds() {
        let comparison = measured(cost(2.0, 3.0, 108, 0), SECOND_RUN_BYTES);
        assert_eq!(comparison.missed(), Vec::<String>::new());
    }

    #[test]
    fn missed_targets_are_told() {
        let comparison = measured(cost(2.1, 3.1, 109, 1), SECOND_RUN_BYTES + 1);
        assert_eq!(comparison.missed().len(), 5);
        assert_eq!(table(&comparison).matches("DOES NOT HOLD").count(), 5);
    }
}
