//! What the two roads make, beside each other: a stack as CloudFormation would evaluate it, the module as it lies in moto after it was
//! applied. Two instances side by side, one with its defaults, one with everything at something else; and gone again without remains.

mod alarms;
mod delivery;
mod function;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use soci_deploy::facts::{list, text, texts};
use soci_deploy::moto::{self, Moto};
use soci_deploy::parameter::{self, Parameter};
use soci_deploy::template::Stack;
use soci_deploy::terraform::Copied;

const BUS: &str = "arn:aws:events:eu-central-1:123456789012:event-bus/results";
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:alarms";

/// One instance on both roads.
struct Instance {
    name: &'static str,
    stack: Stack,
    /// The module's resources by address, as they were made.
    module: BTreeMap<String, Value>,
}

/// What is set in the instance with everything: of each parameter an example that is not the default.
fn everything() -> Vec<(Parameter, String)> {
    let chosen = |parameter: &Parameter| match parameter.terraform.as_str() {
        "result_event_bus_arn" => BUS.to_owned(),
        "alarm_topic_arn" => TOPIC.to_owned(),
        "filters" => "team-a/*:*,team-b/app:v*".to_owned(),
        "excludes" => "*:*-dev,*:*-test".to_owned(),
        "permissions_boundary_arn" => "arn:aws:iam::123456789012:policy/boundary".to_owned(),
        _ => {
            let others = |one: &&String| Some(*one) != parameter.default.as_ref();
            let mut taken = parameter.taken.iter();
            // A choice of which the function knows one member only has no other.
            taken
                .find(others)
                .or(parameter.default.as_ref())
                .expect("a value")
                .clone()
        }
    };
    let all = parameter::all().into_iter();
    // Where the zip lies is another matter on each road.
    let all = all.filter(|one| !one.terraform.starts_with("s3_"));
    all.map(|one| (one.clone(), chosen(&one))).collect()
}

/// Both, applied at once; and what was left when they were destroyed.
fn applied() -> &'static ([Instance; 2], Vec<&'static str>, Vec<&'static str>) {
    // A failure in here is every test's, at once.
    static APPLIED: LazyLock<([Instance; 2], Vec<&'static str>, Vec<&'static str>)> = LazyLock::new(
        || {
            let everything = everything();
            let moto = Moto::start();
            let copied = Copied::with_aws(&moto);
            let defaults = json!({"name": "soci-defaults", "zip_path": copied.zip()});
            let mut full = json!({"name": "soci-full", "zip_path": copied.zip(), "tags": {"team": "containers"}});
            for (parameter, value) in &everything {
                full[&parameter.terraform] = parameter.for_terraform(value);
            }
            copied.write_root(
                &[("defaults".to_owned(), defaults), ("full".to_owned(), full)],
                &json!({}),
            );
            copied.init("root");
            copied.carry_out("root", "apply");
            let made = moto.holds("soci-");
            let state = copied.run("root", &["show", "-json"]).success();
            let state: Value = serde_json::from_str(&state).expect("JSON");
            changes_nothing(&copied);
            copied.carry_out("root", "destroy");
            let left = moto.holds("soci-");
            let set: Vec<_> = everything
                .iter()
                .map(|(one, value)| (one.cloudformation.as_str(), value.as_str()))
                .collect();
            let instances = [
                Instance {
                    name: "soci-defaults",
                    stack: Stack::new(&[]),
                    module: resources(&state, "defaults"),
                },
                Instance {
                    name: "soci-full",
                    stack: Stack::new(&set),
                    module: resources(&state, "full"),
                },
            ];
            (instances, made, left)
        },
    );
    &APPLIED
}

/// A second plan finds everything as it was made. moto forgets a function's `logging_config`, and nothing else.
fn changes_nothing(copied: &Copied) {
    let plan = copied.run("root", &["plan", "-no-color", "-out=again"]);
    let _ = plan.success();
    let again = copied.run("root", &["show", "-json", "again"]).success();
    let again: Value = serde_json::from_str(&again).expect("JSON");
    for resource in list(&again, "resource_changes") {
        let change = &resource["change"];
        if texts(change, "actions") == ["no-op"] {
            continue;
        }
        assert_eq!(resource["type"], "aws_lambda_function", "{resource}");
        let mut before = change["before"].clone();
        before["logging_config"] = change["after"]["logging_config"].clone();
        let is_known = |field: &str| change["after_unknown"][field] != true;
        for (field, value) in change["after"].as_object().expect("an object") {
            assert!(
                !is_known(field) || before[field] == *value,
                "{field}: {value}"
            );
        }
    }
}

fn resources(state: &Value, module: &str) -> BTreeMap<String, Value> {
    let modules = list(&state["values"]["root_module"], "child_modules");
    let address = format!("module.{module}");
    let own = modules
        .iter()
        .find(|one| one["address"] == address)
        .expect("it is there");
    let own = list(own, "resources").iter();
    own.filter(|one| one["mode"] == "managed")
        .map(|one| {
            let short = text(one, "address")
                .trim_start_matches(&address)
                .trim_start_matches('.');
            (short.to_owned(), one["values"].clone())
        })
        .collect()
}

impl Instance {
    fn of_module(&self, address: &str) -> &Value {
        self.module
            .get(address)
            .unwrap_or_else(|| panic!("no {address} in {:?}", self.module.keys()))
    }

    fn of_stack(&self, logical_id: &str) -> Value {
        self.stack
            .properties(logical_id)
            .unwrap_or_else(|| panic!("no {logical_id}"))
    }

    /// What words in braces stand for on the road of the stack.
    fn words_of_stack(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("{function_name}", json!("{Function}")),
            ("{failure_queue_name}", json!("{FailureQueue.QueueName}")),
            (
                "{dead_letter_queue_name}",
                json!("{DeadLetterQueue.QueueName}"),
            ),
            ("{region}", json!("eu-central-1")),
        ]
    }

    /// What they stand for on the road of the module.
    fn words_of_module(&self) -> Vec<(&'static str, Value)> {
        let name = self.name;
        let queue = |role: &str| {
            json!(format!(
                "arn:aws:sqs:eu-central-1:123456789012:{name}-{role}"
            ))
        };
        vec![
            ("{function_name}", json!(name)),
            ("{failure_queue_name}", json!(format!("{name}-failures"))),
            (
                "{dead_letter_queue_name}",
                json!(format!("{name}-dead-letters")),
            ),
            ("{region}", json!("eu-central-1")),
            ("{failure_queue_arn}", queue("failures")),
            (
                "{log_group_arn}",
                json!(format!(
                    "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/{name}"
                )),
            ),
            ("{result_event_bus_arn}", json!(BUS)),
        ]
    }
}

#[test]
fn applied_and_destroyed_without_remains() {
    let (_, made, left) = applied();
    assert_eq!(*made, moto::kinds(), "everything was there");
    assert_eq!(*left, Vec::<&str>::new(), "and everything is gone");
}

/// A number or a text as CloudFormation would have it, which takes both for either.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or(value.to_string(), str::to_owned);
    text.trim_end_matches(".0").to_owned()
}
