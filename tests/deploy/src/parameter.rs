//! One thing that can be set, as `infra/parameters.json` lists it, and what each road makes of a value for it.

use serde_json::{Value, json};

use crate::facts::{self, list};

/// One parameter of both roads.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name in the template.
    pub cloudformation: String,
    /// Its name in the module.
    pub terraform: String,
    /// The function's setting that it becomes, where it is one.
    pub environment: Option<String>,
    /// Its default; `None` where there is none.
    pub default: Option<String>,
    /// The type that the list gives.
    pub kind: String,
    /// Values that may be set, but for the default.
    pub taken: Vec<String>,
    /// Values that may not.
    pub refused: Vec<String>,
}

/// Those that both roads have.
///
/// # Panics
/// When the list is not as expected.
#[must_use]
pub fn all() -> Vec<Parameter> {
    let facts = facts::json("infra/parameters.json");
    let function = facts["function"].as_object().expect("an object").values();
    let function = function.map(of_the_function);
    let settings = list(&facts, "settings").iter();
    let settings = settings.filter(|one| !one["roads"]["terraform"].is_null());
    let deployment = list(&facts, "deployment").iter();
    function.chain(settings.chain(deployment).map(of)).collect()
}

fn of(fact: &Value) -> Parameter {
    let roads = &fact["roads"];
    let road = |road: &str| facts::text(roads, road).to_owned();
    // What the roads take may be narrower than what the function takes.
    let of = |field: &str| if roads[field].is_null() { fact } else { roads };
    let examples = |field: &str| -> Vec<String> {
        let examples = list(of(field), field).iter();
        let examples = examples.map(|one| one.as_str().expect("a text").to_owned());
        examples.collect()
    };
    let parameter = Parameter {
        cloudformation: road("cloudformation"),
        terraform: road("terraform"),
        environment: fact["environment"].as_str().map(str::to_owned),
        default: of("default")["default"].as_str().map(str::to_owned),
        kind: facts::text(of("type"), "type").to_owned(),
        taken: examples("taken"),
        refused: examples("refused"),
    };
    assert!(!parameter.refused.is_empty(), "{parameter:?}");
    parameter
}

/// Memory and time are bounded by a range, so what lies at and beyond its ends is known.
fn of_the_function(fact: &Value) -> Parameter {
    let range = facts::text(fact, "range");
    let (least, most) = range.split_once(" to ").expect("least to most");
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let road = |road: &str| facts::text(&fact["roads"], road).to_owned();
    Parameter {
        cloudformation: road("cloudformation"),
        terraform: road("terraform"),
        environment: None,
        default: Some(fact["default"].to_string()),
        kind: "number".to_owned(),
        taken: vec![most.to_owned(), least.to_owned()],
        refused: vec![
            (number(least) - 1).to_string(),
            (number(most) + 1).to_string(),
            "much".to_owned(),
        ],
    }
}

impl Parameter {
    /// The value as the module's variable takes it, of the type that the variable has.
    #[must_use]
    pub fn for_terraform(&self, value: &str) -> Value {
        match self.kind.as_str() {
            "arn" if value == "none" => Value::Null,
            "list" if value.is_empty() => json!([]),
            "list" => value.split(',').map(|one| json!(one.trim())).collect(),
            "bytes" | "number" => match value.parse::<i64>() {
                // JSON knows no number with a sign before it.
                Ok(number) if !value.starts_with('+') => json!(number),
                _ => json!(value),
            },
            _ => json!(value),
        }
    }
}
