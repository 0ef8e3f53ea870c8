//! What can be set on both roads: the list in `infra/` against the template's parameters and the module's variables.

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Block, Body, Expression};
use regex_lite::Regex;
use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text};
use soci_deploy::parameter::{self, Parameter};
use soci_deploy::template::template;
use soci_deploy::terraform::{Copied, diagnostics};

/// Filters that only the function takes: a list with excludes in it. Both roads have a list of its own for these.
fn is_of_the_function_alone(parameter: &Parameter, value: &str) -> bool {
    parameter.terraform == "filters" && value.split(',').any(|one| one.trim().starts_with('!'))
}

#[test]
fn the_list_names_every_parameter_of_the_template() {
    let listed: BTreeSet<_> = parameter::all()
        .into_iter()
        .map(|one| one.cloudformation)
        .collect();
    let declared = template()["Parameters"].as_object().expect("an object");
    let declared: BTreeSet<_> = declared.keys().cloned().collect();
    assert_eq!(listed, declared);
    let shown = list(
        &template()["Metadata"]["AWS::CloudFormation::Interface"],
        "ParameterGroups",
    );
    let shown: BTreeSet<_> = shown
        .iter()
        .flat_map(|group| facts::texts(group, "Parameters"))
        .collect();
    assert_eq!(shown, declared, "the console shows them in groups");
}

#[test]
fn the_list_names_every_variable_of_the_module() {
    let facts = facts::json("infra/parameters.json");
    let only = list(&facts, "terraform_only").iter();
    let only = only.map(|one| text(one, "name").to_owned());
    let listed: BTreeSet<_> = parameter::all()
        .into_iter()
        .map(|one| one.terraform)
        .chain(only)
        .collect();
    let declared: BTreeSet<_> = variables().into_keys().collect();
    assert_eq!(listed, declared);
}

#[test]
fn what_is_on_no_road_says_why() {
    let facts = facts::json("infra/parameters.json");
    for setting in list(&facts, "settings") {
        let roads = &setting["roads"];
        assert_eq!(
            roads["cloudformation"].is_null(),
            roads["terraform"].is_null()
        );
        assert_eq!(
            roads["terraform"].is_null(),
            roads["why"].is_string(),
            "{setting}"
        );
    }
}

#[test]
fn defaults_are_those_of_the_list() {
    let variables = variables();
    for parameter in parameter::all() {
        let declared = &template()["Parameters"][&parameter.cloudformation];
        let own = match &declared["Default"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        assert_eq!(own, parameter.default, "{}", parameter.cloudformation);
        let variable = default_of(&variables[&parameter.terraform]);
        let expected = match &parameter.default {
            // The module takes its zip from one of two places, so neither is required by itself.
            None => Some(Value::Null),
            Some(default) => Some(parameter.for_terraform(default)),
        };
        let shown = |value: Option<Value>| value.map(|value| value.to_string().replace('"', ""));
        assert_eq!(shown(variable), shown(expected), "{}", parameter.terraform);
    }
}

#[test]
fn every_parameter_tells_what_it_is() {
    for (name, declared) in template()["Parameters"].as_object().expect("an object") {
        assert!(!text(declared, "Description").is_empty(), "{name}");
        let has_pattern = declared["AllowedPattern"].is_string();
        let says = declared["ConstraintDescription"].is_string();
        assert!(
            !has_pattern || says || name == "ReservedConcurrency",
            "{name}: a pattern tells nobody what is allowed"
        );
        let bounded = ["AllowedPattern", "AllowedValues", "MaxValue"];
        assert!(
            bounded.iter().any(|one| !declared[*one].is_null()),
            "{name} takes anything"
        );
    }
    for (name, variable) in variables() {
        let has = |key: &str| variable.body.attributes().any(|own| own.key() == key);
        assert!(has("description") && has("type"), "{name}");
    }
}

#[test]
fn the_template_takes_and_refuses_the_examples() {
    for parameter in parameter::all() {
        let declared = &template()["Parameters"][&parameter.cloudformation];
        let default = parameter.default.iter();
        for value in parameter.taken.iter().chain(default) {
            if !is_of_the_function_alone(&parameter, value) {
                assert_eq!(
                    refusal(declared, value),
                    None,
                    "{}={value}",
                    parameter.cloudformation
                );
            }
        }
        for value in &parameter.refused {
            let is_refused = refusal(declared, value).is_some();
            assert!(is_refused, "{}={value}", parameter.cloudformation);
        }
    }
}

/// Why CloudFormation refuses a value, by its reference, "Parameters": a pattern must match the whole, and each member of a list.
pub(crate) fn refusal(declared: &Value, value: &str) -> Option<&'static str> {
    let kind = text(declared, "Type");
    let members: Vec<&str> = match kind {
        "CommaDelimitedList" => value.split(',').map(str::trim).collect(),
        _ => vec![value],
    };
    if let Some(pattern) = declared["AllowedPattern"].as_str() {
        assert!(
            pattern.starts_with('^') && pattern.ends_with('$'),
            "{pattern}"
        );
        let pattern = Regex::new(pattern).expect("a pattern");
        if !members.iter().all(|one| pattern.is_match(one)) {
            return Some("pattern");
        }
    }
    if let Some(allowed) = declared["AllowedValues"].as_array() {
        let allowed = allowed.iter().map(|one| one.to_string().replace('"', ""));
        if !allowed.into_iter().any(|one| one == value) {
            return Some("values");
        }
    }
    if kind == "Number" {
        let Ok(number) = value.parse::<f64>() else {
            return Some("number");
        };
        let bound = |name: &str, open: f64| declared[name].as_f64().unwrap_or(open);
        if !(bound("MinValue", f64::MIN)..=bound("MaxValue", f64::MAX)).contains(&number) {
            return Some("range");
        }
    }
    let bound = |name: &str, open: u64| declared[name].as_u64().unwrap_or(open);
    let length = value.len() as u64;
    (!(bound("MinLength", 0)..=bound("MaxLength", u64::MAX)).contains(&length)).then_some("length")
}

