//! The function with version 1 of the index's format: the parts of an image index count, and nothing gets a tag.

use std::collections::BTreeSet;

use soci_registry::{Digest, Store, Target};

use super::*;

const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v1+json";

const V1: [(&str, &str); 1] = [("SOCI_INDEX_VERSION", "V1")];

/// The SOCI indexes that refer to a manifest.
async fn indexes_of(store: &dyn Store, subject: &Digest) -> BTreeSet<Digest> {
    let found = store.referrers(subject, Some(SOCI_INDEX)).await.unwrap();
    found.iter().map(|entry| entry.digest).collect()
}

/// The manifests of an image's platforms.
async fn platforms(store: &dyn Store, tag: &str) -> Vec<Digest> {
    let image = walk(store, &tagged(tag)).await.unwrap();
    let root = image.root;
    let all = image.manifests.into_keys();
    all.filter(|digest| *digest != root).collect()
}

fn outcomes(answer: &Value) -> (&str, &str) {
    assert_eq!(answer["results"][0]["format"], "v1", "{answer}");
    told(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_indexed_beside_the_image_and_what_comes_back_ends() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let store = registry.store("app");
    let before = walk(&*store, &tagged("1")).await.unwrap();
    let mut function = Function::start(&cloud, &settings(registry.host(), &V1));

    let event = push_event("app", "1", image.root.digest());
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(outcomes(&answer), ("indexed", ""), "{answer}");
    assert_eq!(answer["results"][0]["output"], Value::Null);
    assert_eq!(walk(&*store, &tagged("1")).await.unwrap(), before);
    let mut written = BTreeSet::new();
    for platform in platforms(&*store, "1").await {
        let found = indexes_of(&*store, &platform).await;
        assert_eq!(found.len(), 1, "{platform}");
        written.extend(found);
        // The push of this part, which came before that of the whole or comes after it.
        let event = push_event("app", "", &platform.to_string());
        let answer = function.invoke(&event, MINUTE).await.unwrap();
        assert_eq!(outcomes(&answer), ("already-indexed", ""), "{answer}");
    }
    assert_eq!(written.len(), 2);

    // What the function wrote comes back as events: SOCI indexes without a tag, and the lists of them where there is no referrers API.
    let tags = store.tags().await.unwrap();
    let own_tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
    let mut events: Vec<_> = written
        .iter()
        .map(|index| push_event("app", "", &index.to_string()))
        .collect();
    for tag in own_tags.iter().filter(|tag| tag.starts_with("sha256-")) {
        events.push(push_event("app", tag, ""));
    }
    assert_eq!(events.len(), 4, "{own_tags:?}");
    for event in events {
        let answer = function.invoke(&event, MINUTE).await.unwrap();
        assert_eq!(told(&answer), ("skipped", "own-output"), "{event}");
    }
    assert_eq!(store.tags().await.unwrap(), tags);
    let lines = function.end().await;
    let warned = |line: &Value| {
        line["level"] == "WARN"
            && line
                .to_string()
                .contains("only in accounts that used them before")
    };
    assert!(lines.iter().any(warned), "{lines:?}");
}

/// Defect A20 of AWS's builder: the untagged parts of an image index were all that it could index, and filters missed them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_without_a_tag_is_indexed_by_its_digest() {
    let (registry, cloud) = (registry(), Cloud::start());
    pushed(&registry, "app", "1").await;
    let store = registry.store("app");
    let part = platforms(&*store, "1").await[0];
    let event = push_event("app", "", &part.to_string());

    let mut chosen = Function::start(&cloud, &settings(registry.host(), &V1));
    let answer = chosen.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(outcomes(&answer), ("indexed", ""), "{answer}");
    let name = format!("{}/app@{part}", registry.host());
    assert_eq!(answer["results"][0]["image"], name);
    let found = indexes_of(&*store, &part).await;
    assert_eq!(found.len(), 1);
    for index in found {
        let index = store.manifest(&Target::Digest(index)).await.unwrap();
        let document: Value = serde_json::from_slice(index.bytes()).unwrap();
        assert_eq!(document["subject"]["digest"], part.to_string());
    }

    // A filter for tags does not choose what has none.
    let more = [V1[0], ("SOCI_FILTERS", "app:v*")];
    let mut tags_only = Function::start(&cloud, &settings(registry.host(), &more));
    let answer = tags_only.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("skipped", "not-matched"));
}
