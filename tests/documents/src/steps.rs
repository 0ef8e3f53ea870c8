//! What YAML files of CI systems run: parsed by a YAML library, and handed out as it stands.

use std::collections::BTreeMap;

pub use yaml_rust2::Yaml;
use yaml_rust2::YamlLoader;

/// A step of a GitHub workflow or action that runs a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its id, by which others find its outputs.
    pub id: String,
    /// When it is run; empty is always.
    pub condition: String,
    /// Variables, with the expressions in them.
    pub env: BTreeMap<String, String>,
    /// The script.
    pub script: String,
}

/// A YAML document.
///
/// # Panics
/// When it is not exactly one.
#[must_use]
pub fn document(text: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(text);
    let mut documents = documents.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(documents.len(), 1, "one document\n{text}");
    documents.remove(0)
}

/// A text; empty where there is none.
#[must_use]
pub fn text(value: &Yaml) -> String {
    match value {
        Yaml::BadValue | Yaml::Null => String::new(),
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(is) => is.to_string(),
        other => panic!("{other:?} is no text"),
    }
}

/// A list of texts; empty where there is none.
#[must_use]
pub fn texts(value: &Yaml) -> Vec<String> {
    value.as_vec().into_iter().flatten().map(text).collect()
}

/// The pairs of a mapping; none where there is none.
#[must_use]
pub fn pairs(value: &Yaml) -> Vec<(String, Yaml)> {
    let pairs = value.as_hash().into_iter().flatten();
    pairs
        .map(|(name, value)| (text(name), value.clone()))
        .collect()
}

/// The steps of a list that run something.
#[must_use]
pub fn runs(steps: &Yaml) -> Vec<Run> {
    let steps = steps.as_vec().into_iter().flatten();
    steps
        .filter(|step| !step["run"].is_badvalue())
        .map(|step| Run {
            name: text(&step["name"]),
            id: text(&step["id"]),
            condition: text(&step["if"]),
            env: pairs(&step["env"])
                .into_iter()
                .map(|(name, value)| (name, text(&value)))
                .collect(),
            script: text(&step["run"]),
        })
        .collect()
}

/// The text with each `${{ expression }}` replaced.
///
/// # Panics
/// When one has no end.
#[must_use]
pub fn filled(text: &str, value_of: &dyn Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let (expression, after) = behind.split_once("}}").expect("an expression has an end");
        filled.push_str(before);
        filled.push_str(&value_of(expression.trim()));
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_run_are_found_with_their_variables() {
        let document = document(
            "steps:\n- uses: a\n- id: b\n  if: c\n  env: {D: '${{ inputs.d }}', E: 1}\n  run: |\n    x\n    y\n",
        );
        let found = runs(&document["steps"]);
        let env = [("D", "${{ inputs.d }}"), ("E", "1")];
        let run = Run {
            name: String::new(),
            id: "b".to_owned(),
            condition: "c".to_owned(),
            env: env
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            script: "x\ny\n".to_owned(),
        };
        assert_eq!(found, [run]);
    }

    #[test]
    fn expressions_are_replaced_and_nothing_else() {
        let value_of = |expression: &str| format!("<{expression}>");
        assert_eq!(
            filled("a ${{ b.c }}/${{d}} $e", &value_of),
            "a <b.c>/<d> $e"
        );
    }
}