/// One plan for all of them: Terraform tells of every wrong value at once.
#[test]
fn the_module_takes_and_refuses_the_examples() {
    let copied = Copied::new();
    let (mut good, mut mistyped, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let variables = variables();
    for parameter in parameter::all() {
        let kind = type_of(&variables[&parameter.terraform]);
        let inputs = |value: &str| {
            let mut inputs = json!({"create": false});
            inputs[&parameter.terraform] = parameter.for_terraform(value);
            inputs
        };
        let name = |list: &[_]| format!("{}-{}", parameter.terraform, list.len());
        for value in &parameter.taken {
            if !is_of_the_function_alone(&parameter, value) {
                good.push((name(&good), inputs(value)));
            }
        }
        for value in &parameter.refused {
            // Terraform makes a truth of "1" and a number of "+1" or "1e6" before anybody sees them, and hands on what they mean.
            let is_made_right = match kind.as_str() {
                "bool" => ["1", "0"].contains(&value.as_str()),
                "number" => value.parse::<f64>().is_ok() && value.contains(['+', 'e', '.']),
                _ => false,
            };
            match inputs(value) {
                _ if is_made_right => {}
                own if kind == "bool" => mistyped.push((name(&mistyped), own)),
                own if kind == "number" && own[&parameter.terraform].is_string() => {
                    let is_number = value.parse::<f64>().is_ok();
                    let list = if is_number {
                        &mut refused
                    } else {
                        &mut mistyped
                    };
                    list.push((name(list), own));
                }
                own => refused.push((name(&refused), own)),
            }
        }
    }
    copied.write_root(&good, &json!({}));
    copied.init("root");
    let said = copied.run("root", &["plan", "-no-color", "-lock=false"]);
    assert!(said.status.success(), "{}{}", said.output, said.errors);

    copied.write_root(&refused, &json!({}));
    copied.init("root");
    let said = copied.run("root", &["plan", "-json", "-lock=false"]);
    hold(&diagnostics(&said), &refused, "Invalid value for variable");

    copied.write_root(&mistyped, &json!({}));
    copied.init("root");
    let said = copied.run("root", &["plan", "-json", "-lock=false"]);
    hold(
        &diagnostics(&said),
        &mistyped,
        "Invalid value for input variable",
    );
}

/// Each module has its diagnostic, which tells the allowed form.
fn hold(found: &[Value], modules: &[(String, Value)], summary: &str) {
    assert!(!modules.is_empty());
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for diagnostic in found {
        assert_eq!(diagnostic["summary"], summary, "{diagnostic}");
        let place = diagnostic["snippet"]["context"].as_str();
        let place = place.unwrap_or_else(|| panic!("{diagnostic}"));
        told.insert(place.trim_start_matches("module.").trim_matches('"'));
    }
    let place = |name: &str| told.iter().any(|one| one.contains(name));
    let missing: Vec<_> = modules.iter().filter(|(name, _)| !place(name)).collect();
    assert!(missing.is_empty(), "taken: {missing:?}; told: {told:?}");
}

pub(crate) fn variables() -> BTreeMap<String, Block> {
    let path = facts::root().join("terraform/variables.tf");
    let text = std::fs::read_to_string(path).expect("it is read");
    let body: Body = hcl::from_str(&text).expect("it is HCL");
    let blocks = body.into_blocks();
    blocks
        .map(|block| (block.labels[0].as_str().to_owned(), block))
        .collect()
}

fn type_of(variable: &Block) -> String {
    let kind = variable.body.attributes().find(|own| own.key() == "type");
    hcl::format::to_string(kind.expect("it has a type").expr()).expect("it is written")
}

fn default_of(variable: &Block) -> Option<Value> {
    let default = variable
        .body
        .attributes()
        .find(|own| own.key() == "default")?;
    Some(json_of(default.expr()))
}

fn json_of(expression: &Expression) -> Value {
    match expression {
        Expression::Null => Value::Null,
        Expression::Bool(truth) => json!(truth),
        Expression::Number(number) => json!(number),
        Expression::String(text) => json!(text),
        Expression::Array(list) => list.iter().map(json_of).collect(),
        Expression::Operation(_) => json!(
            hcl::format::to_string(expression)
                .expect("it is written")
                .parse::<i64>()
                .expect("a number")
        ),
        Expression::Object(fields) if fields.is_empty() => json!({}),
        other => panic!("a default that is no constant: {other:?}"),
    }
}
