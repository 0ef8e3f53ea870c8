//! Payloads that are no JSON. The service lets none through, and whoever gets past it is told by us and not by a library.

use soci_e2e::emulator::Emulator;

use super::*;

/// Bytes of the large ones.
const MEGABYTE: usize = 1 << 20;

/// Payloads, and what is said of them.
fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let push = push_event("app", "1", "").to_string().into_bytes();
    let noise = content::random(1, MEGABYTE);
    vec![
        (Vec::new(), "EOF while parsing a value"),
        (push[..push.len() / 2].to_vec(), "EOF while parsing"),
        ([&push[..], b"}"].concat(), "trailing characters"),
        (b"push app:1".to_vec(), "expected value at line 1 column 1"),
        (b"{\"source\": \"\xff\"}".to_vec(), "invalid unicode"),
        (b"[".repeat(MEGABYTE), "recursion limit"),
        (noise.clone(), "the payload is no JSON"),
        ([&noise[..], &noise].concat(), "more than 1048576 bytes"),
    ]
}

/// That an answer refuses its payload for good, and says why.
fn is_refusal(answer: &Value, why: &str) {
    assert_eq!(told(answer), ("failed", "configuration"), "{answer}");
    let result = &answer["results"][0];
    assert_eq!(result["retryable"], false, "{answer}");
    let error = result["error"].as_str().unwrap();
    assert!(
        error.contains("the payload") && error.contains(why),
        "{error}"
    );
}

/// That each refusal was told of once, in a line that names its invocation, and nothing else was.
fn are_told(lines: &[Value], invocations: usize) {
    let errors: Vec<_> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert_eq!(errors.len(), invocations, "{errors:?}");
    let mut ids: Vec<_> = errors
        .iter()
        .map(|line| line["span"]["request_id"].as_str().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), invocations, "{ids:?}");
    for line in errors {
        assert_eq!(
            (&line["message"], &line["kind"]),
            (&json!("image failed"), &json!("configuration"))
        );
    }
    assert!(
        lines
            .iter()
            .all(|line| !line.to_string().contains("panicked"))
    );
    let counted = lines.iter().filter(|line| line["Failed"] == 1);
    assert_eq!(counted.count(), invocations);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_is_refused_by_name_and_nobody_is_asked() {
    let cloud = Cloud::start();
    let mut function = Function::start(&cloud, &settings("127.0.0.1:1", &[]));
    let payloads = malformed();
    let count = payloads.len();
    for (payload, why) in payloads {
        let answer = function.invoke_with(payload, MINUTE).await.unwrap();
        is_refusal(&answer, why);
    }
    // The same process goes on.
    let push = push_event("app", "", "");
    let answer = function.invoke(&push, MINUTE).await.unwrap();
    assert_eq!(told(&answer), ("skipped", "untagged"));
    assert!(cloud.take().is_empty(), "no network call");
    are_told(&function.end().await, count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packaged_it_refuses_them_too() {
    let cloud = Cloud::start();
    let emulator = Emulator::start(&cloud, 60, &settings("127.0.0.1:1", &[])).await;
    let payloads = malformed();
    let count = payloads.len();
    for (payload, why) in payloads {
        let answer = emulator.invoke(&payload).await.unwrap();
        is_refusal(&answer, why);
    }
    assert!(cloud.take().is_empty(), "no network call");
    are_told(&emulator.end().await, count);
}
