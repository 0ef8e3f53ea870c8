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

mod repositories;

use std::fmt;
use std::str::FromStr;

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

/// A wildcard in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// `*`.
    Many,
    /// `?`.
    One,
    Exactly(char),
    /// In one of these ranges, ends included; or, negated, in none.
    Within {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    fn new(text: &str) -> Pattern {
        let chars: Vec<char> = text.chars().collect();
        let mut pieces = Vec::with_capacity(chars.len());
        let mut at = 0;
        while let Some(&first) = chars.get(at) {
            at += 1;
            pieces.push(match first {
                '*' => Piece::Many,
                '?' => Piece::One,
                '[' => match closing(&chars, at) {
                    // Never closed: a bracket like any other character.
                    None => Piece::Exactly('['),
                    Some(end) => {
                        let set = Piece::within(&chars[at..end]);
                        at = end + 1;
                        set
                    }
                },
                other => Piece::Exactly(other),
            });
        }
        pieces.dedup_by(|a, b| (&*a, &*b) == (&Piece::Many, &Piece::Many));
        Pattern(pieces)
    }

    /// Goes on as far as it can; where it cannot, the last `*` takes one character more. Earlier ones need not be tried again: what
    /// they could take, the last one can too.
    fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut piece, mut at) = (0, 0);
        let mut last_many: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.0.get(piece) {
                Some(Piece::Many) => {
                    piece += 1;
                    last_many = Some((piece, at));
                }
                Some(other) if other.takes(name[at]) => {
                    piece += 1;
                    at += 1;
                }
                _ => {
                    let Some((behind, taken)) = last_many else {
                        return false;
                    };
                    piece = behind;
                    at = taken + 1;
                    last_many = Some((behind, at));
                }
            }
        }
        self.0[piece..].iter().all(|rest| *rest == Piece::Many)
    }
}

/// The place of the bracket that closes the one before `begin`. One that comes first belongs to the set.
fn closing(chars: &[char], begin: usize) -> Option<usize> {
    let mut from = begin;
    if chars.get(from) == Some(&'!') {
        from += 1;
    }
    if chars.get(from) == Some(&']') {
        from += 1;
    }
    let rest = chars.get(from..)?;
    Some(from + rest.iter().position(|char| *char == ']')?)
}

impl Piece {
    /// What stands between brackets, at least one character.
    fn within(set: &[char]) -> Piece {
        if let ['!', rest @ ..] = set {
            return Piece::Within {
                negated: true,
                ranges: ranges(rest),
            };
        }
        let mut ranges = ranges(set);
        // Python looks for the `!` after it has dropped empty ranges, and what comes then is no range's beginning any more.
        let negated = ranges.first().is_some_and(|(low, _)| *low == '!');
        if negated {
            let (low, high) = ranges.remove(0);
            if low != high {
                ranges.extend([('-', '-'), (high, high)]);
            }
        }
        Piece::Within { negated, ranges }
    }

    fn takes(&self, char: char) -> bool {
        match self {
            Piece::Many => false,
            Piece::One => true,
            Piece::Exactly(own) => *own == char,
            Piece::Within { negated, ranges } => {
                let is_in = |(low, high): &(char, char)| (*low..=*high).contains(&char);
                ranges.iter().any(is_in) != *negated
            }
        }
    }
}

