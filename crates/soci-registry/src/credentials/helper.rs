//! Docker's credential helpers: `docker-credential-NAME get`, the registry on its input, JSON on its output.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Credential, CredentialsError, HelperProblem};
use crate::limits::CREDENTIALS_BYTES;
use crate::secret::Secret;

/// How long a helper may take. Some unlock a keychain or call a cloud's API; none should wait for a person.
const HELPER_TIME: Duration = Duration::from_secs(30);

/// What helpers print when they know nothing of a registry; the text is part of their protocol.
const NOT_FOUND: &[u8] = b"credentials not found";

/// The user name that says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// What a helper knows of this registry, or `None` when it knows nothing.
pub(super) async fn get(name: &str, server: &str) -> Result<Option<Credential>, CredentialsError> {
    get_with_path(name, server, None).await
}

/// The same with another search path, because a test must not change the process's own.
pub(super) async fn get_with_path(
    name: &str,
    server: &str,
    path: Option<&OsStr>,
) -> Result<Option<Credential>, CredentialsError> {
    let helper = format!("docker-credential-{name}");
    let fail = |problem| CredentialsError::Helper {
        helper: helper.clone(),
        problem,
    };
    // The name comes from a file and becomes a program's: no way out of the search path.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(fail(HelperProblem::Name));
    }
    let mut command = Command::new(&helper);
    command.envs(path.map(|path| ("PATH", path)));
    let started = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let child = started.map_err(|error| fail(HelperProblem::Start(error.kind())))?;
    match timeout(HELPER_TIME, talk(child, server)).await {
        Ok(result) => result.map_err(fail),
        Err(_) => Err(fail(HelperProblem::Time(HELPER_TIME))),
    }
}

async fn talk(mut child: Child, server: &str) -> Result<Option<Credential>, HelperProblem> {
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input has its own reasons; its answer counts.
        let _ = input.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        let read = pipe
            .take(CREDENTIALS_BYTES + 1)
            .read_to_end(&mut output)
            .await;
        read.map_err(|_| HelperProblem::Output)?;
    }
    if output.len() as u64 > CREDENTIALS_BYTES {
        return Err(HelperProblem::Output);
    }
    let status = child
        .wait()
        .await
        .map_err(|error| HelperProblem::Start(error.kind()))?;
    if output.trim_ascii_start().starts_with(NOT_FOUND) {
        return Ok(None);
    }
    if !status.success() {
        return Err(HelperProblem::Status(status.code()));
    }
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| HelperProblem::Output)?;
    let secret = Secret::new(answer.secret);
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Credential::IdentityToken(secret),
        _ => Credential::Password {
            user: answer.username,
            password: secret,
        },
    }))
}
