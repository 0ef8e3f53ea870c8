//! One platform's image: its own parts, and the SOCI indexes that consumers find for it.

use soci_registry::Store;

use super::fault::{Fault, Finding, Place};
use super::prove::Key;
use super::report::{PlatformVerdict, Proof, VerifiedIndex};
use super::soci_index::{self, Owner, Pair};
use super::{LookedInto, blobs};
use crate::convert::{IMAGE_MANIFEST_DIGEST, INDEX_DIGEST};
use crate::document::{Descriptor, Platform};
use crate::error::IndexError;
use crate::links::{self, Format, Linked};
use crate::source::{CONFIG_BYTES, PlatformImage, Source};

/// SOCI indexes of one image that are looked at: version 1 may have several, one for each span size that somebody tried.
const MOST_INDEXES: usize = 16;

/// An image in its list.
pub(super) struct Image<'a> {
    source: &'a Source,
    place: usize,
    image: &'a PlatformImage,
}

/// What its documents say.
pub(super) struct Checked {
    platform: String,
    manifest: String,
    layers: usize,
    indexes: Vec<(Linked, Vec<Pair>)>,
    findings: Vec<Finding>,
}

impl<'a> Image<'a> {
    pub(super) fn new(source: &'a Source, place: usize, image: &'a PlatformImage) -> Image<'a> {
        Image {
            source,
            place,
            image,
        }
    }

    /// Walks from the manifest to the SOCI indexes and back.
    pub(super) async fn check(&self, store: &dyn Store) -> Result<Checked, IndexError> {
        let entry = self.entry();
        let mut checked = Checked {
            platform: self.image.platform.name(),
            manifest: entry.digest.to_string(),
            layers: self.image.manifest.layers.len(),
            indexes: Vec::new(),
            findings: Vec::new(),
        };
        match links::indexes(store, self.source, self.place, self.image).await? {
            Err(fault) => checked.find(Place::Manifest(entry.digest), fault),
            Ok(linked) => {
                let found = linked.len();
                if found > MOST_INDEXES {
                    let limit = MOST_INDEXES;
                    let fault = Fault::TooManyIndexes { found, limit };
                    checked.find(Place::Manifest(entry.digest), fault);
                }
                for linked in linked.into_iter().take(MOST_INDEXES) {
                    self.check_index(store, linked, &mut checked).await?;
                }
            }
        }
        // Of an image that nobody indexed, nobody asked to know more.
        if !checked.indexes.is_empty() || !checked.findings.is_empty() {
            checked.findings.splice(0..0, self.own_parts(store).await?);
        }
        Ok(checked)
    }

    fn entry(&self) -> &'a Descriptor {
        &self.source.index.manifests[self.place]
    }

    /// What is wrong with the manifest's descriptor, the config and the layers.
    async fn own_parts(&self, store: &dyn Store) -> Result<Vec<Finding>, IndexError> {
        let (entry, manifest) = (self.entry(), &self.image.manifest);
        let mut faults = Vec::new();
        let found = self.image.manifest_bytes;
        if found != entry.size_bytes {
            let expected = entry.size_bytes;
            faults.push(Fault::Size { expected, found });
        }
        let stated = &manifest.media_type;
        if !stated.is_empty() && *stated != entry.media_type {
            faults.push(Fault::MediaType {
                of: "its media type in the list",
                expected: stated.clone(),
                found: entry.media_type.clone(),
            });
        }
        if self.image.platform.os.is_empty() || self.image.platform.architecture.is_empty() {
            faults.push(Fault::PlatformEmpty);
        }
        if let Some(found) = entry.annotations.get(INDEX_DIGEST) {
            let named = manifest.annotations.get(INDEX_DIGEST);
            if named != Some(found) {
                faults.push(Fault::DescriptorNamesOther {
                    expected: named.cloned().unwrap_or_else(|| "none".to_owned()),
                    found: found.clone(),
                });
            }
        }
        for other in self.surplus() {
            let index = other.digest;
            faults.push(Fault::IndexNotNamed { index });
        }
        let place = Place::Manifest(entry.digest);
        let with_place = |fault| Finding::new(place, fault);
        let mut findings: Vec<Finding> = faults.into_iter().map(with_place).collect();
        findings.extend(blobs::check_carried(place, entry));
        let config = Place::Config(manifest.config.digest);
        findings.extend(blobs::check(store, config, &manifest.config, CONFIG_BYTES).await?);
        for layer in &manifest.layers {
            findings.extend(blobs::check_layer(store, layer).await?);
        }
        Ok(findings)
    }

    /// SOCI indexes that are listed for it beside the one that it names.
    fn surplus(&self) -> impl Iterator<Item = &'a Descriptor> {
        let own = self.entry().digest.to_string();
        let named = self.image.manifest.annotations.get(INDEX_DIGEST);
        self.source.soci_indexes().filter(move |entry| {
            let is_own = entry.annotations.get(IMAGE_MANIFEST_DIGEST) == Some(&own);
            // That none is named at all was told before.
            is_own && named.is_some_and(|named| *named != entry.digest.to_string())
        })
    }

    async fn check_index(
        &self,
        store: &dyn Store,
        linked: Linked,
        checked: &mut Checked,
    ) -> Result<(), IndexError> {
        let place = Place::SociIndex(linked.entry.digest);
        if linked.format == Format::V2
            && let Some(fault) = self.other_platform(&linked.entry)
        {
            checked.find(place, fault);
        }
        let carried = blobs::check_carried(place, &linked.entry);
        checked.findings.extend(carried);
        let (entry, image) = (self.entry(), self.image);
        let read = links::read_soci_index(store, linked.entry.digest).await?;
        let pairs = match read {
            Err(finding) => {
                checked.findings.push(finding);
                Vec::new()
            }
            Ok((manifest, parsed)) => {
                let owner = Owner { entry, image };
                let found = soci_index::check(store, &linked, &manifest, &parsed, owner).await?;
                checked.findings.extend(found.0);
                found.1
            }
        };
        checked.indexes.push((linked, pairs));
        Ok(())
    }

    /// Whether a SOCI index is for none of the platforms for which its image is listed.
    fn other_platform(&self, soci_index: &Descriptor) -> Option<Fault> {
        let name = |platform: &Platform| platform.clone().normalized().name();
        let found = soci_index.platform.as_ref().map(name);
        let mut same_image = self
            .source
            .images()
            .filter(|(place, _)| self.source.index.manifests[*place].digest == self.entry().digest);
        let fits = same_image.any(|(_, image)| found == Some(name(&image.platform)));
        (!fits).then(|| Fault::Platform {
            expected: name(&self.image.platform),
            found: found.unwrap_or_default(),
        })
    }
}

