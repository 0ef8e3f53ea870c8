//! What the function may do is what it does: `infra/iam.json` against every kind of payload, with a registry that denies whatever is not
//! granted, and tokens from moto's ECR.

use std::collections::BTreeSet;

use soci_e2e::Asked;
use soci_e2e::aws::{MOTO_LOGIN, Moto};
use soci_e2e::policy::{BUS, Gate, Policy};

use super::*;

/// What a role that may not is told by AWS's APIs.
const DENIED: &str = "AccessDeniedException";

/// Tries that a call to AWS is given before it is given up, and some more.
const MANY: usize = 20;

const FILTERS: &str = "team/*:*,mirror/app:*,!*:*-dev";

fn registry_of_moto() -> Registry {
    Registry::docker_with(Settings {
        tls: false,
        login: Some(MOTO_LOGIN),
    })
}

fn settings_of<'a>(gate: &'a Gate, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("SOCI_FILTERS", FILTERS), ("SOCI_RESULT_EVENT_BUS", BUS)];
    settings(gate.host(), &[&own[..], more].concat())
}

/// The policy as a stack makes it: for the repositories that the function itself names.
async fn policy(cloud: &Cloud) -> Policy {
    let mut function = Function::start(cloud, &[("SOCI_FILTERS", FILTERS)]);
    let request = stack_request(cloud, "Create");
    function.invoke(&request, MINUTE).await.unwrap();
    let told = stack_answer(cloud);
    let arns = told["Data"]["RepositoryArns"].as_array().unwrap();
    assert_eq!(arns.len(), 2, "{told}");
    let arns = arns.iter().map(|arn| arn.as_str().unwrap().to_owned());
    Policy::for_repositories(&arns.collect::<Vec<_>>())
}

/// What calls to AWS used, each of them allowed. The answer to a stack goes to an address that is signed by AWS and needs no action.
fn used_of(policy: &Policy, cloud: &Cloud) -> BTreeSet<String> {
    let calls = cloud.take();
    let calls = calls
        .iter()
        .filter(|call| !(call.name == "PUT" && call.path.starts_with("/answers/")));
    calls
        .map(|call| {
            let needed = policy.needs_of_call(call);
            let (action, resource) = needed.unwrap_or_else(|| panic!("not listed: {call:?}"));
            assert!(policy.allows(&action, &resource), "{action} on {resource}");
            action
        })
        .collect()
}

/// Denies the calls to AWS that the policy does not allow.
fn hold(cloud: &Cloud, policy: &Policy) {
    let denied = json!({"__type": DENIED, "message": "the role may not do this"});
    for (name, action, resource) in [
        ("GetAuthorizationToken", "ecr:GetAuthorizationToken", "*"),
        ("PutEvents", "events:PutEvents", BUS),
    ] {
        if !policy.allows(action, resource) {
            for _ in 0..MANY {
                cloud.answer_once(name, 400, denied.clone());
            }
        }
    }
}

/// The hands that the other tests are in: paths are read from their end, wildcards match as policies do, and what is not listed is known to
/// nobody.
#[test]
fn requests_and_resources_are_told_apart() {
    let arn = |name: &str| format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}");
    let policy = Policy::for_repositories(&[arn("team/*"), arn("app-?")]);
    let needed = |method: &str, path: &str| {
        let (method, path) = (method.to_owned(), path.to_owned());
        policy.needs(&Asked { method, path })
    };
    for (method, path, action, name) in [
        (
            "POST",
            "/v2/a/b/blobs/uploads/?x=1",
            "InitiateLayerUpload",
            "a/b",
        ),
        ("GET", "/v2/a/blobs/sha256:1", "GetDownloadUrlForLayer", "a"),
        (
            "HEAD",
            "/v2/a/blobs/sha256:1",
            "BatchCheckLayerAvailability",
            "a",
        ),
        ("GET", "/v2/a/referrers/sha256:1", "BatchGetImage", "a"),
        ("PUT", "/v2/a/manifests/1", "PutImage", "a"),
    ] {
        let expected = (BTreeSet::from([format!("ecr:{action}")]), arn(name));
        assert_eq!(needed(method, path), Some(expected), "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/v2/"),
        ("GET", "/v2/a/tags/list"),
        ("DELETE", "/v2/a/manifests/1"),
        ("PUT", "/v2/a/blobs/uploads/"),
        ("GET", "/v2/blobs/sha256:1"),
    ] {
        assert_eq!(needed(method, path), None, "{method} {path}");
    }
    for (name, is_allowed) in [
        ("team/a/b", true),
        ("team", false),
        ("teams/a", false),
        ("app-1", true),
        ("app-", false),
        ("app-12", false),
    ] {
        let found = policy.allows("ecr:PutImage", &arn(name));
        assert_eq!(found, is_allowed, "{name}");
    }
}

