//! HTTP/1.1 for one process: one connection pool, one TLS set-up, no opinion about registries.
//!
//! `url` is an address that cannot show its query; `tls` and `connect` make connections, through a proxy where the
//! environment names one; `client` sends a request and reads a body, both with a watch on silence. Redirects, credentials
//! and retries are not made here: they mean something only one floor up.

mod client;
mod connect;
mod failure;
mod tls;
mod url;

pub use client::{Http, HttpOptions};
pub use failure::{ConnectionFailure, SetupError};
pub use url::Url;

pub(crate) use client::{BodyReader, Outgoing, Reply};
pub(crate) use url::{escaped, is_loopback};