impl Checked {
    fn find(&mut self, place: Place, fault: Fault) {
        self.findings.push(Finding::new(place, fault));
    }

    /// The zTOCs to be looked into.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.indexes.iter().flat_map(|(_, pairs)| pairs)
    }

    /// The verdict, with what was found in the zTOCs.
    pub(super) fn verdict(mut self, looked: &LookedInto) -> PlatformVerdict {
        let mut indexes = Vec::with_capacity(self.indexes.len());
        for (linked, pairs) in &self.indexes {
            let mut ztocs = Vec::with_capacity(pairs.len());
            for pair in pairs {
                let Some(looked) = looked.get(&Key::of(pair)) else {
                    continue;
                };
                ztocs.push(looked.ztoc.clone());
                // A layer may stand more than once in an image.
                let new = looked.findings.iter();
                let new: Vec<_> = new.filter(|new| !self.findings.contains(new)).collect();
                self.findings.extend(new.into_iter().cloned());
            }
            indexes.push(VerifiedIndex {
                digest: linked.entry.digest.to_string(),
                format: linked.format.as_str(),
                ztocs,
            });
        }
        let verdict = if !self.findings.is_empty() {
            Proof::NotProven
        } else if indexes.is_empty() {
            Proof::NoIndex
        } else {
            Proof::Proven
        };
        PlatformVerdict {
            platform: self.platform,
            manifest: self.manifest,
            verdict,
            layers: self.layers,
            indexes,
            findings: self.findings,
        }
    }
}

/// SOCI indexes in the list that belong to no image of it.
pub(super) fn orphans(source: &Source) -> Vec<Finding> {
    let is_listed = |manifest: &String| {
        let mut images = source.images();
        images.any(|(place, _)| source.index.manifests[place].digest.to_string() == *manifest)
    };
    let orphan = |entry: &Descriptor| {
        let named = entry.annotations.get(IMAGE_MANIFEST_DIGEST);
        let manifest = match named {
            Some(manifest) if is_listed(manifest) => return None,
            Some(manifest) => format!("manifest {manifest}"),
            None => "no manifest".to_owned(),
        };
        let place = Place::SociIndex(entry.digest);
        Some(Finding::new(place, Fault::ManifestNotListed { manifest }))
    };
    source.soci_indexes().filter_map(orphan).collect()
}
