//! Each payload of `fixtures/`.
//!
//! The events follow captured ones (awslabs/cfn-ecr-aws-soci-index-builder#137) and AWS's documentation; accounts, digests and names are
//! made up.

use serde_json::json;

use super::*;

/// A fixture, read.
macro_rules! fixture {
    ($name:literal) => {
        fixture(include_str!(concat!("../fixtures/", $name, ".json")))
    };
}

mod refused;
mod stacks;

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

/// A digest only hints at what a tag held, and AWS's own examples have impossible ones; a media type only spares questions. Found in review:
/// one that cannot be read refused the whole event, and the image was never indexed.
#[test]
fn what_only_hints_and_cannot_be_read_is_none() {
    let push: Value = serde_json::from_str(include_str!("../fixtures/push.json")).expect("JSON");
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
