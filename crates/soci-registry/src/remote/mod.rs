//! A repository of a registry, over the OCI distribution protocol (distribution-spec 1.1), as a [`Store`].
//!
//! `session` sends one request: scheme, credentials, redirects. `authorizer`, `challenge` and `token` are its way to an
//! Authorization header; `refusal` and `fault` say what an answer means that is not the one hoped for, and `confidential` what of it nobody
//! may see. On top of it,
//! `manifests`, `referrers`, `blobs`, `upload` and `lists` hold one operation each, and repeat it as the [`RetryPolicy`] says.

mod authorizer;
mod blobs;
mod challenge;
mod confidential;
mod fault;
mod lists;
mod manifests;
mod referrers;
mod refusal;
mod session;
mod token;
mod upload;

use std::ops::Range;
use std::sync::Arc;

#[cfg(test)]
pub(crate) use confidential::Confidential;
pub use fault::ProtocolFault;
pub use refusal::{Diagnostic, Refusal};

use crate::blob::BlobReader;
use crate::credentials::Credentials;
use crate::descriptor::{Descriptor, Manifest};
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::{RepositoryName, Tag, Target};
use crate::retry::RetryPolicy;
use crate::store::{Content, Listing, Pending, Pushed, Store};
use crate::transport::Http;
use session::Session;

/// How to reach a registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Speak http, and let redirects lead to http.
    ///
    /// Without it https is spoken, with one exception: a registry on this machine (`localhost`, 127.0.0.0/8, `::1`) that
    /// does not speak TLS is spoken to in http, as Docker does. One whose certificate is not trusted is an error even there.
    pub plain_http: bool,
    /// When to try again and when to stop. The deadline in it is that of every call.
    pub retry: RetryPolicy,
}

/// One repository of a registry. Cheap to make; the connections belong to the [`Http`] it is made with.
#[derive(Clone)]
pub struct RegistryStore {
    session: Arc<Session>,
}

impl RegistryStore {
    /// The repository, reached through this client as this user.
    pub fn new(
        http: &Http,
        repository: RepositoryName,
        credentials: Arc<dyn Credentials>,
        options: RegistryOptions,
    ) -> RegistryStore {
        let session = Session::new(http.clone(), repository, credentials, options);
        RegistryStore {
            session: Arc::new(session),
        }
    }

    /// The repository's name.
    #[must_use]
    pub fn repository(&self) -> &RepositoryName {
        self.session.repository()
    }
}

impl Store for RegistryStore {
    fn resolve<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Descriptor, Error>> {
        Box::pin(manifests::resolve(&self.session, target))
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Manifest, Error>> {
        Box::pin(manifests::read(&self.session, target))
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, Result<BlobReader, Error>> {
        Box::pin(blobs::open(&self.session, blob))
    }

    fn blob_part<'a>(
        &'a self,
        blob: &'a Descriptor,
        part: Range<u64>,
    ) -> Pending<'a, Result<BlobReader, Error>> {
        Box::pin(blobs::open_part(&self.session, blob, part))
    }

    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Result<bool, Error>> {
        Box::pin(blobs::exists(&self.session, digest))
    }

    fn push_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        content: &'a dyn Content,
    ) -> Pending<'a, Result<Pushed, Error>> {
        Box::pin(upload::push(&self.session, blob, content))
    }

    fn push_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        listing: Listing<'a>,
    ) -> Pending<'a, Result<Pushed, Error>> {
        match listing {
            Listing::Referrer { subject, entry } => {
                Box::pin(referrers::push(&self.session, manifest, subject, entry))
            }
            _ => Box::pin(manifests::push(&self.session, manifest, listing)),
        }
    }

    fn tags(&self) -> Pending<'_, Result<Vec<Tag>, Error>> {
        Box::pin(lists::tags(&self.session))
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<Descriptor>, Error>> {
        Box::pin(referrers::list(&self.session, subject, artifact_type))
    }

    fn finish(&self) -> Pending<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
