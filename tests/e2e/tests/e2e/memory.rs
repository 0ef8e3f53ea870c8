//! What the program takes of its machine: memory by the zTOCs that it builds, however large the layers, and no disk at all.
//! `cargo xtask bench image` measures the same on more than a gigabyte.

use std::time::Duration;

use serde_json::Value;
use soci_e2e::{Registry, images, program};

const MIB: u64 = 1 << 20;

/// Peak memory that is taken whatever the image.
const BASE_BYTES: u64 = 64 * MIB;

/// Compressed bytes of each layer: one of them in memory would show.
const LAYER_BYTES: usize = 96 << 20;

/// Layers of the image, all built at once.
const LAYERS: usize = 2;

/// Between two looks at the peak, which the kernel keeps: only what comes after the last look is missed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Defect A13 of AWS's builder, too: copies stay on the disk of a warm environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_are_neither_kept_in_memory_nor_on_disk() {
    let registry = Registry::docker();
    let image = images::incompressible(LAYERS as u64, LAYER_BYTES, "1");
    images::push(&*registry.store("app"), &image).await.unwrap();
    drop(image);
    let mut command = program::build_without_files(&format!("{}/app:1", registry.host()), LAYERS);
    let child = command.spawn().unwrap();
    let process = child.id().unwrap();
    let output = child.wait_with_output();
    tokio::pin!(output);
    let mut peak_bytes = 0;
    let output = loop {
        tokio::select! {
            output = &mut output => break output.unwrap(),
            () = tokio::time::sleep(BETWEEN_LOOKS) => peak_bytes = peak_of(process).unwrap_or(peak_bytes),
        }
    };
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {words}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"], "indexed", "{report}");
    let layers = report["platforms"][0]["layers"].as_array().unwrap();
    let sizes = layers.iter().map(|layer| layer["ztoc"]["size"].as_u64());
    let ztoc_bytes: u64 = sizes.map(Option::unwrap).sum();
    assert_eq!(layers.len(), LAYERS);
    let limit_bytes = BASE_BYTES + ztoc_bytes * 22 / 10;
    assert!(peak_bytes > MIB, "the peak was seen: {peak_bytes}");
    assert!(
        peak_bytes <= limit_bytes,
        "{} MiB at the peak, {} MiB are allowed for zTOCs of {ztoc_bytes} bytes",
        peak_bytes / MIB,
        limit_bytes / MIB
    );
}

/// The largest resident set of a process so far.
fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
