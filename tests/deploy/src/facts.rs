//! What both roads must agree on: the files of `infra/`.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().nth(2).expect("this package lies two deep");
    root.to_owned()
}

/// A JSON file, by its path from the root.
#[must_use]
pub fn json(path: &str) -> Value {
    let text = std::fs::read_to_string(root().join(path));
    let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A field that is a list.
#[must_use]
pub fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    let list = value[field].as_array();
    list.unwrap_or_else(|| panic!("{field} is no list in {value}"))
}

/// A field that is a text.
#[must_use]
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    let text = value[field].as_str();
    text.unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

/// A field that is a list of texts, or one text in place of a list of one, as policies have it; in order.
#[must_use]
pub fn texts(value: &Value, field: &str) -> Vec<String> {
    let own = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut texts: Vec<String> = match &value[field] {
        Value::Array(list) => list.iter().map(own).collect(),
        one => vec![own(one)],
    };
    texts.sort();
    texts
}

/// The value with words in braces filled in, wherever they stand in texts. A text that is one such word becomes what it stands for.
#[must_use]
pub fn filled(value: &Value, words: &[(&str, Value)]) -> Value {
    match value {
        Value::String(text) => filled_text(text, words),
        Value::Array(list) => list.iter().map(|one| filled(one, words)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), filled(value, words)))
                .collect()
        }
        other => other.clone(),
    }
}

fn filled_text(text: &str, words: &[(&str, Value)]) -> Value {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return value.clone();
    }
    let filled = words.iter().fold(text.to_owned(), |text, (word, value)| {
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        text.replace(word, &value)
    });
    Value::String(filled)
}
