//! Every odd layer that the table has as indexed, read in a container through an overlay of its own.

use std::time::Instant;

use soci_lazy::compare::shown;
use soci_lazy::images::{OddImage, files, odd_images};
use soci_lazy::published::Options;
use soci_lazy::{Format, Published, Rig, regular_files_differ};
use soci_testkit::odd::ODD_SPAN;

const PLATFORM: &str = "linux/amd64";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_of_every_odd_layer_that_is_indexed() {
    let place = Published::new().await;
    let mut rig = Rig::start(Format::V2);
    let mut wrong = Vec::new();
    for image in odd_images() {
        wrong.extend(check(&place, &mut rig, &image).await);
    }
    assert!(
        wrong.is_empty(),
        "{} layers are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The layers that are not as the table says, in words.
async fn check(place: &Published, rig: &mut Rig, odd: &OddImage) -> Vec<String> {
    let started = Instant::now();
    let options = Options {
        span_bytes: Some(ODD_SPAN),
        multi_member: odd.multi_member,
        ..Options::default()
    };
    let tag = &odd.image.tag;
    let built = place.index("odd", &odd.image, options).await;
    let outcomes = built.layers(PLATFORM);
    let pulled = rig.pull(&place.name("odd", &format!("{tag}-soci")), PLATFORM);
    assert_eq!(pulled.layers.len(), odd.cases.len());
    let mut wrong = Vec::new();
    for (case, layer) in odd.cases.iter().zip(&pulled.layers) {
        if let Some(reason) = &outcomes[&layer.digest] {
            wrong.push(format!("{}: not indexed: {reason}", case.id));
        } else if !layer.is_lazy() {
            wrong.push(format!("{}: not loaded lazily: {layer:?}", case.id));
        }
    }
    let mut read = 0;
    for (case, seen) in odd.cases.iter().zip(rig.read_layers(&pulled)) {
        let expected = files(case);
        read += expected.len();
        let found = regular_files_differ(&expected, &seen);
        if !found.is_empty() {
            wrong.push(format!("{}: {}", case.id, shown(&found)));
        }
    }
    println!(
        "{tag}: {} odd layers, {} spans, {read} files read; {} wrong; {:.1} s",
        odd.cases.len(),
        built.spans(PLATFORM),
        wrong.len(),
        started.elapsed().as_secs_f64()
    );
    wrong
}
