//! Fields of a payload, each checked against what it may hold before anything is made of it.
//!
//! A payload may be a megabyte of anything. What is told of it in a refusal is cut and cleaned, so that nobody writes lines into
//! our log.

use serde_json::{Map, Value};
use soci_registry::{Digest, RepositoryName, Tag};

/// Characters of a tag that Amazon ECR's API may tell of (`imageTag`). Registries take 128, so nothing is indexed under a longer one.
pub(super) const ECR_TAG_CHARS: usize = 300;

/// Characters of a media type: RFC 6838, section 4.2, allows 127 on each side of the slash.
const MEDIA_TYPE_CHARS: usize = 255;

/// Characters of a payload that a refusal shows.
const SHOWN_CHARS: usize = 80;

/// A payload, or a part of it, that is not worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    /// Refused for this reason, which holds nothing of the payload but what [`shown`] shows.
    pub(crate) fn new(why: impl Into<String>) -> Refused {
        Refused(why.into())
    }
}

pub(super) fn refuse(why: impl Into<String>) -> Refused {
    Refused::new(why)
}

/// Somebody else's text for a line of a log: quoted, escaped, cut.
pub(crate) fn shown(text: &str) -> String {
    let more = if text.chars().nth(SHOWN_CHARS).is_some() {
        "…"
    } else {
        ""
    };
    let beginning: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{beginning:?}{more}")
}

/// An object within a payload, known by its path there.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Fields<'a> {
        Fields { object, path: "" }
    }

    pub(super) fn object(&self, name: &'static str) -> Result<Fields<'a>, Refused> {
        match self.object.get(name) {
            Some(Value::Object(object)) => Ok(Fields { object, path: name }),
            Some(other) => Err(refuse(format!(
                "{} is {}, not an object",
                self.place(name),
                kind_of(other)
            ))),
            None => Err(refuse(format!("{} is missing", self.place(name)))),
        }
    }

    /// A text; `None` when it is missing, null or empty.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&'a str>, Refused> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(other) => Err(refuse(format!(
                "{} is {}, not text",
                self.place(name),
                kind_of(other)
            ))),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, Refused> {
        self.optional(name)?
            .ok_or_else(|| refuse(format!("{} is missing", self.place(name))))
    }

    pub(super) fn repository(&self, name: &str) -> Result<String, Refused> {
        let text = self.required(name)?;
        repository(text).ok_or_else(|| {
            refuse(format!(
                "{} is no repository's name: {}",
                self.place(name),
                shown(text)
            ))
        })
    }

    /// A tag as Amazon ECR has them, which may be longer than those of other registries.
    pub(super) fn tag(&self, name: &str) -> Result<Option<String>, Refused> {
        let Some(text) = self.optional(name)? else {
            return Ok(None);
        };
        let beginning = &text[..text.len().min(soci_registry::TAG_CHARS)];
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_tag =
            text.len() <= ECR_TAG_CHARS && text.bytes().all(plain) && Tag::new(beginning).is_ok();
        match is_tag {
            true => Ok(Some(text.to_owned())),
            false => Err(refuse(format!(
                "{} is no tag: {}",
                self.place(name),
                shown(text)
            ))),
        }
    }

    /// A text that only hints at something. Whatever else is there is as good as none.
    fn hint(&self, name: &str) -> Option<&'a str> {
        self.optional(name).ok().flatten()
    }

    /// A digest. One that is none, as in AWS's own examples, is as good as none.
    pub(super) fn digest(&self, name: &str) -> Option<Digest> {
        self.hint(name)?.parse().ok()
    }

    /// A media type. One that is none is as good as none: the registry tells it again.
    pub(super) fn media_type(&self, name: &str) -> Option<String> {
        let is_one = |text: &&str| {
            text.len() <= MEDIA_TYPE_CHARS && text.bytes().all(|b| b.is_ascii_graphic())
        };
        self.hint(name).filter(is_one).map(str::to_owned)
    }

    pub(super) fn place(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// A repository's path if it is one; the grammar leaves no way out of it.
pub(super) fn repository(text: &str) -> Option<String> {
    let name: RepositoryName = format!("registry.invalid/{text}").parse().ok()?;
    (name.path() == text).then(|| text.to_owned())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
