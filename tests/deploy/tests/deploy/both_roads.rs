//! What the two roads make, beside each other: a stack as CloudFormation would evaluate it, the module as it lies in moto after it was
//! applied. Two instances side by side, one with its defaults, one with everything at something else; and gone again without remains.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text, texts};
use soci_deploy::moto::{self, Moto};
use soci_deploy::parameter::{self, Parameter};
use soci_deploy::template::{Stack, statements};
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

#[test]
fn the_function_is_the_same_on_both_roads() {
    for instance in &applied().0 {
        let stack = instance.of_stack("Function");
        let module = instance.of_module("aws_lambda_function.this[0]");
        let settings = &module["environment"][0]["variables"];
        assert_eq!(
            *settings, stack["Environment"]["Variables"],
            "{}",
            instance.name
        );
        let plain = |value: &Value| value.to_string().replace('"', "");
        for (property, argument) in [
            ("Description", "description"),
            ("Runtime", "runtime"),
            ("Handler", "handler"),
            ("Architectures", "architectures"),
            ("MemorySize", "memory_size"),
            ("Timeout", "timeout"),
        ] {
            assert_eq!(
                plain(&stack[property]),
                plain(&module[argument]),
                "{property}"
            );
        }
        let reserved = stack
            .get("ReservedConcurrentExecutions")
            .map_or("-1".to_owned(), plain);
        assert_eq!(reserved, plain(&module["reserved_concurrent_executions"]));
        assert_eq!(
            instance.of_stack("LogGroup")["RetentionInDays"],
            plain(&instance.of_module("aws_cloudwatch_log_group.this[0]")["retention_in_days"])
        );
    }
}

/// Every setting of the list that has a road reaches the function, and nothing that the function does not know.
#[test]
fn the_functions_settings_are_those_of_the_list() {
    let facts = facts::json("infra/parameters.json");
    let on_roads = |one: &&Value| !one["roads"]["terraform"].is_null();
    let own = list(&facts, "settings").iter().filter(on_roads);
    let mut expected: Vec<_> = own.map(|one| text(one, "environment").to_owned()).collect();
    // The partition's own, which nobody sets.
    expected.push("SOCI_DNS_SUFFIX".to_owned());
    expected.sort();
    for instance in &applied().0 {
        let variables = instance.of_stack("Function")["Environment"]["Variables"].clone();
        let found: Vec<_> = variables
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        assert_eq!(found, expected);
    }
    let [_, full] = &applied().0;
    let variables = &full.of_module("aws_lambda_function.this[0]")["environment"][0]["variables"];
    for (parameter, value) in everything() {
        let Some(variable) = &parameter.environment else {
            continue;
        };
        let expected = match parameter.terraform.as_str() {
            "filters" => "team-a/*:*,team-b/app:v*,!*:*-dev,!*:*-test".to_owned(),
            _ => value,
        };
        assert_eq!(variables[variable], expected, "{variable}");
    }
}

#[test]
fn the_roles_statements_are_those_of_the_list_on_both_roads() {
    let listed = facts::json("infra/iam.json");
    for instance in &applied().0 {
        let mut words = instance.words_of_module();
        let arns = match instance.name {
            "soci-full" => json!([
                "arn:aws:ecr:eu-central-1:123456789012:repository/team-a/*",
                "arn:aws:ecr:eu-central-1:123456789012:repository/team-b/app"
            ]),
            _ => json!("arn:aws:ecr:eu-central-1:123456789012:repository/*"),
        };
        words.push(("{repository_arns}", arns));
        let policies = instance
            .module
            .iter()
            .filter(|(address, _)| address.starts_with("aws_iam_role_policy."));
        let mut granted = BTreeMap::new();
        for (_, policy) in policies {
            let document: Value = serde_json::from_str(text(policy, "policy")).expect("JSON");
            for statement in list(&document, "Statement") {
                granted.insert(text(statement, "Sid").to_owned(), statement.clone());
            }
        }
        let of_stack = statements(&instance.stack);
        assert_eq!(
            granted.keys().collect::<Vec<_>>(),
            of_stack.keys().collect::<Vec<_>>()
        );
        for (sid, statement) in &granted {
            let listed = list(&listed, "statements")
                .iter()
                .find(|one| one["sid"] == **sid)
                .expect("it is listed");
            assert_eq!(statement["Effect"], "Allow");
            assert_eq!(texts(statement, "Action"), texts(listed, "actions"));
            assert_eq!(texts(statement, "Action"), texts(&of_stack[sid], "Action"));
            let resources = match &listed["resources"][0] {
                Value::String(word) if word == "{repository_arns}" => {
                    facts::filled(&json!(word), &words)
                }
                _ => facts::filled(&listed["resources"], &words),
            };
            assert_eq!(
                texts(statement, "Resource"),
                texts(&json!({"all": resources}), "all"),
                "{sid}"
            );
        }
    }
}