/// The ranges of a set. A hyphen makes one unless it comes first, last, or right behind a range; a range whose end lies before its
/// beginning is none.
fn ranges(set: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&low) = set.get(at) {
        match (set.get(at + 1), set.get(at + 2)) {
            (Some('-'), Some(&high)) => {
                if low <= high {
                    ranges.push((low, high));
                }
                at += 3;
            }
            _ => {
                ranges.push((low, low));
                at += 1;
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name)
    }

    fn judge<'a>(filters: &'a Filters, name: &str) -> (bool, Option<&'a str>) {
        match filters.judge(name) {
            Verdict::Chosen(by) => (true, by.map(|filter| filter.text.as_str())),
            Verdict::Excluded(by) => (false, Some(&by.text)),
            Verdict::NotNamed => (false, None),
        }
    }

    #[test]
    fn wildcards_cross_slashes_and_colons() {
        for (pattern, name, expected) in [
            ("*:*", "team/app:1", true),
            ("*", "team/app:1", true),
            ("team/*:1", "team/a/b:1", true),
            ("team/*", "Team/app:1", false),
            ("app:v?", "app:v1", true),
            ("app:v?", "app:v", false),
            ("app:v[0-9]", "app:v7", true),
            ("app:v[!0-9]", "app:v7", false),
            ("app", "app:1", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
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

    /// With backtracking into every `*`, this would take longer than anybody waits.
    #[test]
    fn many_stars_take_no_time() {
        let pattern = "a*".repeat(MOST_FILTER_CHARS / 2);
        let name = "a".repeat(400);
        assert!(!matches(&format!("{pattern}b"), &name));
    }

    /// Numbers that look like chance and are the same every time (xorshift64).
    struct Dice(u64);

    impl Dice {
        fn throw(&mut self, sides: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % sides as u64) as usize
        }

        fn text(&mut self, alphabet: &str, most: usize) -> String {
            let alphabet: Vec<char> = alphabet.chars().collect();
            (0..self.throw(most + 1))
                .map(|_| alphabet[self.throw(alphabet.len())])
                .collect()
        }
    }

    /// Pairs of pattern and name; half of the names are made to fit more or less.
    fn pairs() -> Vec<(String, String)> {
        let mut dice = Dice(0x5eed_50c1);
        let mut pairs = Vec::new();
        for _ in 0..3_000 {
            let pattern = dice.text("ab*?[]!-:/^\\&~|cé", 10);
            pairs.push((pattern.clone(), dice.text("ab:/-!]^[c", 5)));
            pairs.push((
                pattern.replace('*', "b/:").replace('?', "a"),
                pattern.clone(),
            ));
            pairs.push((
                pattern.clone(),
                pattern.replace('*', "b/:").replace('?', "a"),
            ));
            let set = format!("[{}]", dice.text("ab-!]^[&~|\\cé", 6));
            for name in [
                "a", "b", "c", "-", "!", "]", "^", "[", "&", "|", "\\", "é", "d",
            ] {
                pairs.push((set.clone(), name.to_owned()));
            }
        }
        for pattern in [
            "[", "[]", "[!", "[!]", "[]a]", "[!]a]", "[a-]", "[-a]", "[!-]", "[z-a]", "[!z-a]",
            "[a-b-c]", "[--z]", "[]-a]",
        ] {
            for name in ["[", "[]", "[!]", "]", "a", "b", "c", "-", "z", "!", ""] {
                pairs.push((pattern.to_owned(), name.to_owned()));
            }
        }
        pairs
    }

    #[test]
    fn matches_python_fnmatch() {
        const PROGRAM: &str = "import fnmatch, json, sys\n\
            print(json.dumps([fnmatch.fnmatchcase(name, pattern) for pattern, name in json.load(sys.stdin)]))";
        let pairs = pairs();
        let mut python = Command::new("python3")
            .args(["-W", "ignore", "-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3");
        let mut stdin = python.stdin.take().expect("it is piped");
        let json = serde_json::to_vec(&pairs).expect("text is JSON");
        stdin.write_all(&json).expect("Python reads");
        drop(stdin);
        let output = python.wait_with_output().expect("Python ends");
        assert!(output.status.success(), "Python failed");
        let expected: Vec<bool> = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(expected.len(), pairs.len());
        for ((pattern, name), expected) in pairs.iter().zip(&expected) {
            assert_eq!(matches(pattern, name), *expected, "{pattern:?} {name:?}");
        }
        let agreeing = expected.iter().filter(|matched| **matched).count();
        assert!(agreeing > 1_000, "only {agreeing} of the pairs match");
    }

    proptest! {
        #[test]
        fn prop_a_name_without_wildcards_matches_itself_alone(name in "[a-z/:.-]{1,20}", other in "[a-z/:.-]{1,20}") {
            prop_assert!(matches(&name, &name));
            prop_assert_eq!(matches(&name, &other), name == other);
        }

        #[test]
        fn prop_a_star_stands_for_anything(before in "[a-z/:]{0,9}", between in ".{0,20}", behind in "[a-z/:]{0,9}") {
            let pattern = format!("{before}*{behind}");
            let name = format!("{before}{between}{behind}");
            prop_assert!(matches(&pattern, &name));
        }

        #[test]
        fn prop_any_text_is_a_pattern(pattern in ".{0,40}", name in ".{0,40}") {
            matches(&pattern, &name);
        }
    }
}