/// Everything that reaches a function of version 2, with what must come of it.
fn payloads(digest: &str) -> Vec<(Value, (&'static str, &'static str))> {
    vec![
        (push_event("team/app", "1", digest), ("indexed", "")),
        (push_event("team/app", "1", digest), ("already-indexed", "")),
        // Another tag of the same layers, whose zTOCs are there.
        (push_event("team/app", "2", ""), ("indexed", "")),
        (
            push_event("team/app", "1-soci", ""),
            ("skipped", "own-output"),
        ),
        (push_event("team/app", "", digest), ("skipped", "untagged")),
        (
            push_event("team/app", "1-dev", digest),
            ("skipped", "not-matched"),
        ),
        (push_event("team/app", "9", ""), ("failed", "not-found")),
        (pulled_through(digest), ("indexed", "")),
        (replicated(digest), ("indexed", "")),
        (json!({"images": ["team/b/app:1"]}), ("indexed", "")),
        (json!({}), ("failed", "configuration")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_payload_together_uses_what_is_granted_and_nothing_else() {
    let (moto, registry) = (Moto::start(), registry_of_moto());
    let cloud = Cloud::in_front_of(&moto);
    let policy = policy(&cloud).await;
    let gate = Gate::start(registry.host(), &policy).await;
    let image = pushed(&registry, "team/app", "1").await;
    for (repository, tag) in [
        ("team/app", "2"),
        ("team/b/app", "1"),
        ("mirror/app", "1"),
        ("mirror/app", "2"),
        ("team/v1", "1"),
        ("team/small", "1"),
    ] {
        pushed(&registry, repository, tag).await;
    }
    let digest = image.root.digest();

    let mut function = Function::start(&cloud, &settings_of(&gate, &[]));
    for change in ["Create", "Update", "Delete"] {
        let request = stack_request(&cloud, change);
        function.invoke(&request, MINUTE).await.unwrap();
    }
    for (payload, expected) in payloads(digest) {
        let answer = function.invoke(&payload, MINUTE).await.unwrap();
        assert_eq!(told(&answer), expected, "{payload}: {answer}");
    }
    function.end().await;

    // Nothing to index, but the output tag.
    let more = [("SOCI_MIN_LAYER_BYTES", "1000000000")];
    let mut function = Function::start(&cloud, &settings_of(&gate, &more));
    let event = push_event("team/small", "1", "");
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer).0, "skipped", "{answer}");
    let tags = registry.store("team/small").tags().await.unwrap();
    assert_eq!(tags.len(), 2, "{tags:?}");
    function.end().await;

    let more = [("SOCI_INDEX_VERSION", "V1")];
    let mut function = Function::start(&cloud, &settings_of(&gate, &more));
    let event = push_event("team/v1", "1", digest);
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("indexed", ""), "{answer}");
    let part = walk(&*registry.store("team/v1"), &tagged("1"))
        .await
        .unwrap();
    let part = part.manifests.keys().find(|one| **one != part.root);
    let event = push_event("team/v1", "", &part.unwrap().to_string());
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("already-indexed", ""), "{answer}");
    function.end().await;

    let trace = gate.take();
    assert_eq!(trace.unknown, Vec::<String>::new(), "not in infra/iam.json");
    assert_eq!(trace.denied, BTreeSet::new());
    let used: BTreeSet<_> = trace
        .used
        .into_iter()
        .chain(used_of(&policy, &cloud))
        .collect();
    let granted = policy.own_actions().into_iter();
    let granted: BTreeSet<_> = granted.map(|(_, action)| action.to_owned()).collect();
    assert_eq!(used, granted);
}

