//! `WWW-Authenticate`: what a registry wants to be told; RFC 9110, section 11.6.1.
//!
//! One header may hold several challenges, and both challenges and their parameters are separated by commas, so the header
//! is read word by word: a word that is followed by `=` is a parameter, any other begins a challenge.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// A challenge that we can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// Where to get a token, and for which service.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// The challenge to answer: Bearer where there is one, because a registry that offers both prefers it.
pub(super) fn best(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let challenges: Vec<_> = texts.flat_map(parse).collect();
    let bearer = challenges
        .iter()
        .find(|found| matches!(found, Challenge::Bearer { .. }));
    bearer.or(challenges.first()).cloned()
}

/// The challenges in one header; those that we cannot answer, or that are malformed, are passed over.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut words = Words(text);
    let mut scheme = words.next_scheme();
    while let Some(name) = scheme {
        let (parameters, next) = words.parameters();
        found.extend(challenge(name, &parameters));
        scheme = next;
    }
    found
}

fn challenge(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    let get = |name: &str| {
        let found = parameters
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    let realm = get("realm").filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    Some(Challenge::Bearer {
        realm,
        service: get("service"),
    })
}

/// What is left of a header.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    /// The word that begins the next challenge.
    fn next_scheme(&mut self) -> Option<&'a str> {
        self.skip_separators();
        self.token()
    }

    /// The parameters of the challenge just begun, and the word that begins the one after it.
    fn parameters(&mut self) -> (Vec<(String, String)>, Option<&'a str>) {
        let mut found = Vec::new();
        loop {
            self.skip_separators();
            let Some(name) = self.token() else {
                return (found, None);
            };
            let after = self.0.trim_start();
            let Some(value) = after.strip_prefix('=') else {
                return (found, Some(name));
            };
            self.0 = value.trim_start();
            let Some(value) = self.value() else {
                return (found, None);
            };
            found.push((name.to_owned(), value));
        }
    }

    fn skip_separators(&mut self) {
        self.0 = self.0.trim_start_matches([',', ' ', '\t']);
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A quoted string with its escapes, or everything up to the next separator.
    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            let end = self.0.find([',', ' ', '\t']).unwrap_or(self.0.len());
            let (value, rest) = self.0.split_at(end);
            self.0 = rest;
            return Some(value.to_owned());
        };
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(chars.next()?.1),
                _ => value.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(Into::into),
        }
    }

    fn of(texts: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(WWW_AUTHENTICATE, text.parse().expect("a header"));
        }
        best(&headers)
    }

    #[test]
    fn reads_what_registries_send() {
        let docker =
            r#"Bearer realm="https://a/t",service="r.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            of(&[docker]),
            Some(bearer("https://a/t", Some("r.docker.io")))
        );
        let ecr = r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#;
        assert_eq!(of(&[ecr]), Some(Challenge::Basic));
        assert_eq!(
            of(&["BEARER Realm = https://a/t , error=\"insufficient_scope\""]),
            Some(bearer("https://a/t", None))
        );
    }

    #[test]
    fn several_challenges_may_share_a_header_or_not() {
        let wanted = Some(bearer("https://a/t", None));
        assert_eq!(
            of(&[r#"Basic realm="a, b", Bearer realm="https://a/t""#]),
            wanted
        );
        assert_eq!(
            of(&["Basic realm=x", r#"Bearer realm="https://a/t""#]),
            wanted
        );
        assert_eq!(
            of(&[r#"Negotiate, Basic realm="x""#]),
            Some(Challenge::Basic)
        );
    }

    #[test]
    fn what_cannot_be_answered_is_passed_over() {
        for text in [
            "",
            "Digest realm=\"x\"",
            "Bearer",
            "Bearer realm=\"unclosed",
            "Bearer service=\"s\"",
            "=,=",
            "\"\"",
        ] {
            assert_eq!(of(&[text]), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn prop_a_quoted_realm_comes_back(realm in "[ -~]{0,40}", service in "[ -~]{0,20}") {
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!(r#"Bearer realm="{}",service="{}",scope="a""#, quoted(&realm), quoted(&service));
            prop_assert_eq!(of(&[&text]), Some(bearer(&realm, Some(&service))));
        }

        #[test]
        fn prop_any_header_ends(text in "[ -~]{0,120}") {
            prop_assert!(parse(&text).len() <= text.len());
        }
    }
}
