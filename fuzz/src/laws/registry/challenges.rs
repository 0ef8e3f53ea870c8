//! `WWW-Authenticate`, as any server may send it.
//!
//! The parser is private to soci-registry and needs nothing of it, so its file is included here instead of being made public.

#[path = "../../../../crates/soci-registry/src/remote/challenge.rs"]
mod challenge;

use challenge::{Challenge, best};
use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

/// Any lines as headers: what is found is no longer than they are and reads the same written anew; a Bearer challenge wins; and a broken
/// header does not hide one in the next.
pub fn challenges(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    let found = best(&headers);
    if let Some(challenge) = &found {
        assert_eq!(best(&header(&written(challenge))).as_ref(), Some(challenge));
    }
    if let Some(Challenge::Bearer { realm, service }) = &found {
        assert!(realm.len() + service.as_ref().map_or(0, String::len) <= input.len());
        return;
    }
    let last = Challenge::Bearer {
        realm: "https://q.io/token".to_owned(),
        service: None,
    };
    let value = HeaderValue::from_str(&written(&last)).expect("plain text");
    headers.append(WWW_AUTHENTICATE, value);
    assert_eq!(best(&headers), Some(last));
}

fn header(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(text).expect("it came out of a header");
    headers.append(WWW_AUTHENTICATE, value);
    headers
}

fn written(challenge: &Challenge) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    match challenge {
        Challenge::Basic => "Basic".to_owned(),
        Challenge::Bearer { realm, service } => {
            let service = service.as_ref().map(|service| quoted(service));
            let service = service.map_or_else(String::new, |text| format!(",service=\"{text}\""));
            format!("Bearer realm=\"{}\"{service}", quoted(realm))
        }
    }
}
