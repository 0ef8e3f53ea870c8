//! Docker's `config.json`: what `docker login` left behind.
//!
//! `credHelpers` names a helper program for a registry, `credsStore` one for all, `auths` holds credentials themselves; in
//! this order, as Docker looks.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Credential, Credentials, CredentialsError, Freshness, helper};
use crate::limits::CREDENTIALS_BYTES;
use crate::secret::Secret;
use crate::store::Pending;

/// Under this name Docker keeps the credentials of its own registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Credentials from a `config.json`, which is read anew for each registry, so that a login meanwhile is seen.
#[derive(Debug, Clone)]
pub struct DockerConfig {
    path: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ConfigFile {
    auths: HashMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(default, rename_all = "lowercase")]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl DockerConfig {
    /// The file that Docker would use: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. None need exist.
    #[must_use]
    pub fn from_environment() -> DockerConfig {
        let set = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = set("DOCKER_CONFIG").or_else(|| set("HOME").map(|home| home.join(".docker")));
        DockerConfig {
            path: folder.map(|folder| folder.join("config.json")),
        }
    }

    /// This file.
    pub fn at(path: impl Into<PathBuf>) -> DockerConfig {
        DockerConfig {
            path: Some(path.into()),
        }
    }

    async fn look_up(&self, host: &str) -> Result<Credential, CredentialsError> {
        let Some(path) = &self.path else {
            return Ok(Credential::Anonymous);
        };
        let config = read(path)?;
        let keys = keys(host);
        let named = keys.iter().find_map(|key| config.cred_helpers.get(key));
        if let Some(helper) = named
            .or(config.creds_store.as_ref())
            .filter(|name| !name.is_empty())
        {
            for key in &keys {
                if let Some(found) = helper::get(helper, key).await? {
                    return Ok(found);
                }
            }
        }
        let found = keys.iter().find_map(|key| config.auths.get(key));
        found.map_or(Ok(Credential::Anonymous), |auth| credential(auth, path))
    }
}

impl Credentials for DockerConfig {
    fn get<'a>(
        &'a self,
        host: &'a str,
        _: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        Box::pin(self.look_up(host))
    }
}

/// The names under which a registry may stand in the file, best first.
fn keys(host: &str) -> Vec<String> {
    if host == "docker.io" {
        return [
            DOCKER_HUB_KEY,
            "index.docker.io",
            "docker.io",
            "registry-1.docker.io",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    vec![
        host.to_owned(),
        format!("https://{host}"),
        format!("https://{host}/v1/"),
        format!("http://{host}"),
    ]
}

/// The file, or an empty one when there is none.
fn read(path: &Path) -> Result<ConfigFile, CredentialsError> {
    let unreadable = |source| CredentialsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let malformed = |problem| CredentialsError::Malformed {
        path: path.to_owned(),
        problem,
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ConfigFile::default()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(CREDENTIALS_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > CREDENTIALS_BYTES {
        return Err(malformed("larger than 1 MiB"));
    }
    // serde's message would quote the file, and the file holds passwords.
    serde_json::from_slice(&bytes).map_err(|_| malformed("not the JSON that Docker writes"))
}

fn credential(auth: &Auth, path: &Path) -> Result<Credential, CredentialsError> {
    let malformed = |problem| CredentialsError::Malformed {
        path: path.to_owned(),
        problem,
    };
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(token) = given(&auth.identitytoken) {
        return Ok(Credential::IdentityToken(Secret::new(token)));
    }
    if let Some(encoded) = given(&auth.auth) {
        let decoded = STANDARD
            .decode(encoded.trim())
            .ok()
            .and_then(|text| String::from_utf8(text).ok());
        let decoded = decoded.ok_or_else(|| malformed("an auth that is not base64"))?;
        let (user, password) = decoded
            .split_once(':')
            .ok_or_else(|| malformed("an auth without a colon"))?;
        // Docker once padded passwords with NULs, and still cuts them off.
        let password = Secret::new(password.trim_end_matches('\0'));
        return Ok(Credential::Password {
            user: user.to_owned(),
            password,
        });
    }
    match (given(&auth.username), given(&auth.password)) {
        (Some(user), Some(password)) => Ok(Credential::Password {
            user,
            password: Secret::new(password),
        }),
        _ => Ok(Credential::Anonymous),
    }
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;
