//! Images of real files: every file in the container equals the source's, and one small file costs little.

use std::time::Instant;

use soci_lazy::compare::shown;
use soci_lazy::images::{self, SMALL_FILE, Source, SourcePlatform};
use soci_lazy::published::Options;
use soci_lazy::{Built, Published, Pulled, Rig, differences};

/// What one small file may cost, of the image's bytes.
const MOST_PERCENT: f64 = 5.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_platforms_in_an_index() {
    check(images::two_platforms, "index").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_platform_as_docker_pushes_it() {
    check(images::one_platform, "single").await;
}

/// Every platform, by a rig of its own: what was fetched for one is not there for the next.
async fn check(make: fn(&str) -> Source, tag: &str) {
    let started = Instant::now();
    let source = make(tag);
    let place = Published::new().await;
    let built = place.index("app", &source.image, Options::default()).await;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{}: made, pushed and indexed in {seconds:.1} s",
        source.image.tag
    );
    let name = place.name("app", &format!("{}-soci", source.image.tag));
    for platform in &source.platforms {
        check_platform(&place, &built, &name, platform);
    }
}

fn check_platform(place: &Published, built: &Built, name: &str, platform: &SourcePlatform) {
    let started = Instant::now();
    let mut rig = Rig::start();
    let _ = place.take_fetched();
    let pulled = rig.pull(name, &platform.name);
    let (lazy, whole) = check_mounts(built, &platform.name, &pulled);

    let expected = &platform.nodes[SMALL_FILE.as_bytes()];
    let one = rig.read_file(&pulled, SMALL_FILE);
    assert_eq!(one.sha256, expected.sha256);
    let (bytes, requests) = place.take_fetched();
    let percent = bytes as f64 / platform.layer_bytes as f64 * 100.0;
    assert!(
        percent < MOST_PERCENT,
        "{bytes} bytes of {} were fetched for one small file",
        platform.layer_bytes
    );

    let seen = rig.read_image(&pulled);
    let wrong = differences(&platform.nodes, &seen);
    assert!(
        wrong.is_empty(),
        "{name} {}:\n{}",
        platform.name,
        shown(&wrong)
    );
    let (all_bytes, _) = place.take_fetched();
    println!(
        "{name} {}: {lazy} layers lazy, {whole} whole, {} spans; one file: {bytes} of {} bytes ({percent:.2} %) in {requests} \
         requests; all {} names, {} of them files: the same, {all_bytes} bytes more; {:.1} s",
        platform.name,
        built.spans(&platform.name),
        platform.layer_bytes,
        seen.len(),
        seen.values().filter(|node| node.kind == "file").count(),
        started.elapsed().as_secs_f64(),
    );
}

/// A layer is mounted through FUSE if and only if it was indexed. How many are, and how many are not.
fn check_mounts(built: &Built, platform: &str, pulled: &Pulled) -> (usize, usize) {
    let layers = built.layers(platform);
    assert_eq!(pulled.layers.len(), layers.len());
    for layer in &pulled.layers {
        let reason = &layers[&layer.digest];
        assert_eq!(layer.is_lazy(), reason.is_none(), "{layer:?}: {reason:?}");
    }
    let lazy = pulled.layers.iter().filter(|layer| layer.is_lazy()).count();
    assert!(lazy > 0, "nothing is loaded lazily");
    (lazy, layers.len() - lazy)
}
