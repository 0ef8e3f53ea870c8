//! The comparison of function sizes: limits, table.

use serde::Serialize;

use super::lambda::Indexed;
use crate::image::make::Image;
use crate::measure::Cost;
use crate::report::runs_line;
use crate::stats::{MIB, Spread, Target, float};
use soci_test_aws::cgroup::Size;

/// The reference takes at least so many times our GB-seconds, in the size of AWS's builder.
const COST_RATIO: f64 = 3.3;

/// Peak memory that the function may take whatever the image.
const MEMORY_BASE_BYTES: f64 = 96.0 * MIB;

/// Peak memory that it may take for each byte of the zTOCs that it builds at once.
const MEMORY_PER_ZTOC_BYTE: f64 = 2.2;

/// Layers that are read at once, in all of these sizes.
const AT_ONCE: usize = 2;

/// From the start of the process to its first request to the runtime API.
const START_SECONDS: f64 = 0.020;

/// Bytes of a zip.
const ZIP_BYTES: u64 = 6_000_000;

const MB: f64 = 1e6;
const GB: f64 = 1e9;

/// What is measured of the program alone.
pub(super) struct Package {
    pub(super) start_seconds: Vec<f64>,
    pub(super) program_bytes: u64,
    pub(super) zip_bytes: u64,
}

/// What was measured, and what came out.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    versions: Vec<(String, String)>,
    runs: u16,
    starts: usize,
    start_seconds: Spread,
    program_bytes: u64,
    zip_bytes: u64,
    images: Vec<Section>,
    targets: Vec<Target>,
}

/// Samples of one image.
pub(super) struct Measured {
    name: &'static str,
    layers: usize,
    bytes: u64,
    ztoc_bytes_at_once: u64,
    builders_size: Size,
    reference: Vec<f64>,
    ours: Vec<Samples>,
}

struct Samples {
    size: Size,
    seconds: Vec<f64>,
    peak_bytes: Vec<f64>,
}

/// One image, summed up.
#[derive(Debug, Serialize)]
struct Section {
    name: &'static str,
    layers: usize,
    bytes: u64,
    ztoc_bytes_at_once: u64,
    reference: Row,
    ours: Vec<Row>,
    targets: Vec<Target>,
}

/// One size.
#[derive(Debug, Serialize)]
struct Row {
    size: Size,
    seconds: Spread,
    /// GB-seconds for each compressed GB, as Lambda counts them: its GB of memory has 1,024 MiB.
    gb_seconds_per_gb: Spread,
    /// Compressed bytes in a second of a whole core.
    bytes_per_core_second: f64,
    peak_bytes: Option<Spread>,
}

impl Measured {
    pub(super) fn new(image: &Image, builders_size: Size, sizes: &[Size]) -> Measured {
        let ours = sizes.iter().map(|size| Samples {
            size: *size,
            seconds: Vec::new(),
            peak_bytes: Vec::new(),
        });
        Measured {
            name: image.name,
            layers: image.layers.len(),
            bytes: image.bytes(),
            ztoc_bytes_at_once: 0,
            builders_size,
            reference: Vec::new(),
            ours: ours.collect(),
        }
    }

    pub(super) fn add_reference(&mut self, cost: Cost) {
        self.reference.push(cost.wall_seconds);
    }

    /// A run in the size with this place among all.
    pub(super) fn add_ours(&mut self, place: usize, indexed: Indexed) {
        let mut ztoc_bytes = indexed.ztoc_bytes;
        ztoc_bytes.sort_unstable_by(|a, b| b.cmp(a));
        self.ztoc_bytes_at_once = ztoc_bytes.iter().take(AT_ONCE).sum();
        let samples = &mut self.ours[place];
        samples.seconds.push(indexed.seconds);
        samples.peak_bytes.push(float(indexed.peak_bytes));
    }

