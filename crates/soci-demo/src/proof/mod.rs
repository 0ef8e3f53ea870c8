//! Proof that what was indexed is right: every file is read through the zTOCs and held against the SHA-256 that it had on the disk.
//!
//! Of each layer all spans are fetched by their ranges, each decoded from its own checkpoint, and cut into files where the zTOC says that
//! they are. Some files are read once more as a container's file system reads one: by its name, with no more than the spans that hold it.
//! Layers without a zTOC are fetched whole, as consumers do.

mod files;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use soci_index::{Fetched, InspectedLayer, InspectedPlatform, LazyLayer};
use soci_registry::{Descriptor, DigestHasher, Store, Tag, Target};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::audience::Audience;
use crate::error::DemoError;
use crate::image::{Image, SourceFile};
use files::Files;

/// Files of each layer that are read alone.
const ALONE: usize = 16;

/// Bytes of a layer without a zTOC; larger ones have one.
const WHOLE_LAYER_BYTES: u64 = 256 << 20;

/// The program of the image, whose reading stands for a start.
const PROGRAM: &[u8] = b"usr/bin/env";

/// What was found right.
#[derive(Default)]
pub(crate) struct Proven {
    /// Files read through zTOCs, and those of layers that have none.
    pub(crate) files: usize,
    pub(crate) other_files: usize,
    /// Bytes of them.
    pub(crate) file_bytes: u64,
    /// Files that were read alone as well.
    pub(crate) alone: usize,
    pub(crate) start: Option<Start>,
}

/// What a lazy start reads, for one file.
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) fetched: Fetched,
    pub(crate) platform: String,
    /// zTOCs of the platform.
    pub(crate) ztoc_bytes: u64,
    /// All layers of the platform.
    pub(crate) layer_bytes: u64,
}

