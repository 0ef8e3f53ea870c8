//! Images that come by replication, which hands them over part by part: the event may be quicker than a part.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use soci_testkit::image::digest;

use super::*;

/// The event of a replica, at its destination.
fn replicated(repository: &str, tag: &str, digest: &str) -> Value {
    let mut event = push_event(repository, tag, digest);
    event["detail-type"] = "ECR Replication Action".into();
    event["detail"]["action-type"] = "REPLICATE".into();
    event["detail"]["source-account"] = ACCOUNT.into();
    event["detail"]["source-region"] = "us-west-2".into();
    event
}

/// A registry that has everything but the blob or manifest of this digest, until that is there.
async fn without(host: &str, missing: &str, is_there: &Arc<AtomicBool>) -> Proxy {
    let (missing, is_there) = (missing.to_owned(), Arc::clone(is_there));
    Proxy::start(host, move |asked| {
        let is_missing = asked.path.ends_with(&missing) && !is_there.load(Ordering::Relaxed);
        let code = match asked.path.contains("/manifests/") {
            true => "MANIFEST_UNKNOWN",
            false => "BLOB_UNKNOWN",
        };
        let answer = is_missing.then(|| Answer::error(404, code));
        Box::pin(std::future::ready(answer))
    })
    .await
}

/// Found in review: the failure was one for good, and the replica never indexed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_replication_has_not_brought_yet_is_tried_again() {
    let (registry, cloud) = (registry(), Cloud::start());
    for what in ["manifest", "layer"] {
        let repository = format!("mirror/{what}");
        let image = pushed(&registry, &repository, "1").await;
        let root = image.root.digest();
        let missing = match what {
            "manifest" => image.manifests[0].digest().to_owned(),
            _ => digest(Layer::large(1).bytes()),
        };
        assert_ne!(missing, root);
        let is_there = Arc::new(AtomicBool::new(false));
        let proxy = without(registry.host(), &missing, &is_there).await;
        let mut function = Function::start(&cloud, &settings(proxy.host(), &[]));
        let replica = replicated(&repository, "1", root);

        // Of a push nothing is on its way any more.
        let push = push_event(&repository, "1", root);
        let answer = function.invoke(&push, MINUTE).await.unwrap();
        assert_eq!(told(&answer), ("failed", "not-found"), "{answer}");
        assert_eq!(answer["results"][0]["digest"], root, "{answer}");

        let error = function.invoke(&replica, MINUTE).await.unwrap_err();
        assert_eq!(kind(&error), "transient", "{error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(
            message.contains("not yet") && message.contains(&missing),
            "{message}"
        );

        is_there.store(true, Ordering::Relaxed);
        let answer = function.invoke(&replica, MINUTE).await.unwrap();
        assert_eq!(told(&answer), ("indexed", ""), "{answer}");
        let lines = function.end().await;
        assert!(lines.iter().any(|line| line["FailedForNow"] == 1));
    }
}

/// A tag that is not there is no part of a replica: it was deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_gone_is_not_tried_again() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "mirror/app", "1").await;
    let mut function = Function::start(&cloud, &settings(registry.host(), &[]));
    let replica = replicated("mirror/app", "2", image.root.digest());
    let answer = function.invoke(&replica, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("failed", "not-found"), "{answer}");
}
