//! The layers of an image, read side by side: each once, from the store through the engine, its zTOC stored as soon as it is made.
//!
//! Side by side means: at most as many as there are cores to decode them, and only as many as the memory budget holds. A failure of one
//! ends all: dropping their tasks closes the channels to the workers, which then stop.
//!
//! A layer begins with a share of the budget: what its size lets expect, or its part if all cores had the same. The engine refuses to keep
//! more than that. A layer that needs more, because it compresses unusually well, gives its share back, waits for the whole budget and is
//! read again, alone. One that needs even more is too large. So zTOCs being built never take more than the budget together, and
//! nobody waits for memory while holding some. (While a zTOC is encoded, what it says of files is there twice for a moment.)

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use soci_registry::{BlobReader, Content, Digest, Store};
use soci_ztoc::{
    BuildError, BuildOptions, Built, EncodedZtoc, Expected, LayerIdentity, LayerWalker, Limits,
};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::document::Descriptor;
use crate::error::IndexError;
use crate::media_type as types;
use crate::options::IndexOptions;
use crate::pipeline::{self, PipelineError};
use crate::progress::Progress;
use crate::report::Reason;

/// Compressed bytes that are handed to a worker at once: large enough that handing over costs nothing.
const BATCH_BYTES: usize = 256 * 1024;
/// Bytes that tell another compression from a tar: its first block.
const SNIFFED_BYTES: usize = 512;
/// Batches that may wait for a worker, so memory per layer stays at a few MiB.
pub(crate) const BATCHES_WAITING: usize = 4;
/// A zTOC takes about a fortieth of its layer's compressed size, twice that while it is built; this many bytes of layer let expect one of
/// memory.
const LAYER_BYTES_PER_BUDGET_BYTE: u64 = 16;
/// The unit in which the budget is handed out.
const BUDGET_UNIT_BYTES: u64 = 1 << 20;

/// What came out of a layer.
#[derive(Debug, Clone)]
pub(crate) enum BuiltLayer {
    /// Its zTOC is stored.
    Indexed {
        /// As it is stored, without annotations.
        ztoc: soci_registry::Descriptor,
        /// Entries of the archive.
        files: usize,
        /// Spans of the layer.
        spans: usize,
        /// It was there, and the layer was not read.
        reused: bool,
    },
    /// It has none, for this layer reason.
    Skipped(&'static str),
}

/// What reading the layers gave.
#[derive(Default)]
pub(crate) struct BuiltLayers {
    pub(crate) by_digest: BTreeMap<Digest, BuiltLayer>,
    /// zTOCs that were found with other bytes than their own.
    pub(crate) damaged: BTreeSet<Digest>,
    pub(crate) downloaded_bytes: u64,
    pub(crate) uploaded_bytes: u64,
}

impl BuiltLayers {
    /// Together with others.
    pub(crate) fn and(mut self, others: BuiltLayers) -> BuiltLayers {
        self.by_digest.extend(others.by_digest);
        self.damaged.extend(others.damaged);
        self.downloaded_bytes += others.downloaded_bytes;
        self.uploaded_bytes += others.uploaded_bytes;
        self
    }

    /// Why the image is skipped when none of these has a zTOC.
    pub(crate) fn why_none(&self) -> Reason {
        let unsupported = soci_ztoc::Reason::UnsupportedCompression.as_str();
        let is_unsupported = |built: &BuiltLayer| matches!(built, BuiltLayer::Skipped(reason) if *reason == unsupported);
        if self.by_digest.values().all(is_unsupported) {
            Reason::UnsupportedCompression
        } else {
            Reason::NoEligibleLayers
        }
    }
}

/// What every layer's task needs.
struct Shop {
    store: Arc<dyn Store>,
    options: IndexOptions,
    progress: Arc<dyn Progress>,
    cores: Semaphore,
    budget: Semaphore,
    budget_units: u32,
    downloaded_bytes: AtomicU64,
    uploaded_bytes: AtomicU64,
}

/// Reads these layers and stores their zTOCs.
pub(crate) async fn build(
    store: &Arc<dyn Store>,
    layers: &[&Descriptor],
    options: &IndexOptions,
    progress: &Arc<dyn Progress>,
) -> Result<BuiltLayers, IndexError> {
    let budget_units = u32::try_from(options.memory_budget_bytes / BUDGET_UNIT_BYTES)
        .unwrap_or(u32::MAX)
        .max(1);
    let shop = Arc::new(Shop {
        store: Arc::clone(store),
        options: options.clone(),
        progress: Arc::clone(progress),
        cores: Semaphore::new(options.concurrency.get()),
        budget: Semaphore::new(budget_units as usize),
        budget_units,
        downloaded_bytes: AtomicU64::new(0),
        uploaded_bytes: AtomicU64::new(0),
    });
    let mut tasks = JoinSet::new();
    for layer in layers {
        let task = Arc::clone(&shop).build(layer.to_registry());
        tasks.spawn(task.in_current_span());
    }
    let mut by_digest = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (digest, built) = done.map_err(|_| IndexError::Worker)??;
        by_digest.insert(digest, built);
    }
    Ok(BuiltLayers {
        by_digest,
        damaged: BTreeSet::new(),
        downloaded_bytes: shop.downloaded_bytes.load(Ordering::Relaxed),
        uploaded_bytes: shop.uploaded_bytes.load(Ordering::Relaxed),
    })
}

