//! The AWS edge: which registry hosts are Amazon ECR's, and the credentials that they want.
//!
//! # Example
//! ```
//! use soci_ecr::{EcrCredentials, EcrOr, RegistryHost};
//! use soci_registry::DockerConfig;
//!
//! let host = RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").expect("one of ECR's");
//! assert_eq!((host.account(), host.region()), ("123456789012", "eu-central-1"));
//! assert!(RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com.example").is_none_or(|h| !h.is_known()));
//!
//! // For a `RegistryStore`: a token for ECR's hosts, what `docker login` left behind for all others.
//! let credentials = EcrOr::new(EcrCredentials::from_environment(), DockerConfig::from_environment());
//! # let _: &dyn soci_registry::Credentials = &credentials;
//! ```
//!
//! # What it promises
//! - A token goes to hosts under the same domain suffix as the API that gave it and to no other, so that a registry with a
//!   name like ECR's gets nothing that it could use ([`RegistryHost`], `docs/decisions/ecr-credentials.md`).
//! - One request at a time for each API, whoever waits for it; none while the last token has time left.
//! - A failure tells its kind ([`EcrError::kind`]), and neither it nor the log holds a token or a key.
//! - Nothing happens before the first question: no file is read, no connection made.
//!
//! # Modules
//! `host` knows names, `api` asks the service and `http` is what it asks over, `token` keeps the answers, `credentials` joins
//! these behind the registry client's trait, `either` adds a second source, `error` says what can go wrong.

mod api;
mod credentials;
mod either;
mod error;
mod host;
mod http;
mod token;

pub use credentials::EcrCredentials;
pub use either::EcrOr;
pub use error::{EcrError, Fault, Refusal};
pub use host::{InvalidHost, RegistryHost, suffix_of};
