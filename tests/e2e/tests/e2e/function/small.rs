//! A large image in a small function: memory grows with the zTOCs, not with the image, and a part of a core is enough.

use serde_json::Value;
use soci_e2e::aws::cgroup::{Group, Size};
use soci_e2e::aws::{Cloud, push_event};
use soci_e2e::function::Function;
use soci_e2e::images;

use super::{MINUTE, registry, told};

/// Compressed bytes of each layer: one of them in memory would show.
const LAYER_BYTES: usize = 96 << 20;

/// More than a gigabyte of layers.
const LAYERS: u64 = 11;

const SIZE: Size = Size {
    cores: 0.5,
    memory_mib: 512,
};

/// Peak memory that is taken whatever the image.
const BASE_BYTES: u64 = 96 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_passes_through_half_a_core() {
    // Declared before the function, so removed after its end.
    let group = Group::new(SIZE).unwrap();
    let (registry, cloud) = (registry(), Cloud::start());
    let image = images::incompressible(LAYERS, LAYER_BYTES, "1");
    images::push(&*registry.store("app"), &image).await.unwrap();
    let event = push_event("app", "1", image.root.digest());
    drop(image);
    let settings = [("SOCI_REGISTRY_ENDPOINT", registry.host())];
    let mut function = Function::start_held(&group, SIZE, &cloud, &settings);
    let answer = function.invoke(&event, MINUTE * 14).await.unwrap();

    assert_eq!(told(&answer), ("indexed", ""), "{answer}");
    let layers = answer["results"][0]["platforms"][0]["layers"]
        .as_array()
        .unwrap();
    let bytes = |of: fn(&Value) -> &Value| -> u64 {
        layers.iter().map(|layer| of(layer).as_u64().unwrap()).sum()
    };
    let (layer_bytes, ztoc_bytes) = (
        bytes(|layer| &layer["size"]),
        bytes(|layer| &layer["ztoc"]["size"]),
    );
    assert!(layer_bytes >= 1_000_000_000, "{layer_bytes}");
    let lines = function.end().await;
    let told: Vec<_> = lines
        .iter()
        .filter_map(|line| line["PeakMemory"].as_u64())
        .collect();
    let [peak_bytes] = told[..] else {
        panic!("one line with metrics: {told:?}")
    };
    println!(
        "{layer_bytes} bytes of layers, {ztoc_bytes} of zTOCs, {peak_bytes} of memory at the peak"
    );
    assert!(
        peak_bytes <= BASE_BYTES + ztoc_bytes * 22 / 10,
        "{peak_bytes} of memory for {ztoc_bytes} of zTOCs"
    );
}
