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
    #[error("the server does not speak https; one that speaks http is reached with --plain-http")]
    NotTls,
    /// The server speaks TLS, and will not with us.
    #[error(
        "the server refuses the TLS connection ({0}); spoken are TLS 1.2 and 1.3, without a client's certificate, and the server is told the \
         host's name: look at its settings, and at what stands before it"
    )]
    Tls(#[source] rustls::Error),
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
    #[error(
        "the answer is not HTTP: {}; is the port right? A server that speaks https is reached without --plain-http",
        root(&**.0)
    )]
    NotHttp(#[source] Box<dyn StdError + Send + Sync>),
}

impl ConnectionFailure {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            ConnectionFailure::Certificate(_)
            | ConnectionFailure::NotTls
            | ConnectionFailure::Tls(_)
            | ConnectionFailure::NotHttp(_) => Kind::Configuration,
            _ => Kind::Transient,
        }
    }

    /// Whether this is how a server without TLS takes a TLS greeting: it answers in its own way, or hangs up.
    pub(crate) fn may_mean_plain_http(&self) -> bool {
        match self {
            ConnectionFailure::NotTls => true,
            ConnectionFailure::Connect(error) => chain(&**error).any(is_hang_up),
            _ => false,
        }
    }

    /// What hyper-util's client gave up on.
    pub(super) fn of(error: hyper_util::client::legacy::Error) -> ConnectionFailure {
        match find::<rustls::Error>(&error) {
            Some(tls @ rustls::Error::InvalidCertificate(_)) => {
                return ConnectionFailure::Certificate(tls.clone());
            }
            Some(rustls::Error::InvalidMessage(_)) if error.is_connect() => {
                return ConnectionFailure::NotTls;
            }
            // Of TLS 1.3 some refusals come only with the answer.
            Some(tls) if is_refusal(tls) => return ConnectionFailure::Tls(tls.clone()),
            _ if error.is_connect() => return ConnectionFailure::Connect(error.into()),
            _ => {}
        }
        match find::<hyper::Error>(&error) {
            Some(hyper) if hyper.is_parse() => ConnectionFailure::NotHttp(error.into()),
            _ => ConnectionFailure::Broken(error.into()),
        }
    }
}

/// Whether the other side closed the connection. One `io::Error` is wrapped in another, of which the outer has no kind of its own.
fn is_hang_up(error: &(dyn StdError + 'static)) -> bool {
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
}

/// Whether the two sides do not agree, now and at every later try. Other alerts tell of bytes that broke on the way, or of a server in trouble.
fn is_refusal(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => true,
        rustls::Error::AlertReceived(alert) => matches!(
            alert,
            Alert::HandshakeFailure
                | Alert::ProtocolVersion
                | Alert::InsufficientSecurity
                | Alert::InappropriateFallback
                | Alert::UnrecognisedName
                | Alert::NoApplicationProtocol
                | Alert::AccessDenied
                | Alert::NoCertificate
                | Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnknownCA
        ),
        _ => false,
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
    } else if chain(error).any(is_hang_up) {
        "; does the server speak https? One that speaks http is reached with --plain-http"
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