impl Shop {
    async fn build(
        self: Arc<Shop>,
        layer: soci_registry::Descriptor,
    ) -> Result<(Digest, BuiltLayer), IndexError> {
        let Ok(core) = self.cores.acquire().await else {
            return ended_by_another_layer().await;
        };
        let Ok(mut memory) = self.memory(self.share(&layer)).await else {
            return ended_by_another_layer().await;
        };
        let built = match self.read_twice(&layer, &memory).await {
            Err(error) if memory.is_too_small(&error) && memory.units < self.budget_units => {
                tracing::info!("layer {} is read again, alone: {error}", layer.digest);
                drop(memory);
                let Ok(whole) = self.memory(self.budget_units).await else {
                    return ended_by_another_layer().await;
                };
                memory = whole;
                self.read_twice(&layer, &memory).await
            }
            other => other,
        };
        let built = built.inspect_err(|_| self.begin_no_other())?;
        // The next layer is read while this one's zTOC travels.
        drop(core);
        let stored = self.store_built(built, memory).await;
        let stored = stored.inspect_err(|_| self.begin_no_other())?;
        Ok((layer.digest, stored))
    }

    /// Before a failed layer makes room for the next.
    fn begin_no_other(&self) {
        self.cores.close();
        self.budget.close();
    }

    /// Units of the budget with which a layer begins.
    fn share(&self, layer: &soci_registry::Descriptor) -> u32 {
        let expected = layer.size_bytes / LAYER_BYTES_PER_BUDGET_BYTE / BUDGET_UNIT_BYTES + 1;
        let expected = u32::try_from(expected).unwrap_or(u32::MAX);
        let cores = u32::try_from(self.options.concurrency.get()).unwrap_or(u32::MAX);
        expected
            .max(self.budget_units / cores)
            .min(self.budget_units)
    }

    async fn memory(&self, units: u32) -> Result<Memory<'_>, AcquireError> {
        let permit = self.budget.acquire_many(units).await?;
        Ok(Memory { units, permit })
    }

    async fn read_twice(
        &self,
        layer: &soci_registry::Descriptor,
        memory: &Memory<'_>,
    ) -> Result<Built, IndexError> {
        match self.read(layer, memory).await {
            // Bytes can change on the way; a second look tells whether they are wrong where they lie.
            Err(error) if error.kind() == "digest-mismatch" => {
                tracing::warn!("layer {} is read again: {error}", layer.digest);
                self.read(layer, memory).await
            }
            other => other,
        }
    }

    async fn store_built(
        &self,
        built: Built,
        mut memory: Memory<'_>,
    ) -> Result<BuiltLayer, IndexError> {
        let ztoc = match built {
            Built::NotIndexable { why, layer } => {
                tracing::debug!("layer {} is left out: {why}", layer.digest);
                return Ok(BuiltLayer::Skipped(why.reason().as_str()));
            }
            Built::Indexed { ztoc, .. } => ztoc,
        };
        let (files, spans) = (ztoc.files.len(), ztoc.spans.len());
        let encoded = ztoc
            .encode()
            .map_err(|limit| IndexError::Ztoc(BuildError::from(limit)))?;
        memory.shrink(encoded.len() as u64);
        let digest = to_registry(encoded.digest());
        let ztoc = soci_registry::Descriptor::new(types::ZTOC, digest, encoded.len() as u64);
        if self.store.push_blob(&ztoc, &ZtocContent(encoded)).await?
            == soci_registry::Pushed::Stored
        {
            self.uploaded_bytes
                .fetch_add(ztoc.size_bytes, Ordering::Relaxed);
        }
        Ok(BuiltLayer::Indexed {
            ztoc,
            files,
            spans,
            reused: false,
        })
    }

    async fn read(
        &self,
        layer: &soci_registry::Descriptor,
        memory: &Memory<'_>,
    ) -> Result<Built, IndexError> {
        let mut blob = self.store.blob(layer).await?.hashed_by_caller();
        let bar: Arc<dyn Fn(u64) + Send + Sync> =
            self.progress.layer(&layer.digest, layer.size_bytes).into();
        let (to_worker, batches) = mpsc::channel(BATCHES_WAITING);
        let options = self.build_options(layer, memory);
        let first = batch(&mut blob).await;
        let other = first
            .as_ref()
            .ok()
            .and_then(|first| other_compression(first, layer));
        let built = match other {
            Some(built) => Ok(built),
            None => {
                let worker = tokio::task::spawn_blocking(move || work(batches, &options, &*bar));
                feed(first, &mut blob, to_worker).await;
                worker.await.map_err(|_| IndexError::Worker)?
            }
        };
        self.downloaded_bytes
            .fetch_add(blob.fetched_bytes(), Ordering::Relaxed);
        built.map_err(|error| match error {
            PipelineError::Read(error) => error.into(),
            PipelineError::Build(error) => IndexError::Layer {
                digest: layer.digest,
                error,
            },
        })
    }

    fn build_options(
        &self,
        layer: &soci_registry::Descriptor,
        memory: &Memory<'_>,
    ) -> BuildOptions {
        let defaults = Limits::default();
        let memory_bytes = usize::try_from(memory.bytes()).unwrap_or(usize::MAX);
        BuildOptions {
            limits: Limits {
                memory_bytes: memory_bytes.min(defaults.memory_bytes),
                ..defaults
            },
            span_size: self.options.span_size,
            build_tool_identifier: self.options.build_tool_identifier.clone(),
            multi_member: self.options.multi_member,
            expected: Expected {
                digest: to_ztoc(layer.digest),
                size_bytes: Some(layer.size_bytes),
            },
        }
    }
}

