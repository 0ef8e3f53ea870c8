//! A store with its documents in memory and its blobs in a layout: quick, and every document can be looked at.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use serde_json::Value;
use soci_registry::{
    BlobReader, Content, Descriptor, Digest, Error, Item, LayoutStore, Listing, Manifest,
    OCI_INDEX, OCI_MANIFEST, Pending, Pushed, Store, Tag, Target,
};

pub(super) struct Shelf {
    blobs: LayoutStore,
    documents: Mutex<Documents>,
}

/// Everything but blobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Documents {
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<Tag, Digest>,
}

impl Documents {
    /// What a tag holds.
    pub(super) fn tagged(&self, tag: &Tag) -> Option<&Manifest> {
        self.manifests.get(self.tags.get(tag)?)
    }

    pub(super) fn get(&self, digest: &str) -> Option<&Manifest> {
        self.manifests.get(&digest.parse().ok()?)
    }

    /// Whether all of the other ones are here too, under the same tags.
    pub(super) fn hold(&self, others: &Documents) -> bool {
        let has_manifest = |(digest, other)| self.manifests.get(digest) == Some(other);
        let has_tag = |(tag, other)| self.tags.get(tag) == Some(other);
        others.manifests.iter().all(has_manifest) && others.tags.iter().all(has_tag)
    }
}

impl Shelf {
    pub(super) fn new(blobs: LayoutStore) -> Shelf {
        Shelf {
            blobs,
            documents: Mutex::default(),
        }
    }

    /// Puts a document down under its own media type, or that of what it looks like, as a layout would.
    pub(super) fn put(&self, bytes: Vec<u8>) -> Option<Digest> {
        let document: Option<Value> = serde_json::from_slice(&bytes).ok();
        let field = |name| document.as_ref().and_then(|document| document.get(name));
        let media_type = match (field("mediaType"), field("manifests")) {
            (Some(named), _) => named.as_str().unwrap_or_default(),
            (None, Some(_)) => OCI_INDEX,
            (None, None) => OCI_MANIFEST,
        };
        let manifest = Manifest::new(media_type, bytes);
        let digest = manifest.digest();
        self.lock().manifests.insert(digest, manifest);
        Some(digest)
    }

    pub(super) fn set_tag(&self, tag: &Tag, digest: Digest) {
        self.lock().tags.insert(tag.clone(), digest);
    }

    /// All documents as they are now.
    pub(super) fn documents(&self) -> Documents {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Documents> {
        self.documents.lock().expect("nobody panics with the lock")
    }

    fn find(&self, target: &Target) -> Result<Manifest, Error> {
        let documents = self.lock();
        let found = match target {
            Target::Tag(tag) => documents.tagged(tag),
            Target::Digest(digest) => documents.manifests.get(digest),
            Target::OnlyEntry => None,
        };
        found.cloned().ok_or_else(|| Error::Missing {
            place: "the shelf".to_owned(),
            target: Item::Manifest(target.clone()),
        })
    }

    fn insert(&self, manifest: &Manifest, listing: Listing<'_>) -> Pushed {
        let mut documents = self.lock();
        let digest = manifest.digest();
        assert_eq!(digest, Digest::of(manifest.bytes()));
        let known = documents
            .manifests
            .insert(digest, manifest.clone())
            .is_some();
        let tagged = match listing {
            Listing::Tag(tag) => documents.tags.insert(tag.clone(), digest) == Some(digest),
            Listing::Digest | Listing::Untagged | Listing::Referrer { .. } => true,
        };
        match known && tagged {
            true => Pushed::AlreadyThere,
            false => Pushed::Stored,
        }
    }
}

impl Store for Shelf {
    fn resolve<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Descriptor, Error>> {
        let found = self.find(target);
        Box::pin(async { found.map(|manifest| manifest.descriptor()) })
    }

    fn manifest<'a>(&'a self, target: &'a Target) -> Pending<'a, Result<Manifest, Error>> {
        let found = self.find(target);
        Box::pin(async { found })
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, Result<BlobReader, Error>> {
        self.blobs.blob(blob)
    }

    fn blob_part<'a>(
        &'a self,
        blob: &'a Descriptor,
        bytes: Range<u64>,
    ) -> Pending<'a, Result<BlobReader, Error>> {
        self.blobs.blob_part(blob, bytes)
    }

    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Result<bool, Error>> {
        self.blobs.has_blob(digest)
    }

    fn push_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        content: &'a dyn Content,
    ) -> Pending<'a, Result<Pushed, Error>> {
        self.blobs.push_blob(blob, content)
    }

    fn push_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        listing: Listing<'a>,
    ) -> Pending<'a, Result<Pushed, Error>> {
        let pushed = self.insert(manifest, listing);
        Box::pin(async move { Ok(pushed) })
    }

    fn tags(&self) -> Pending<'_, Result<Vec<Tag>, Error>> {
        let tags = self.lock().tags.keys().cloned().collect();
        Box::pin(async { Ok(tags) })
    }

    fn referrers<'a>(
        &'a self,
        _: &'a Digest,
        _: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<Descriptor>, Error>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn finish(&self) -> Pending<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}
