//! The function's own program, between a runtime API and a real registry with a password: an event in, an indexed tag out.

#![allow(
    clippy::print_stdout,
    reason = "from which seed, and what came of it, is part of the result"
)]

mod burst;
mod emulated;
mod faulty;
mod killed;
mod malformed;
mod misconfigured;
mod permissions;
mod refusals;
mod replicas;
mod several;
mod small;
mod stacks;
mod v1;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use soci_e2e::aws::{ACCOUNT, Cloud, LOGIN, REGION, push_event};
use soci_e2e::function::Function;
use soci_e2e::{Answer, Proxy, Registry, Settings, images, prove, tagged, walk};
use soci_testkit::image::{Image, Layer, media};
use soci_testkit::{content, gzip, tar};

const MINUTE: Duration = Duration::from_secs(60);

/// Settings under which the layers of the test kit are large.
const SMALL: [(&str, &str); 2] = [
    ("SOCI_SPAN_BYTES", "65536"),
    ("SOCI_MIN_LAYER_BYTES", "4096"),
];

fn registry() -> Registry {
    Registry::docker_with(Settings {
        tls: false,
        login: Some(LOGIN),
    })
}

async fn pushed(registry: &Registry, repository: &str, tag: &str) -> Image {
    let image = images::two_platforms(1, tag);
    images::push(&*registry.store(repository), &image)
        .await
        .unwrap();
    image
}

fn settings<'a>(host: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let endpoint = [("SOCI_REGISTRY_ENDPOINT", host)];
    [&SMALL[..], &endpoint, more].concat()
}

/// The only result of an answer: outcome, and reason or kind.
fn told(answer: &Value) -> (&str, &str) {
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 1, "{answer}");
    let result = &results[0];
    let why = result["reason"].as_str().or(result["kind"].as_str());
    (result["outcome"].as_str().unwrap(), why.unwrap_or_default())
}

/// `mirror/app:1` came through a pull-through cache.
fn pulled_through(digest: &str) -> Value {
    let detail = json!({
        "rule-version": "1", "sync-status": "SUCCESS", "ecr-repository-prefix": "mirror", "repository-name": "mirror/app",
        "upstream-registry-url": "public.ecr.aws", "image-tag": "1", "image-digest": digest,
    });
    arrived("ECR Pull Through Cache Action", detail)
}

/// `mirror/app:2` came by replication.
fn replicated(digest: &str) -> Value {
    let detail = json!({
        "result": "SUCCESS", "repository-name": "mirror/app", "image-digest": digest, "source-account": "210987654321",
        "action-type": "REPLICATE", "source-region": "us-west-2", "image-tag": "2",
    });
    arrived("ECR Replication Action", detail)
}

/// An event of Amazon ECR other than a push.
fn arrived(kind: &str, detail: Value) -> Value {
    let mut event = push_event("", "", "");
    event["detail-type"] = kind.into();
    event["detail"] = detail;
    event
}

