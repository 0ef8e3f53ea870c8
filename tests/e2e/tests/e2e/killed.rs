//! The program itself, killed without notice at every request that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use soci_e2e::{Proxy, Registry, images, program, prove, tagged, walk};
use soci_registry::Target;
use tokio::sync::Notify;

/// POST and PUT for each of three zTOCs and the config; two SOCI indexes, two manifests and the index.
pub(crate) const WRITES: usize = 2 * 4 + 2 + 2 + 1;

/// Runs `build` to its end; exit code and report.
async fn build(image: &str) -> (Option<i32>, Value) {
    let output = program::build(image).output().await.unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), report)
}

/// A proxy that never passes on one of the requests that write, counted from 0, and tells when it is there.
pub(crate) async fn stopping_at(host: &str, request: usize) -> (Proxy, Arc<Notify>) {
    let reached = Arc::new(Notify::new());
    let (there, writes) = (Arc::clone(&reached), Arc::new(AtomicUsize::new(0)));
    let proxy = Proxy::start(host, move |asked| {
        let (there, writes) = (Arc::clone(&there), Arc::clone(&writes));
        Box::pin(async move {
            let reads = ["GET", "HEAD"].contains(&asked.method.as_str());
            if !reads && writes.fetch_add(1, Ordering::SeqCst) == request {
                there.notify_one();
                std::future::pending::<()>().await;
            }
            None
        })
    })
    .await;
    (proxy, reached)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_request_the_next_run_finishes_the_work() {
    let registry = Registry::docker();
    let image = images::two_platforms(1, "1");
    let mut expected = None;
    // The first round is not killed, there is no such request: it says what the others have to come to.
    for request in (0..=WRITES).rev() {
        let repository = format!("killed/{request}");
        let store = registry.store(&repository);
        images::push(&*store, &image).await.unwrap();
        let (proxy, reached) = stopping_at(registry.host(), request).await;
        let at_proxy = format!("{}/{repository}:1", proxy.host());
        tokio::select! {
            (code, report) = build(&at_proxy) => {
                assert_eq!(request, WRITES, "it is killed: {report}");
                assert_eq!((code, &report["outcome"]), (Some(0), &"indexed".into()));
            }
            () = reached.notified() => assert!(request < WRITES),
        }
        for tag in store.tags().await.unwrap() {
            walk(&*store, &Target::Tag(tag)).await.unwrap();
        }
        let at_registry = format!("{}/{repository}:1", registry.host());
        let (code, report) = build(&at_registry).await;
        let outcome = ["indexed", "already-indexed"][usize::from(request == WRITES)];
        assert_eq!(
            (code, &report["outcome"]),
            (Some(0), &outcome.into()),
            "{request}"
        );
        let found = walk(&*store, &tagged("1-soci")).await.unwrap();
        assert_eq!(prove(&found).unwrap(), 4);
        let expected = expected.get_or_insert_with(|| found.clone());
        assert!(
            found == *expected,
            "killed at request {request}: the same bytes"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_says_what_became_of_the_image() {
    let registry = Registry::docker();
    let store = registry.store("app");
    let image = images::two_platforms(1, "1");
    images::push(&*store, &image).await.unwrap();
    let at = |tag: &str| format!("{}/app:{tag}", registry.host());
    for (tag, code, outcome) in [
        ("1", 0, "indexed"),
        ("1", 0, "already-indexed"),
        ("1-soci", 3, "skipped"),
        ("2", 1, "failed"),
    ] {
        let (found, report) = build(&at(tag)).await;
        assert_eq!(found, Some(code), "{tag}: {report}");
        assert_eq!(report["outcome"], outcome, "{report}");
        assert_eq!(report["image"], at(tag).as_str());
    }
    assert_eq!(store.tags().await.unwrap().len(), 2);
}
