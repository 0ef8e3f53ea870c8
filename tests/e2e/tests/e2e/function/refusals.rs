//! What of AWS is unwell while the function needs it: the address of a stack's answer, the filters' parameter, the results' bus.

use super::*;

fn throttled() -> Value {
    json!({"__type": "ThrottlingException", "message": "Rate exceeded"})
}

fn denied() -> Value {
    json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "the role may not do this"})
}

fn called(cloud: &Cloud, name: &str) -> usize {
    let calls = cloud.take();
    calls.iter().filter(|call| call.name == name).count()
}

fn refuse(cloud: &Cloud, name: &str, times: usize, status: u16, document: &Value) {
    for _ in 0..times {
        cloud.answer_once(name, status, document.clone());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_whose_answer_does_not_get_through_is_answered_again() {
    let cloud = Cloud::start();
    let mut function = Function::start(&cloud, &[]);
    refuse(&cloud, "PUT", 2, 503, &json!({}));
    let answer = function
        .invoke(&stack_request(&cloud, "Create"), MINUTE)
        .await
        .unwrap();
    assert_eq!(answer, json!({"status": "SUCCESS"}));
    assert_eq!(called(&cloud, "PUT"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_cannot_be_answered_is_told_before_the_end() {
    let cloud = Cloud::start();
    let mut function = Function::start(&cloud, &[]);
    refuse(&cloud, "PUT", 20, 503, &json!({}));
    let (begun, time) = (Instant::now(), Duration::from_secs(4));
    let error = function
        .invoke(&stack_request(&cloud, "Delete"), time)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "transient", "{error}");
    assert!(begun.elapsed() < time, "{:?}", begun.elapsed());
    assert!((2..=6).contains(&called(&cloud, "PUT")));
}

/// Found in review: nobody answered these, and the stack waited for an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_whose_request_is_damaged_is_told_so() {
    let cloud = Cloud::start();
    let mut function = Function::start(&cloud, &[]);
    for (name, value) in [
        ("RequestType", json!(null)),
        ("StackId", json!("soci")),
        ("StackId", json!(null)),
        ("RequestId", json!(7)),
        ("LogicalResourceId", json!("x".repeat(5_000))),
        ("PhysicalResourceId", json!([])),
    ] {
        let mut request = stack_request(&cloud, "Create");
        request[name] = value;
        let answer = function.invoke(&request, MINUTE).await.unwrap();
        assert_eq!(answer, json!({"status": "FAILED"}), "{name}");
        let calls = cloud.take();
        assert_eq!(calls.len(), 1, "{name}: {calls:?}");
        let told = &calls[0].body;
        assert_eq!(told["Status"], "FAILED", "{name}: {told}");
        assert!(told["Reason"].as_str().unwrap().contains(name), "{told}");
        // There is nothing to take away, whatever is wrong.
        request["RequestType"] = "Delete".into();
        function.invoke(&request, MINUTE).await.unwrap();
        assert_eq!(cloud.take()[0].body["Status"], "SUCCESS", "{name}");
    }
    // An address that nobody may be answered at is a refusal, and asked for nothing.
    let mut request = stack_request(&cloud, "Create");
    request["ResponseURL"] = "http://169.254.169.254/latest".into();
    let answer = function.invoke(&request, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("failed", "configuration"));
    assert!(cloud.take().is_empty());
}

/// Found in review: a refusal for good was taken for a passing one, and six times tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_refuses_a_stacks_answer_is_asked_once() {
    let cloud = Cloud::start();
    let mut function = Function::start(&cloud, &[]);
    for status in [400, 403, 404] {
        refuse(&cloud, "PUT", 1, status, &json!({}));
        let request = stack_request(&cloud, "Create");
        let error = function.invoke(&request, MINUTE).await.unwrap_err();
        assert_eq!(kind(&error), "denied", "{error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(&status.to_string()), "{message}");
        assert_eq!(called(&cloud, "PUT"), 1, "{status}");
    }
    for status in [408, 429] {
        refuse(&cloud, "PUT", 1, status, &json!({}));
        let request = stack_request(&cloud, "Create");
        let answer = function.invoke(&request, MINUTE).await.unwrap();
        assert_eq!(answer, json!({"status": "SUCCESS"}));
        assert_eq!(called(&cloud, "PUT"), 2, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_parameter_is_asked_again_and_then_tried_later() {
    let cloud = Cloud::start();
    let names = [("SOCI_FILTERS_PARAMETER", "/soci/filters")];
    cloud.set_parameter("other:*");
    let mut function = Function::start(&cloud, &settings("127.0.0.1:1", &names));
    let event = push_event("app", "1", "");

    refuse(&cloud, "GetParameter", 3, 400, &throttled());
    let error = function.invoke(&event, MINUTE).await.unwrap_err();
    assert_eq!(kind(&error), "throttled", "{error}");
    assert_eq!(called(&cloud, "GetParameter"), 3);

    refuse(&cloud, "GetParameter", 2, 400, &throttled());
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("skipped", "not-matched"));
    assert_eq!(called(&cloud, "GetParameter"), 3);

    // Told of once, and of which image.
    let lines = function.end().await;
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let span = &failed[0]["span"];
    assert_eq!(
        (&span["request_id"], &span["repository"], &span["tag"]),
        (&json!("request-1"), &json!("app"), &json!("1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_that_may_not_be_read_fails_events_and_no_wish() {
    let (registry, cloud) = (registry(), Cloud::start());
    pushed(&registry, "app", "1").await;
    let names = [("SOCI_FILTERS_PARAMETER", "/soci/filters")];
    let mut function = Function::start(&cloud, &settings(registry.host(), &names));

    refuse(&cloud, "GetParameter", 1, 400, &denied());
    let error = function
        .invoke(&push_event("app", "1", ""), MINUTE)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "denied", "{error}");
    let message = error["errorMessage"].as_str().unwrap();
    for part in ["/soci/filters", "SOCI_FILTERS_PARAMETER", "may not"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(called(&cloud, "GetParameter"), 1, "not asked again");

    let wish = json!({"images": ["app:1"]});
    let answer = function.invoke(&wish, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("indexed", ""));
    assert_eq!(called(&cloud, "GetParameter"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_takes_no_result_changes_no_outcome_and_is_counted() {
    let (registry, cloud) = (registry(), Cloud::start());
    let image = pushed(&registry, "app", "1").await;
    let bus = [("SOCI_RESULT_EVENT_BUS", "results")];
    let mut function = Function::start(&cloud, &settings(registry.host(), &bus));
    let event = push_event("app", "1", image.root.digest());

    refuse(&cloud, "PutEvents", 1, 400, &denied());
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("indexed", ""));
    let failed = json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]});
    refuse(&cloud, "PutEvents", 1, 200, &failed);
    let answer = function.invoke(&event, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("already-indexed", ""));
    // A payload that names no image is a failure for good, and told as one.
    let answer = function.invoke(&json!({}), MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("failed", "configuration"));
    let calls = cloud.take();
    let last = &calls.last().unwrap().body["Entries"][0];
    let detail: Value = serde_json::from_str(last["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&detail["kind"], &detail["repository"]),
        (&json!("configuration"), &json!(null))
    );

    let lines = function.end().await;
    let metrics = lines.iter().filter(|line| line.get("_aws").is_some());
    let lost: Vec<_> = metrics.map(|line| &line["ResultEventLost"]).collect();
    assert_eq!(lost, [1, 1, 0]);
    for told in ["may not do this", "InternalFailure"] {
        let is_told = |line: &Value| line["level"] == "ERROR" && line.to_string().contains(told);
        assert!(lines.iter().any(is_told), "{told}: {lines:?}");
    }
}
