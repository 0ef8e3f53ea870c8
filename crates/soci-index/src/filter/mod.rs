//! Which images are to be indexed: wildcards over `repository:tag`, as Python's `fnmatch.fnmatchcase` matches them.
//!
//! AWS's own index builder filters so, and deployments bring their filters with them. The rules are Python's to the letter
//! (`fnmatch.translate`), down to brackets that are never closed; the matcher is our own, needs no regular expressions, and takes time
//! in proportion to the length of the filter times the length of the name.
//!
//! | wildcard | stands for |
//! |---|---|
//! | `*` | any characters, `/` and `:` among them, or none |
//! | `?` | one character |
//! | `[abc]`, `[a-z]` | one of these |
//! | `[!abc]` | one that is none of these |
//!
//! A filter that begins with `!` excludes. An image is chosen when a filter names it and none excludes it; where all filters exclude,
//! whatever none of them names is chosen.

mod pattern;
mod repositories;

use std::fmt;
use std::str::FromStr;

use pattern::Pattern;

/// Filters in one list. Lambda functions get theirs in environment variables, which hold 4 KiB in all.
pub const MOST_FILTERS: usize = 256;

/// Characters of one filter: a repository of 256 and a tag of 128 fit twice.
pub const MOST_FILTER_CHARS: usize = 1024;

/// A list of filters, written with commas between them. Spaces around a filter do not count.
///
/// An empty list, the default, chooses everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(Vec<Filter>);

/// One filter of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// As it was written, with its `!`.
    text: String,
    excludes: bool,
    pattern: Pattern,
}

/// What a list says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is chosen: by this filter, or because none excludes it.
    Chosen(Option<&'a Filter>),
    /// This filter excludes it.
    Excluded(&'a Filter),
    /// No filter names it.
    NotNamed,
}

/// A text that is no list of filters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFilters {
    /// Nothing stands between two commas, or behind a `!`.
    #[error("filter {place} of {list:?} is empty")]
    Empty {
        /// The list.
        list: String,
        /// Which filter, counted from 1.
        place: usize,
    },
    /// Too many.
    #[error("{found} filters, at most {MOST_FILTERS} are taken")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// One is too long.
    #[error("filter {place} has {found} characters, at most {MOST_FILTER_CHARS} are taken")]
    TooLong {
        /// Which filter, counted from 1.
        place: usize,
        /// How many characters it has.
        found: usize,
    },
}

impl Filters {
    /// The filters, in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Filter> {
        self.0.iter()
    }

    /// What becomes of an image of this name, `repository:tag`.
    #[must_use]
    pub fn judge(&self, name: &str) -> Verdict<'_> {
        let find = |excludes| {
            let mut alike = self.0.iter().filter(move |one| one.excludes == excludes);
            alike.find(|one| one.pattern.matches(name))
        };
        if let Some(filter) = find(true) {
            return Verdict::Excluded(filter);
        }
        match find(false) {
            None if self.0.iter().any(|one| !one.excludes) => Verdict::NotNamed,
            chosen => Verdict::Chosen(chosen),
        }
    }
}

impl FromStr for Filters {
    type Err = InvalidFilters;

    fn from_str(list: &str) -> Result<Filters, InvalidFilters> {
        let found = list.split(',').count();
        if found > MOST_FILTERS {
            return Err(InvalidFilters::TooMany { found });
        }
        let parse = |(index, text): (usize, &str)| {
            let (text, place) = (text.trim(), index + 1);
            let pattern = text.strip_prefix('!').unwrap_or(text);
            let found = pattern.chars().count();
            if found == 0 {
                let list = list.chars().take(MOST_FILTER_CHARS).collect();
                return Err(InvalidFilters::Empty { list, place });
            }
            if found > MOST_FILTER_CHARS {
                return Err(InvalidFilters::TooLong { place, found });
            }
            Ok(Filter {
                text: text.to_owned(),
                excludes: text.starts_with('!'),
                pattern: Pattern::new(pattern),
            })
        };
        let filters: Result<_, _> = list.split(',').enumerate().map(parse).collect();
        Ok(Filters(filters?))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge<'a>(filters: &'a Filters, name: &str) -> (bool, Option<&'a str>) {
        match filters.judge(name) {
            Verdict::Chosen(by) => (true, by.map(|filter| filter.text.as_str())),
            Verdict::Excluded(by) => (false, Some(&by.text)),
            Verdict::NotNamed => (false, None),
        }
    }

    #[test]
    fn excludes_win_and_alone_leave_the_rest() {
        let filters: Filters = "team/*:*, app:*,!*-dev".parse().expect("filters");
        assert_eq!(judge(&filters, "team/x:1"), (true, Some("team/*:*")));
        assert_eq!(judge(&filters, "app:1"), (true, Some("app:*")));
        assert_eq!(judge(&filters, "app:1-dev"), (false, Some("!*-dev")));
        assert_eq!(judge(&filters, "other:1"), (false, None));
        let filters: Filters = "!*-dev".parse().expect("filters");
        assert_eq!(judge(&filters, "app:1"), (true, None));
        assert_eq!(judge(&filters, "app:1-dev"), (false, Some("!*-dev")));
    }

    #[test]
    fn refuses_lists_that_are_none() {
        let parse = |text: &str| text.parse::<Filters>();
        for (list, place) in [("", 1), ("a,", 2), ("a, ,b", 2), ("a,!", 2)] {
            let list = list.to_owned();
            assert_eq!(parse(&list), Err(InvalidFilters::Empty { list, place }));
        }
        let found = MOST_FILTERS + 1;
        assert_eq!(
            parse(&["a"; MOST_FILTERS + 1].join(",")),
            Err(InvalidFilters::TooMany { found })
        );
        let found = MOST_FILTER_CHARS + 1;
        assert_eq!(
            parse(&"*".repeat(found)),
            Err(InvalidFilters::TooLong { place: 1, found })
        );
    }
}
