//! What the program tells while it works: lines on standard error, without a secret.

use std::sync::atomic::{AtomicUsize, Ordering};

use soci_e2e::{Answer, Proxy, Registry, Settings, images, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_told_of_in_a_line() {
    let registry = Registry::docker_with(Settings {
        tls: false,
        login: Some(("me", "hunter2")),
    });
    let image = images::two_platforms(1, "1");
    images::push(&*registry.store("app"), &image).await.unwrap();
    let layers = AtomicUsize::new(0);
    let proxy = Proxy::start(registry.host(), move |asked| {
        let is_layer = asked.method == "GET" && asked.path.contains("/blobs/");
        let is_first = is_layer && layers.fetch_add(1, Ordering::SeqCst) == 0;
        let unwell = || Answer::error(503, "UNAVAILABLE");
        Box::pin(async move { is_first.then(unwell) })
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    // Base64 of `me:hunter2`.
    let auth = "bWU6aHVudGVyMg==";
    let config = serde_json::json!({"auths": {proxy.host(): {"auth": auth}}});
    std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();

    let mut command = program::build(&format!("{}/app:1", proxy.host()));
    command.arg("--verbose").env("DOCKER_CONFIG", home.path());
    let output = command.output().await.unwrap();

    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{words}");
    let retries: Vec<_> = words
        .lines()
        .filter(|line| line.contains("trying again"))
        .collect();
    assert_eq!(retries.len(), 1, "{words}");
    let (before, failure) = retries[0].split_once(" s: ").unwrap();
    let seconds = before.strip_prefix("note: trying again in ").unwrap();
    assert!(seconds.parse::<f64>().is_ok(), "{words}");
    assert!(
        failure.contains("503") && failure.contains("/blobs/"),
        "{words}"
    );
    for secret in ["hunter2", auth, "\u{1b}"] {
        assert!(!words.contains(secret), "{words}");
    }
}
