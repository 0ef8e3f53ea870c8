//! A stack that asks for its repositories, and what the configuration has to do with it.

use serde_json::json;
use soci_e2e::aws::{ACCOUNT, Cloud, REGION, push_event};
use soci_e2e::function::Function;

use super::{MINUTE, kind, settings, stack_answer, stack_request, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_is_told_its_repositories() {
    let cloud = Cloud::start();
    let mut function = Function::start(
        &cloud,
        &[("SOCI_FILTERS", "team/*:v*,team/a:*,other-[ab]:1,!x:*")],
    );
    for change in ["Create", "Update"] {
        let answer = function
            .invoke(&stack_request(&cloud, change), MINUTE)
            .await
            .unwrap();
        assert_eq!(answer, json!({"status": "SUCCESS"}));
        let told = stack_answer(&cloud);
        let arn = |name: &str| format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}");
        assert_eq!(told["Status"], "SUCCESS");
        assert_eq!(
            told["Data"]["RepositoryArns"],
            json!([arn("team/*"), arn("other-?")])
        );
    }
    function
        .invoke(&stack_request(&cloud, "Delete"), MINUTE)
        .await
        .unwrap();
    assert_eq!(stack_answer(&cloud)["Status"], "SUCCESS");
    function
        .invoke(&stack_request(&cloud, "Rename"), MINUTE)
        .await
        .unwrap();
    assert_eq!(stack_answer(&cloud)["Status"], "FAILED");
    // Nothing that it wrote holds the address's signature: `end` looks at every line.
    assert!(!function.end().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_answers_stacks_and_fails_everything_else() {
    let cloud = Cloud::start();
    let mut function = Function::start(
        &cloud,
        &[("SOCI_SPAN_BYTES", "4 MiB"), ("SOCI_FILTERS", "app")],
    );
    for change in ["Create", "Update"] {
        function
            .invoke(&stack_request(&cloud, change), MINUTE)
            .await
            .unwrap();
        let told = stack_answer(&cloud);
        assert_eq!(told["Status"], "FAILED");
        let reason = told["Reason"].as_str().unwrap();
        for part in [
            "SOCI_SPAN_BYTES is \"4 MiB\"",
            "allowed: 65536 to 1073741824",
            "SOCI_FILTERS",
            "no ':'",
        ] {
            assert!(reason.contains(part), "{reason}");
        }
    }
    function
        .invoke(&stack_request(&cloud, "Delete"), MINUTE)
        .await
        .unwrap();
    assert_eq!(stack_answer(&cloud)["Status"], "SUCCESS");
    for payload in [
        push_event("app", "1", ""),
        json!({"images": ["app:1"]}),
        json!({"x": 1}),
    ] {
        let error = function.invoke(&payload, MINUTE).await.unwrap_err();
        assert_eq!(kind(&error), "configuration");
        assert!(
            error["errorMessage"]
                .as_str()
                .unwrap()
                .contains("SOCI_SPAN_BYTES"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_may_come_from_a_parameter() {
    let cloud = Cloud::start();
    let names = [("SOCI_FILTERS_PARAMETER", "/soci/filters")];
    cloud.set_parameter("other:*");
    let mut function = Function::start(&cloud, &settings("127.0.0.1:1", &names));
    for _ in 0..2 {
        let answer = function
            .invoke(&push_event("app", "1", ""), MINUTE)
            .await
            .unwrap();
        assert_eq!(told(&answer), ("skipped", "not-matched"));
    }
    let calls = cloud.take();
    assert_eq!(calls.len(), 1, "kept: {calls:?}");
    assert_eq!(
        (calls[0].name.as_str(), &calls[0].body["Name"]),
        ("GetParameter", &json!("/soci/filters"))
    );

    function.end().await;
    cloud.set_parameter("app");
    let mut function = Function::start(&cloud, &settings("127.0.0.1:1", &names));
    let error = function
        .invoke(&push_event("app", "1", ""), MINUTE)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "configuration");
    function
        .invoke(&stack_request(&cloud, "Create"), MINUTE)
        .await
        .unwrap();
    assert_eq!(stack_answer(&cloud)["Status"], "FAILED");
}
