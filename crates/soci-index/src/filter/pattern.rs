//! One wildcard: read once into pieces, held against names in one pass.

/// A wildcard in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
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
    /// Every text is a wildcard.
    pub(super) fn new(text: &str) -> Pattern {
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
    pub(super) fn matches(&self, name: &str) -> bool {
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
    use crate::filter::MOST_FILTER_CHARS;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).matches(name)
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
