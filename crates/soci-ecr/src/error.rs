//! Why there is no authorization token, as data.
//!
//! What AWS wrote is shown only where it cannot hold a secret: an answer about a wrong signature quotes the request's headers,
//! session token included, and a credential process may print anything. Such texts are replaced by ours.

use soci_registry::Kind;

/// Longest text of others that is shown.
const TEXT_CHARS: usize = 300;

/// Codes of refusals that come from the caller's credentials or rights, as AWS's services name them.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedException",
    "UnrecognizedClientException",
];

/// Codes of too many requests.
const THROTTLED: &[&str] = &[
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Codes of a service that is unwell, or of one behind it.
const TRANSIENT: &[&str] = &[
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// No authorization token could be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no authorization token from {api}: {fault}")]
pub struct EcrError {
    /// Address of the API that was asked.
    pub api: String,
    /// What went wrong.
    pub fault: Fault,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The API answered, and the answer was no.
    #[error("{0}")]
    Refused(Refusal),
    /// There are no AWS credentials.
    #[error(
        "no AWS credentials in the environment, {}, a container or an instance; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY",
        .profile.as_ref().map_or("a profile".into(), |name| format!("the profile {name}"))
    )]
    NoCredentials {
        /// The profile that `AWS_PROFILE` names.
        profile: Option<String>,
    },
    /// There is a source of AWS credentials, and it failed.
    #[error("cannot load AWS credentials: {reason}")]
    Credentials {
        /// The failure's kind.
        kind: Kind,
        /// What the source says.
        reason: String,
    },
    /// The API cannot be reached, or the connection broke.
    #[error("{reason}")]
    Connection {
        /// The server's certificate is not trusted, so that trying again is of no use.
        certificate: bool,
        /// The system's reason.
        reason: String,
    },
    /// The API did not answer in time.
    #[error("no answer in time")]
    Time,
    /// The answer is none of `GetAuthorizationToken`.
    #[error("{problem}")]
    Answer {
        /// How it differs.
        problem: &'static str,
    },
}

/// How the API says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// AWS's name for the reason.
    pub code: Option<String>,
    /// AWS's words, for lack of rights only: they name who lacks which.
    pub message: Option<String>,
    /// What AWS's support asks for.
    pub request_id: Option<String>,
}

impl EcrError {
    /// The failure's kind in the closed list.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.fault {
            Fault::Refused(refusal) => refusal.kind(),
            Fault::NoCredentials { .. } => Kind::Denied,
            Fault::Credentials { kind, .. } => *kind,
            Fault::Connection {
                certificate: true, ..
            }
            | Fault::Answer { .. } => Kind::Configuration,
            Fault::Connection { .. } | Fault::Time => Kind::Transient,
        }
    }

    /// Whether the same question may be answered later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind().is_transient()
    }
}

impl Refusal {
    /// By the code where it is known, else by the status.
    fn kind(&self) -> Kind {
        let known = self.code.as_deref().and_then(kind_of_code);
        known.unwrap_or_else(|| kind_of_status(self.status))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}")?,
            None if self.kind() == Kind::Denied => {
                f.write_str(": the AWS credentials are wrong, have expired or belong to another partition, or the clock is off")?;
            }
            None => {}
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

/// The kind that a code stands for, where it is a known one.
fn kind_of_code(code: &str) -> Option<Kind> {
    let kinds = [
        (DENIED, Kind::Denied),
        (THROTTLED, Kind::Throttled),
        (TRANSIENT, Kind::Transient),
    ];
    let found = kinds.iter().find(|(codes, _)| codes.contains(&code));
    found.map(|(_, kind)| *kind)
}

fn kind_of_status(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::Denied,
        429 => Kind::Throttled,
        408 | 425 | 500..=599 => Kind::Transient,
        _ => Kind::Configuration,
    }
}

/// The kind of the first known code in a text that quotes one, or of a status by which a later try may succeed.
pub(crate) fn kind_in(text: &str) -> Option<Kind> {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let by_status = || Some(kind_of_status(status_in(text)?)).filter(|kind| kind.is_transient());
    words.find_map(kind_of_code).or_else(by_status)
}

/// The status of an endpoint for credentials, which the AWS SDK tells in words only: `StatusCode(500)` where a container has it, `(code: 500)`
/// where an instance has it.
fn status_in(text: &str) -> Option<u16> {
    let after = |before: &str| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once(')')?.0.parse().ok()
    };
    after("StatusCode(").or_else(|| after("(code: "))
}

/// Somebody else's text, fit for one line of a log.
pub(crate) fn shown(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(TEXT_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: Option<&str>) -> EcrError {
        let fault = Fault::Refused(Refusal {
            status,
            code: code.map(str::to_owned),
            message: None,
            request_id: None,
        });
        EcrError {
            api: "https://api".into(),
            fault,
        }
    }

    #[test]
    fn code_goes_before_status() {
        for (status, code, kind) in [
            (400, Some("AccessDeniedException"), Kind::Denied),
            (400, Some("ThrottlingException"), Kind::Throttled),
            (400, Some("ServerException"), Kind::Transient),
            (403, Some("SomethingNew"), Kind::Denied),
            (503, Some("SomethingNew"), Kind::Transient),
            (429, None, Kind::Throttled),
            (500, None, Kind::Transient),
            (404, None, Kind::Configuration),
            (400, Some("InvalidParameterException"), Kind::Configuration),
        ] {
            let error = refusal(status, code);
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error.is_transient(), kind.is_transient());
        }
    }

    #[test]
    fn a_text_tells_a_code_or_a_status_that_may_pass() {
        for (text, kind) in [
            (
                "status from HTTP credential provider: StatusCode(500)",
                Some(Kind::Transient),
            ),
            (
                "status from HTTP credential provider: StatusCode(429)",
                Some(Kind::Throttled),
            ),
            (
                "status from HTTP credential provider: StatusCode(403)",
                None,
            ),
            (
                "error response from IMDS (code: 503). Response { }",
                Some(Kind::Transient),
            ),
            ("error response from IMDS (code: 404). Response { }", None),
            ("failed [AccessDenied]: StatusCode(500)", Some(Kind::Denied)),
            (
                "service error: unhandled error (IDPCommunicationError)",
                Some(Kind::Transient),
            ),
            ("500 things went wrong", None),
        ] {
            assert_eq!(kind_in(text), kind, "{text}");
        }
    }

    #[test]
    fn others_texts_fit_on_one_line() {
        assert_eq!(shown(" a\r\n\u{1b}[31mb\t c "), "a [31mb c");
        assert_eq!(shown(&"é".repeat(400)).chars().count(), TEXT_CHARS + 1);
    }
}
