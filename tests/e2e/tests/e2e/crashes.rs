//! Stopped at every single write in turn, before it and after it, by an error and by an abrupt end: whatever is tagged is complete, and
//! the next run ends where an undisturbed one does.

use std::sync::Arc;

use soci_e2e::{Moment, Registry, Walked, Watched, images, index, options, prove, tagged, walk};
use soci_index::{IndexOptions, Outcome};
use soci_registry::{Action, Error, Store, Target};
use tokio::sync::Notify;

/// How a run ends at its write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// The store gives an error.
    Error,
    /// The process is no more.
    Abort,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_at_any_write_the_repository_is_valid_and_the_next_run_converges() {
    let registry = Registry::docker();
    let undisturbed = registry.store("undisturbed");
    let image = images::two_platforms(1, "1");
    images::push(&*undisturbed, &image).await.unwrap();
    let watched = Watched::only(&undisturbed);
    let report = index(&(watched.clone() as _), "1", &options()).await;
    assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
    let expected = walk(&*undisturbed, &tagged("1-soci")).await.unwrap();
    prove(&expected).unwrap();
    let writes = watched.steps().len();
    // Three zTOCs, the config, and for each platform a SOCI index and a manifest; the image index last.
    assert_eq!(writes, 3 + 1 + 2 * 2 + 1);

    for write in 0..writes {
        for moment in [Moment::Before, Moment::After] {
            for end in [End::Error, End::Abort] {
                let name = format!("stopped/{write}/{moment:?}/{end:?}").to_lowercase();
                let store = registry.store(&name);
                images::push(&*store, &image).await.unwrap();
                stop(&store, &options(), write, moment, end).await;
                everything_tagged_is_complete(&*store, &name).await;
                let tagged_already = write + 1 == writes && moment == Moment::After;
                converges(&store, &expected, tagged_already, &name).await;
            }
        }
    }
}

/// Runs the job up to one moment of one write.
pub(crate) async fn stop(
    store: &Arc<dyn Store>,
    options: &IndexOptions,
    write: usize,
    moment: Moment,
    end: End,
) {
    let reached = Arc::new(Notify::new());
    let there = Arc::clone(&reached);
    let watched = Watched::new(store, move |now, number, _| {
        let there = Arc::clone(&there);
        Box::pin(async move {
            if (now, number) != (moment, write) {
                return Ok(());
            }
            if end == End::Abort {
                there.notify_one();
                std::future::pending::<()>().await;
            }
            let (action, last) = (Action::PushManifest, None);
            Err(Error::Deadline { action, last })
        })
    }) as Arc<dyn Store>;
    tokio::select! {
        report = index(&watched, "1", options) => {
            assert_eq!(end, End::Error, "{report:?}");
            assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
            assert_eq!((report.kind, report.retryable), (Some("deadline"), Some(true)));
            assert_eq!(report.output, None);
        }
        // The job's future is dropped here.
        () = reached.notified() => assert_eq!(end, End::Abort),
    }
}

async fn everything_tagged_is_complete(store: &dyn Store, name: &str) {
    for tag in store.tags().await.unwrap() {
        let found = walk(store, &Target::Tag(tag.clone())).await;
        found.unwrap_or_else(|missing| panic!("{name}: {tag}: {missing}"));
    }
}

async fn converges(store: &Arc<dyn Store>, expected: &Walked, tagged_already: bool, name: &str) {
    let report = index(store, "1", &options()).await;
    let outcome = if tagged_already {
        Outcome::AlreadyIndexed
    } else {
        Outcome::Indexed
    };
    assert_eq!(report.outcome, outcome, "{name}: {report:?}");
    let found = walk(&**store, &tagged("1-soci")).await.unwrap();
    assert!(found == *expected, "{name}: the same bytes");
    assert_eq!(store.tags().await.unwrap().len(), 2, "{name}");
}
