//! Images of real files: every file in the container equals the source's, and one small file costs little.

use std::time::Instant;

use soci_e2e::Registry;
use soci_lazy::compare::shown;
use soci_lazy::images::{self, SMALL_FILE, Source, SourcePlatform};
use soci_lazy::published::Options;
use soci_lazy::{Built, Format, Published, Pulled, Rig, differences};

/// What one small file may cost, of the image's bytes.
const MOST_PERCENT: f64 = 5.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_platforms_in_an_index() {
    let source = images::two_platforms("index");
    check(source, Registry::docker(), Format::V2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_platform_as_docker_pushes_it() {
    let source = images::one_platform("single");
    check(source, Registry::docker(), Format::V2).await;
}

/// The daemon asks for referrers, hears that there is no such thing, and takes the list under the tag of the manifest's digest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_1_where_a_tag_lists_referrers() {
    let source = images::one_platform("v1-tag");
    let paths = check(source, Registry::docker(), Format::V1).await;
    assert!(paths.iter().any(|path| is_list(path)), "{paths:?}");
}

/// The registry lists them itself, and nobody asks for the tag.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn version_1_where_the_registry_lists_referrers() {
    let source = images::one_platform("v1-api");
    let paths = check(source, Registry::go(), Format::V1).await;
    let is_asked = |path: &String| path.contains("/app/referrers/sha256:");
    assert!(paths.iter().any(is_asked), "{paths:?}");
    assert!(!paths.iter().any(|path| is_list(path)), "{paths:?}");
}

/// Whether a path is that of a tag that lists referrers.
fn is_list(path: &str) -> bool {
    path.contains("/app/manifests/sha256-")
}

/// Every platform, by a rig of its own: what was fetched for one is not there for the next. The paths of what the rigs asked for until
/// each had read its first file.
async fn check(source: Source, registry: Registry, format: Format) -> Vec<String> {
    let started = Instant::now();
    let place = Published::on(registry).await;
    let options = Options {
        format,
        ..Options::default()
    };
    let built = place.index("app", &source.image, options).await;
    let seconds = started.elapsed().as_secs_f64();
    println!("{}: pushed and indexed in {seconds:.1} s", source.image.tag);
    let name = place.name("app", &format.pulled_tag(&source.image.tag));
    let platforms = source.platforms.iter();
    let asked = platforms.map(|platform| {
        let rig = Rig::start(format);
        check_platform(&place, rig, &built, &name, platform)
    });
    asked.flatten().collect()
}

fn check_platform(
    place: &Published,
    mut rig: Rig,
    built: &Built,
    name: &str,
    platform: &SourcePlatform,
) -> Vec<String> {
    let started = Instant::now();
    let _ = place.take_fetched();
    let pulled = rig.pull(name, &platform.name);
    let (lazy, whole) = check_mounts(built, &platform.name, &pulled);

    let expected = &platform.nodes[SMALL_FILE.as_bytes()];
    let one = rig.read_file(&pulled, SMALL_FILE);
    assert_eq!(one.sha256, expected.sha256);
    let first = place.take_fetched();
    let (bytes, requests) = (first.bytes, first.paths.len());
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
    let all_bytes = place.take_fetched().bytes;
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
    first.paths
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
