//! A repository whose tags do not move: an equal digest is success, another one a failure that will not pass by itself.

use std::sync::Arc;

use soci_e2e::{Answer, Asked, Proxy, Registry, images, index, options, tag, tagged, walk};
use soci_index::Outcome;
use soci_registry::{Listing, Store};
use tokio::sync::Notify;

/// Answers a PUT to a tag that exists, whatever it holds, as Amazon ECR does.
async fn immutable(asked: Asked, behind: Arc<dyn Store>) -> Option<Answer> {
    let name = asked.path.rsplit('/').next().unwrap_or_default();
    let writes_tag =
        asked.method == "PUT" && asked.path.contains("/manifests/") && !name.contains(':');
    if writes_tag && behind.resolve(&tagged(name)).await.is_ok() {
        return Some(Answer::error(400, "TAG_INVALID"));
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_another_job_set_alike_meanwhile_is_success() {
    let real = Registry::docker();
    let behind = real.store("app");
    let image = images::two_platforms(1, "1");
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_tag, may_pass) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let hidden = Arc::clone(&behind);
    // Stands between the look at the tag and the registry's answer to its PUT.
    let proxy = Proxy::start(real.host(), move |asked| {
        let (at_tag, may_pass, hidden) = (
            Arc::clone(&at_tag),
            Arc::clone(&may_pass),
            Arc::clone(&hidden),
        );
        Box::pin(async move {
            if asked.method == "PUT" && asked.path.ends_with("/1-soci") {
                at_tag.notify_one();
                may_pass.notified().await;
            }
            immutable(asked, hidden).await
        })
    })
    .await;
    let store = proxy.store("app");
    images::push(&*store, &image).await.unwrap();
    let options = options();
    let other = async {
        arrived.notified().await;
        let report = index(&behind, "1", &options).await;
        assert_eq!(report.outcome, Outcome::Indexed, "{report:?}");
        go_on.notify_one();
        report
    };
    let (held_up, quicker) = tokio::join!(index(&store, "1", &options), other);
    assert_eq!(held_up.outcome, Outcome::Indexed, "{held_up:?}");
    assert_eq!(held_up.output, quicker.output);
    let again = index(&store, "1", &options).await;
    assert_eq!(again.outcome, Outcome::AlreadyIndexed, "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_holds_something_else_is_a_failure_for_good() {
    let real = Registry::docker();
    let behind = real.store("app");
    let hidden = Arc::clone(&behind);
    let proxy = Proxy::start(real.host(), move |asked| {
        Box::pin(immutable(asked, Arc::clone(&hidden)))
    })
    .await;
    let store = proxy.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    images::push(&*store, &images::two_platforms(50, "1-soci"))
        .await
        .unwrap();
    let before = walk(&*behind, &tagged("1-soci")).await.unwrap();
    let report = index(&store, "1", &options()).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
    assert_eq!(
        (report.kind, report.retryable),
        (Some("immutable-tag"), Some(false))
    );
    assert!(report.error.unwrap().contains("1-soci"));
    assert_eq!(walk(&*behind, &tagged("1-soci")).await.unwrap(), before);
    // The proxy itself is right: an equal PUT is refused too, and counts as written.
    let held = behind.manifest(&tagged("1-soci")).await.unwrap();
    let name = tag("1-soci");
    store
        .push_manifest(&held, Listing::Tag(&name))
        .await
        .unwrap();
}
