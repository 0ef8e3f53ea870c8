//! The packaged function under AWS's runtime interface emulator, its tokens from moto's ECR, behind it a real registry that takes them.

use serde_json::{Value, json};
use soci_e2e::aws::{ACCOUNT, Cloud, MOTO_LOGIN, Moto, REGION, push_event};
use soci_e2e::emulator::{Emulator, Failure};
use soci_e2e::{Proxy, Registry, Settings, prove, tagged, walk};

use super::{
    MINUTE, pulled_through, pushed, replicated, settings, stack_answer, stack_request, told,
};

fn registry() -> Registry {
    Registry::docker_with(Settings {
        tls: false,
        login: Some(MOTO_LOGIN),
    })
}

async fn invoke(emulator: &Emulator, payload: &Value) -> Result<Value, Failure> {
    emulator.invoke(payload.to_string().as_bytes()).await
}

/// Defects A5, A7, A14 and A21 of AWS's builder, too: lines without the image's name, a login outside of the invocation's time, what one
/// invocation leaves behind for the next, and an invocation without what Lambda usually says about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_payload_ends_as_it_must() {
    let (moto, registry) = (Moto::start(), registry());
    let cloud = Cloud::in_front_of(&moto);
    let more = [("SOCI_FILTERS", "team/*:*,mirror/*:*,!*:*-dev")];
    let emulator = Emulator::start(&cloud, 60, &settings(registry.host(), &more)).await;
    let image = pushed(&registry, "team/app", "1").await;
    pushed(&registry, "mirror/app", "1").await;
    pushed(&registry, "mirror/app", "2").await;
    pushed(&registry, "other/app", "1").await;
    let digest = image.root.digest();

    let mut deleted = push_event("team/app", "1", digest);
    deleted["detail"]["action-type"] = "DELETE".into();
    for (payload, expected) in [
        (push_event("team/app", "1", digest), ("indexed", "")),
        (push_event("team/app", "1", digest), ("already-indexed", "")),
        (pulled_through(digest), ("indexed", "")),
        (replicated(digest), ("indexed", "")),
        (
            push_event("team/app", "1-dev", digest),
            ("skipped", "not-matched"),
        ),
        (
            push_event("other/app", "1", digest),
            ("skipped", "not-matched"),
        ),
        (push_event("team/app", "", digest), ("skipped", "untagged")),
        (deleted, ("skipped", "ignored-action")),
        (push_event("team/app", "9", digest), ("failed", "not-found")),
        (json!({"images": ["other/app:1"]}), ("indexed", "")),
    ] {
        let answer = invoke(&emulator, &payload).await.unwrap();
        assert_eq!(told(&answer), expected, "{payload}: {answer}");
    }
    for (repository, tag) in [
        ("team/app", "1-soci"),
        ("mirror/app", "1-soci"),
        ("mirror/app", "2-soci"),
        ("other/app", "1-soci"),
    ] {
        let found = walk(&*registry.store(repository), &tagged(tag))
            .await
            .unwrap();
        assert!(prove(&found).unwrap() >= 4, "{repository}:{tag}");
    }
    let calls = cloud.take();
    let tokens = calls
        .iter()
        .filter(|call| call.name == "GetAuthorizationToken");
    // One for each host: a request by hand is about the function's own account, which the emulator makes up.
    assert_eq!(tokens.count(), 2, "kept from one invocation to the next");

    let request = stack_request(&cloud, "Create");
    assert_eq!(
        invoke(&emulator, &request).await,
        Ok(json!({"status": "SUCCESS"}))
    );
    let arn = |name: &str| format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}");
    assert_eq!(
        stack_answer(&cloud)["Data"]["RepositoryArns"],
        json!([arn("team/*"), arn("mirror/*")])
    );

    let lines = emulator.end().await;
    let logged: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "image done")
        .collect();
    assert!(!logged.is_empty());
    for line in logged {
        assert!(line["span"]["request_id"].is_string(), "{line}");
        assert!(line["span"]["repository"].is_string(), "{line}");
    }
}

/// Defects A3 and A4 of AWS's builder, under a clock that kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_own_deadline_comes_before_the_services() {
    let (registry, cloud) = (super::registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let stalled = Proxy::start(registry.host(), |asked| {
        Box::pin(async move {
            if asked.path.contains("/blobs/uploads") {
                tokio::time::sleep(MINUTE * 10).await;
            }
            None
        })
    })
    .await;
    let emulator = Emulator::start(&cloud, 6, &settings(stalled.host(), &[])).await;
    let event = push_event("app", "1", image.root.digest());
    let first = invoke(&emulator, &event).await.unwrap_err();
    let runtime = emulator.runtime();
    let second = invoke(&emulator, &event).await.unwrap_err();
    for failure in [first, second] {
        let Failure::Reported { kind, message } = failure else {
            panic!("it did not speak in time: {failure:?}");
        };
        assert_eq!(kind, "deadline", "{message}");
    }
    assert!(runtime.is_some());
    assert_eq!(emulator.runtime(), runtime, "the same process goes on");
    assert_eq!(registry.store("app").tags().await.unwrap().len(), 1);
}
