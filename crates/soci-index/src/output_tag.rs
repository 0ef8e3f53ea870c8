//! The tag under which the result goes, made from the source's tag by a template.

use std::str::FromStr;

use soci_registry::Tag;

/// Stands for the source's tag in a template.
const PLACEHOLDER: &str = "{tag}";

/// A template such as `{tag}-soci`, or a tag of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputTag {
    before: String,
    /// `None`: the template does not mention the source's tag.
    behind: Option<String>,
}

/// A template or the tag made from it cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOutputTag {
    /// The template itself.
    #[error(
        "output tag {template:?} is neither a tag nor a template with one {{tag}} in it, such as {{tag}}-soci"
    )]
    Template {
        /// As given.
        template: String,
    },
    /// What it makes of this tag.
    #[error(
        "output tag {made:?} is no valid tag: at most 128 letters, digits, '_', '.' and '-', not beginning with '.' or '-'; give another with --output-tag"
    )]
    Made {
        /// What the template gives.
        made: String,
    },
    /// The source itself would be overwritten.
    #[error(
        "output tag {made:?} is the source's own tag, which is never touched; give another with --output-tag"
    )]
    Source {
        /// What the template gives.
        made: String,
    },
}

impl FromStr for OutputTag {
    type Err = InvalidOutputTag;

    fn from_str(template: &str) -> Result<OutputTag, InvalidOutputTag> {
        let invalid = || InvalidOutputTag::Template {
            template: template.to_owned(),
        };
        let parsed = match template.split_once(PLACEHOLDER) {
            None => OutputTag {
                before: template.to_owned(),
                behind: None,
            },
            Some((before, behind)) => OutputTag {
                before: before.to_owned(),
                behind: Some(behind.to_owned()),
            },
        };
        // Whatever the source's tag, the rest must be able to stand in a tag.
        let example = parsed.make("t");
        Tag::new(&example).map(|_| parsed).map_err(|_| invalid())
    }
}

impl Default for OutputTag {
    fn default() -> OutputTag {
        OutputTag {
            before: String::new(),
            behind: Some("-soci".to_owned()),
        }
    }
}

impl OutputTag {
    /// The output tag for a source tag.
    ///
    /// # Errors
    /// When it is too long, no tag, or the source's own.
    pub fn for_source(&self, source: Option<&Tag>) -> Result<Option<Tag>, InvalidOutputTag> {
        let made = match (source, &self.behind) {
            (_, None) => self.before.clone(),
            (Some(tag), Some(_)) => self.make(tag.as_str()),
            (None, Some(_)) => return Ok(None),
        };
        if source.is_some_and(|tag| tag.as_str() == made) {
            return Err(InvalidOutputTag::Source { made });
        }
        Tag::new(&made)
            .map(Some)
            .map_err(|_| InvalidOutputTag::Made { made })
    }

    /// The tag from which this one would have been made.
    #[must_use]
    pub fn source_of(&self, tag: &Tag) -> Option<Tag> {
        let behind = self.behind.as_ref()?;
        let source = tag
            .as_str()
            .strip_prefix(&self.before)?
            .strip_suffix(behind.as_str())?;
        if source == tag.as_str() {
            None
        } else {
            Tag::new(source).ok()
        }
    }

    fn make(&self, tag: &str) -> String {
        match &self.behind {
            Some(behind) => format!("{}{tag}{behind}", self.before),
            None => self.before.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        Tag::new(text).expect("a tag")
    }

    fn made(template: &str, source: &str) -> Result<Option<String>, InvalidOutputTag> {
        let template: OutputTag = template.parse()?;
        Ok(template
            .for_source(Some(&tag(source)))?
            .map(|tag| tag.as_str().to_owned()))
    }

    #[test]
    fn makes_tags_from_templates() {
        assert_eq!(made("{tag}-soci", "1"), Ok(Some("1-soci".to_owned())));
        assert_eq!(made("lazy-{tag}", "v1.2"), Ok(Some("lazy-v1.2".to_owned())));
        assert_eq!(made("stable", "1"), Ok(Some("stable".to_owned())));
        assert_eq!(OutputTag::default().for_source(None), Ok(None));
    }

    #[test]
    fn refuses_what_cannot_be_a_tag_or_is_the_source() {
        for template in ["", "-{tag}", "{tag}/x", "{tag}{tag}", "a b", ".x"] {
            assert!(
                matches!(
                    template.parse::<OutputTag>(),
                    Err(InvalidOutputTag::Template { .. })
                ),
                "{template}"
            );
        }
        assert!(matches!(
            made("{tag}", "1"),
            Err(InvalidOutputTag::Source { .. })
        ));
        assert!(matches!(
            made("1", "1"),
            Err(InvalidOutputTag::Source { .. })
        ));
        assert!(matches!(
            made("{tag}-soci", &"x".repeat(124)),
            Err(InvalidOutputTag::Made { .. })
        ));
        assert!(made("{tag}-soci", &"x".repeat(123)).is_ok());
    }

    #[test]
    fn knows_its_own_results() {
        let template = OutputTag::default();
        assert_eq!(template.source_of(&tag("1-soci")), Some(tag("1")));
        assert_eq!(template.source_of(&tag("1")), None);
        assert_eq!(template.source_of(&tag("x-soci-soci")), Some(tag("x-soci")));
    }
}
