//! Wildcards over names of images.

use soci_index::{Filters, MOST_FILTERS, Verdict};

/// Characters of a name: a repository and a tag, as long as they may be, fit in.
const NAME_CHARS: usize = 512;

/// Any list of filters (the first line) and any name: the list says what its filters say one by one, each of which says what it says
/// without a star more, and what a plain matcher says where there are no brackets.
///
/// How long a match takes is held by the fuzzer's time limit.
pub fn filters(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (list, name) = text.split_once('\n').unwrap_or((text, "team/app:1"));
    let name: String = name.chars().take(NAME_CHARS).collect();
    let Ok(filters) = list.parse::<Filters>() else {
        return;
    };
    let texts: Vec<&str> = list.split(',').map(str::trim).collect();
    assert!(texts.len() <= MOST_FILTERS);
    let (excluding, choosing): (Vec<&str>, Vec<&str>) =
        texts.iter().partition(|text| text.starts_with('!'));
    let named_by = |filters: &[&str]| {
        let mut patterns = filters
            .iter()
            .map(|text| text.strip_prefix('!').unwrap_or(text));
        patterns.any(|pattern| names(pattern, &name))
    };
    let is_chosen = !named_by(&excluding) && (choosing.is_empty() || named_by(&choosing));
    check_repositories(&filters, &name);
    let verdict = filters.judge(&name);
    assert_eq!(matches!(verdict, Verdict::Chosen(_)), is_chosen);
    if let Verdict::Chosen(Some(filter)) | Verdict::Excluded(filter) = verdict {
        assert!(texts.contains(&&*filter.to_string()));
    }
}

/// The wildcard for a policy allows the repository of whatever its filter names.
fn check_repositories(filters: &Filters, name: &str) {
    let Some((repository, tag)) = name.split_once(':') else {
        return;
    };
    for filter in filters.iter().filter(|_| !tag.contains(':')) {
        let text = filter.to_string();
        let pattern = text.strip_prefix('!').unwrap_or(&text);
        if let Some(wildcard) = filter.repositories()
            && names(pattern, name)
        {
            assert!(plainly_names(&wildcard, repository), "{text:?} {name:?}");
        }
    }
}

/// Whether a pattern alone names it, asked in three ways. Behind `!`, so that a pattern may itself begin with one.
fn names(pattern: &str, name: &str) -> bool {
    let excludes = |pattern: &str, name: &str| {
        let filters: Filters = format!("!{pattern}").parse().ok()?;
        Some(matches!(filters.judge(name), Verdict::Excluded(_)))
    };
    let is_named = excludes(pattern, name).expect("it is a filter of a list");
    if is_named {
        // With one star more, it may be too long to be a filter.
        for wider in [format!("*{pattern}"), format!("{pattern}*")] {
            assert_ne!(excludes(&wider, name), Some(false), "{wider:?} names less");
        }
    }
    if !pattern.contains('[') {
        assert_eq!(
            is_named,
            plainly_names(pattern, name),
            "{pattern:?} {name:?}"
        );
    }
    is_named
}

/// Which beginnings of the name each beginning of the pattern stands for, one character of the pattern after the other.
fn plainly_names(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut fits = vec![false; name.len() + 1];
    fits[0] = true;
    for wildcard in pattern.chars() {
        let before = fits.clone();
        fits[0] = before[0] && wildcard == '*';
        for (at, char) in name.iter().enumerate() {
            fits[at + 1] = match wildcard {
                '*' => before[at + 1] || fits[at],
                '?' => before[at],
                exact => before[at] && exact == *char,
            };
        }
    }
    fits[name.len()]
}