    /// At least one run of each.
    fn summed_up(self) -> Section {
        let bytes = float(self.bytes);
        let row = |size: Size, seconds: &[f64], peaks: &[f64]| {
            let memory_gb = float(size.memory_mib) / 1024.0;
            let seconds_spread = Spread::of(seconds.iter().copied());
            Row {
                size,
                seconds: seconds_spread,
                gb_seconds_per_gb: Spread::of(
                    seconds
                        .iter()
                        .map(|seconds| seconds * memory_gb * GB / bytes),
                ),
                bytes_per_core_second: bytes / (seconds_spread.median * size.cores),
                peak_bytes: (!peaks.is_empty()).then(|| Spread::of(peaks.iter().copied())),
            }
        };
        let reference = row(self.builders_size, &self.reference, &[]);
        let ours = self.ours.iter();
        let ours: Vec<_> = ours
            .map(|samples| row(samples.size, &samples.seconds, &samples.peak_bytes))
            .collect();
        let targets = targets(&reference, &ours, self.ztoc_bytes_at_once);
        Section {
            name: self.name,
            layers: self.layers,
            bytes: self.bytes,
            ztoc_bytes_at_once: self.ztoc_bytes_at_once,
            reference,
            ours,
            targets,
        }
    }
}

fn targets(reference: &Row, ours: &[Row], ztoc_bytes_at_once: u64) -> Vec<Target> {
    let limit_bytes = MEMORY_BASE_BYTES + MEMORY_PER_ZTOC_BYTE * float(ztoc_bytes_at_once);
    let same_size = ours.iter().filter(|row| row.size == reference.size);
    let cost = same_size.map(|row| {
        let ratio = reference.gb_seconds_per_gb.median / row.gb_seconds_per_gb.median;
        let name = format!("GB-seconds at {}, reference / ours", shown(row.size));
        Target::at_least(name, COST_RATIO, ratio)
    });
    let memory = ours.iter().filter_map(|row| {
        let name = format!("peak memory at {}", shown(row.size));
        Some(Target::at_most_bytes(
            name,
            limit_bytes,
            row.peak_bytes?.max,
        ))
    });
    cost.chain(memory).collect()
}

impl Comparison {
    pub(super) fn new(
        runs: u16,
        versions: Vec<(String, String)>,
        package: &Package,
        images: Vec<Measured>,
    ) -> Comparison {
        let start_seconds = Spread::of(package.start_seconds.iter().copied());
        let start = Target {
            name: "start, median".to_owned(),
            wanted: format!("<= {:.0} ms", START_SECONDS * 1e3),
            measured: format!("{:.1} ms", start_seconds.median * 1e3),
            holds: start_seconds.median <= START_SECONDS,
        };
        let zip = Target {
            name: "size of the zip".to_owned(),
            wanted: format!("<= {:.1} MB", float(ZIP_BYTES) / MB),
            measured: format!("{:.1} MB", float(package.zip_bytes) / MB),
            holds: package.zip_bytes <= ZIP_BYTES,
        };
        Comparison {
            versions,
            runs,
            starts: package.start_seconds.len(),
            start_seconds,
            program_bytes: package.program_bytes,
            zip_bytes: package.zip_bytes,
            images: images.into_iter().map(Measured::summed_up).collect(),
            targets: vec![start, zip],
        }
    }

    /// The limits that do not hold.
    pub(super) fn missed(&self) -> Vec<String> {
        let images = self.images.iter();
        let of_images = images.flat_map(|image| Target::missed(image.name, &image.targets));
        [
            Target::missed("package", &self.targets),
            of_images.collect(),
        ]
        .concat()
    }
}

/// The comparison for people.
pub(super) fn table(comparison: &Comparison) -> String {
    let versions = comparison.versions.iter();
    let mut lines: Vec<_> = versions
        .map(|(name, version)| format!("{name:<16} {version}"))
        .collect();
    lines.push(format!(
        "start: {} ms of {} starts; program {:.2} MB, zip {:.2} MB",
        comparison.start_seconds.shown(1e-3, 1),
        comparison.starts,
        float(comparison.program_bytes) / MB,
        float(comparison.zip_bytes) / MB
    ));
    lines.extend(comparison.targets.iter().map(Target::line));
    lines.push(runs_line(comparison.runs));
    for image in &comparison.images {
        lines.extend(section(image));
    }
    lines.join("\n")
}