/// How a push ends when the role may not do everything: outcome, kind, whether the result reached the bus.
async fn pushed_under(
    registry: &Registry,
    cloud: &Cloud,
    repository: &str,
    policy: &Policy,
) -> (String, String, bool) {
    pushed(registry, repository, "1").await;
    hold(cloud, policy);
    let gate = Gate::start(registry.host(), policy).await;
    let mut function = Function::start(cloud, &settings_of(&gate, &[]));
    let event = push_event(repository, "1", "");
    let (outcome, kind) = match function.invoke(&event, MINUTE).await {
        Ok(answer) => {
            let (outcome, why) = told(&answer);
            (outcome.to_owned(), why.to_owned())
        }
        Err(error) => ("error".to_owned(), kind(&error).to_owned()),
    };
    let lines = function.end().await;
    let metrics = lines.iter().find(|line| line.get("_aws").is_some());
    let is_lost = metrics.unwrap()["ResultEventLost"] == 1;
    let trace = gate.take();
    assert_eq!(trace.unknown, Vec::<String>::new());
    // What is still allowed denies nothing.
    for (action, resource) in trace.denied {
        assert!(!policy.allows(&action, &resource));
    }
    if outcome == "failed" {
        let tags = registry.store(repository).tags().await.unwrap();
        assert_eq!(tags.len(), 1, "nothing is published half: {tags:?}");
    }
    (outcome, kind, !is_lost)
}

fn ended(outcome: &str, kind: &str, is_told: bool) -> (String, String, bool) {
    (outcome.to_owned(), kind.to_owned(), is_told)
}

/// Each action of each statement, taken away alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_action_something_cannot_be_done() {
    let registry = registry_of_moto();
    let moto = Moto::start();
    let whole = policy(&Cloud::in_front_of(&moto)).await;
    for (place, (_, action)) in whole.own_actions().into_iter().enumerate() {
        // One for each: what one is to be denied must not be left for the next.
        let cloud = Cloud::in_front_of(&moto);
        let repository = format!("team/app-{place}");
        let found = pushed_under(&registry, &cloud, &repository, &whole.without(action)).await;
        let expected = match action {
            "events:PutEvents" => ended("indexed", "", false),
            _ => ended("failed", "denied", true),
        };
        assert_eq!(found, expected, "without {action}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_statement_something_cannot_be_done() {
    let registry = registry_of_moto();
    let moto = Moto::start();
    let whole = policy(&Cloud::in_front_of(&moto)).await;
    for (sid, expected) in [
        ("LogIn", ended("failed", "denied", true)),
        ("ReadAndWriteImages", ended("failed", "denied", true)),
        ("TellResults", ended("indexed", "", false)),
    ] {
        let cloud = Cloud::in_front_of(&moto);
        let repository = format!("team/{}", sid.to_lowercase());
        let policy = whole.without_statement(sid);
        let found = pushed_under(&registry, &cloud, &repository, &policy).await;
        assert_eq!(found, expected, "without {sid}");
    }
    let sids: BTreeSet<_> = whole
        .own_actions()
        .into_iter()
        .map(|(sid, _)| sid)
        .collect();
    assert_eq!(sids.len(), 3, "each statement has its row: {sids:?}");
}

/// A wish needs no filter, but the role is let into the filters' repositories only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_other_repositories_than_the_filters_nothing_may_be_done() {
    let registry = registry_of_moto();
    let moto = Moto::start();
    let cloud = Cloud::in_front_of(&moto);
    let policy = policy(&cloud).await;
    let gate = Gate::start(registry.host(), &policy).await;
    pushed(&registry, "other/app", "1").await;
    let mut function = Function::start(&cloud, &settings_of(&gate, &[]));
    let wish = json!({"images": ["other/app:1"]});
    let answer = function.invoke(&wish, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("failed", "denied"), "{answer}");
    let error = answer["results"][0]["error"].as_str().unwrap();
    assert!(error.contains("other/app"), "{error}");
    let trace = gate.take();
    assert_eq!(trace.used, BTreeSet::new());
    assert!(!trace.denied.is_empty());
}
