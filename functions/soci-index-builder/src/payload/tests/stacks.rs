//! What a CloudFormation stack asks, and what it is told.

use super::*;

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

/// A stack's request with one field changed; null takes it away.
fn stack_with(name: &str, value: Value) -> Result<Request, Refused> {
    let mut create: Value =
        serde_json::from_str(include_str!("../fixtures/stack-create.json")).expect("JSON");
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
            serde_json::from_str(include_str!("../fixtures/stack-create.json")).expect("JSON");
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
