//! What is no payload, and names that nothing can have.

use proptest::prelude::*;

use super::*;

/// Defect A8 of AWS's builder: patterns that are not anchored let garbage pass.
#[test]
fn what_is_nothing_of_these_is_refused_by_name() {
    let push: Value = serde_json::from_str(include_str!("../fixtures/push.json")).expect("JSON");
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
    let push = include_bytes!("../fixtures/push.json");
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
        let mut payload = include_bytes!("../fixtures/push.json").to_vec();
        payload.resize(bytes, b' ');
        read(&payload, &here())
    };
    assert!(padded(PAYLOAD_BYTES).is_ok());
    let told = padded(PAYLOAD_BYTES + 1).expect_err("too long").to_string();
    assert!(told.contains("more than 1048576 bytes"), "{told}");
}

#[test]
fn names_that_nothing_can_have_are_refused_in_one_clean_line() {
    let push: Value = serde_json::from_str(include_str!("../fixtures/push.json")).expect("JSON");
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
            serde_json::from_str(include_str!("../fixtures/push.json")).expect("JSON");
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
        cut in 0..include_bytes!("../fixtures/push.json").len(),
    ) {
        let cut = &include_bytes!("../fixtures/push.json")[..cut];
        for payload in [&noise[..], cut, &[cut, &noise[..]].concat()] {
            if let Err(refused) = read(payload, &here()) {
                prop_assert!(refused.to_string().chars().all(|c| !c.is_control()));
            }
        }
    }

    /// A name that got through can leave neither a path nor a line.
    #[test]
    fn prop_names_that_get_through_are_harmless(repository in ".{0,30}", tag in ".{0,30}") {
        let mut push: Value = serde_json::from_str(include_str!("../fixtures/push.json")).expect("JSON");
        push["detail"]["repository-name"] = json!(repository);
        push["detail"]["image-tag"] = json!(tag);
        if let Ok(Request::Event(image)) = parse(&push, &here()) {
            prop_assert!(image.repository.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            prop_assert!(image.repository.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b)));
            prop_assert!(image.tag.iter().all(|tag| !tag.contains(['/', ':', '@', ' ', '\n'])));
        }
    }
}
