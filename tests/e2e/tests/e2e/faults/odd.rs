//! Registries that say one thing and do another: the work is done, or the next run does it.

use soci_e2e::fault::{Ask, Fault, Rule, When};
use soci_index::Outcome;

use super::bench::{Bench, Plan, wanted};
use super::image;

/// What is asked, and what always goes wrong with it, by name.
fn converging() -> Vec<Plan> {
    let absent = Fault::Status(404, "");
    let mut rules: Vec<(Ask, Fault)> = vec![
        (Ask::LookForBlob, absent),
        (Ask::LookForManifest, absent),
        // The bytes decide what a tag holds, not a header.
        (Ask::LookForTag, Fault::WrongDigest),
        (Ask::LookForManifest, Fault::WrongDigest),
    ];
    for ask in [Ask::PushBlob, Ask::PushManifest, Ask::PushTag] {
        for fault in [
            Fault::StoredBut(500),
            Fault::StoredBut(502),
            Fault::StoredBut(503),
            Fault::StoredBut(429),
            Fault::Lost,
            Fault::Cut(0),
        ] {
            rules.push((ask, fault));
        }
    }
    let case = |(ask, fault)| {
        let name = format!("{fault:?} at {ask:?}");
        Plan::case("odd::what_is_done", name, vec![Rule::always(ask, fault)])
    };
    rules.into_iter().map(case).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_though_told_otherwise_converges() {
    let bench = Bench::new(image()).await;
    for plan in wanted(converging()) {
        let run = bench.run(plan).await;
        assert_eq!(run.report.outcome, Outcome::Indexed, "{run}");
        assert_eq!(run.report.bytes.downloaded, bench.layer_bytes(), "{run}");
        assert!(run.faults() > 0, "{run}  the fault is met");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_is_gone_is_told_though_the_registry_only_hangs_up() {
    let bench = Bench::new(image()).await;
    for fault in [Fault::Refused, Fault::HungUp] {
        let rules = vec![
            Rule::always(Ask::StartUpload, fault),
            Rule::always(Ask::ListTags, Fault::Status(404, "NAME_UNKNOWN")),
        ];
        let name = format!("{fault:?} at StartUpload");
        let run = bench
            .run(Plan::case("odd::a_repository", name, rules))
            .await;
        run.has_failed(&["not-found"], false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_that_are_not_there_though_told_so_are_missed_in_time() {
    let bench = Bench::new(image()).await;
    let rules = vec![Rule::always(Ask::LookForBlob, Fault::Status(200, ""))];
    let plan = Plan::case("odd::blobs", "present at LookForBlob", rules);
    let run = bench.run(plan).await;
    run.has_failed(&["not-found"], false);
    assert!(run.faults() > 0, "{run}");
}

/// A registry that denies what it has: it is written once more, with the same bytes, and no layer is read where only that is in doubt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_though_told_otherwise_converges() {
    let bench = Bench::new(image()).await;
    let denied = [
        (Ask::LookForBlob, None, false),
        (Ask::LookForBlob, None, true),
        (Ask::LookForManifest, None, true),
        (Ask::LookForTag, Some("1-soci"), true),
    ];
    let case = |(ask, about, force): (Ask, Option<&str>, bool)| {
        let rule = Rule {
            ask,
            about: about.map(str::to_owned),
            when: When::Always,
            fault: Fault::Status(404, ""),
        };
        let name = format!("absent at {ask:?}, force: {force}");
        Plan {
            is_there: true,
            force,
            ..Plan::case("odd::what_is_there", name, vec![rule])
        }
    };
    for plan in wanted(denied.into_iter().map(case).collect()) {
        let run = bench.run(plan).await;
        assert_eq!(run.report.outcome, Outcome::Indexed, "{run}");
        assert!(run.faults() > 0, "{run}  the fault is met");
        let reads_layers = run.seen.iter().any(|seen| seen.ask.is_layer());
        assert_eq!(reads_layers, run.plan.force, "{run}");
    }
}

/// Blobs of the result: a zTOC for each layer that is read, and their config.
const BLOBS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_that_the_registry_lost_is_stored_once_more() {
    let bench = Bench::new(image()).await;
    for nth in 0..BLOBS {
        // It says that it has stored what it has not, and refuses the manifests that name it.
        let rules = vec![Rule::nth(Ask::PushBlob, nth, Fault::Status(201, ""))];
        let plan = Plan::case("odd::a_blob", format!("lost at PushBlob {nth}"), rules);
        let run = bench.run(plan).await;
        assert_eq!(run.report.outcome, Outcome::Indexed, "{run}");
        assert_eq!(run.faults(), 1, "{run}");
        let again = run.report.bytes.downloaded - bench.layer_bytes();
        // The config comes last, and takes no layer to be made again.
        let layers = run.report.platforms.iter().flat_map(|p| &p.layers);
        let is_of_one = layers.map(|layer| layer.size).any(|size| size == again);
        assert!(
            if nth == BLOBS - 1 {
                again == 0
            } else {
                is_of_one
            },
            "{run}  {again} bytes again"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_loses_blobs_again_is_a_failure() {
    let bench = Bench::new(image()).await;
    let rules = vec![Rule::always(Ask::PushBlob, Fault::Status(201, ""))];
    let plan = Plan::case("odd::a_registry", "lost at each PushBlob", rules);
    let run = bench.run(plan).await;
    run.has_failed(&["not-found"], false);
    let pushed = run.seen.iter();
    let pushed = pushed.filter(|seen| seen.ask == Ask::PushManifest).count();
    assert_eq!(pushed, 2, "{run}  once, and once more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_were_missed_once_are_looked_for_and_no_layer_is_read_again() {
    let bench = Bench::new(image()).await;
    for (ask, code) in [
        (Ask::PushManifest, "LAYERS_NOT_FOUND"),
        (Ask::PushManifest, "MANIFEST_BLOB_UNKNOWN"),
        (Ask::PushTag, "ReferencedImagesNotFoundException"),
        (Ask::PushTag, "MANIFEST_BLOB_UNKNOWN"),
    ] {
        let rules = vec![Rule::nth(ask, 0, Fault::Status(400, code))];
        let plan = Plan::case("odd::parts", format!("{code} at {ask:?}"), rules);
        let run = bench.run(plan).await;
        assert_eq!(run.report.outcome, Outcome::Indexed, "{run}");
        assert_eq!(run.faults(), 1, "{run}");
        assert_eq!(run.report.bytes.downloaded, bench.layer_bytes(), "{run}");
    }
}
