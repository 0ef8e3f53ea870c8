//! The CloudFormation template by itself.

use std::process::Command;

use proptest::prelude::*;
use regex_lite::Regex;
use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text};
use soci_deploy::program::{from_xtask, run};
use soci_deploy::template::{Stack, template};

/// Bytes of a template that is handed over in a call, as Terraform's `template_body` and `aws cloudformation deploy` do; AWS
/// CloudFormation quotas.
const MOST_BYTES: usize = 51_200;

/// One Region of each partition whose resource types cfn-lint knows.
const REGIONS: [&str; 4] = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"];

/// Properties by which a resource gets a name that another stack's would collide with.
const NAMES: [(&str, &str); 8] = [
    ("AWS::CloudWatch::Alarm", "AlarmName"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ("AWS::Events::Rule", "Name"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::SQS::Queue", "QueueName"),
];

#[test]
fn cfn_lint_finds_nothing_and_nothing_is_hidden_from_it() {
    let mut lint = Command::new(from_xtask("SOCI_AWS_PROGRAMS").join("cfn-lint"));
    lint.args([
        "--include-checks",
        "I",
        "--format",
        "parseable",
        "--regions",
    ]);
    lint.args(REGIONS)
        .arg("--template")
        .arg(facts::root().join("template.yaml"));
    let said = run(&mut lint, "");
    assert_eq!(said.output.trim(), "", "{}", said.errors);
    assert!(said.status.success(), "{}", said.errors);
    for resource in template()["Resources"]
        .as_object()
        .expect("an object")
        .values()
    {
        assert_eq!(resource["Metadata"], Value::Null);
    }
    assert_eq!(template()["Metadata"]["cfn-lint"], Value::Null);
}

#[test]
fn the_template_is_small_and_plain() {
    let path = facts::root().join("template.yaml");
    let bytes = std::fs::read(path).expect("it is read").len();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    assert_eq!(
        template()["Transform"],
        Value::Null,
        "macros need CAPABILITY_AUTO_EXPAND"
    );
    let resources = template()["Resources"].as_object().expect("an object");
    let functions = resources
        .values()
        .filter(|one| one["Type"] == "AWS::Lambda::Function");
    assert_eq!(functions.count(), 1);
}

/// Defect A23 of AWS's builder: its rule and its functions have names, so that a Region takes one stack.
#[test]
fn nothing_has_a_fixed_name_so_stacks_live_side_by_side() {
    for (name, resource) in template()["Resources"].as_object().expect("an object") {
        for (kind, property) in NAMES {
            if resource["Type"] == kind {
                assert_eq!(resource["Properties"][property], Value::Null, "{name}");
            }
        }
        let known = NAMES.iter().any(|(kind, _)| resource["Type"] == *kind);
        // These have no name, or one that is their role's, function's or stack's alone.
        let nameless = [
            "AWS::IAM::Policy",
            "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::Permission",
            "AWS::SQS::QueuePolicy",
            "Custom::RepositoryArns",
        ];
        let kind = text(resource, "Type");
        assert!(
            known || nameless.contains(&kind),
            "{name}: can a {kind} have a fixed name?"
        );
    }
}

#[test]
fn what_must_be_there_first_is_there_first() {
    let depends = |resource: &str| facts::texts(&template()["Resources"][resource], "DependsOn");
    assert_eq!(depends("Retries"), ["FailuresPolicy", "ImagesPolicy"]);
    for rule in ["PushRule", "ArrivalsRule"] {
        assert_eq!(depends(rule), ["ImagesPolicy", "Retries"]);
    }
    let stack = Stack::new(&[]);
    let of = |resource: &str| stack.properties(resource).expect("it is there");
    assert_eq!(of("Repositories")["ServiceToken"], "{Function.Arn}");
    assert_eq!(of("Function")["Role"], "{Role.Arn}");
    assert_eq!(of("Function")["LoggingConfig"]["LogGroup"], "{LogGroup}");
    let role = of("Role");
    let policies = list(&role, "Policies");
    assert_eq!(
        policies.len(),
        1,
        "a role that may only write logs runs the custom resource"
    );
    assert_eq!(
        facts::texts(&policies[0]["PolicyDocument"]["Statement"][0], "Action"),
        ["logs:CreateLogStream", "logs:PutLogEvents"]
    );
}

#[test]
fn every_setting_that_changes_makes_the_stack_ask_again() {
    let asked = |set: &[(&str, &str)]| Stack::new(set).properties("Repositories");
    for parameter in soci_deploy::parameter::all() {
        let (Some(_), Some(other)) = (&parameter.environment, other_value(&parameter)) else {
            continue;
        };
        let set = [(parameter.cloudformation.as_str(), other.as_str())];
        assert_ne!(asked(&set), asked(&[]), "{}", parameter.cloudformation);
    }
    let excludes = [("SociRepositoryImageTagExcludes", "*:*-dev")];
    assert_ne!(asked(&excludes), asked(&[]));
}

fn other_value(parameter: &soci_deploy::parameter::Parameter) -> Option<String> {
    let mut taken = parameter.taken.iter();
    taken
        .find(|one| Some(*one) != parameter.default.as_ref())
        .cloned()
}

#[test]
fn a_stack_waits_for_the_function_minutes_and_not_an_hour() {
    let stack = Stack::new(&[]);
    let delivery = facts::json("infra/delivery.json");
    assert_eq!(
        stack.properties("Repositories").expect("it is there")["ServiceTimeout"],
        delivery["custom_resource"]["service_timeout_seconds"]
    );
}

#[test]
fn nothing_is_left_when_a_stack_is_deleted() {
    for (name, resource) in template()["Resources"].as_object().expect("an object") {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            let policy = &resource[policy];
            assert!(policy.is_null() || policy == "Delete", "{name}: {policy}");
        }
    }
}

/// A stack made from AWS's template takes ours: same parameters, nothing of the same name that is another thing, same exports.
#[test]
fn takes_the_place_of_the_template_of_aws() {
    let theirs = facts::json("infra/aws-stack.json");
    for (name, parameter) in theirs["parameters"].as_object().expect("an object") {
        let own = &template()["Parameters"][name];
        assert_eq!(own["Type"], parameter["type"], "{name}");
        assert_eq!(own["Default"], parameter["default"], "{name}");
        if !parameter["allowed"].is_null() {
            assert_eq!(
                facts::texts(own, "AllowedValues"),
                facts::texts(parameter, "allowed")
            );
        }
        assert_eq!(own["MinLength"], parameter["shortest"]);
        assert_eq!(own["MaxLength"], parameter["longest"]);
    }
    let required = |one: &(&String, &Value)| one.1["Default"].is_null();
    let own = template()["Parameters"]
        .as_object()
        .expect("an object")
        .iter();
    let required: Vec<_> = own.filter(required).map(|(name, _)| name).collect();
    assert_eq!(
        required,
        ["QSS3BucketName"],
        "whoever has AWS's stack gives no others"
    );
    for name in facts::texts(&theirs, "resources") {
        assert_eq!(
            template()["Resources"][&name],
            Value::Null,
            "an update cannot change what {name} is"
        );
    }
    for (name, output) in theirs["outputs"].as_object().expect("an object") {
        let export = &template()["Outputs"][name]["Export"]["Name"];
        assert_eq!(*export, json!({"Fn::Sub": output["export"]}));
    }
}

fn pattern_of(name: &str) -> Regex {
    let pattern = text(&template()["Parameters"][name], "AllowedPattern");
    Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whatever AWS's template takes, ours takes.
#[test]
fn prop_patterns_are_at_least_as_wide_as_those_of_aws() {
    let theirs = facts::json("infra/aws-stack.json");
    let mut compared = 0;
    for (name, parameter) in theirs["parameters"].as_object().expect("an object") {
        let Some(pattern) = parameter["pattern"].as_str() else {
            continue;
        };
        compared += 1;
        let own = pattern_of(name);
        // CloudFormation's patterns are Java's, whose digits are these ten.
        let inner = pattern.trim_start_matches('^').trim_end_matches('$');
        let inner = inner.replace("[\\d]", "[0-9]");
        // Repetitions within repetitions would make texts of many thousand characters.
        let inner = &inner.replace(")*", "){0,3}").replace("]+", "]{1,5}");
        let values = proptest::string::string_regex(inner).expect("a pattern");
        let config = ProptestConfig::with_cases(500);
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let result = runner.run(&values, |value| {
            prop_assert!(own.is_match(&value), "{name} refuses {value:?}");
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(compared, 4);
}

/// Defect A22 of AWS's builder: what its pattern of filters refuses although tags may be so.
#[test]
fn filters_may_say_what_tags_may_be() {
    let filters = pattern_of("SociRepositoryImageTagFilters");
    for filter in [
        "app:V1",
        "app:v1--rc",
        "a__b:v1",
        "app-?:*",
        "team-[abc]/app:v[0-9]*",
        "app:[!d]*",
        "app:v1.0_RC-1",
    ] {
        assert!(filters.is_match(filter), "{filter}");
    }
}
