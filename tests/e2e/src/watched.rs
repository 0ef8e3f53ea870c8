//! A store that tells of each write before and after it, and waits or fails as it is told.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use soci_registry::{
    BlobReader, Content, Descriptor, Digest, Error, Listing, Manifest, Pending, Pushed, Store, Tag,
    Target,
};

/// A write of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A zTOC, or the config of SOCI indexes.
    Blob(Digest),
    /// A manifest under its digest alone.
    Manifest(Digest),
    /// A SOCI index that refers to the first of these.
    Referrer(Digest, Digest),
    /// The image index under its tag.
    Tag(Tag, Digest),
}

/// On which side of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It has not been asked for.
    Before,
    /// It is done, and the caller does not know yet.
    After,
}

type Hook = dyn Fn(Moment, usize, Step) -> Pending<'static, Result<(), Error>> + Send + Sync;

/// Another store with a hook around its writes. The hook gets the number of the write, from 0.
pub struct Watched {
    inner: Arc<dyn Store>,
    hook: Box<Hook>,
    writes: AtomicUsize,
    steps: Mutex<Vec<(Step, Pushed)>>,
    opened: Mutex<Vec<Digest>>,
}

impl Watched {
    /// Around a store.
    pub fn new(
        inner: &Arc<dyn Store>,
        hook: impl Fn(Moment, usize, Step) -> Pending<'static, Result<(), Error>>
        + Send
        + Sync
        + 'static,
    ) -> Arc<Watched> {
        Arc::new(Watched {
            inner: Arc::clone(inner),
            hook: Box::new(hook),
            writes: AtomicUsize::new(0),
            steps: Mutex::default(),
            opened: Mutex::default(),
        })
    }

    /// Only looks on.
    pub fn only(inner: &Arc<dyn Store>) -> Arc<Watched> {
        Watched::new(inner, |_, _, _| Box::pin(std::future::ready(Ok(()))))
    }

    /// Every write that was done, in order, and what it did.
    #[must_use]
    pub fn steps(&self) -> Vec<(Step, Pushed)> {
        self.steps.lock().expect("no test panics here").clone()
    }

    /// Every blob that was opened for reading.
    #[must_use]
    pub fn opened(&self) -> Vec<Digest> {
        self.opened.lock().expect("no test panics here").clone()
    }

    fn note(&self, step: Step, pushed: Pushed) {
        let mut steps = self.steps.lock().expect("no test panics here");
        steps.push((step, pushed));
    }

    async fn around(
        &self,
        step: Step,
        write: Pending<'_, Result<Pushed, Error>>,
    ) -> Result<Pushed, Error> {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        (self.hook)(Moment::Before, number, step.clone()).await?;
        let pushed = write.await?;
        self.note(step.clone(), pushed);
        (self.hook)(Moment::After, number, step).await?;
        Ok(pushed)
    }
}

impl Store for Watched {
    fn resolve<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Descriptor, Error>> {
        self.inner.resolve(target)
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Manifest, Error>> {
        self.inner.manifest(target)
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, Result<BlobReader, Error>> {
        let mut opened = self.opened.lock().expect("no test panics here");
        opened.push(blob.digest);
        self.inner.blob(blob)
    }

    fn blob_part<'a>(
        &'a self,
        blob: &'a Descriptor,
        part: Range<u64>,
    ) -> Pending<'a, Result<BlobReader, Error>> {
        self.inner.blob_part(blob, part)
    }

    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Result<bool, Error>> {
        self.inner.has_blob(digest)
    }

    fn push_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        content: &'a dyn Content,
    ) -> Pending<'a, Result<Pushed, Error>> {
        let write = self.inner.push_blob(blob, content);
        Box::pin(self.around(Step::Blob(blob.digest), write))
    }

    fn push_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        listing: Listing<'a>,
    ) -> Pending<'a, Result<Pushed, Error>> {
        let step = match listing {
            Listing::Tag(tag) => Step::Tag(tag.clone(), manifest.digest()),
            Listing::Referrer { subject, .. } => Step::Referrer(*subject, manifest.digest()),
            Listing::Digest | Listing::Untagged => Step::Manifest(manifest.digest()),
        };
        let write = self.inner.push_manifest(manifest, listing);
        Box::pin(self.around(step, write))
    }

    fn tags(&self) -> Pending<'_, Result<Vec<Tag>, Error>> {
        self.inner.tags()
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
        artifact_type: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<Descriptor>, Error>> {
        self.inner.referrers(subject, artifact_type)
    }

    fn finish(&self) -> Pending<'_, Result<(), Error>> {
        self.inner.finish()
    }
}