#[test]
fn the_role_is_the_same_on_both_roads() {
    for instance in &applied().0 {
        let (stack, module) = (
            instance.of_stack("Role"),
            instance.of_module("aws_iam_role.this[0]"),
        );
        assert_eq!(stack["Path"], module["path"]);
        assert_eq!(stack["Description"], module["description"]);
        let boundary = stack
            .get("PermissionsBoundary")
            .map_or("", |one| one.as_str().expect("a text"));
        assert_eq!(
            module["permissions_boundary"].as_str().unwrap_or_default(),
            boundary
        );
        let trust: Value = serde_json::from_str(text(module, "assume_role_policy")).expect("JSON");
        let wanted = &facts::json("infra/iam.json")["trust"];
        for statement in [
            &trust["Statement"][0],
            &stack["AssumeRolePolicyDocument"]["Statement"][0],
        ] {
            assert_eq!(statement["Action"], wanted["action"]);
            assert_eq!(statement["Principal"]["Service"], wanted["service"]);
        }
        assert_eq!(list(&trust, "Statement").len(), 1);
    }
}

#[test]
fn alarms_are_those_of_the_list_on_both_roads() {
    let listed = facts::json("infra/alarms.json");
    for (instance, most, timeout) in [(&applied().0[0], "1000", "900"), (&applied().0[1], "1", "")]
    {
        let timeout = if timeout.is_empty() {
            text(&instance.of_stack("Function"), "Timeout").to_owned()
        } else {
            timeout.to_owned()
        };
        let extra = [
            ("{most_invocations_per_hour}", json!(most)),
            ("{timeout}", json!(timeout)),
        ];
        let stacks = instance.stack.resources("AWS::CloudWatch::Alarm");
        let modules: Vec<_> = instance
            .module
            .iter()
            .filter(|(address, _)| address.starts_with("aws_cloudwatch_metric_alarm."))
            .collect();
        assert_eq!(stacks.len(), list(&listed, "alarms").len());
        assert_eq!(modules.len(), stacks.len());
        for alarm in list(&listed, "alarms") {
            let words: Vec<_> = instance
                .words_of_stack()
                .into_iter()
                .chain(extra.clone())
                .collect();
            let wanted = facts::filled(alarm, &words);
            let stack = stacks
                .values()
                .find(|one| one["AlarmDescription"] == alarm["meaning"])
                .expect("it has one");
            assert_eq!(seen_in_stack(stack), wanted_of(&wanted));
            let words: Vec<_> = instance
                .words_of_module()
                .into_iter()
                .chain(extra.clone())
                .collect();
            let wanted = facts::filled(alarm, &words);
            let name = format!("{}-{}", instance.name, text(alarm, "name"));
            let (_, module) = modules
                .iter()
                .find(|(_, one)| one["alarm_name"] == *name)
                .expect("it has one");
            assert_eq!(module["alarm_description"], alarm["meaning"]);
            assert_eq!(seen_in_module(module), wanted_of(&wanted));
            let topics = if instance.name == "soci-full" {
                json!([TOPIC])
            } else {
                Value::Null
            };
            for actions in [
                ("AlarmActions", "alarm_actions"),
                ("OKActions", "ok_actions"),
            ] {
                assert_eq!(*stack.get(actions.0).unwrap_or(&Value::Null), topics);
                assert_eq!(module[actions.1], topics);
            }
        }
    }
}