/// Proves the image under a tag.
pub(crate) async fn of(
    store: &Arc<dyn Store>,
    tag: &Tag,
    image: &Image,
    audience: &dyn Audience,
) -> Result<Proven, DemoError> {
    let target = Target::Tag(tag.clone());
    let inspection = soci_index::inspect(&**store, &target, tag.to_string()).await?;
    let mut layers: BTreeMap<&str, &InspectedLayer> = BTreeMap::new();
    for platform in &inspection.platforms {
        if let Some(problem) = &platform.problem {
            let problem = format!("{}: {problem}", platform.platform);
            return Err(DemoError::wrong(
                &[problem],
                inspection.platforms.len(),
                "platforms",
            ));
        }
        layers.extend(
            platform
                .layers
                .iter()
                .map(|layer| (layer.digest.as_str(), layer)),
        );
    }
    let told: Arc<dyn Fn(u64) + Send + Sync> =
        Arc::from(audience.step("reading every file", image.archive_bytes()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cores = Arc::new(Semaphore::new(cores));
    let mut reading = JoinSet::new();
    for layer in &image.layers {
        let digest = layer.blob.digest.to_string();
        let Some(&inspected) = layers.get(digest.as_str()) else {
            let lost = format!("layer {digest} is not in the result");
            return Err(DemoError::wrong(&[lost], image.layers.len(), "layers"));
        };
        let reader = Reader {
            store: Arc::clone(store),
            layer: inspected.clone(),
            files: Arc::from(layer.files.as_slice()),
            told: Arc::clone(&told),
        };
        let cores = Arc::clone(&cores);
        reading.spawn(async move {
            let _core = cores.acquire().await.map_err(|_| DemoError::Worker)?;
            reader.prove().await
        });
    }
    let mut proven = Proven::default();
    let mut wrong = Vec::new();
    while let Some(read) = reading.join_next().await {
        let (part, found) = read.map_err(|_| DemoError::Worker)??;
        proven.files += part.files;
        proven.other_files += part.other_files;
        proven.file_bytes += part.file_bytes;
        proven.alone += part.alone;
        wrong.extend(found);
    }
    if !wrong.is_empty() {
        return Err(DemoError::wrong(&wrong, image.files(), "files"));
    }
    proven.start = start(store, &inspection.platforms).await?;
    Ok(proven)
}

/// Reads one layer.
struct Reader {
    store: Arc<dyn Store>,
    layer: InspectedLayer,
    files: Arc<[SourceFile]>,
    told: Arc<dyn Fn(u64) + Send + Sync>,
}

impl Reader {
    /// What is right, and what is wrong.
    async fn prove(self) -> Result<(Proven, Vec<String>), DemoError> {
        let mut proven = Proven {
            file_bytes: self.files.iter().map(|file| file.size).sum(),
            ..Proven::default()
        };
        let Some(layer) = LazyLayer::open(&self.store, &self.layer).await? else {
            let wrong = self.whole().await?;
            proven.other_files = self.files.len();
            return Ok((proven, wrong));
        };
        let mut wrong = self.through_ztoc(&layer).await?;
        proven.files = self.files.len();
        // The same fault would only be told twice.
        if wrong.is_empty() {
            (proven.alone, wrong) = self.alone(&layer).await?;
        }
        Ok((proven, wrong))
    }

    async fn through_ztoc(&self, layer: &LazyLayer) -> Result<Vec<String>, DemoError> {
        let files = Files::new(&self.files, layer.files());
        let files = Arc::new(Mutex::new(files));
        let (taking, told) = (Arc::clone(&files), Arc::clone(&self.told));
        let take = move |piece: &[u8]| {
            taking
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(piece);
            told(piece.len() as u64);
        };
        layer.read(0..layer.uncompressed_bytes(), take).await?;
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(files.finish())
    }

    /// Some files, at equal distances, each by its name and by itself.
    async fn alone(&self, layer: &LazyLayer) -> Result<(usize, Vec<String>), DemoError> {
        let distance = self.files.len().div_ceil(ALONE).max(1);
        let mut wrong = Vec::new();
        let mut read = 0;
        for file in self.files.iter().step_by(distance) {
            let (digest, _) = match layer.find(&file.name) {
                Ok(found) => digest_of(layer, found.data()).await?,
                Err(why) => {
                    wrong.push(format!("{}: {why}", files::shown(&file.name)));
                    continue;
                }
            };
            read += 1;
            if digest != file.digest {
                wrong.push(format!(
                    "{} read alone: other content",
                    files::shown(&file.name)
                ));
            }
        }
        Ok((read, wrong))
    }

    async fn whole(&self) -> Result<Vec<String>, DemoError> {
        let digest = self.layer.digest.parse();
        let digest = digest.map_err(|why| DemoError::Lazy(soci_index::LazyError::Digest(why)))?;
        let blob = Descriptor::new(&self.layer.media_type, digest, self.layer.size);
        let bytes = self
            .store
            .blob(&blob)
            .await?
            .read_whole(WHOLE_LAYER_BYTES)
            .await?;
        let (files, told) = (Arc::clone(&self.files), Arc::clone(&self.told));
        let read =
            tokio::task::spawn_blocking(move || files::of_whole_layer(&files, &bytes, &*told));
        read.await.map_err(|_| DemoError::Worker)
    }
}

async fn digest_of(
    layer: &LazyLayer,
    bytes: std::ops::Range<u64>,
) -> Result<(soci_registry::Digest, Fetched), DemoError> {
    let hasher = Arc::new(Mutex::new(DigestHasher::new()));
    let taking = Arc::clone(&hasher);
    let take = move |piece: &[u8]| {
        taking
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .update(piece);
    };
    let fetched = layer.read(bytes, take).await?;
    let hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((hasher.clone().finish(), fetched))
}

/// What reading the image's program takes, or some other file where there is no such one.
async fn start(
    store: &Arc<dyn Store>,
    platforms: &[InspectedPlatform],
) -> Result<Option<Start>, DemoError> {
    let Some(platform) = platforms.first() else {
        return Ok(None);
    };
    let mut found = None;
    for layer in &platform.layers {
        let Some(layer) = LazyLayer::open(store, layer).await? else {
            continue;
        };
        let program = layer.find(PROGRAM).ok().cloned();
        let is_program = program.is_some();
        let other = || {
            layer
                .files()
                .find(|file| file.uncompressed_bytes > 0)
                .cloned()
        };
        if let Some(file) = program.or_else(other) {
            found = Some((layer, file));
        }
        if is_program {
            break;
        }
    }
    let Some((layer, file)) = found else {
        return Ok(None);
    };
    let (_, fetched) = digest_of(&layer, file.data()).await?;
    Ok(Some(Start {
        name: files::shown(&file.name),
        size: file.uncompressed_bytes,
        fetched,
        platform: platform.platform.clone(),
        ztoc_bytes: platform.index.as_ref().map_or(0, |index| index.size),
        layer_bytes: platform.size,
    }))
}
