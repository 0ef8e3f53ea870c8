//! Docker's `config.json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use soci_registry::{Credential, Credentials, CredentialsError, DockerConfig, Freshness};

use super::place::Place;

/// Bytes of a secret whose presence in a message is no chance.
const TELLING_BYTES: usize = 8;

/// Any bytes as `config.json`, for the host in the first line: an answer that shows no secret. And a password written as `docker login`
/// writes it comes back.
///
/// A file that names a credential helper is passed over: programs are not started here.
pub fn docker_config(input: &[u8]) {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (host, config) = (&input[..end], &input[end + 1..]);
    let Ok(host) = std::str::from_utf8(host) else {
        return;
    };
    let place = Place::new();
    if !may_name_helper(config) {
        let answer = look_up(&place, host, config);
        let shown = match &answer {
            Ok(credential) => format!("{credential:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        for secret in secrets(config) {
            assert!(!shown.contains(&secret), "a secret shows");
        }
        if let Err(error) = answer {
            let is_malformed = matches!(error, CredentialsError::Malformed { .. });
            assert!(is_malformed, "{error}");
        }
    }
    if let Ok(password) = std::str::from_utf8(config) {
        comes_back(&place, host, password.trim_end_matches('\0'));
    }
}

fn look_up(place: &Place, host: &str, config: &[u8]) -> Result<Credential, CredentialsError> {
    let path = place.write("config.json", config);
    place.run(DockerConfig::at(path).get(host, Freshness::Any))
}

/// Whether a helper is named, or cannot be told to be none.
fn may_name_helper(config: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(config) {
        Ok(config) => {
            let is_named = |name| config.get(name).is_some_and(|found| !found.is_null());
            is_named("credsStore") || is_named("credHelpers")
        }
        Err(_) => {
            let mentions = config.windows(4).any(|word| word == b"cred");
            mentions || config.contains(&b'\\')
        }
    }
}

/// Passwords and tokens in a file that are long enough to be looked for, and that no name is equal to.
fn secrets(config: &[u8]) -> Vec<String> {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(config) else {
        return Vec::new();
    };
    let Some(Value::Object(auths)) = config.remove("auths") else {
        return Vec::new();
    };
    let text = |auth: &Value, key: &str| auth[key].as_str().unwrap_or_default().to_owned();
    let named = ["config.json", "soci-fuzz-", "Malformed", "<secret>"].join(" ");
    let mut secrets = Vec::new();
    for auth in auths.values() {
        let user = text(auth, "username");
        let encoded = STANDARD.decode(text(auth, "auth").trim());
        let decoded = String::from_utf8(encoded.unwrap_or_default()).unwrap_or_default();
        let (decoded_user, decoded_password) = decoded.split_once(':').unwrap_or_default();
        for secret in [
            text(auth, "password"),
            text(auth, "identitytoken"),
            decoded_password.to_owned(),
        ] {
            let is_name = [user.as_str(), decoded_user, &named]
                .iter()
                .any(|name| format!("{name:?}").contains(&secret));
            if secret.len() >= TELLING_BYTES && !is_name && is_word(&secret) {
                secrets.push(secret);
            }
        }
    }
    secrets
}

/// Letters and digits alone: what our own words and punctuation between them cannot be taken for.
fn is_word(text: &str) -> bool {
    let is_ours = |word: &str| word.contains(text);
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !["Password", "IdentityToken", "Anonymous", "malformed"]
            .into_iter()
            .any(is_ours)
}

fn comes_back(place: &Place, host: &str, password: &str) {
    let user: String = host.chars().filter(|char| *char != ':').collect();
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let config = json!({"auths": {host: {"auth": auth}}}).to_string();
    match look_up(place, host, config.as_bytes()) {
        Ok(Credential::Password {
            user: found_user,
            password: found,
        }) => assert_eq!((found_user.as_str(), found.expose()), (&*user, password)),
        other => panic!("a password became {other:?}"),
    }
}
