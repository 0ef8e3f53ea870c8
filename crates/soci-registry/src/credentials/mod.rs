//! Who we are, to a registry.
//!
//! A [`Credentials`] is asked for each registry host, once, and once more with [`Freshness::Renewed`] after the registry
//! refused what it got. What is made of the answer (a Basic header, a token from the registry's token endpoint) is the
//! client's business.

mod docker;
mod helper;

use std::error::Error as StdError;

pub use docker::DockerConfig;

use crate::kind::Kind;
use crate::secret::Secret;
use crate::store::Pending;

/// Knows credentials of registries.
pub trait Credentials: Send + Sync {
    /// What to say to this registry; `host` as it stands in the reference, with its port.
    fn get<'a>(
        &'a self,
        host: &'a str,
        freshness: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>>;
}

/// Whether an answer kept from before is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Whatever is at hand and has not ended.
    Any,
    /// The registry has just refused the last answer: get a new one.
    Renewed,
}

/// What a registry may be told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing.
    Anonymous,
    /// A user and a password, for a Basic header or the registry's token endpoint.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// What stands behind `Basic ` already, sent unchanged with the first request; Amazon ECR's authorization token.
    BasicToken(Secret),
    /// An OAuth2 refresh token for the registry's token endpoint, as `docker login` keeps it for some registries.
    IdentityToken(Secret),
}

/// No credentials could be had, which is not the same as having none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Docker's configuration cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// Docker's configuration is not what Docker writes.
    #[error("{} is malformed: {problem}", .path.display())]
    Malformed {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A credential helper did not do its work.
    #[error("credential helper {helper}: {problem}")]
    Helper {
        /// The program.
        helper: String,
        /// What went wrong.
        problem: HelperProblem,
    },
    /// Another source of credentials failed; it says what kind of failure that is.
    #[error("cannot get credentials: {source}")]
    Source {
        /// The kind.
        kind: Kind,
        /// The source's own error, which must not hold a secret.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// What went wrong with a credential helper. What it printed is not told: it may hold the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelperProblem {
    /// It is named with characters that no helper's name has.
    #[error("the name is not one that a helper can have")]
    Name,
    /// It cannot be started.
    #[error("cannot be started: {0}")]
    Start(std::io::ErrorKind),
    /// It ended with another status than success.
    #[error("failed{}", .0.map_or_else(String::new, |code| format!(" with exit code {code}")))]
    Status(Option<i32>),
    /// It did not end in time.
    #[error("did not answer within {} s", .0.as_secs())]
    Time(std::time::Duration),
    /// It printed something else than credentials, or too much.
    #[error("printed something that is not credentials")]
    Output,
}

impl CredentialsError {
    /// The failure's kind in the closed list.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            CredentialsError::Source { kind, .. } => *kind,
            CredentialsError::Helper {
                problem: HelperProblem::Status(_),
                ..
            } => Kind::Denied,
            _ => Kind::Configuration,
        }
    }
}

/// Says nothing to anybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        Box::pin(std::future::ready(Ok(Credential::Anonymous)))
    }
}

/// One credential for one registry; others are told nothing.
#[derive(Debug, Clone)]
pub struct Fixed {
    host: String,
    credential: Credential,
}

impl Fixed {
    /// This credential, for this registry host alone.
    pub fn new(host: impl Into<String>, credential: Credential) -> Fixed {
        Fixed {
            host: host.into(),
            credential,
        }
    }
}

impl Credentials for Fixed {
    fn get<'a>(
        &'a self,
        host: &'a str,
        _: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        let credential = match host == self.host {
            true => self.credential.clone(),
            false => Credential::Anonymous,
        };
        Box::pin(std::future::ready(Ok(credential)))
    }
}
