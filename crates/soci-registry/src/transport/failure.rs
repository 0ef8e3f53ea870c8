//! What can happen to a connection, told apart by what helps against it.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::kind::Kind;

/// What happened to a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionFailure {
    /// None was made: no such name, nobody listening, no route, a proxy that refuses.
    #[error("cannot connect: {}{}", root(&**.0), advice(&**.0))]
    Connect(#[source] Box<dyn StdError + Send + Sync>),
    /// The server's certificate is not one that this machine trusts.
    #[error(
        "the server's certificate is not trusted ({0}); a private authority can be named with --ca"
    )]
    Certificate(#[source] rustls::Error),
    /// Somebody answered, but not in TLS.
    #[error("the server does not speak https")]
    NotTls,
    /// It was closed or broke before the answer was complete.
    #[error("the connection broke: {}", root(&**.0))]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
    /// The answer ended before all bytes were there.
    #[error("the answer ended after {found} bytes, expected {expected}")]
    Cut {
        /// Bytes of the blob, in all.
        expected: u64,
        /// Bytes of the blob that are here.
        found: u64,
    },
    /// Nothing moved for a while.
    #[error("no byte moved for {} s", .after.as_secs_f32())]
    Stalled {
        /// How long.
        after: Duration,
    },
    /// The answer is not HTTP.
    #[error("the answer is not HTTP: {}", root(&**.0))]
    NotHttp(#[source] Box<dyn StdError + Send + Sync>),
}

impl ConnectionFailure {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            ConnectionFailure::Certificate(_) | ConnectionFailure::NotTls => Kind::Configuration,
            _ => Kind::Transient,
        }
    }

    /// Whether this is how a server without TLS takes a TLS greeting: it answers in its own way, or hangs up.
    pub(crate) fn may_mean_plain_http(&self) -> bool {
        // One `io::Error` is wrapped in another, of which the outer has no kind of its own.
        let hung_up = |error: &(dyn StdError + 'static)| {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            matches!(
                kind,
                Some(
                    io::ErrorKind::UnexpectedEof
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::BrokenPipe
                )
            )
        };
        match self {
            ConnectionFailure::NotTls => true,
            ConnectionFailure::Connect(error) => chain(&**error).any(hung_up),
            _ => false,
        }
    }

    /// What hyper-util's client gave up on.
    pub(super) fn of(error: hyper_util::client::legacy::Error) -> ConnectionFailure {
        if error.is_connect() {
            return match find::<rustls::Error>(&error) {
                Some(tls @ rustls::Error::InvalidCertificate(_)) => {
                    ConnectionFailure::Certificate(tls.clone())
                }
                Some(rustls::Error::InvalidMessage(_)) => ConnectionFailure::NotTls,
                _ => ConnectionFailure::Connect(error.into()),
            };
        }
        match find::<hyper::Error>(&error) {
            Some(hyper) if hyper.is_parse() => ConnectionFailure::NotHttp(error.into()),
            _ => ConnectionFailure::Broken(error.into()),
        }
    }
}

/// The first error of this type in the chain.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref::<E>())
}

/// An error and those behind it. An `io::Error` hides the one it was made from, so it is opened.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

/// The innermost reason: the outer ones say "client error" and the like.
fn root(error: &(dyn StdError + Send + Sync + 'static)) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The proxy in front of the server was tried, not the server itself.
#[derive(Debug, thiserror::Error)]
#[error("no way through the proxy")]
pub(super) struct ThroughProxy(#[source] pub(super) Box<dyn StdError + Send + Sync>);

/// What to look at when no connection can be made, to stand behind the reason. The usual ones are a mistyped port and a mistyped host.
fn advice(error: &(dyn StdError + Send + Sync + 'static)) -> &'static str {
    let is_refused = |error: &(dyn StdError + 'static)| {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        kind == Some(io::ErrorKind::ConnectionRefused)
    };
    // The type of this error is private to hyper-util.
    let is_lookup = |error: &(dyn StdError + 'static)| error.to_string() == "dns error";
    if find::<ThroughProxy>(error).is_some() {
        "; is the proxy that the environment names right?"
    } else if chain(error).any(is_refused) {
        "; is the registry running, is the port right?"
    } else if chain(error).any(is_lookup) {
        "; is the registry's host name right?"
    } else {
        ""
    }
}

/// Why the HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The file of additional trust roots cannot be read.
    #[error("cannot read the certificates in {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The file of additional trust roots holds no usable certificate.
    #[error("{} holds no usable certificate", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}