fn section(image: &Section) -> Vec<String> {
    let mut lines = vec![
        format!(
            "\n{}: {:.1} MB in {} layers, zTOCs built at once {:.1} MB",
            image.name,
            float(image.bytes) / MB,
            image.layers,
            float(image.ztoc_bytes_at_once) / MB
        ),
        line(
            "",
            ["seconds", "GB-seconds per GB", "MB per core s", "peak MiB"],
        ),
    ];
    lines.extend(image.ours.iter().map(|each| row("ours", each)));
    lines.push(row("reference, folders", &image.reference));
    lines.extend(image.targets.iter().map(Target::line));
    lines
}

fn row(name: &str, row: &Row) -> String {
    let peak = row.peak_bytes.map(|peak| peak.shown(MIB, 1));
    line(
        &format!("{name}, {}", shown(row.size)),
        [
            &row.seconds.shown(1.0, 1),
            &row.gb_seconds_per_gb.shown(1.0, 1),
            &format!("{:.1}", row.bytes_per_core_second / MB),
            peak.as_deref().unwrap_or_default(),
        ],
    )
}

fn shown(size: Size) -> String {
    format!("{:.2} cores, {} MiB", size.cores, size.memory_mib)
}

fn line(name: &str, [seconds, cost, rate, peak]: [&str; 4]) -> String {
    let line = format!("{name:<42} {seconds:>24} {cost:>24} {rate:>14} {peak:>24}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [Size; 2] = [
        Size {
            cores: 0.5,
            memory_mib: 1_024,
        },
        Size {
            cores: 2.0,
            memory_mib: 4_096,
        },
    ];

    /// An image of 1 GB with two zTOCs of 10 MiB at once, so 96 MiB and 44 more are allowed.
    fn compared(
        ours_seconds: f64,
        peak_mib: u64,
        start_seconds: f64,
        zip_bytes: u64,
    ) -> Comparison {
        let mut measured = Measured {
            name: "some image",
            layers: 3,
            bytes: 1_000_000_000,
            ztoc_bytes_at_once: 0,
            builders_size: SIZES[0],
            reference: vec![33.0],
            ours: Vec::new(),
        };
        for (place, size) in SIZES.into_iter().enumerate() {
            measured.ours.push(Samples {
                size,
                seconds: Vec::new(),
                peak_bytes: Vec::new(),
            });
            let indexed = Indexed {
                seconds: ours_seconds,
                peak_bytes: peak_mib << 20,
                ztoc_bytes: vec![10 << 20, 1 << 20, 10 << 20],
            };
            measured.add_ours(place, indexed);
        }
        let package = Package {
            start_seconds: vec![start_seconds],
            program_bytes: 9_000_000,
            zip_bytes,
        };
        Comparison::new(1, Vec::new(), &package, vec![measured])
    }

    #[test]
    fn targets_hold_at_their_bounds() {
        let comparison = compared(10.0, 140, 0.02, 6_000_000);
        assert_eq!(comparison.missed(), Vec::<String>::new());
        let [small, large] = &comparison.images[0].ours[..] else {
            panic!("two sizes");
        };
        assert!((small.gb_seconds_per_gb.median - 10.0).abs() < 1e-9);
        assert!((small.bytes_per_core_second - 2e8).abs() < 1.0);
        assert!((large.gb_seconds_per_gb.median - 40.0).abs() < 1e-9);
    }

    #[test]
    fn missed_targets_are_told() {
        let comparison = compared(10.1, 141, 0.021, 6_000_001);
        // Start, zip, cost, and memory in both sizes.
        assert_eq!(comparison.missed().len(), 5);
        assert_eq!(table(&comparison).matches("DOES NOT HOLD").count(), 5);
    }
}
