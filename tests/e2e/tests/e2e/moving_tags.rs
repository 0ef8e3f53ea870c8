//! The source tag moves while a job runs: in the end the output is the index of what the source holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use soci_e2e::{Moment, Registry, Step, Watched, images, index, options, prove, tagged, walk};
use soci_index::Outcome;
use soci_registry::{Digest, Store};

/// The digest of the output for an image, by an undisturbed run.
async fn undisturbed(registry: &Registry, seed: u64) -> Digest {
    let store = registry.store(&format!("undisturbed/{seed}"));
    let image = images::two_platforms(seed, "1");
    images::push(&*store, &image).await.unwrap();
    let report = index(&store, "1", &options()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    walk(&*store, &tagged("1-soci")).await.unwrap().root
}

/// What another writer does while the job stands still.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Other {
    /// Moves the source tag.
    Moves,
    /// Moves the source tag and indexes what it holds then.
    MovesAndIndexes,
}

/// Defect A11 of AWS's builder: quick pushes leave the output tag on the older image.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_around_the_last_write_is_followed() {
    let registry = Registry::docker();
    let expected = undisturbed(&registry, 20).await;
    for moment in [Moment::Before, Moment::After] {
        for other in [Other::Moves, Other::MovesAndIndexes] {
            let name = format!("moving/{moment:?}/{other:?}").to_lowercase();
            let store = registry.store(&name);
            images::push(&*store, &images::two_platforms(10, "1"))
                .await
                .unwrap();
            let beside = Arc::clone(&store);
            let paused = Watched::new(&store, move |now, number, step| {
                let beside = Arc::clone(&beside);
                Box::pin(async move {
                    // Only the first time: the job comes by again.
                    if now == moment && number < 9 && matches!(step, Step::Tag(..)) {
                        let image = images::two_platforms(20, "1");
                        images::push(&*beside, &image).await?;
                        if other == Other::MovesAndIndexes {
                            let report = index(&beside, "1", &options()).await;
                            assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
                        }
                    }
                    Ok(())
                })
            }) as Arc<dyn Store>;

            let report = index(&paused, "1", &options()).await;

            let moved_back = moment == Moment::After && other == Other::MovesAndIndexes;
            let outcome = if moved_back {
                Outcome::AlreadyIndexed
            } else {
                Outcome::Indexed
            };
            assert_eq!(report.outcome, outcome, "{name}: {report:?}");
            let found = walk(&*store, &tagged("1-soci")).await.unwrap();
            assert_eq!(found.root, expected, "{name}");
            assert_eq!(report.output.unwrap().digest, Some(expected.to_string()));
            prove(&found).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_never_stands_still_may_be_tried_later() {
    let registry = Registry::docker();
    let store = registry.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let beside = Arc::clone(&store);
    let seed = Arc::new(AtomicU64::new(100));
    let restless = Watched::new(&store, move |now, _, step| {
        let (beside, seed) = (Arc::clone(&beside), Arc::clone(&seed));
        Box::pin(async move {
            if now == Moment::After && matches!(step, Step::Tag(..)) {
                let seed = seed.fetch_add(10, Ordering::SeqCst);
                images::push(&*beside, &images::two_platforms(seed, "1")).await?;
            }
            Ok(())
        })
    }) as Arc<dyn Store>;
    let report = index(&restless, "1", &options()).await;
    assert_eq!(
        (report.kind, report.retryable),
        (Some("tag-moved"), Some(true))
    );
    let later = index(&store, "1", &options()).await;
    assert_eq!(later.outcome, Outcome::Indexed, "{later:?}");
    prove(&walk(&*store, &tagged("1-soci")).await.unwrap()).unwrap();
}

/// One stands still around each of its writes in turn while the other runs from beginning to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_jobs_on_a_tag_agree_wherever_they_meet() {
    let registry = Registry::docker();
    let expected = undisturbed(&registry, 1).await.to_string();
    let image = images::two_platforms(1, "1");
    for meeting in 0..9 {
        for moment in [Moment::Before, Moment::After] {
            let name = format!("meeting/{meeting}/{moment:?}").to_lowercase();
            let store = registry.store(&name);
            images::push(&*store, &image).await.unwrap();
            let beside = Arc::clone(&store);
            let paused = Watched::new(&store, move |now, number, _| {
                let beside = Arc::clone(&beside);
                Box::pin(async move {
                    if (now, number) == (moment, meeting) {
                        let report = index(&beside, "1", &options()).await;
                        assert_ne!(report.outcome, Outcome::Failed, "{report:?}");
                    }
                    Ok(())
                })
            }) as Arc<dyn Store>;
            let report = index(&paused, "1", &options()).await;
            assert_eq!(report.outcome, Outcome::Indexed, "{name}: {report:?}");
            let digest = report.output.unwrap().digest;
            assert_eq!(digest.as_ref(), Some(&expected), "{name}");
            let found = walk(&*store, &tagged("1-soci")).await.unwrap();
            assert_eq!(found.root.to_string(), expected, "{name}");
        }
    }
}