/// What makes an alarm one: numbers as texts, since a template's parameters are texts.
fn wanted_of(alarm: &Value) -> Value {
    json!({
        "metric": [alarm["namespace"], alarm["metric"], alarm["dimensions"], alarm["statistic"], plain(&alarm["period_seconds"])],
        "expression": alarm["expression"],
        "threshold": plain(&alarm["threshold"]),
        "when": ["GreaterThanOrEqualToThreshold", "1", "notBreaching"],
    })
}

fn seen_in_stack(alarm: &Value) -> Value {
    let metric = |metric: &Value, statistic: &Value, period: &Value| {
        let dimensions = list(metric, "Dimensions").iter();
        let dimensions: serde_json::Map<_, _> = dimensions
            .map(|one| (text(one, "Name").to_owned(), one["Value"].clone()))
            .collect();
        json!([
            metric["Namespace"],
            metric["MetricName"],
            dimensions,
            statistic,
            plain(period)
        ])
    };
    let (metric, expression) = match alarm["Metrics"].as_array() {
        None => (
            metric(alarm, &alarm["Statistic"], &alarm["Period"]),
            Value::Null,
        ),
        Some(queries) => {
            assert_eq!(
                (queries.len(), &queries[0]["Id"], &queries[0]["ReturnData"]),
                (2, &json!("measured"), &json!(false))
            );
            assert_eq!(queries[1]["ReturnData"], true);
            let measured = &queries[0]["MetricStat"];
            (
                metric(&measured["Metric"], &measured["Stat"], &measured["Period"]),
                queries[1]["Expression"].clone(),
            )
        }
    };
    json!({
        "metric": metric, "expression": expression, "threshold": plain(&alarm["Threshold"]),
        "when": [alarm["ComparisonOperator"], plain(&alarm["EvaluationPeriods"]), alarm["TreatMissingData"]],
    })
}

fn seen_in_module(alarm: &Value) -> Value {
    let queries = list(alarm, "metric_query");
    let (metric, expression) = match queries.iter().find(|one| one["id"] == "measured") {
        None => (
            json!([
                alarm["namespace"],
                alarm["metric_name"],
                alarm["dimensions"],
                alarm["statistic"],
                plain(&alarm["period"])
            ]),
            Value::Null,
        ),
        Some(measured) => {
            assert_eq!(queries.len(), 2);
            let share = queries
                .iter()
                .find(|one| one["id"] == "share")
                .expect("the other");
            assert_eq!(share["return_data"], true);
            let metric = &measured["metric"][0];
            (
                json!([
                    metric["namespace"],
                    metric["metric_name"],
                    metric["dimensions"],
                    metric["stat"],
                    plain(&metric["period"])
                ]),
                share["expression"].clone(),
            )
        }
    };
    json!({
        "metric": metric, "expression": expression, "threshold": plain(&alarm["threshold"]),
        "when": [alarm["comparison_operator"], plain(&alarm["evaluation_periods"]), alarm["treat_missing_data"]],
    })
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or(value.to_string(), str::to_owned);
    text.trim_end_matches(".0").to_owned()
}

#[test]
fn the_dashboard_is_that_of_the_list_on_both_roads() {
    let listed = facts::json("infra/dashboard.json");
    let [defaults, full] = &applied().0;
    let body = |value: &Value| -> Value {
        serde_json::from_str(value.as_str().expect("a text")).expect("JSON")
    };
    let stack = defaults.of_stack("DashboardOfFunction");
    assert_eq!(
        body(&stack["DashboardBody"]),
        facts::filled(&listed, &defaults.words_of_stack())
    );
    let module = defaults.of_module("aws_cloudwatch_dashboard.this[0]");
    assert_eq!(
        body(&module["dashboard_body"]),
        facts::filled(&listed, &defaults.words_of_module())
    );
    assert_eq!(
        full.stack.properties("DashboardOfFunction"),
        None,
        "it can be switched off"
    );
    assert!(
        !full
            .module
            .keys()
            .any(|address| address.contains("dashboard"))
    );
}

