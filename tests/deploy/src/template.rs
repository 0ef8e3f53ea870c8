//! `template.yaml` as CloudFormation evaluates it: parameters in, what is made out. Of the functions only those that the template uses;
//! another one is a failure here, so that none is passed over.
//!
//! What only AWS knows stays a word in braces: `{Function}` is what `Ref` gives of it, `{Function.Arn}` its attribute.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::facts::{self, list, text};
use crate::program::{from_xtask, run};

/// The template, and the parameters that are set.
pub struct Stack {
    template: &'static Value,
    parameters: BTreeMap<String, Value>,
}

/// The template as JSON, with its short forms written out: by cfn-lint's own reader, which knows CloudFormation's YAML.
#[must_use]
pub fn template() -> &'static Value {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let mut python = Command::new(from_xtask("SOCI_AWS_PROGRAMS").join("python"));
        python.arg(facts::root().join("tests/deploy/python/template_as_json.py"));
        python.arg(facts::root().join("template.yaml"));
        let read = run(&mut python, "").success();
        serde_json::from_str(&read).expect("it prints JSON")
    })
}

impl Stack {
    /// A stack with these parameters, the others at their defaults.
    ///
    /// # Panics
    /// When one is none of the template's.
    #[must_use]
    pub fn new(set: &[(&str, &str)]) -> Stack {
        let template = template();
        let declared = template["Parameters"].as_object().expect("an object");
        for (name, _) in set {
            assert!(declared.contains_key(*name), "{name} is no parameter");
        }
        let parameter = |(name, declared): (&String, &Value)| {
            let set = set.iter().find(|(own, _)| own == name);
            let value = match set {
                Some((_, value)) => (*value).to_owned(),
                None => match &declared["Default"] {
                    Value::Null => "unset".to_owned(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                },
            };
            let is_list = declared["Type"] == "CommaDelimitedList";
            let value = match is_list {
                true => value.split(',').map(|one| json!(one.trim())).collect(),
                false => json!(value),
            };
            (name.clone(), value)
        };
        Stack {
            template,
            parameters: declared.iter().map(parameter).collect(),
        }
    }

    /// The properties of a resource; `None` when its condition does not hold.
    ///
    /// # Panics
    /// When there is no such resource.
    #[must_use]
    pub fn properties(&self, logical_id: &str) -> Option<Value> {
        let resource = &self.template["Resources"][logical_id];
        assert!(resource.is_object(), "there is no resource {logical_id}");
        if let Some(condition) = resource["Condition"].as_str()
            && !self.holds(condition)
        {
            return None;
        }
        self.value(&resource["Properties"])
    }

    /// The resources of a type, by logical name, with their properties.
    ///
    /// # Panics
    /// When the template has no resources.
    #[must_use]
    pub fn resources(&self, kind: &str) -> BTreeMap<String, Value> {
        let all = self.template["Resources"].as_object().expect("an object");
        let own = all.iter().filter(|(_, resource)| resource["Type"] == kind);
        own.filter_map(|(name, _)| Some((name.clone(), self.properties(name)?)))
            .collect()
    }

    fn holds(&self, condition: &str) -> bool {
        let condition = &self.template["Conditions"][condition];
        self.is_true(condition)
    }

    fn is_true(&self, condition: &Value) -> bool {
        match only(condition) {
            Some(("Fn::Equals", sides)) => {
                let side = |place: usize| self.value(&sides[place]).expect("a value");
                side(0) == side(1)
            }
            Some(("Fn::Not", inner)) => !self.is_true(&inner[0]),
            _ => panic!("unknown condition {condition}"),
        }
    }

    /// Evaluates; `None` is `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        if let Some((function, argument)) = only(value)
            && (function.starts_with("Fn::") || function == "Ref")
        {
            return self.function(function, argument);
        }
        Some(match value {
            Value::Array(list) => list.iter().filter_map(|one| self.value(one)).collect(),
            Value::Object(fields) => {
                let own = fields.iter();
                let own = own.filter_map(|(name, one)| Some((name.clone(), self.value(one)?)));
                Value::Object(own.collect::<Map<_, _>>())
            }
            other => other.clone(),
        })
    }

    fn function(&self, function: &str, argument: &Value) -> Option<Value> {
        match function {
            "Ref" => self.reference(argument.as_str().expect("a name")),
            "Fn::GetAtt" => {
                let path: Vec<_> = match argument {
                    Value::String(path) => vec![path.clone()],
                    _ => facts_in_order(argument),
                };
                Some(json!(format!("{{{}}}", path.join("."))))
            }
            "Fn::If" => {
                let place = if self.holds(argument[0].as_str().expect("a name")) {
                    1
                } else {
                    2
                };
                self.value(&argument[place])
            }
            "Fn::Join" => {
                let between = argument[0].as_str().expect("a text");
                let parts = self.value(&argument[1]).expect("a list");
                Some(json!(facts_in_order(&parts).join(between)))
            }
            "Fn::Split" => {
                let between = argument[0].as_str().expect("a text");
                let whole = self.value(&argument[1]).expect("a text");
                let parts = whole.as_str().expect("a text").split(between);
                Some(parts.map(|part| json!(part)).collect())
            }
            "Fn::Sub" => Some(json!(self.substituted(argument.as_str().expect("a text")))),
            other => panic!("unknown function {other}"),
        }
    }

    fn reference(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.parameters.get(name) {
            return Some(value.clone());
        }
        match name {
            "AWS::NoValue" => None,
            "AWS::Region" => Some(json!("eu-central-1")),
            "AWS::URLSuffix" => Some(json!("amazonaws.com")),
            "AWS::StackName" => Some(json!("soci")),
            other => {
                let is_resource = self.template["Resources"].get(other).is_some();
                assert!(is_resource, "{other} is no resource");
                Some(json!(format!("{{{other}}}")))
            }
        }
    }

    fn substituted(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').expect("it is closed");
            match name.contains('.') {
                true => whole.push_str(&format!("{{{name}}}")),
                false => {
                    let value = self.reference(name).expect("a value");
                    whole.push_str(value.as_str().expect("a text"));
                }
            }
            whole.push_str(rest);
        }
        whole
    }
}

/// Every statement of the role's policies, by its name.
///
/// # Panics
/// When two have one name.
#[must_use]
pub fn statements(stack: &Stack) -> BTreeMap<String, Value> {
    let role = stack.properties("Role").expect("there is a role");
    let inline = list(&role, "Policies").iter().cloned();
    let others = stack.resources("AWS::IAM::Policy").into_values();
    let mut found = BTreeMap::new();
    for policy in inline.chain(others) {
        for statement in list(&policy["PolicyDocument"], "Statement") {
            let before = found.insert(text(statement, "Sid").to_owned(), statement.clone());
            assert_eq!(before, None, "two statements have one name");
        }
    }
    found
}

/// The one field of an object that has one.
fn only(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object()?;
    let mut fields = fields.iter();
    match (fields.next(), fields.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

fn facts_in_order(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|one| one.as_str().expect("a text").to_owned())
        .collect()
}
