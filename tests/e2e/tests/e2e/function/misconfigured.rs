//! Every setting that can be wrong, wrong in the environment of the packaged function under AWS's runtime interface emulator: whoever can
//! mend it is told which, what stands there, and what may.

use soci_e2e::emulator::{Emulator, Failure};
use tokio::task::JoinSet;

use super::*;

/// The one list of settings. The function's parser is held to it, so a setting that is new is tried here as well.
const PARAMETERS: &str = include_str!("../../../../../infra/parameters.json");

/// Functions that run side by side.
const AT_ONCE: usize = 4;

/// Faulty variables, and what is told: which, and what is allowed.
struct Faulty {
    variables: Vec<(String, String)>,
    named: String,
    allowed: String,
}

fn text<'a>(setting: &'a Value, field: &str) -> &'a str {
    let text = setting[field].as_str();
    text.unwrap_or_else(|| panic!("{field} of {setting}"))
}

/// The first value of each setting that its line in the list says to be refused.
fn one_of_each() -> Vec<Faulty> {
    let all: Value = serde_json::from_str(PARAMETERS).unwrap();
    let settings = all["settings"].as_array().unwrap();
    let faulty = |setting: &Value| {
        let named = text(setting, "environment").to_owned();
        let refused = setting["refused"][0].as_str();
        let refused = refused.unwrap_or_else(|| panic!("no faulty value of {named} is known"));
        Faulty {
            variables: vec![(named.clone(), refused.to_owned())],
            named,
            allowed: text(setting, "allowed").to_owned(),
        }
    };
    settings.iter().map(faulty).collect()
}

/// A typing error, and two places for what has one.
fn others() -> Vec<Faulty> {
    let both = ["SOCI_FILTERS", "SOCI_FILTERS_PARAMETER"];
    vec![
        Faulty {
            variables: vec![("SOCI_OUTPUT_TAGS".to_owned(), "x".to_owned())],
            named: "\"SOCI_OUTPUT_TAGS\"".to_owned(),
            allowed: "SOCI_OUTPUT_TAG,".to_owned(),
        },
        Faulty {
            variables: both
                .map(|name| (name.to_owned(), "a:b".to_owned()))
                .to_vec(),
            named: "SOCI_FILTERS".to_owned(),
            allowed: "only one of SOCI_FILTERS and SOCI_FILTERS_PARAMETER".to_owned(),
        },
    ]
}

/// Whether a text names the variable, says what is wrong with it, and then what is allowed.
fn is_told(told: &str, faulty: &Faulty) -> bool {
    let named = told.split_once(&format!(
        "the function's configuration is wrong: {} ",
        faulty.named
    ));
    let parts = named.and_then(|(_, rest)| rest.split_once("; allowed: "));
    parts.is_some_and(|(problem, allowed)| {
        !problem.is_empty()
            && allowed.contains(&faulty.allowed)
            && told.chars().all(|char| !char.is_control())
    })
}

async fn is_refused(faulty: Faulty) {
    let cloud = Cloud::start();
    let variables: Vec<_> = faulty
        .variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let emulator = Emulator::start(&cloud, 60, &variables).await;
    let invoke = async |payload: &Value| emulator.invoke(payload.to_string().as_bytes()).await;

    let push = push_event("app", "1", "");
    let failure = invoke(&push).await.unwrap_err();
    let Failure::Reported { kind, message } = failure else {
        panic!("{variables:?}: {failure:?}");
    };
    assert_eq!(kind, "configuration", "{variables:?}: {message}");
    assert!(is_told(&message, &faulty), "{variables:?}: {message}");
    assert!(cloud.take().is_empty(), "{variables:?}: nobody was asked");

    let create = stack_request(&cloud, "Create");
    let answered = invoke(&create).await;
    assert_eq!(answered, Ok(json!({"status": "FAILED"})), "{variables:?}");
    let told = stack_answer(&cloud);
    assert_eq!(told["Status"], "FAILED", "{variables:?}");
    let reason = told["Reason"].as_str().unwrap();
    assert!(is_told(reason, &faulty), "{variables:?}: {reason}");

    let delete = stack_request(&cloud, "Delete");
    let answered = invoke(&delete).await;
    assert_eq!(answered, Ok(json!({"status": "SUCCESS"})), "{variables:?}");
    assert_eq!(stack_answer(&cloud)["Status"], "SUCCESS", "{variables:?}");

    let lines = emulator.end().await;
    let told_of_start = |line: &Value| {
        line["level"] == "ERROR"
            && line["faults"]
                .as_str()
                .is_some_and(|told| is_told(told, &faulty))
    };
    assert!(lines.iter().any(told_of_start), "{variables:?}: {lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_setting_that_is_wrong_is_named_with_what_is_allowed() {
    let mut running = JoinSet::new();
    for faulty in one_of_each().into_iter().chain(others()) {
        if running.len() == AT_ONCE
            && let Some(ended) = running.join_next().await
        {
            ended.unwrap();
        }
        running.spawn(is_refused(faulty));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}