#[test]
fn events_are_tried_again_and_kept_alike_on_both_roads() {
    let delivery = facts::json("infra/delivery.json");
    let numbers = |value: &Value, names: [&str; 2]| names.map(|name| plain(&value[name]));
    let listed = |hop: &str| {
        numbers(
            &delivery[hop],
            ["maximum_retry_attempts", "maximum_event_age_seconds"],
        )
    };
    for instance in &applied().0 {
        let retries = instance.of_stack("Retries");
        assert_eq!(
            numbers(
                &retries,
                ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"]
            ),
            listed("function")
        );
        assert_eq!(
            retries["DestinationConfig"]["OnFailure"]["Destination"],
            "{FailureQueue.Arn}"
        );
        let retries = instance.of_module("aws_lambda_function_event_invoke_config.this[0]");
        assert_eq!(
            numbers(
                retries,
                ["maximum_retry_attempts", "maximum_event_age_in_seconds"]
            ),
            listed("function")
        );
        let sink = plain(&retries["destination_config"][0]["on_failure"][0]["destination"]);
        assert!(sink.ends_with("-failures"), "{sink}");
        let rules = if instance.name == "soci-full" {
            vec![("PushRule", "push"), ("ArrivalsRule", "arrivals")]
        } else {
            vec![("PushRule", "push")]
        };
        assert_eq!(
            instance.stack.resources("AWS::Events::Rule").len(),
            rules.len()
        );
        for (rule, name) in rules {
            let stack = instance.of_stack(rule);
            let target = &stack["Targets"][0];
            assert_eq!(
                numbers(
                    &target["RetryPolicy"],
                    ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"]
                ),
                listed("rule")
            );
            assert_eq!(target["DeadLetterConfig"]["Arn"], "{DeadLetterQueue.Arn}");
            assert_eq!(target["Arn"], "{Function.Arn}");
            let target =
                instance.of_module(&format!("aws_cloudwatch_event_target.this[\"{name}\"]"));
            assert_eq!(
                numbers(
                    &target["retry_policy"][0],
                    ["maximum_retry_attempts", "maximum_event_age_in_seconds"]
                ),
                listed("rule")
            );
            let sink = plain(&target["dead_letter_config"][0]["arn"]);
            assert!(sink.ends_with("-dead-letters"), "{sink}");
            let module = instance.of_module(&format!("aws_cloudwatch_event_rule.this[\"{name}\"]"));
            assert_eq!(module["description"], stack["Description"]);
            let permission = instance.of_module(&format!("aws_lambda_permission.this[\"{name}\"]"));
            assert_eq!(
                (&permission["source_arn"], &permission["principal"]),
                (&module["arn"], &json!("events.amazonaws.com"))
            );
        }
        for queue in ["FailureQueue", "DeadLetterQueue"] {
            let queue = instance.of_stack(queue);
            assert_eq!(
                queue["MessageRetentionPeriod"],
                delivery["queues"]["retention_seconds"]
            );
            assert_eq!(queue["SqsManagedSseEnabled"], true);
        }
        for queue in ["failures", "dead_letters"] {
            let queue = instance.of_module(&format!("aws_sqs_queue.{queue}[0]"));
            assert_eq!(
                queue["message_retention_seconds"],
                delivery["queues"]["retention_seconds"]
            );
            assert_eq!(queue["sqs_managed_sse_enabled"], true);
        }
        let policy = text(
            instance.of_module("aws_sqs_queue_policy.dead_letters[0]"),
            "policy",
        );
        let policy: Value = serde_json::from_str(policy).expect("JSON");
        let statement = &policy["Statement"][0];
        assert_eq!(
            (&statement["Principal"]["Service"], &statement["Action"]),
            (&json!("events.amazonaws.com"), &json!("sqs:SendMessage"))
        );
        let sources = texts(&statement["Condition"]["ArnEquals"], "aws:SourceArn");
        let rules = instance
            .module
            .iter()
            .filter(|(address, _)| address.starts_with("aws_cloudwatch_event_rule."));
        let mut rules: Vec<_> = rules
            .map(|(_, rule)| text(rule, "arn").to_owned())
            .collect();
        rules.sort();
        assert_eq!(sources, rules);
    }
}
