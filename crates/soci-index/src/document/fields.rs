//! A JSON object as the list of its fields, each with its value's own bytes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A document that is not what it should be, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is no valid document: {why}")]
pub struct InvalidDocument {
    /// Which document.
    pub what: String,
    /// What the parser met, with the place.
    pub why: String,
}

/// The fields of an object in the order in which they stand. Where a name stands twice, the last value counts, as in Go.
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

/// Annotations and the like: sorted by key, as Go writes maps.
pub(crate) type StringMap = BTreeMap<String, String>;

impl Fields {
    /// Takes out a field that has to be there.
    pub(super) fn required<T: DeserializeOwned, E: serde::de::Error>(
        &mut self,
        name: &'static str,
    ) -> Result<T, E> {
        self.optional(name)?.ok_or_else(|| E::missing_field(name))
    }

    /// Takes out a field that may be missing or null.
    pub(super) fn optional<T: DeserializeOwned, E: serde::de::Error>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, E> {
        let mut found = None;
        self.0.retain(|(field, value)| {
            let is_it = field == name;
            if is_it {
                found = Some(value.clone());
            }
            !is_it
        });
        let parse = |value: Box<RawValue>| {
            serde_json::from_str(value.get())
                .map_err(|error| E::custom(format!("field {name:?}: {error}")))
        };
        Ok(found.map(parse).transpose()?.flatten())
    }

    /// Takes out a field that has to be there but may be null, which stands for empty as in Go.
    pub(super) fn nullable<T: DeserializeOwned + Default, E: serde::de::Error>(
        &mut self,
        name: &'static str,
    ) -> Result<T, E> {
        let is_there = self.0.iter().any(|(field, _)| field == name);
        match self.optional(name)? {
            None if !is_there => Err(E::missing_field(name)),
            found => Ok(found.unwrap_or_default()),
        }
    }

    /// Takes out annotations. A value of null is an empty one, as in Go.
    pub(super) fn annotations<E: serde::de::Error>(&mut self) -> Result<StringMap, E> {
        let found: Option<BTreeMap<String, Option<String>>> = self.optional("annotations")?;
        let found = found.unwrap_or_default().into_iter();
        Ok(found
            .map(|(key, value)| (key, value.unwrap_or_default()))
            .collect())
    }

    /// What nobody took out.
    pub(super) fn rest(self) -> Unknown {
        let compact = |(name, value): (String, Box<RawValue>)| (name, compact(&value));
        Unknown(self.0.into_iter().map(compact).collect())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<String, Box<RawValue>>()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        // A document is bounded before it is parsed, so the list is too.
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Fields that the OCI specification does not know, as they stood.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unknown(Vec<(String, Box<RawValue>)>);

impl Unknown {
    pub(super) fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0
            .iter()
            .try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

/// Writes an entry unless there is nothing to write: Go's `omitempty`.
pub(super) fn unless_empty<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &str,
    value: &T,
    is_empty: bool,
) -> Result<(), M::Error> {
    if is_empty {
        Ok(())
    } else {
        map.serialize_entry(name, value)
    }
}

/// Parses a document; errors say which one it was.
pub(super) fn parse<T: DeserializeOwned>(
    what: impl FnOnce() -> String,
    bytes: &[u8],
) -> Result<T, InvalidDocument> {
    serde_json::from_slice(bytes).map_err(|error| InvalidDocument {
        what: what(),
        why: error.to_string(),
    })
}

/// The value without spaces and line ends between its parts.
fn compact(value: &RawValue) -> Box<RawValue> {
    let mut compact = String::with_capacity(value.get().len());
    let (mut in_string, mut escaped) = (false, false);
    for character in value.get().chars() {
        if in_string || !character.is_ascii_whitespace() {
            compact.push(character);
        }
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
    }
    RawValue::from_string(compact).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_empty_and_missing_is_not() {
        let fields = || -> Fields {
            let json = r#"{"layers": null, "annotations": {"a": null, "b": "c"}}"#;
            serde_json::from_str(json).expect("JSON")
        };
        type Failure = serde_json::Error;
        let layers = fields().nullable::<Vec<String>, Failure>("layers");
        assert_eq!(layers.expect("null"), Vec::<String>::new());
        assert!(
            fields()
                .nullable::<Vec<String>, Failure>("manifests")
                .is_err()
        );
        let annotations = fields().annotations::<Failure>().expect("annotations");
        let expected =
            [("a", ""), ("b", "c")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(annotations, BTreeMap::from(expected));
    }

    #[test]
    fn compacts_what_is_not_in_strings() {
        let raw: Box<RawValue> =
            serde_json::from_str("{ \"a b\" : [1, \"x \\\" y\",\n null] }").expect("JSON");
        assert_eq!(compact(&raw).get(), "{\"a b\":[1,\"x \\\" y\",null]}");
    }
}
