//! Each payload of `fixtures/`, and what is none.
//!
//! The events follow captured ones (awslabs/cfn-ecr-aws-soci-index-builder#137) and AWS's documentation; accounts, digests and names are
//! made up.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn here() -> Registry {
    Registry {
        account: "210987654321".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn fixture(text: &str) -> Result<Request, Refused> {
    parse(
        &serde_json::from_str(text).expect("a fixture is JSON"),
        &here(),
    )
}

macro_rules! fixture {
    ($name:literal) => {
        fixture(include_str!(concat!("fixtures/", $name, ".json")))
    };
}

fn event(request: Result<Request, Refused>) -> ImageRequest {
    match request {
        Ok(Request::Event(image)) => image,
        other => panic!("{other:?}"),
    }
}

fn arrived(image: &ImageRequest) -> bool {
    matches!(image.occasion, Occasion::Event { arrived: true, .. })
}

fn digest(char: &str) -> Digest {
    format!("sha256:{}", char.repeat(64))
        .parse()
        .expect("a digest")
}

fn refusal(payload: Value) -> String {
    parse(&payload, &here()).expect_err("a refusal").to_string()
}

#[test]
fn a_push_tells_registry_repository_tag_digest_and_media_types() {
    let image = event(fixture!("push"));
    let expected = ImageRequest {
        registry: Registry {
            account: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
        },
        repository: "team/api".to_owned(),
        tag: Some("v1.4.2".to_owned()),
        digest: Some(digest("1")),
        occasion: Occasion::Event {
            arrived: true,
            is_replica: false,
            manifest_media_type: Some("application/vnd.oci.image.manifest.v1+json".to_owned()),
            artifact_media_type: Some("application/vnd.oci.image.config.v1+json".to_owned()),
        },
    };
    assert_eq!(image, expected);
}

#[test]
fn what_may_be_missing_or_new_changes_nothing() {
    let image = event(fixture!("push-as-in-the-user-guide"));
    assert_eq!(
        (image.tag.as_deref(), arrived(&image)),
        (Some("latest"), true)
    );
    let image = event(fixture!("push-without-optional-fields"));
    assert_eq!((image.tag, image.digest), (None, Some(digest("8"))));
    assert_eq!(image.registry.region, "cn-north-1");
    let image = event(fixture!("push-of-a-docker-image-with-unknown-fields"));
    assert!(arrived(&image));
    let image = event(fixture!("push-of-a-child"));
    assert_eq!((image.tag, image.digest), (None, Some(digest("2"))));
}

#[test]
fn other_things_that_happen_to_images_bring_none() {
    for (image, expected) in [
        (event(fixture!("push-of-an-index")), true),
        (event(fixture!("push-failed")), false),
        (event(fixture!("delete")), false),
        (event(fixture!("restore")), false),
        (event(fixture!("pull-through")), true),
        (event(fixture!("pull-through-failed")), false),
        (event(fixture!("replication")), true),
        (event(fixture!("replication-failed")), false),
    ] {
        assert_eq!(arrived(&image), expected, "{image:?}");
    }
}

#[test]
fn a_replica_lies_at_its_destination() {
    let image = event(fixture!("replication"));
    assert_eq!(image.registry.region, "us-east-1");
    assert_eq!(image.registry.account, "123456789012");
    let is_replica = |image: &ImageRequest| {
        matches!(
            image.occasion,
            Occasion::Event {
                is_replica: true,
                ..
            }
        )
    };
    assert!(is_replica(&image));
    let image = event(fixture!("pull-through"));
    assert!(!is_replica(&image));
    assert_eq!(image.repository, "docker-hub/library/alpine");
}

/// The whole way to a decision, for what comes from ECR unasked.
#[test]
fn media_types_decide_before_anybody_is_asked() {
    use crate::decide::{Decision, decide};
    use soci_index::IndexFormat::V2;
    use soci_index::Reason;
    for (image, expected) in [
        (event(fixture!("push-of-a-chart")), Reason::NotAnImage),
        (event(fixture!("push-of-a-soci-index")), Reason::OwnOutput),
        (event(fixture!("push-of-a-child")), Reason::Untagged),
        (event(fixture!("delete")), Reason::IgnoredAction),
    ] {
        let all = "*:*".parse().expect("a filter");
        assert_eq!(decide(&image, &all, V2), Decision::Skip(expected));
    }
}

#[test]
fn a_manual_request_means_the_functions_own_registry() {
    let Ok(Request::Manual(images)) = fixture!("manual") else {
        panic!("a manual request");
    };
    let images: Vec<_> = images
        .into_iter()
        .map(|image| image.expect("a name"))
        .collect();
    assert!(
        images
            .iter()
            .all(|image| image.registry == here() && image.occasion == Occasion::Wish)
    );
    let names: Vec<_> = images
        .iter()
        .map(|image| {
            (
                image.repository.as_str(),
                image.tag.as_deref(),
                image.digest,
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            ("team/api", Some("v1.4.2"), None),
            ("team/api", None, Some(digest("b"))),
            ("api", None, Some(digest("c"))),
        ]
    );
}

#[test]
fn one_bad_name_does_not_lose_the_others() {
    let Ok(Request::Manual(images)) = fixture!("manual-with-bad-names") else {
        panic!("a manual request");
    };
    let good: Vec<_> = images.iter().map(Result::is_ok).collect();
    assert!(good[0]);
    assert!(good[1..].iter().all(|good| !good), "{images:?}");
    for payload in [
        json!({"images": []}),
        json!({"images": "team/api:1"}),
        json!({"images": vec!["a:1"; 1_001]}),
    ] {
        refusal(payload);
    }
}

#[test]
fn a_stacks_request_is_answered_where_it_asks() {
    let Ok(Request::CustomResource(request)) = fixture!("stack-create") else {
        panic!("a custom resource's request");
    };
    assert_eq!(request.change, Change::Set);
    assert_eq!(
        (
            request.partition.as_str(),
            request.region.as_str(),
            request.account.as_str()
        ),
        ("aws", "eu-central-1", "123456789012")
    );
    assert!(!format!("{request:?} {}", request.answer_to).contains("secret"));
    let (good, answer) = request.success(&["arn:aws:ecr:r:1:repository/x".to_owned()]);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let expected = json!({
        "Status": "SUCCESS",
        "PhysicalResourceId": "repository-arns",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/soci/51af3dc0-da77-11e4-872e-1234567db123",
        "RequestId": "5f0a3f3e-7a5c-4e1b-8e39-6e5b7a0c9c11",
        "LogicalResourceId": "Repositories",
        "Data": {"RepositoryArns": ["arn:aws:ecr:r:1:repository/x"]}
    });
    assert!(good);
    assert_eq!(answer, expected);
}

#[test]
fn every_change_of_a_stack_is_known() {
    for (request, expected) in [
        (fixture!("stack-update"), Change::Set),
        (fixture!("stack-delete"), Change::Delete),
        (fixture!("stack-something-new"), Change::Unknown),
    ] {
        let Ok(Request::CustomResource(request)) = request else {
            panic!("a custom resource's request");
        };
        assert_eq!(request.change, expected);
        let failure: Value = serde_json::from_slice(&request.failure("why")).expect("JSON");
        assert_eq!(failure["Status"], "FAILED");
        assert_eq!(failure["Reason"], "why");
        assert_eq!(failure["PhysicalResourceId"], "repository-arns");
    }
}

/// CloudFormation reads no more than 4,096 bytes of an answer.
#[test]
fn an_answer_that_is_too_long_becomes_a_failure() {
    let Ok(Request::CustomResource(request)) = fixture!("stack-create") else {
        panic!("a custom resource's request");
    };
    let arns = vec!["arn:aws:ecr:eu-central-1:123456789012:repository/a".to_owned(); 100];
    let (good, answer) = request.success(&arns);
    assert!(!good && answer.len() <= 4_096);
    assert!(
        String::from_utf8(answer)
            .expect("text")
            .contains("wider filters")
    );
    assert!(request.failure(&"x".repeat(10_000)).len() <= 4_096);
}

/// Defect A8 of AWS's builder: patterns that are not anchored let garbage pass.
#[test]
fn what_is_nothing_of_these_is_refused_by_name() {
    let push: Value = serde_json::from_str(include_str!("fixtures/push.json")).expect("JSON");
    let with = |path: &str, value: Value| {
        let mut changed = push.clone();
        match path.strip_prefix("detail.") {
            Some(name) => changed["detail"][name] = value,
            None => changed[path] = value,
        }
        refusal(changed)
    };
    for (told, expected) in [
        (refusal(json!(null)), "no JSON object"),
        (refusal(json!([1])), "no JSON object"),
        (refusal(json!({})), "neither an event"),
        (refusal(json!({"Records": []})), "\"Records\""),
        (
            refusal(json!({"RequestType": "Create"})),
            "neither an event",
        ),
        (with("source", json!("aws.ec2")), "source is \"aws.ec2\""),
        (with("source", json!(null)), "source is missing"),
        (
            with("detail-type", json!("ECR Image Scan")),
            "ECR Image Scan",
        ),
        (with("detail-type", json!(1)), "detail-type is a number"),
        (with("detail", json!("x")), "detail is text, not an object"),
        (with("account", json!("12345678901")), "12 digits"),
        (with("region", json!("evil.example/")), "region"),
        (
            with("detail.action-type", json!(null)),
            "detail.action-type is missing",
        ),
        (
            with("detail.result", json!(null)),
            "detail.result is missing",
        ),
        (
            with("detail.repository-name", json!(null)),
            "detail.repository-name is missing",
        ),
    ] {
        assert!(told.contains(expected), "{told} should say {expected}");
    }
}

#[test]
fn what_is_no_json_is_refused_with_the_place_and_without_its_content() {
    let push = include_bytes!("fixtures/push.json");
    assert!(read(push, &here()).is_ok());
    let nested = "[".repeat(100_000);
    let whole = String::from_utf8_lossy(push);
    let behind = format!("{whole}x");
    for (payload, expected) in [
        (&b""[..], "EOF while parsing a value at line 1"),
        (b"{\"source\":", "EOF while parsing"),
        (&push[..push.len() / 2], "the payload is no JSON"),
        (behind.as_bytes(), "trailing characters"),
        (b"secret", "expected value at line 1 column 1"),
        (b"{\"source\":\"\xff\"}", "invalid unicode"),
        (b"\xef\xbb\xbf{}", "expected value"),
        (nested.as_bytes(), "recursion limit"),
    ] {
        let told = read(payload, &here()).expect_err("no JSON").to_string();
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("secret") && told.len() < 200, "{told}");
    }
}

#[test]
fn a_payload_is_read_up_to_its_bound() {
    let padded = |bytes: usize| {
        let mut payload = include_bytes!("fixtures/push.json").to_vec();
        payload.resize(bytes, b' ');
        read(&payload, &here())
    };
    assert!(padded(PAYLOAD_BYTES).is_ok());
    let told = padded(PAYLOAD_BYTES + 1).expect_err("too long").to_string();
    assert!(told.contains("more than 1048576 bytes"), "{told}");
}

#[test]
fn names_that_nothing_can_have_are_refused_in_one_clean_line() {
    let push: Value = serde_json::from_str(include_str!("fixtures/push.json")).expect("JSON");
    let megabyte = "x".repeat(1 << 20);
    let with = |name: &str, value: &str| {
        let mut changed = push.clone();
        changed["detail"][name] = json!(value);
        refusal(changed)
    };
    for name in [
        "../../etc/passwd",
        "/a",
        "a/",
        "a//b",
        "a/../b",
        "..",
        "a\n{\"fake\":1}",
        "a\u{0}",
        "a\u{1b}[2J",
        "a:b",
        "a@b",
        "a?b",
        "a#b",
        "a%2fb",
        "A",
        "é",
        "a b",
        &"a".repeat(300),
        &megabyte,
    ] {
        let told = with("repository-name", name);
        assert!(
            told.contains("detail.repository-name is no repository's name"),
            "{told}"
        );
        assert!(
            told.len() < 400 && told.chars().all(|c| !c.is_control()),
            "{told}"
        );
    }
    for tag in [
        "-a",
        ".a",
        "a/b",
        "../a",
        "a b",
        "a\n",
        "a\u{7f}",
        "é",
        "a:b",
        &"a".repeat(301),
        &megabyte,
    ] {
        let told = with("image-tag", tag);
        assert!(told.contains("detail.image-tag is no tag"), "{told}");
        assert!(
            told.len() < 400 && told.chars().all(|c| !c.is_control()),
            "{told}"
        );
    }
    let keys: serde_json::Map<_, _> = (0..10_000)
        .map(|n| (format!("{n}\n{megabyte:.100}"), json!(1)))
        .collect();
    let told = refusal(Value::Object(keys));
    assert!(
        told.len() < 2_000 && told.chars().all(|c| !c.is_control()),
        "{told}"
    );
}

/// Found in review: repositories of Amazon ECR have names of up to 256 characters.
#[test]
fn the_longest_names_of_amazon_ecr_get_through() {
    let push = |repository: &str| {
        let mut push: Value =
            serde_json::from_str(include_str!("fixtures/push.json")).expect("JSON");
        push["detail"]["repository-name"] = json!(repository);
        parse(&push, &here())
    };
    let wish = |image: String| {
        let request = parse(&json!({"images": [image]}), &here());
        matches!(request, Ok(Request::Manual(images)) if images[0].is_ok())
    };
    let rest = format!(":{}@sha256:{}", "t".repeat(128), "a".repeat(64));
    for (chars, is_one) in [(2, true), (256, true), (257, false)] {
        let name = "r".repeat(chars);
        assert_eq!(push(&name).is_ok(), is_one, "{chars}");
        assert_eq!(wish(format!("{name}{rest}")), is_one, "{chars}");
    }
}

/// A digest only hints at what a tag held, and AWS's own examples have impossible ones; a media type only spares questions. Found in review:
/// one that cannot be read refused the whole event, and the image was never indexed.
#[test]
fn what_only_hints_and_cannot_be_read_is_none() {
    let push: Value = serde_json::from_str(include_str!("fixtures/push.json")).expect("JSON");
    let whole = event(fixture!("push"));
    let unreadable = [
        json!(7),
        json!(true),
        json!(["application/vnd.oci.image.manifest.v1+json"]),
        json!({"type": "x"}),
        json!("a\nb"),
        json!("sha256:7f5bEXAMPLE \u{1b}[2J"),
        json!("x".repeat(1 << 20)),
    ];
    for value in unreadable {
        let with = |name: &str| {
            let mut changed = push.clone();
            changed["detail"][name] = value.clone();
            event(parse(&changed, &here()))
        };
        let image = with("image-digest");
        let expected = ImageRequest {
            digest: None,
            ..whole.clone()
        };
        assert_eq!(image, expected);
        for name in ["manifest-media-type", "artifact-media-type"] {
            let Occasion::Event {
                arrived: true,
                manifest_media_type,
                artifact_media_type,
                ..
            } = with(name).occasion
            else {
                panic!("an event of an image that arrived");
            };
            let is_there = |read: &Option<String>, other: &str| read.is_some() == (name != other);
            assert!(is_there(&manifest_media_type, "manifest-media-type"));
            assert!(is_there(&artifact_media_type, "artifact-media-type"));
        }
    }
}

/// A stack's request with one field changed; null takes it away.
fn stack_with(name: &str, value: Value) -> Result<Request, Refused> {
    let mut create: Value =
        serde_json::from_str(include_str!("fixtures/stack-create.json")).expect("JSON");
    create[name] = value;
    if create[name].is_null() {
        create.as_object_mut().expect("an object").remove(name);
    }
    parse(&create, &here())
}

#[test]
fn stacks_that_cannot_be_answered_are_refused() {
    for (address, expected) in [
        (
            json!("http://169.254.169.254/latest?secret"),
            "no https address",
        ),
        (json!("file:///etc/passwd"), "no https address"),
        (json!(7), "ResponseURL is a number"),
        (json!(null), "neither an event"),
    ] {
        let told = stack_with("ResponseURL", address).expect_err("a refusal");
        let told = told.to_string();
        assert!(
            told.contains(expected) && !told.contains("secret"),
            "{told}"
        );
    }
    let nobodys = json!({"ResponseURL": "https://example.com/"});
    assert!(refusal(nobodys).contains("neither an event"));
}

/// Found in review: a stack whose request had a fault beside a good address waited for an hour.
#[test]
fn stacks_that_can_be_answered_are_told_what_is_wrong() {
    let bad_arn = json!("arn:aws:cloudformation:r:*:stack/x");
    for (name, value, expected) in [
        ("StackId", json!(null), "StackId is missing"),
        ("StackId", json!("x"), "StackId is no stack's ARN: \"x\""),
        ("StackId", bad_arn, "StackId is no stack's ARN"),
        ("RequestType", json!(null), "RequestType is missing"),
        ("RequestType", json!(["Create"]), "RequestType is a list"),
        ("RequestId", json!(null), "RequestId is missing"),
        ("RequestId", json!(7), "RequestId is a number"),
        ("LogicalResourceId", json!(null), "LogicalResourceId is"),
        (
            "LogicalResourceId",
            json!("x".repeat(3_000)),
            "at most 2048",
        ),
        ("PhysicalResourceId", json!({}), "PhysicalResourceId is an"),
    ] {
        let Ok(Request::CustomResource(request)) = stack_with(name, value.clone()) else {
            panic!("a custom resource's request without {name}");
        };
        let fault = request.fault.as_ref().expect("a fault").to_string();
        assert!(fault.contains(expected), "{fault}");
        let answer: Value = serde_json::from_slice(&request.failure(&fault)).expect("JSON");
        assert_eq!(
            (&answer["Status"], &answer["Reason"]),
            (&json!("FAILED"), &json!(fault))
        );
        let create: Value =
            serde_json::from_str(include_str!("fixtures/stack-create.json")).expect("JSON");
        assert_eq!(answer["PhysicalResourceId"], "repository-arns");
        // All that can be read is there, so that CloudFormation knows which request is answered.
        for id in ["StackId", "RequestId", "LogicalResourceId"] {
            let expected = match (id == name, value.as_str()) {
                (false, _) => create[id].clone(),
                (true, Some(text)) if text.len() <= 2_048 => json!(text),
                (true, _) => json!(""),
            };
            assert_eq!(answer[id], expected, "{id} in an answer about {name}");
        }
    }
    let Ok(Request::CustomResource(whole)) = fixture!("stack-create") else {
        panic!("a custom resource's request");
    };
    assert_eq!(whole.fault, None);
}

/// Any JSON, as far as strategies make it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("aws.ecr")),
        Just(json!("ECR Image Action")),
        Just(json!("PUSH")),
        Just(json!("SUCCESS")),
        Just(json!("123456789012")),
        Just(json!("eu-central-1")),
    ];
    let key = prop_oneof![
        Just("detail".to_owned()),
        Just("detail-type".to_owned()),
        Just("source".to_owned()),
        Just("images".to_owned()),
        Just("account".to_owned()),
        Just("region".to_owned()),
        Just("repository-name".to_owned()),
        Just("image-tag".to_owned()),
        Just("RequestType".to_owned()),
        Just("ResponseURL".to_owned()),
        Just("action-type".to_owned()),
        Just("result".to_owned()),
        ".{0,10}".prop_map(|key| key),
    ];
    leaf.prop_recursive(3, 40, 10, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..9)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever comes is a request or a refusal, and a refusal is one line.
    #[test]
    fn prop_any_json_is_a_request_or_a_refusal(payload in any_json()) {
        if let Err(refused) = parse(&payload, &here()) {
            prop_assert!(refused.to_string().chars().all(|c| !c.is_control()));
        }
    }

    /// So is any run of bytes, cut anywhere.
    #[test]
    fn prop_any_bytes_are_a_request_or_a_refusal(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 0..include_bytes!("fixtures/push.json").len(),
    ) {
        let cut = &include_bytes!("fixtures/push.json")[..cut];
        for payload in [&noise[..], cut, &[cut, &noise[..]].concat()] {
            if let Err(refused) = read(payload, &here()) {
                prop_assert!(refused.to_string().chars().all(|c| !c.is_control()));
            }
        }
    }

    /// A name that got through can leave neither a path nor a line.
    #[test]
    fn prop_names_that_get_through_are_harmless(repository in ".{0,30}", tag in ".{0,30}") {
        let mut push: Value = serde_json::from_str(include_str!("fixtures/push.json")).expect("JSON");
        push["detail"]["repository-name"] = json!(repository);
        push["detail"]["image-tag"] = json!(tag);
        if let Ok(Request::Event(image)) = parse(&push, &here()) {
            prop_assert!(image.repository.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            prop_assert!(image.repository.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b)));
            prop_assert!(image.tag.iter().all(|tag| !tag.contains(['/', ':', '@', ' ', '\n'])));
        }
    }
}
