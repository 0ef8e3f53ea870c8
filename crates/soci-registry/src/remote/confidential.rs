//! What a request carried that no message may repeat.
//!
//! Servers have been seen to quote what they were sent. Long words are cut from messages in any case, but a credential may be short, so
//! those of the request itself are looked for and taken out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::secret::Secret;

/// A secret of fewer characters stands in ordinary words too: a text that holds it is dropped as a whole, since a gap in a word would tell it.
const SHORTEST_TAKEN_OUT: usize = 4;

/// What stands in place of what was taken out.
pub(super) const TAKEN_OUT: &str = "[…]";

/// What a request carried in confidence.
#[derive(Debug, Clone, Default)]
pub(crate) enum Confidential {
    #[default]
    Nothing,
    /// An Authorization header.
    Header(HeaderValue),
    /// A token in the body.
    Token(Secret),
}

impl Confidential {
    /// A text for people without what the request carried.
    pub(super) fn taken_out_of(&self, text: &str) -> String {
        let (short, long) = self.secrets();
        let rest = replaced(text, &long);
        match short.iter().any(|secret| rest.contains(secret)) {
            true => TAKEN_OUT.to_owned(),
            false => rest,
        }
    }

    /// A code of the protocol without what the request carried. Codes decide what a refusal means, so a short secret counts only as the
    /// whole code.
    pub(super) fn taken_out_of_code(&self, code: &str) -> String {
        let (short, long) = self.secrets();
        match short.iter().any(|secret| secret == code) {
            true => TAKEN_OUT.to_owned(),
            false => replaced(code, &long),
        }
    }

    /// Every text that would tell it: the short ones, and the others, the longest first.
    fn secrets(&self) -> (Vec<String>, Vec<String>) {
        let mut secrets = match self {
            Confidential::Nothing => Vec::new(),
            Confidential::Header(value) => of_header(value),
            Confidential::Token(token) => vec![token.expose().to_owned()],
        };
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let is_short = |secret: &String| secret.chars().count() < SHORTEST_TAKEN_OUT;
        secrets.into_iter().partition(is_short)
    }
}

/// What stands behind the scheme; of a Basic header also the password, alone and behind its user. A user without a password is none.
fn of_header(value: &HeaderValue) -> Vec<String> {
    let Some((scheme, credential)) = value.to_str().ok().and_then(|text| text.split_once(' '))
    else {
        return Vec::new();
    };
    let mut secrets = vec![credential.to_owned()];
    if scheme == "Basic"
        && let Ok(decoded) = STANDARD.decode(credential)
        && let Ok(pair) = String::from_utf8(decoded)
        && let Some((_, password)) = pair
            .split_once(':')
            .filter(|(_, password)| !password.is_empty())
    {
        secrets.extend([password.to_owned(), pair.clone()]);
    }
    secrets
}

fn replaced(text: &str, secrets: &[String]) -> String {
    let without = |text: String, secret: &String| text.replace(secret.as_str(), TAKEN_OUT);
    secrets.iter().fold(text.to_owned(), without)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(pair: &str) -> Confidential {
        let value = format!("Basic {}", STANDARD.encode(pair));
        Confidential::Header(value.parse().expect("a header"))
    }

    #[test]
    fn takes_out_a_credential_of_any_length() {
        let said = |pair: &str, text: &str| basic(pair).taken_out_of(text);
        for pair in ["u:p", "user:hunter2", "AWS:a b c d", "u:é€😀!"] {
            let value = STANDARD.encode(pair);
            assert_eq!(said(pair, &format!("no {value}")), "no […]", "{pair}");
        }
        assert_eq!(
            said("user:hunter2", "user:hunter2 is wrong, hunter2!"),
            "[…] is wrong, […]!"
        );
        assert_eq!(said("AWS:my own pass", "my own pass is old"), "[…] is old");
        let token = Confidential::Token(Secret::new("refresh"));
        assert_eq!(token.taken_out_of("token=refresh&x"), "token=[…]&x");
    }

    #[test]
    fn a_text_with_a_password_of_few_letters_is_dropped() {
        assert_eq!(
            basic("u:pw").taken_out_of("the password pw is wrong"),
            TAKEN_OUT
        );
        assert_eq!(
            basic("u:pw").taken_out_of("access is denied"),
            "access is denied"
        );
        assert_eq!(basic("u:E").taken_out_of_code("DENIED"), "DENIED");
        assert_eq!(basic("u:abc").taken_out_of_code("abc"), TAKEN_OUT);
    }

    #[test]
    fn where_there_is_no_secret_words_stay() {
        for nothing in [Confidential::Nothing, basic("user:"), basic(":")] {
            assert_eq!(
                nothing.taken_out_of("user: access denied"),
                "user: access denied"
            );
        }
        let odd = Confidential::Header("Basic".parse().expect("a header"));
        assert_eq!(odd.taken_out_of("Basic access"), "Basic access");
    }
}
