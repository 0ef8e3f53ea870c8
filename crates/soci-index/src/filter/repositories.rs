//! Which repositories a filter can name, as a wildcard of the kind that AWS's policies know: `*` and `?`, and nothing else.
//!
//! A repository's name holds no `:` and neither does a tag, so the one in `repository:tag` can only be where the filter has its own.

use super::Filter;
use super::pattern::Piece;

impl Filter {
    /// Whether it excludes what it names.
    #[must_use]
    pub fn excludes(&self) -> bool {
        self.excludes
    }

    /// A wildcard that matches every repository of which the filter can name an image. A set in brackets becomes `?`, so it may match
    /// more. `None` when the filter has no `:` outside of brackets: nothing then says where the repository ends.
    #[must_use]
    pub fn repositories(&self) -> Option<String> {
        let pieces = &self.pattern.0;
        let end = pieces
            .iter()
            .position(|piece| *piece == Piece::Exactly(':'))?;
        let wildcard = |piece: &Piece| match piece {
            Piece::Many => '*',
            Piece::One | Piece::Within { .. } => '?',
            Piece::Exactly(char) => *char,
        };
        Some(pieces[..end].iter().map(wildcard).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Filters, Verdict};

    /// As AWS's policies match: `*` any characters, `?` one.
    fn policy_matches(wildcard: &str, name: &str) -> bool {
        let pattern: Filters = wildcard
            .parse()
            .expect("a wildcard without sets is a filter");
        pattern.judge(name) != Verdict::NotNamed
    }

    fn repositories(filter: &str) -> Option<String> {
        let filters: Filters = filter.parse().expect("a filter");
        filters.iter().next().and_then(|one| one.repositories())
    }

    #[test]
    fn the_repository_ends_at_the_colon() {
        for (filter, expected) in [
            ("*:*", Some("*")),
            ("team/app:v*", Some("team/app")),
            ("team/*-[ab]?:latest", Some("team/*-??")),
            ("a[!x]:*", Some("a?")),
            ("*:v1:*", Some("*")),
            ("[:]a:b", Some("?a")),
            (":x", Some("")),
            ("app", None),
            ("*", None),
            ("a[:]b", None),
        ] {
            assert_eq!(repositories(filter).as_deref(), expected, "{filter}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// No image is chosen in a repository that the policy keeps the function out of.
        #[test]
        fn prop_the_wildcard_admits_every_repository_that_the_filter_can_name(
            before in "([a-c/*?-]|\\[[!a-c:-]{1,3}\\]){1,6}",
            behind in "[a-c*?]{0,3}",
            repository in "[a-c/-]{1,6}",
            tag in "[a-c]{1,3}",
        ) {
            let filter = format!("{before}:{behind}");
            prop_assume!(!before.starts_with('!'));
            let filters: Filters = filter.parse().expect("a filter");
            let wildcard = repositories(&filter).expect("it has a colon");
            if filters.judge(&format!("{repository}:{tag}")) != Verdict::NotNamed {
                prop_assert!(policy_matches(&wildcard, &repository), "{} {}", filter, wildcard);
            }
        }

        /// A repository made to fit is chosen, so the property above is not one about nothing.
        #[test]
        fn prop_what_fits_is_admitted(parts in proptest::collection::vec("[a-c]{1,3}", 1..4)) {
            let filter = format!("{}:*", parts.join("*"));
            let repository = parts.join("-");
            let filters: Filters = filter.parse().expect("a filter");
            let name = format!("{repository}:1");
            prop_assert!(filters.judge(&name) != Verdict::NotNamed);
            let wildcard = repositories(&filter).expect("it has a colon");
            prop_assert!(policy_matches(&wildcard, &repository));
        }
    }
}
