//! Answers that no registry gives.

use crate::kind::Kind;

/// How an answer breaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolFault {
    /// A success or a redirect where neither is one.
    #[error("unexpected status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// A redirect or an upload without a usable address.
    #[error("the answer has no usable Location header")]
    Location,
    /// A redirect from https to http.
    #[error("redirected from https to http, which is followed only with plain http allowed")]
    Downgrade,
    /// One redirect after the other.
    #[error("redirected more than {limit} times")]
    Redirects {
        /// How many are followed.
        limit: usize,
    },
    /// Another part of a blob than the one asked for.
    #[error("asked for bytes from {expected}, the answer begins {}", place(.found))]
    Range {
        /// First byte asked for.
        expected: u64,
        /// First byte that the answer announces.
        found: Option<u64>,
    },
    /// A body that is not the JSON document it should be.
    #[error("the {what} is not the JSON it should be")]
    Json {
        /// What was read.
        what: &'static str,
    },
    /// A manifest of which neither the answer nor its own text says the type.
    #[error("the manifest has no media type")]
    MediaType,
    /// A token endpoint to which no credentials may go.
    #[error("the registry names a token endpoint that is not an https address")]
    TokenEndpoint,
    /// A list that goes on where no credentials may go: at another host, or in the clear.
    #[error("the list's next page is said to be at another host, port or scheme")]
    NextPage,
    /// Others write the index of referrers as fast as we do.
    #[error("the index of referrers was overwritten by others again and again")]
    Overwritten,
    /// A list that does not end.
    #[error("the list does not end, or has more than {limit} entries")]
    Endless {
        /// How many are read.
        limit: usize,
    },
    /// A list whose pages are too long together.
    #[error("the list's pages have more than {limit_bytes} bytes together")]
    LongList {
        /// Bytes that are read.
        limit_bytes: usize,
    },
    /// A blob that does not arrive, however often it is sent.
    #[error(
        "{fetched_bytes} bytes came of a blob of {size_bytes}, and it is not complete: the server sends it from the beginning whenever the \
         connection breaks, which it does too often"
    )]
    Refetched {
        /// Bytes that came over the network.
        fetched_bytes: u64,
        /// Bytes that the blob has.
        size_bytes: u64,
    },
}

fn place(found: &Option<u64>) -> String {
    found.map_or_else(|| "nobody knows where".to_owned(), |at| format!("at {at}"))
}

impl ProtocolFault {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            ProtocolFault::MediaType => Kind::InvalidImage,
            ProtocolFault::Overwritten | ProtocolFault::Refetched { .. } => Kind::Transient,
            // The address leads to something that is no registry, or to one that is set up wrongly.
            _ => Kind::Configuration,
        }
    }
}
