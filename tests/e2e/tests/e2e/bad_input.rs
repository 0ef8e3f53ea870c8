//! What cannot be indexed: the right kind of failure, one line of words, and no tag that was not there before.

use std::sync::Arc;

use serde_json::{Value, json};
use soci_e2e::{
    Answer, Proxy, Registry, Settings, Watched, images, index, options, program, registry, tagged,
};
use soci_index::Outcome;
use soci_registry::{Anonymous, OCI_INDEX, Pushed, Store};
use soci_testkit::image::{AMD64, Index, Layer, Manifest, Shelf, media};
use soci_testkit::{content, gzip};

/// Indexes and expects a failure for good, without any manifest or tag written.
async fn fails(store: &Arc<dyn Store>, source: &str, kind: &str, says: &str) {
    let before = store.tags().await.ok();
    let watched = Watched::only(store);
    let report = index(&(watched.clone() as _), source, &options()).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
    assert_eq!(
        (report.kind, report.retryable),
        (Some(kind), Some(false)),
        "{report:?}"
    );
    let words = report.error.clone().unwrap();
    assert!(words.contains(says), "{words}");
    assert!(
        !words.contains('\n') && words.len() < 400,
        "one clear line: {words}"
    );
    let wrote = watched.steps().into_iter();
    let manifests = wrote.filter(|(step, pushed)| {
        *pushed == Pushed::Stored && !matches!(step, soci_e2e::Step::Blob(_))
    });
    assert_eq!(manifests.count(), 0);
    assert_eq!((report.output, store.tags().await.ok()), (None, before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_found() {
    let registry = Registry::docker();
    let store = registry.store("app");
    fails(&store, "1", "not-found", "manifests/1").await;
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    fails(&store, "2", "not-found", "manifests/2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_permission_it_is_denied() {
    let login = Some(("me", "right"));
    let guarded = Registry::docker_with(Settings { tls: false, login });
    images::push(&*guarded.store("app"), &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let wrong = registry::fixed(guarded.host(), ("me", "wrong"));
    fails(&guarded.store_as("app", wrong), "1", "denied", "401").await;
    fails(&guarded.store_as("app", Anonymous), "1", "denied", "401").await;
    assert_eq!(guarded.store("app").tags().await.unwrap().len(), 1);

    // May read, may not write.
    let real = Registry::docker();
    images::push(&*real.store("app"), &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let proxy = Proxy::start(real.host(), |asked| {
        let reads = ["GET", "HEAD"].contains(&asked.method.as_str());
        Box::pin(async move { (!reads).then(|| Answer::error(403, "DENIED")) })
    })
    .await;
    let store = proxy.store("app");
    fails(&store, "1", "denied", "403").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let registry = Registry::docker();
    let store = registry.store("app");
    let mut shelf = Shelf::new();
    let child = Manifest::oci(AMD64)
        .layer(Layer::large(1))
        .shelve(&mut shelf);
    let children = (0..1_000).map(|_| child.clone().platform(AMD64));
    let root = children.fold(Index::oci(), Index::child).shelve(&mut shelf);
    images::push(&*store, &shelf.image(root, "crowd"))
        .await
        .unwrap();
    fails(&store, "crowd", "too-large", "1000").await;

    let proxy = Proxy::start(registry.host(), |asked| {
        let manifest = json!({"schemaVersion": 2, "manifests": [], "x": "x".repeat(5 << 20)});
        let is_big = asked.path.ends_with("/manifests/big");
        let answer = move || Answer::new(200, OCI_INDEX, manifest.to_string().into_bytes());
        Box::pin(async move { is_big.then(answer) })
    })
    .await;
    let store = proxy.store("app");
    fails(
        &store,
        "big",
        "too-large",
        "manifest is larger than the limit",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_a_failure_and_never_an_index() {
    let registry = Registry::docker();
    let store = registry.store("app");
    let mut bytes = Layer::large(1).bytes().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].copy_from_slice(&content::random(7, 64));
    let image = images::one_layer(Layer::new(media::GZIP, bytes), "damaged");
    images::push(&*store, &image).await.unwrap();
    fails(&store, "damaged", "corrupt-layer", "layer sha256:").await;

    let tar = content::random(8, 40_000);
    let bytes = gzip::Member::new(&tar, 6).wrong_crc().bytes();
    let image = images::one_layer(Layer::new(media::GZIP, bytes), "wrong-crc");
    images::push(&*store, &image).await.unwrap();
    fails(&store, "wrong-crc", "corrupt-layer", "layer sha256:").await;

    // Other bytes than the digest says, where they lie.
    let layer = Layer::large(3);
    let digest = soci_registry::Digest::of(layer.bytes());
    let mut bytes = layer.bytes().to_vec();
    let image = images::one_layer(layer, "swapped");
    images::push(&*store, &image).await.unwrap();
    bytes[middle] ^= 0xff;
    std::fs::write(registry.blob_file(&digest), bytes).unwrap();
    fails(&store, "swapped", "digest-mismatch", &digest.to_string()).await;

    // A layer that is gone, and one whose manifest has its size wrong.
    let layer = Layer::large(5);
    let digest = soci_registry::Digest::of(layer.bytes());
    images::push(&*store, &images::one_layer(layer, "lost"))
        .await
        .unwrap();
    std::fs::remove_file(registry.blob_file(&digest)).unwrap();
    fails(&store, "lost", "not-found", &digest.to_string()).await;
    let layer = Layer::large(6).field("size", json!(100_000));
    images::push(&*store, &images::one_layer(layer, "size"))
        .await
        .unwrap();
    fails(&store, "size", "digest-mismatch", "100000").await;
    assert!(store.resolve(&tagged("size-soci")).await.is_err());
}

/// What a user of the program gets: an exit code, a report, and one line on standard error that names image and reason.
async fn is_told(image: &str, code: i32, kind: &str, says: &str) {
    let output = program::build(image).output().await.unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["outcome"], &report["kind"]),
        (&"failed".into(), &kind.into())
    );
    assert_eq!(report["output"], Value::Null);
    // Layers may have been begun.
    let mut lines = words.lines().filter(|line| !line.starts_with("sha256:"));
    let line = lines.next_back().unwrap();
    let beginning = format!("error: cannot index {image}: ");
    assert!(
        line.starts_with(&beginning) && line.contains(says),
        "{words}"
    );
    assert!(
        words.ends_with(&format!("{line}\n")),
        "it is the last: {words}"
    );
    let others: Vec<_> = lines.collect();
    let is_second_look = |line: &&str| line.contains("is read again: ");
    assert!(
        others.iter().all(is_second_look) && others.len() <= 1,
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_tells_each_in_one_line() {
    let registry = Registry::docker();
    let store = registry.store("app");
    let damage = |bytes: &mut [u8]| bytes[20_000..20_064].fill(0x55);
    let mut bytes = Layer::large(1).bytes().to_vec();
    damage(&mut bytes);
    let damaged = images::one_layer(Layer::new(media::GZIP, bytes), "damaged");
    images::push(&*store, &damaged).await.unwrap();
    let layer = Layer::large(3);
    let (digest, mut bytes) = (
        soci_registry::Digest::of(layer.bytes()),
        layer.bytes().to_vec(),
    );
    let swapped = images::one_layer(layer, "swapped");
    images::push(&*store, &swapped).await.unwrap();
    damage(&mut bytes);
    std::fs::write(registry.blob_file(&digest), bytes).unwrap();
    let mut shelf = Shelf::new();
    let child = Manifest::oci(AMD64)
        .layer(Layer::small(1))
        .shelve(&mut shelf);
    let children = (0..1_000).map(|_| child.clone().platform(AMD64));
    let root = children.fold(Index::oci(), Index::child).shelve(&mut shelf);
    images::push(&*store, &shelf.image(root, "crowd"))
        .await
        .unwrap();
    let before = store.tags().await.unwrap();

    let at = |tag: &str| format!("{}/app:{tag}", registry.host());
    is_told(&at("none"), 1, "not-found", "manifests/none").await;
    is_told(&at("damaged"), 1, "corrupt-layer", "compressed offset").await;
    is_told(&at("swapped"), 1, "digest-mismatch", &digest.to_string()).await;
    is_told(
        &at("crowd"),
        1,
        "too-large",
        "lists 1000 manifests, at most 128",
    )
    .await;
    assert_eq!(store.tags().await.unwrap(), before);

    let output = program::build("UPPER/app:1").output().await.unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(2), 0),
        "{words}"
    );

    let guarded = Registry::docker_with(Settings {
        tls: false,
        login: Some(("me", "right")),
    });
    is_told(&format!("{}/app:1", guarded.host()), 1, "denied", "401").await;
}

/// Documents that no registry could hold: too large a one, and an index that is its own child. Digests forbid that, so it is told
/// of by a registry that lies.
///
/// Defect A17 of AWS's builder: an answer is read without a limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_without_end_are_refused() {
    let registry = Registry::docker();
    let child = soci_registry::Digest::of(b"itself").to_string();
    let listed = |media_type: &str| {
        let entry = json!({"mediaType": media_type, "digest": child, "size": 500,
            "platform": {"os": "linux", "architecture": "amd64"}});
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).to_string()
    };
    let big = json!({"schemaVersion": 2, "manifests": [], "x": "x".repeat(5 << 20)}).to_string();
    let documents = [
        ("/manifests/big".to_owned(), big),
        (
            "/manifests/self".to_owned(),
            listed(soci_registry::OCI_MANIFEST),
        ),
        ("/manifests/nested".to_owned(), listed(OCI_INDEX)),
        (
            format!("/manifests/{child}"),
            listed(soci_registry::OCI_MANIFEST),
        ),
    ];
    let proxy = Proxy::start(registry.host(), move |asked| {
        let mut documents = documents.iter();
        let found = documents.find(|(path, _)| asked.path.ends_with(path));
        let body = found.map(|(_, body)| body.clone().into_bytes());
        let reads = ["GET", "HEAD"].contains(&asked.method.as_str());
        let answer = body.filter(|_| reads);
        let answer = answer.map(|body| Answer::new(200, OCI_INDEX, body));
        Box::pin(std::future::ready(answer))
    })
    .await;
    let at = |tag: &str| format!("{}/app:{tag}", proxy.host());
    is_told(
        &at("big"),
        1,
        "too-large",
        "manifest is larger than the limit",
    )
    .await;
    is_told(&at("self"), 1, "digest-mismatch", &child).await;
    let asked = proxy.take().len();
    assert!(asked < 20, "no storm: {asked}");

    let output = program::build(&at("nested")).output().await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &report["reason"]),
        (Some(3), &"not-an-image".into())
    );
    assert_eq!(report["left_alone"][0]["manifest"], child.as_str());
    assert_eq!(report["output"], Value::Null);
    let writes = proxy.take().into_iter();
    let mut writes =
        writes.filter(|passed| !["GET", "HEAD"].contains(&passed.asked.method.as_str()));
    assert!(writes.next().is_none());
}
