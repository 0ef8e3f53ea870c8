//! From filters to the repositories that the function's policy must let it into, as ARNs with wildcards.
//!
//! A stack's template cannot cut a filter in two, so the function does it when the stack is made. What is admitted is never less than what
//! the filters can choose: a set in brackets becomes `?`, and excludes take nothing away.

use soci_index::{Filter, Filters};

use crate::payload::shown;

/// Why a filter names no repositories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRepositories {
    /// Nothing tells where the repository ends.
    #[error("has the filter {filter} in it, which has no ':' between repository and tag")]
    NoColon {
        /// The filter.
        filter: String,
    },
    /// No repository can have such a name.
    #[error(
        "has the filter {filter} in it, whose repository {repository} holds what no repository's name can: names are of a-z 0-9 . _ - /"
    )]
    NoName {
        /// The filter.
        filter: String,
        /// Its part before the colon.
        repository: String,
    },
}

/// The repositories that the filters can choose images of, as wildcards, each of which admits something that the others do not.
///
/// # Errors
/// When a filter can choose nothing, or does not say where.
pub fn repositories(filters: &Filters) -> Result<Vec<String>, NoRepositories> {
    let (excludes, includes): (Vec<_>, Vec<_>) = filters.iter().partition(|one| one.excludes());
    if includes.is_empty() && !excludes.is_empty() {
        return Ok(vec!["*".to_owned()]);
    }
    let wildcards: Vec<String> = includes
        .into_iter()
        .map(repository)
        .collect::<Result<_, _>>()?;
    let mut kept: Vec<String> = Vec::new();
    for wildcard in wildcards {
        if kept.iter().any(|other| covers(other, &wildcard)) {
            continue;
        }
        kept.retain(|other| !covers(&wildcard, other));
        kept.push(wildcard);
    }
    Ok(kept)
}

fn repository(filter: &Filter) -> Result<String, NoRepositories> {
    let text = || shown(&filter.to_string());
    let repository = filter
        .repositories()
        .ok_or_else(|| NoRepositories::NoColon { filter: text() })?;
    let in_names =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/*?".contains(&byte);
    match !repository.is_empty() && repository.bytes().all(in_names) {
        true => Ok(repository),
        false => Err(NoRepositories::NoName {
            filter: text(),
            repository: shown(&repository),
        }),
    }
}

/// Whether one wildcard admits all that another does, as far as can be told by taking the other's wildcards for characters: a `*` is
/// taken by a `*` alone, a `?` by either.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.as_bytes(), narrow.as_bytes());
    let takes = |own: u8, other: u8| other != b'*' && (own == other || own == b'?');
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < narrow.len() {
        match wide.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, from));
            }
            Some(&own) if takes(own, narrow[from]) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((behind, taken)) = star else {
                    return false;
                };
                at = behind;
                from = taken + 1;
                star = Some((behind, from));
            }
        }
    }
    wide[at..].iter().all(|rest| *rest == b'*')
}

/// The ARNs of repositories in a partition, Region and account.
#[must_use]
pub fn of(repositories: &[String], partition: &str, region: &str, account: &str) -> Vec<String> {
    let arn = |repository: &String| {
        format!("arn:{partition}:ecr:{region}:{account}:repository/{repository}")
    };
    repositories.iter().map(arn).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use soci_index::Verdict;

    use super::*;

    fn found(filters: &str) -> Result<Vec<String>, NoRepositories> {
        repositories(&filters.parse().expect("filters"))
    }

    /// As AWS's policies match a resource: `*` any characters, `?` one, nothing else means anything.
    fn admits(wildcard: &str, name: &str) -> bool {
        match (wildcard.chars().next(), name.chars().next()) {
            (None, None) => true,
            (Some('*'), _) => {
                admits(&wildcard[1..], name)
                    || name
                        .chars()
                        .next()
                        .is_some_and(|c| admits(wildcard, &name[c.len_utf8()..]))
            }
            (Some('?'), Some(c)) => admits(&wildcard[1..], &name[c.len_utf8()..]),
            (Some(w), Some(c)) if w == c => {
                admits(&wildcard[w.len_utf8()..], &name[c.len_utf8()..])
            }
            _ => false,
        }
    }

    #[test]
    fn each_filter_names_its_repositories_once() {
        for (filters, expected) in [
            ("*:*", vec!["*"]),
            ("team/app:v*,team/app:latest", vec!["team/app"]),
            ("team/*:*,team/app:1,other:*", vec!["team/*", "other"]),
            ("team/app:1,team/*:*", vec!["team/*"]),
            ("app-[ab]:*,!app-b:*", vec!["app-?"]),
            ("app-?:1,app-b:*", vec!["app-?"]),
            ("!*-dev", vec!["*"]),
            ("a*b:1,a*c*b:1", vec!["a*b"]),
        ] {
            assert_eq!(
                found(filters),
                Ok(expected.iter().map(|s| (*s).to_owned()).collect()),
                "{filters}"
            );
        }
    }

    #[test]
    fn filters_that_name_none_are_refused_with_the_filter() {
        for filter in ["app", "*", "a[:]b", "x:*,app"] {
            let error = found(filter).expect_err(filter);
            assert!(matches!(error, NoRepositories::NoColon { .. }), "{error}");
        }
        for filter in ["App:*", ":v1", "a b:*", "${aws:username}:*", "[a:b", "é:1"] {
            let error = found(filter).expect_err(filter);
            assert!(matches!(error, NoRepositories::NoName { .. }), "{error}");
        }
        let error = found("\u{1b}[31m\n:*").expect_err("control characters");
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    #[test]
    fn arns_are_those_of_the_partition() {
        let repositories = ["team/*".to_owned()];
        assert_eq!(
            of(&repositories, "aws-cn", "cn-north-1", "123456789012"),
            ["arn:aws-cn:ecr:cn-north-1:123456789012:repository/team/*"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever the filters choose, the policy lets the function in.
        #[test]
        fn prop_every_image_that_is_chosen_lies_in_a_repository_that_is_admitted(
            filters in proptest::collection::vec("!?([a-c/*?-]|\\[!?[a-c-]{1,3}\\]){1,5}:[a-c*?]{0,3}", 1..5),
            repository in "[a-c/-]{1,6}",
            tag in "[a-c]{1,3}",
        ) {
            let filters: Filters = filters.join(",").parse().expect("filters");
            let admitted = match repositories(&filters) {
                Ok(admitted) => admitted,
                Err(_) => return Ok(()),
            };
            if let Verdict::Chosen(_) = filters.judge(&format!("{repository}:{tag}")) {
                prop_assert!(admitted.iter().any(|one| admits(one, &repository)), "{:?}", admitted);
            }
        }

        /// What was dropped as covered by another one was: nothing that it admits is lost.
        #[test]
        fn prop_a_wildcard_that_covers_another_admits_what_that_one_does(
            wide in "[ab*?]{1,5}", narrow in "[ab*?]{1,5}", name in "[ab]{0,6}",
        ) {
            if covers(&wide, &narrow) && admits(&narrow, &name) {
                prop_assert!(admits(&wide, &name));
            }
        }
    }
}
