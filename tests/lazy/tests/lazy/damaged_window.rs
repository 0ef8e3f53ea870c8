//! Whether the rig would notice: an index in which everything is valid but one window.

use soci_e2e::tagged;
use soci_lazy::compare::shown;
use soci_lazy::images::{TEXT_BYTES, text_files};
use soci_lazy::published::Options;
use soci_lazy::{Format, Published, Rig, damage, differences};

/// Small enough for some dozen spans.
const SPAN_BYTES: u64 = 64 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_contents_through_a_wrong_window_are_found() {
    let place = Published::new().await;
    let source = text_files("text");
    let options = Options {
        span_bytes: Some(SPAN_BYTES),
        ..Options::default()
    };
    place.index("app", &source.image, options).await;
    let store = place.registry().store("app");
    let from = tagged("text-soci");
    let span = damage::with_wrong_window(&*store, &from, "damaged")
        .await
        .unwrap();
    let expected = &source.platforms[0].nodes;

    let mut rig = Rig::start(Format::V2);
    let sound = rig.pull(&place.name("app", "text-soci"), "linux/amd64");
    assert!(sound.layers[0].is_lazy());
    assert_eq!(differences(expected, &rig.read_image(&sound)), []);

    // Another rig: the daemon keeps what it knows of a layer, whichever index it came from.
    drop(rig);
    let mut rig = Rig::start(Format::V2);
    // The daemon takes it, mounts it, and the container ends with 0.
    let damaged = rig.pull(&place.name("app", "damaged"), "linux/amd64");
    assert!(damaged.layers[0].is_lazy(), "{}", rig.log());
    let wrong = differences(expected, &rig.read_image(&damaged));
    assert!(!wrong.is_empty(), "a wrong window goes unnoticed");
    // Where the damage hits an entry's header the daemon gives an error; where it hits contents, nothing tells.
    let silent = wrong.iter().filter(|one| one.what == "content").count();
    let loud = wrong.iter().filter(|one| one.what == "error").count();
    let words = shown(&wrong);
    assert!(silent > 0 && silent + loud == wrong.len(), "{words}");
    let files_in_span = (span.end - span.start) / TEXT_BYTES + 2;
    assert!(
        wrong.len() as u64 <= files_in_span,
        "only what is in the span: {words}"
    );
    println!(
        "damaged window: of {} files {silent} have wrong contents without any error, {loud} cannot be read",
        expected.len()
    );
}
