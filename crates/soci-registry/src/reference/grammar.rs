//! The grammars of names, character by character, so that they can be read beside the specifications.

use super::TAG_CHARS;

/// Characters of a repository's path: Amazon ECR's limit (API reference, "CreateRepository"). OCI distribution-spec 1.1 has none; the
/// registry of the distribution project takes 255, and says so itself.
const PATH_CHARS: usize = 256;

/// Characters of an entry's name in a layout. The specification gives none; the file systems' usual bound.
const REF_NAME_CHARS: usize = 255;

/// Characters of a host name; RFC 1035, section 2.3.4.
const HOST_CHARS: usize = 253;

/// Hexadecimal digits of the shortest digest; distribution's grammar of references. More than a port has.
const DIGEST_CHARS: usize = 32;

/// `sha256:` or `sha512:` with hexadecimal digits, the right number of them or not: what is meant as a digest and nothing else.
pub(super) fn is_digest(text: &str) -> bool {
    let algorithms = ["sha256:", "sha512:"];
    let mut digits = algorithms.iter().filter_map(|name| text.strip_prefix(name));
    digits.any(|hex| hex.len() >= DIGEST_CHARS && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`; OCI distribution-spec 1.1, "Pulling manifests".
pub(super) fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first
        && text.len() <= TAG_CHARS
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` between slashes; OCI distribution-spec 1.1, "Pulling manifests".
pub(super) fn is_path(text: &str) -> bool {
    let component = |component: &str| {
        is_separated(
            component,
            |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            |gap| matches!(gap, "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-'),
        )
    };
    text.len() <= PATH_CHARS && text.split('/').all(component)
}

/// `component ("/" component)*` with `alphanum (separator alphanum)*` and `[-._:@+] | "--"`; OCI image-spec 1.1, annotations.
pub(super) fn is_ref_name(text: &str) -> bool {
    let separator = |gap: &str| {
        gap == "--" || gap.len() == 1 && gap.bytes().all(|byte| b"-._:@+".contains(&byte))
    };
    text.len() <= REF_NAME_CHARS
        && text.split('/').all(|component| {
            is_separated(component, |byte| byte.is_ascii_alphanumeric(), separator)
        })
}

/// Words with gaps between them, neither first nor last, each gap as it may be.
fn is_separated(text: &str, word: impl Fn(u8) -> bool, gap: impl Fn(&str) -> bool) -> bool {
    let ends = [text.bytes().next(), text.bytes().last()];
    let words_at_both_ends = ends.into_iter().all(|byte| byte.is_some_and(&word));
    let is_word = |found: char| u8::try_from(found).is_ok_and(&word);
    words_at_both_ends
        && text
            .split(is_word)
            .filter(|found| !found.is_empty())
            .all(gap)
}

/// A name, an IPv4 address or a bracketed IPv6 address, with a port or without.
pub(super) fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            return port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        }
        None => text
            .split_once(':')
            .map_or((text, None), |(name, port)| (name, Some(port))),
    };
    port.is_none_or(is_port) && name.len() <= HOST_CHARS && name.split('.').all(is_host_label)
}

fn is_host_label(label: &str) -> bool {
    is_separated(
        label,
        |byte| byte.is_ascii_alphanumeric(),
        |gap| gap.bytes().all(|b| b == b'-'),
    )
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_up_to_128_characters() {
        for good in ["1", "_", "v1.2-rc_3", "A.-"] {
            assert!(is_tag(good), "{good}");
        }
        assert!(is_tag(&"a".repeat(128)) && !is_tag(&"a".repeat(129)));
        for bad in ["", ".a", "-a", "a:b", "a/b", "a b", "ä"] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn paths_keep_the_grammar_of_distribution() {
        for good in ["a", "library/alpine", "a.b/c_d/e__f/g---h", "0"] {
            assert!(is_path(good), "{good}");
        }
        for bad in [
            "", "/a", "a/", "a//b", "A", "a..b", "a___b", "-a", "a.", "a/../b", "a b", "é",
        ] {
            assert!(!is_path(bad), "{bad}");
        }
    }

    /// Found in review: the longest names that Amazon ECR gives were refused.
    #[test]
    fn paths_have_up_to_256_characters() {
        let parts = |last: usize| format!("{}/{}", "a".repeat(128), "b".repeat(last));
        assert!(is_path(&"a".repeat(256)) && !is_path(&"a".repeat(257)));
        assert!(is_path(&parts(127)) && !is_path(&parts(128)));
    }

    #[test]
    fn hosts_have_ports_and_brackets() {
        for good in [
            "docker.io",
            "localhost",
            "127.0.0.1:5000",
            "[::1]",
            "[::1]:5000",
            "A-b.c:1",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "", ":1", "a:", "a:0", "a:65536", "a:+1", "-a", "a..b", "[::1", "[x]", "[::1]x", "u@h",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn entries_of_layouts_may_be_whole_names() {
        for good in ["v1", "docker.io/library/a:1", "a--b", "a+b@c"] {
            assert!(is_ref_name(good), "{good}");
        }
        for bad in ["", "a---b", "/a", "a/", "a/../b", "a?b", ":a"] {
            assert!(!is_ref_name(bad), "{bad}");
        }
    }
}
