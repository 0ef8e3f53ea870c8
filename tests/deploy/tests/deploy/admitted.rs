//! Whatever a road admits, the function takes: values are drawn from each parameter's own pattern, and read by the function's own parser.
//!
//! A value that passes a pattern and is refused by the function is found out minutes later, when half of a deployment is made.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::TestRunner;
use regex_lite::Regex;
use serde_json::Value;
use soci_deploy::facts;
use soci_deploy::parameter::{self, Parameter};
use soci_deploy::template::{Stack, template};
use soci_index_builder::Settings;

use crate::parameters::{refusal, variables};

const CASES: u32 = 200;

/// Most members of a list that is drawn.
const MEMBERS: usize = 4;

/// Those that the function checks.
fn checked() -> Vec<Parameter> {
    let all = parameter::all().into_iter();
    let checked: Vec<_> = all
        .filter(|one| one.environment.is_some() || one.terraform == "excludes")
        .collect();
    assert!(checked.len() > 10);
    checked
}

/// Why the function would not start with these variables.
fn fault<'a>(variables: impl IntoIterator<Item = (&'a str, String)>) -> Option<String> {
    let variables = variables.into_iter();
    let read = Settings::from_variables(variables.map(|(name, value)| (name.into(), value.into())));
    read.err().map(|faults| faults.to_string())
}

/// Texts of which each matches. Repetitions without an end would make them thousands of characters long.
fn texts_of(pattern: &str) -> BoxedStrategy<String> {
    let inner = pattern.trim_start_matches('^').trim_end_matches('$');
    let inner = inner.replace(")*", "){0,3}").replace("]+", "]{1,4}");
    let inner = inner.replace(")+", "){1,3}").replace(" *", " {0,2}");
    proptest::string::string_regex(&inner)
        .unwrap_or_else(|error| panic!("{pattern}: {error}"))
        .boxed()
}

fn run(
    cases: u32,
    values: BoxedStrategy<String>,
    test: impl Fn(&str) -> Result<(), TestCaseError>,
) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&values, |value| test(&value));
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn lists_of(member: BoxedStrategy<String>, least: usize) -> BoxedStrategy<String> {
    let members = proptest::collection::vec(member, least..=MEMBERS);
    members.prop_map(|members| members.join(",")).boxed()
}

/// What CloudFormation takes for a parameter.
fn admitted_by(declared: &Value) -> BoxedStrategy<String> {
    if let Some(allowed) = declared["AllowedValues"].as_array() {
        let allowed = allowed.iter().map(|one| one.as_str().expect("a text"));
        let allowed: Vec<_> = allowed.map(str::to_owned).collect();
        return proptest::sample::select(allowed).boxed();
    }
    let pattern = declared["AllowedPattern"].as_str().expect("a pattern");
    match facts::text(declared, "Type") {
        "CommaDelimitedList" => lists_of(texts_of(pattern), 1),
        "String" => texts_of(pattern),
        // +1, 1.0 and 1e3 are numbers to CloudFormation, which hands them on as they are written.
        other => panic!("a {other} reaches the function in more ways than it can be checked"),
    }
}

#[test]
fn prop_what_the_template_admits_the_function_takes() {
    for parameter in checked() {
        let name = parameter.cloudformation.as_str();
        let declared = &template()["Parameters"][name];
        run(CASES, admitted_by(declared), |value| {
            prop_assume!(refusal(declared, value).is_none());
            let function = Stack::new(&[(name, value)]).properties("Function");
            let variables = function.expect("it is there")["Environment"]["Variables"].clone();
            let variables: BTreeMap<String, String> =
                serde_json::from_value(variables).expect("texts");
            let told = fault(
                variables
                    .iter()
                    .map(|(name, value)| (&**name, value.clone())),
            );
            prop_assert_eq!(told, None, "{}={:?}", name, value);
            Ok(())
        });
    }
}

/// The patterns of the module's variables, by name.
fn patterns_of_the_module() -> BTreeMap<String, String> {
    let quoted = Regex::new(r#"regex\(("(?:[^"\\]|\\.)*")"#).expect("a pattern");
    let own = variables().into_iter().filter_map(|(name, variable)| {
        let written = hcl::format::to_string(&variable).expect("it is written");
        let found = quoted.captures(&written)?;
        let pattern = serde_json::from_str(&found[1]).expect("a text as JSON has it");
        Some((name, pattern))
    });
    own.collect()
}

#[test]
fn prop_what_the_module_admits_the_function_takes() {
    let patterns = patterns_of_the_module();
    let mut drawn = Vec::new();
    for parameter in checked() {
        let Some(pattern) = patterns.get(&parameter.terraform) else {
            // Numbers, which Terraform writes out itself, and values of which each is listed.
            let kinds = ["bytes", "choice"];
            assert!(kinds.contains(&parameter.kind.as_str()), "{parameter:?}");
            continue;
        };
        drawn.push(parameter.terraform.clone());
        let values = match parameter.terraform.as_str() {
            "filters" => lists_of(texts_of(pattern), 1),
            "excludes" | "platforms" => lists_of(texts_of(pattern), 0),
            _ => texts_of(pattern),
        };
        let declared = &template()["Parameters"][&parameter.cloudformation];
        run(CASES, values, |value| {
            let too_long = declared["MaxLength"].as_u64();
            prop_assume!(too_long.is_none_or(|most| value.len() as u64 <= most));
            let excludes = value.split(',').filter(|one| !one.is_empty());
            let (variable, text) = match &parameter.environment {
                Some(variable) => (variable.as_str(), value.to_owned()),
                None => (
                    "SOCI_FILTERS",
                    excludes.fold("*:*".to_owned(), |list, one| format!("{list},!{one}")),
                ),
            };
            prop_assert_eq!(fault([(variable, text)]), None, "{}={:?}", variable, value);
            Ok(())
        });
    }
    drawn.sort();
    let expected = [
        "build_tool_identifier",
        "excludes",
        "filters",
        "output_tag",
        "platforms",
        "result_event_bus_arn",
    ];
    assert_eq!(drawn, expected);
}

/// The patterns of numbers are ranges: nothing of them is missing, and nothing beyond them is taken.
#[test]
fn prop_patterns_of_numbers_are_their_ranges() {
    let mut compared = 0;
    for parameter in checked().iter().filter(|one| one.kind == "bytes") {
        compared += 1;
        let facts = facts::json("infra/parameters.json");
        let mut settings = facts::list(&facts, "settings").iter();
        let own =
            settings.find(|one| one["environment"] == *parameter.environment.as_ref().unwrap());
        let allowed = facts::text(own.expect("it is listed"), "allowed");
        let (least, most) = allowed.split_once(" to ").expect("least to most");
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let (least, most) = (number(least), number(most));
        let declared = &template()["Parameters"][&parameter.cloudformation];
        let near = prop_oneof![
            (least.saturating_sub(1_000)..=least + 1_000),
            (most - 1_000..=most + 1_000),
            (0..200_000_u64),
            (0..most * 20),
            // As many digits as any number of the range has.
            (0..14_u32).prop_flat_map(|digits| 0..10_u64.pow(digits)),
        ];
        run(
            CASES * 10,
            near.prop_map(|one| one.to_string()).boxed(),
            |value| {
                let is_in = (least..=most).contains(&number(value));
                let is_taken = refusal(declared, value).is_none();
                prop_assert_eq!(is_taken, is_in, "{}={}", parameter.cloudformation, value);
                Ok(())
            },
        );
    }
    assert_eq!(compared, 3);
}
