//! The template's parameters, and what it says of their values. CloudFormation checks the same, but only when the function has been built and
//! uploaded, which takes minutes.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use regex_lite::Regex;
use yaml_rust2::{Yaml, YamlLoader};

use crate::workspace::Workspace;

/// What the template declares, by name.
pub(super) struct Parameters(Yaml);

impl Parameters {
    /// Those of `template.yaml`.
    pub(super) fn of(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root.join("template.yaml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let documents = YamlLoader::load_from_str(&text);
        let mut documents = documents.with_context(|| path.display().to_string())?;
        ensure!(documents.len() == 1, "{} is no template", path.display());
        let parameters = documents.remove(0)["Parameters"].clone();
        ensure!(
            parameters.as_hash().is_some(),
            "{} declares no parameters",
            path.display()
        );
        Ok(Self(parameters))
    }

    /// That there is such a parameter, and that CloudFormation would take this value for it.
    pub(super) fn check(&self, name: &str, value: &str) -> Result<()> {
        let declared = &self.0[name];
        ensure!(
            !declared.is_badvalue(),
            "the template has no parameter {name}; it has {}",
            self.names().join(", ")
        );
        let is_list = declared["Type"].as_str() == Some("CommaDelimitedList");
        let members: Vec<_> = match is_list {
            true => value.split(',').map(str::trim).collect(),
            false => vec![value],
        };
        for member in members {
            if !is_allowed(declared, member)? {
                bail!("{name} is {member:?}: it {}", allowed_form(declared));
            }
        }
        Ok(())
    }

    fn names(&self) -> Vec<&str> {
        let declared = self.0.as_hash().into_iter().flat_map(|all| all.keys());
        declared.filter_map(Yaml::as_str).collect()
    }
}

/// Every kind of bound that the template has.
fn is_allowed(declared: &Yaml, value: &str) -> Result<bool> {
    let characters = i64::try_from(value.chars().count())?;
    let number = value.parse::<f64>();
    let matches = match declared["AllowedPattern"].as_str() {
        Some(pattern) => Regex::new(pattern)
            .with_context(|| format!("no pattern: {pattern}"))?
            .is_match(value),
        None => true,
    };
    let is_listed =
        values(declared).is_none_or(|values| values.iter().any(|listed| listed == value));
    let bound = |name: &str| declared[name].as_i64();
    let is_number = declared["Type"].as_str() != Some("Number")
        || number.is_ok_and(|number| {
            bound("MinValue").is_none_or(|least| number >= least as f64)
                && bound("MaxValue").is_none_or(|most| number <= most as f64)
        });
    Ok(matches
        && is_listed
        && is_number
        && bound("MinLength").is_none_or(|least| characters >= least)
        && bound("MaxLength").is_none_or(|most| characters <= most))
}

/// In the template's own words where it has some.
fn allowed_form(declared: &Yaml) -> String {
    if let Some(form) = declared["ConstraintDescription"].as_str() {
        return form.to_owned();
    }
    if let Some(values) = values(declared) {
        return format!("must be one of {}", values.join(", "));
    }
    let bound = |name: &str| declared[name].as_i64().map(|bound| bound.to_string());
    format!(
        "must be a number from {} to {}",
        bound("MinValue").unwrap_or_default(),
        bound("MaxValue").unwrap_or_default()
    )
}

/// The values that are listed; `None` where there is no list.
fn values(declared: &Yaml) -> Option<Vec<String>> {
    let value = |one: &Yaml| match one {
        Yaml::Integer(number) => Some(number.to_string()),
        other => other.as_str().map(str::to_owned),
    };
    let listed = declared["AllowedValues"].as_vec()?;
    Some(listed.iter().filter_map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, value: &str) -> String {
        let parameters = Parameters::of(&Workspace::find().expect("this workspace"));
        let checked = parameters.expect("a template").check(name, value);
        checked
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn values_are_held_to_every_bound_of_the_template() {
        for (name, value, expected) in [
            (
                "SociFilters",
                "a:*",
                "it has SociRepositoryImageTagFilters, ",
            ),
            (
                "Architecture",
                "amd64",
                "\"amd64\": it must be one of x86_64, arm64",
            ),
            ("MemorySize", "127", "it must be a number from 128 to 10240"),
            (
                "MemorySize",
                "10241",
                "it must be a number from 128 to 10240",
            ),
            (
                "MemorySize",
                "much",
                "it must be a number from 128 to 10240",
            ),
            ("SpanBytes", "4 MiB", "it must be a whole number from 65536"),
            ("QSS3BucketName", "ab", "it must be the name of a bucket"),
            (
                "QSS3BucketName",
                &"a".repeat(64),
                "it must be the name of a bucket",
            ),
            (
                "SociRepositoryImageTagFilters",
                "a:*, B:*",
                "\"B:*\": it must be repository:tag",
            ),
        ] {
            let told = told(name, value);
            assert!(told.contains(expected), "{name}={value}: {told}");
        }
        for (name, value) in [
            ("SociRepositoryImageTagFilters", "a:*, b:v[0-9]"),
            ("MemorySize", "10240"),
            ("OutputTag", "lazy-{tag}"),
            ("PassThrough", "false"),
            ("LogRetentionDays", "3653"),
        ] {
            assert_eq!(told(name, value), "", "{name}={value}");
        }
    }

    /// Otherwise it would be passed over here.
    #[test]
    fn the_template_has_no_other_kind_of_bound() {
        let known = [
            "Type",
            "Default",
            "Description",
            "ConstraintDescription",
            "AllowedPattern",
            "AllowedValues",
            "MinValue",
            "MaxValue",
            "MinLength",
            "MaxLength",
        ];
        let parameters = Parameters::of(&Workspace::find().expect("this workspace"));
        let Parameters(all) = parameters.expect("a template");
        for (name, declared) in all.as_hash().expect("by name") {
            let said = declared.as_hash().expect("fields").keys();
            for field in said.filter_map(Yaml::as_str) {
                assert!(known.contains(&field), "{name:?}: {field}");
            }
            let kind = declared["Type"].as_str();
            assert!(
                matches!(kind, Some("String" | "Number" | "CommaDelimitedList")),
                "{name:?}: {kind:?}"
            );
        }
    }
}
