//! Where images live: registries, OCI layouts and OCI archives behind one trait.
//!
//! # Example
//! ```
//! use bytes::Bytes;
//! use soci_registry::{Descriptor, Digest, LayoutStore, Listing, Manifest, OCI_MANIFEST, Store, Tag, Target};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store: Box<dyn Store> = Box::new(LayoutStore::open_or_create(folder.path())?);
//!
//! let config = Bytes::from_static(b"{}");
//! let blob = Descriptor::new("application/json", Digest::of(&config), 2);
//! store.push_blob(&blob, &config).await?;
//! let manifest = Manifest::new(OCI_MANIFEST, format!(r#"{{"config":{{"digest":"{}"}},"layers":[]}}"#, blob.digest));
//! let tag = Tag::new("1")?;
//! store.push_manifest(&manifest, Listing::Tag(&tag)).await?;
//! store.finish().await?;
//!
//! let found = store.resolve(&Target::Tag(tag)).await?;
//! assert_eq!(found.digest, manifest.digest());
//! let mut layer = store.blob(&blob).await?;
//! while let Some(chunk) = layer.next_chunk().await? {
//!     println!("{} more bytes", chunk.len());
//! }
//! # Ok(())
//! # }
//! ```
//! A registry takes the layout's place with [`RegistryStore::new`], which wants the process's [`Http`] client, a repository's
//! name, [`Credentials`] and a [`RetryPolicy`].
//!
//! # What it promises
//! - Bytes are those of the digest: manifests are checked before they are handed out, a blob's stream ends well only if size
//!   and SHA-256 hold. A stream is resumed from the last byte consumed, however often the connection breaks.
//! - Manifests are bytes. They are neither parsed nor written anew, so nothing in them is lost.
//! - Whatever is written may be written again. What is there already is left alone; an equal tag counts as written.
//! - Every failure is data: [`Error::kind`] is its place in the product's closed list, [`Error::is_transient`] says whether to
//!   come back later. Retries are made here and nowhere else, until the caller's deadline.
//! - No password, token, query string or signed address reaches an error or a log: [`Secret`] and [`Url`] do not show them.
//! - Whatever a server, a file or a helper program sends is bounded before it is held in memory.
//!
//! # What it does not do
//! It knows no cloud: Amazon ECR's credentials come in from outside. It deletes nothing, mounts no blobs between repositories
//! and uploads in one request, never in chunks. It does not look into manifests, except where nobody else names their type.
//! HTTP/1.1 is all it speaks.
//!
//! # Modules
//! `reference` parses names; `store` is the trait, `blob` a stream of one blob; `remote` is the registry, on top of `transport`
//! (HTTP, TLS, proxies) and with `retry` around it; `layout` is the folder and the archive; `credentials` finds out who we are;
//! `error`, `kind`, `secret` and `limits` are what their names say.

mod blob;
mod credentials;
mod descriptor;
mod digest;
mod error;
mod kind;
mod layout;
mod limits;
mod reference;
mod remote;
mod retry;
mod secret;
mod store;
mod transport;

pub use blob::BlobReader;
pub use credentials::{
    Anonymous, Credential, Credentials, CredentialsError, DockerConfig, Fixed, Freshness,
    HelperProblem,
};
pub use descriptor::{
    DOCKER_INDEX, DOCKER_MANIFEST, Descriptor, Manifest, OCI_INDEX, OCI_MANIFEST,
};
pub use digest::{Digest, DigestHasher, InvalidDigest};
pub use error::{Action, Error, Mismatch, Promise, Request};
pub use kind::Kind;
pub use layout::{ArchiveStore, LayoutFault, LayoutStore};
pub use limits::MANIFEST_BYTES;
pub use reference::{
    InvalidReference, Item, Reference, ReferenceFault, RegistryReference, RepositoryName,
    TAG_CHARS, Tag, Target,
};
pub use remote::{Diagnostic, ProtocolFault, Refusal, RegistryOptions, RegistryStore};
pub use retry::{RetryPolicy, Sleeper};
pub use secret::Secret;
pub use store::{Content, Listing, Pending, Pushed, Store};
pub use transport::{ConnectionFailure, Http, HttpOptions, SetupError, Url};