fn kind(error: &Value) -> &str {
    error["errorType"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_becomes_an_indexed_tag_and_everybody_is_told() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "team/app", "1").await;
    let more = [
        ("SOCI_FILTERS", "team/*:*,!*:*-dev"),
        ("SOCI_RESULT_EVENT_BUS", "results"),
        ("SOCI_LOG_LEVEL", "debug"),
    ];
    let mut function = Function::start(&cloud, &settings(registry.host(), &more));

    let event = push_event("team/app", "1", image.root.digest());
    let answer = function.invoke(&event, MINUTE).await.unwrap();

    assert_eq!(told(&answer), ("indexed", ""), "{answer}");
    let result = walk(&*registry.store("team/app"), &tagged("1-soci"))
        .await
        .unwrap();
    assert!(prove(&result).unwrap() >= 4, "every layer's zTOC is proven");
    let output = &answer["results"][0]["output"];
    assert_eq!(output["digest"], result.root.to_string());
    assert_eq!(
        output["reference"],
        format!("{}/team/app:1-soci", registry.host())
    );

    let calls = cloud.take();
    let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["GetAuthorizationToken", "PutEvents"]);
    let entry = &calls[1].body["Entries"][0];
    assert_eq!(
        (&entry["EventBusName"], &entry["Source"]),
        (&json!("results"), &json!("soci-index-builder"))
    );
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&detail["repository"], &detail["tag"], &detail["outcome"]),
        (&json!("team/app"), &json!("1"), &json!("indexed"))
    );

    let lines = function.end().await;
    let metrics: Vec<_> = lines
        .iter()
        .filter(|line| line.get("_aws").is_some())
        .collect();
    assert_eq!(metrics.len(), 1);
    assert_eq!(
        (&metrics[0]["Indexed"], &metrics[0]["ColdStart"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(metrics[0]["FunctionName"], "soci");
    let logged: Vec<_> = lines
        .iter()
        .filter(|line| line.get("_aws").is_none())
        .collect();
    assert!(logged.len() >= 2, "a talkative log: {logged:?}");
    for line in logged {
        let span = &line["span"];
        assert_eq!(span["request_id"], "request-1", "{line}");
        assert_eq!(
            (&span["repository"], &span["tag"]),
            (&json!("team/app"), &json!("1")),
            "{line}"
        );
        assert_eq!(span["digest"], image.root.digest(), "{line}");
    }
}

/// Defects A9 and A10 of AWS's builder: it wakes itself up, and takes names for origins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_of_our_own_writes_ends() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let mut function = Function::start(&cloud, &settings(registry.host(), &[]));
    let digest = image.root.digest();
    let again = function
        .invoke(&push_event("app", "1", digest), MINUTE)
        .await
        .unwrap();
    assert_eq!(told(&again), ("indexed", ""));
    let written = walk(&*registry.store("app"), &tagged("1-soci"))
        .await
        .unwrap();

    for (event, expected) in [
        (push_event("app", "1", digest), ("already-indexed", "")),
        (
            push_event("app", "1-soci", &written.root.to_string()),
            ("skipped", "own-output"),
        ),
        (push_event("app", "", digest), ("skipped", "untagged")),
    ] {
        let answer = function.invoke(&event, MINUTE).await.unwrap();
        assert_eq!(told(&answer), expected, "{event}");
    }
    let tags = registry.store("app").tags().await.unwrap();
    assert_eq!(tags.len(), 2, "{tags:?}");
    let after = walk(&*registry.store("app"), &tagged("1-soci"))
        .await
        .unwrap();
    assert_eq!(after, written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_wanted_costs_no_request() {
    let cloud = Cloud::start();
    // Nobody is there: whoever asked would fail.
    let mut function = Function::start(
        &cloud,
        &settings("127.0.0.1:1", &[("SOCI_FILTERS", "team/*:*,!*:*-dev")]),
    );
    let digest = format!("sha256:{}", "1".repeat(64));
    let changed = |name: &str, value: Value| {
        let mut event = push_event("team/app", "1", &digest);
        event["detail"][name] = value;
        event
    };
    for (event, expected) in [
        (push_event("other", "1", &digest), "not-matched"),
        (push_event("team/app", "1-dev", &digest), "not-matched"),
        (changed("action-type", json!("DELETE")), "ignored-action"),
        (changed("result", json!("FAILURE")), "ignored-action"),
        (changed("image-tag", json!(null)), "untagged"),
        (
            changed(
                "artifact-media-type",
                json!("application/vnd.cncf.helm.config.v1+json"),
            ),
            "not-an-image",
        ),
        (
            changed(
                "artifact-media-type",
                json!("application/vnd.amazon.soci.index.v2+json"),
            ),
            "own-output",
        ),
    ] {
        let answer = function.invoke(&event, MINUTE).await.unwrap();
        assert_eq!(told(&answer), ("skipped", expected), "{event}");
    }
    for payload in [
        json!({}),
        json!([]),
        changed("repository-name", json!("../x")),
        changed("image-tag", json!("x\n{}")),
    ] {
        let answer = function.invoke(&payload, MINUTE).await.unwrap();
        assert_eq!(told(&answer), ("failed", "configuration"), "{payload}");
    }
    let megabyte = json!({"detail-type": "x".repeat(1 << 20)});
    assert_eq!(
        told(&function.invoke(&megabyte, MINUTE).await.unwrap()),
        ("failed", "configuration")
    );
    assert!(cloud.take().is_empty(), "no network call");
    let metrics = function.end().await;
    let failed = metrics.iter().filter(|line| line["Failed"] == 1).count();
    assert_eq!(failed, 5);
}

/// Defect A1 of AWS's builder: a registry that is unwell is taken for success.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_succeed_later_is_an_error_and_what_cannot_is_none() {
    let cloud = Cloud::start();
    let unwell = Proxy::start("nobody", |_| {
        Box::pin(std::future::ready(Some(Answer::error(503, "UNAVAILABLE"))))
    })
    .await;
    let event = push_event("app", "1", "");
    let mut function = Function::start(&cloud, &settings(unwell.host(), &[]));
    let error = function
        .invoke(&event, Duration::from_secs(4))
        .await
        .unwrap_err();
    assert!(["transient", "deadline"].contains(&kind(&error)), "{error}");

    function.end().await;

    let registry = registry();
    let mut function = Function::start(&cloud, &settings(registry.host(), &[]));
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("failed", "not-found"));
    let lines = function.end().await;
    assert!(
        lines
            .iter()
            .any(|line| line["Failed"] == 1 && line["Detail"] == "not-found")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_image_does_not_lose_the_others() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let mut function = Function::start(&cloud, &settings(registry.host(), &[]));
    let payload =
        json!({"images": ["app:2", "App:1", "app:1", format!("app@{}", image.root.digest())]});
    let answer = function.invoke(&payload, MINUTE).await.unwrap();
    let results = answer["results"].as_array().unwrap();
    let outcomes: Vec<_> = results
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["failed", "failed", "indexed", "indexed"]);
    assert_eq!(
        (&results[0]["kind"], &results[1]["kind"]),
        (&json!("not-found"), &json!("configuration"))
    );
    let result = walk(&*registry.store("app"), &tagged("1-soci"))
        .await
        .unwrap();
    assert!(prove(&result).unwrap() >= 4);
}

/// Defects A3 and A4 of AWS's builder: it hangs at its deadline and cancels nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_before_it_is_killed_and_goes_on_with_the_next() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let stalled = Proxy::start(registry.host(), |asked| {
        Box::pin(async move {
            if asked.path.contains("/blobs/sha256") && asked.method == "GET" {
                tokio::time::sleep(MINUTE * 10).await;
            }
            None
        })
    })
    .await;
    let event = push_event("app", "1", image.root.digest());
    let mut function = Function::start(&cloud, &settings(stalled.host(), &[]));
    let begun = Instant::now();
    let error = function
        .invoke(&event, Duration::from_secs(5))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "deadline", "{error}");
    let reached = stalled.take();
    assert!(
        reached
            .iter()
            .any(|passed| passed.asked.path.contains("/manifests/"))
    );
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let answer = function
        .invoke(&push_event("app", "", ""), MINUTE)
        .await
        .unwrap();
    assert_eq!(told(&answer), ("skipped", "untagged"));
}