/// A layer's part of the budget.
struct Memory<'a> {
    units: u32,
    permit: SemaphorePermit<'a>,
}

impl Memory<'_> {
    fn bytes(&self) -> u64 {
        u64::from(self.units) * BUDGET_UNIT_BYTES
    }

    /// Whether this failure is that the layer needs more.
    fn is_too_small(&self, error: &IndexError) -> bool {
        matches!(error, IndexError::Layer { error: BuildError::Limit(limit), .. } if limit.limit == self.bytes())
    }

    /// Gives back what is above these bytes.
    fn shrink(&mut self, bytes: u64) {
        let units = u32::try_from(bytes / BUDGET_UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let excess = self.units.saturating_sub(units);
        drop(self.permit.split(excess as usize));
        self.units -= excess;
    }
}

/// The failure of another layer has closed what was waited for, and ends this layer's task with the others.
async fn ended_by_another_layer<T>() -> T {
    std::future::pending().await
}

pub(crate) type Batch = Result<Vec<Bytes>, soci_registry::Error>;

/// Hands the blob to the worker, batch by batch. It ends with the blob, with an error, or with the worker.
pub(crate) async fn feed(first: Batch, blob: &mut BlobReader, to_worker: mpsc::Sender<Batch>) {
    let mut next = first;
    loop {
        let is_last = next.as_ref().map_or(true, Vec::is_empty);
        if to_worker.send(next).await.is_err() || is_last {
            return;
        }
        next = batch(blob).await;
    }
}

/// The blob's next chunks, together at least [`BATCH_BYTES`]; none at its end.
pub(crate) async fn batch(blob: &mut BlobReader) -> Batch {
    let mut chunks = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES
        && let Some(chunk) = blob.next_chunk().await?
    {
        bytes += chunk.len();
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// The outcome for a layer in another compression than gzip, of which the first batch is all that is read.
fn other_compression(first: &[Bytes], layer: &soci_registry::Descriptor) -> Option<Built> {
    let mut walker = LayerWalker::new(BuildOptions::default());
    for chunk in first {
        walker.push(chunk).ok()?;
        if let Some(why) = walker.other_compression() {
            let layer = LayerIdentity {
                digest: to_ztoc(layer.digest)?,
                size_bytes: layer.size_bytes,
            };
            return Some(Built::NotIndexable { why, layer });
        }
        // One chunk is more than the block by which it is told.
        if chunk.len() >= SNIFFED_BYTES {
            return None;
        }
    }
    None
}

fn work(
    mut batches: mpsc::Receiver<Batch>,
    options: &BuildOptions,
    on_piece: &(dyn Fn(u64) + Send + Sync),
) -> Result<Built, PipelineError<soci_registry::Error>> {
    let pieces = std::iter::from_fn(|| batches.blocking_recv()).flat_map(|batch| match batch {
        Ok(chunks) => chunks.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    });
    pipeline::build(pieces, options, on_piece, drop)
}

/// The engine and the registry client know nothing of each other, so each has a digest type of its own.
fn to_registry(digest: soci_ztoc::Digest) -> Digest {
    digest
        .to_string()
        .parse()
        .expect("both write digests alike")
}

fn to_ztoc(digest: Digest) -> Option<soci_ztoc::Digest> {
    digest.to_string().parse().ok()
}

/// A zTOC's pieces, handed out without making it one.
struct ZtocContent(EncodedZtoc);

impl Content for ZtocContent {
    fn chunks(&self) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        Box::new(self.0.chunks().map(Bytes::copy_from_slice))
    }
}