/// Defect A12 of AWS's builder: nothing sizes an image before it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_in_time_is_not_begun() {
    let (registry, cloud) = (registry(), Cloud::start());
    let archive = tar::Archive::new()
        .file("noise", &content::random(1, 32 << 20))
        .finish();
    let image = images::one_layer(Layer::new(media::GZIP, gzip::compress(&archive, 1)), "1");
    images::push(&*registry.store("app"), &image).await.unwrap();
    let counting = Proxy::counting(registry.host()).await;
    // A fourteenth of a core, and three seconds: some 20 MB.
    let more = [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")];
    let mut function = Function::start(&cloud, &settings(counting.host(), &more));
    let event = push_event("app", "1", image.root.digest());
    let answer = function
        .invoke(&event, Duration::from_secs(4))
        .await
        .unwrap();
    assert_eq!(told(&answer), ("failed", "too-large"));
    let error = answer["results"][0]["error"].as_str().unwrap();
    for part in ["bytes compressed", "at most", "more memory"] {
        assert!(error.contains(part), "{error}");
    }
    let read = counting
        .take()
        .into_iter()
        .map(|passed| passed.body_bytes)
        .max();
    assert!(read < Some(1 << 20), "no layer was read");
    let answer = function.invoke(&event, MINUTE * 5).await.unwrap();
    assert_eq!(told(&answer), ("indexed", ""));
}

fn stack_request(cloud: &Cloud, change: &str) -> Value {
    json!({
        "RequestType": change, "ResponseURL": cloud.answer_address(), "RequestId": "r-1", "LogicalResourceId": "Repositories",
        "StackId": format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/soci/1"), "ResourceType": "Custom::RepositoryArns",
        "PhysicalResourceId": "repository-arns", "ResourceProperties": {"ServiceToken": "x"},
    })
}

/// What the stack was answered.
fn stack_answer(cloud: &Cloud) -> Value {
    let calls = cloud.take();
    let answers: Vec<_> = calls
        .iter()
        .filter(|call| call.path.starts_with("/answers/"))
        .collect();
    assert_eq!(answers.len(), 1, "{calls:?}");
    assert_eq!(answers[0].name, "PUT");
    assert_eq!(
        (
            &answers[0].body["RequestId"],
            &answers[0].body["LogicalResourceId"]
        ),
        (&json!("r-1"), &json!("Repositories"))
    );
    answers[0].body.clone()
}
