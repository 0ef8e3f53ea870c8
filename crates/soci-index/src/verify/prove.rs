//! zTOCs held against their layers, some at once: by a sample of spans, or by all of the layer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use soci_registry::{BlobReader, Digest, Error, Store};
use soci_ztoc::{LayerVerifier, Limits, SpanVerifier, VerifyError, Ztoc};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::fault::{Fault, Finding, Place};
use super::level::{Level, VerifyOptions};
use super::report::VerifiedZtoc;
use super::soci_index::Pair;
use super::{LookedInto, ztoc};
use crate::error::IndexError;
use crate::layers::{self, BATCHES_WAITING, Batch};

/// Spans of a layer that make a sample: some 10 MB of it with spans of 4 MiB.
const SAMPLED_SPANS: usize = 8;
/// Compressed bytes of one span that are held in memory. A layer of which a span in the sample is larger is read whole instead, which
/// proves more and holds less.
const SAMPLED_SPAN_BYTES: u64 = 64 << 20;

/// A zTOC for a layer. One may be the zTOC of two layers that are compressed differently only by mistake, which is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    layer: Digest,
    ztoc: Digest,
}

impl Key {
    pub(super) fn of(pair: &Pair) -> Key {
        Key {
            layer: pair.layer.digest,
            ztoc: pair.ztoc.digest,
        }
    }
}

/// What was found.
pub(super) struct Looked {
    pub(super) ztoc: VerifiedZtoc,
    pub(super) findings: Vec<Finding>,
}

/// Where a zTOC stands in findings.
pub(super) fn place(pair: &Pair) -> Place {
    Place::Ztoc {
        layer: pair.layer.digest,
        ztoc: pair.ztoc.digest,
    }
}

/// Looks into zTOCs, each once.
pub(super) async fn all(
    store: &Arc<dyn Store>,
    pairs: impl Iterator<Item = &Pair>,
    options: &VerifyOptions,
) -> Result<LookedInto, IndexError> {
    let cores = Arc::new(Semaphore::new(options.concurrency.get()));
    let mut seen = BTreeSet::new();
    let mut tasks = JoinSet::new();
    for pair in pairs.filter(|pair| seen.insert(Key::of(pair))) {
        let cores = Arc::clone(&cores);
        let prover = Prover {
            store: Arc::clone(store),
            pair: pair.clone(),
            options: options.clone(),
            limits: Limits::default(),
        };
        tasks.spawn(async move {
            let _core = cores.acquire().await.map_err(|_| IndexError::Worker)?;
            Ok::<_, IndexError>((Key::of(&prover.pair), prover.look().await?))
        });
    }
    let mut looked = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (key, found) = done.map_err(|_| IndexError::Worker)??;
        looked.insert(key, found);
    }
    Ok(looked)
}

/// Looks into one zTOC.
struct Prover {
    store: Arc<dyn Store>,
    pair: Pair,
    options: VerifyOptions,
    limits: Limits,
}

/// How much of a layer was held against its zTOC, or what is wrong.
type Proven = Result<Amount, Finding>;

#[derive(Default)]
struct Amount {
    spans: usize,
    files: usize,
}

impl Prover {
    async fn look(&self) -> Result<Looked, IndexError> {
        let (ztoc, mut findings) = ztoc::read(&*self.store, &self.pair, &self.limits).await?;
        let mut looked = VerifiedZtoc {
            layer: self.pair.layer.digest.to_string(),
            layer_size: self.pair.layer.size_bytes,
            digest: self.pair.ztoc.digest.to_string(),
            spans: 0,
            checked_spans: 0,
            files: 0,
            checked_files: 0,
        };
        if let Some(ztoc) = ztoc {
            (looked.spans, looked.files) = (ztoc.spans.len(), ztoc.files.len());
            // What contradicts itself is wrong whatever the layer holds.
            let is_sound = |finding: &Finding| {
                !matches!(finding.fault, Fault::Structure(_) | Fault::LayerSize { .. })
            };
            if findings.iter().all(is_sound) {
                match self.prove(Arc::new(ztoc)).await? {
                    Ok(amount) => {
                        looked.checked_spans = amount.spans;
                        looked.checked_files = amount.files;
                    }
                    Err(finding) => findings.push(finding),
                }
            }
        }
        let ztoc = looked;
        Ok(Looked { ztoc, findings })
    }

    async fn prove(&self, ztoc: Arc<Ztoc>) -> Result<Proven, IndexError> {
        match self.options.level {
            Level::Structure => Ok(Ok(Amount::default())),
            Level::Full => self.full(ztoc).await,
            Level::Sample => {
                let verifier = SpanVerifier::new(&ztoc, &self.limits);
                let spans = verifier.sample(SAMPLED_SPANS);
                let part = |span: &usize| {
                    let part = verifier.part(*span);
                    part.end - part.start
                };
                if spans.iter().any(|span| part(span) > SAMPLED_SPAN_BYTES) {
                    self.full(ztoc).await
                } else {
                    self.sample(ztoc, &spans).await
                }
            }
        }
    }

    async fn sample(&self, ztoc: Arc<Ztoc>, spans: &[usize]) -> Result<Proven, IndexError> {
        let mut amount = Amount::default();
        for &span in spans {
            let bytes = match self.read_span(&ztoc, span).await {
                Ok(bytes) => bytes,
                Err(error) => return self.layer_finding(error).map(Err),
            };
            let (verified, limits) = (Arc::clone(&ztoc), self.limits.clone());
            let check = move || SpanVerifier::new(&verified, &limits).check(span, &bytes);
            let checked = tokio::task::spawn_blocking(check).await;
            match checked.map_err(|_| IndexError::Worker)? {
                Ok(files) => {
                    amount.spans += 1;
                    amount.files += files;
                }
                Err(error) => return Ok(Err(self.content(&ztoc, error))),
            }
        }
        Ok(Ok(amount))
    }

    async fn read_span(&self, ztoc: &Ztoc, span: usize) -> Result<Bytes, Error> {
        let part = SpanVerifier::new(ztoc, &self.limits).part(span);
        let layer = self.pair.layer.to_registry();
        let reader = self.store.blob_part(&layer, part).await?;
        reader.read_whole(SAMPLED_SPAN_BYTES).await
    }

    async fn full(&self, ztoc: Arc<Ztoc>) -> Result<Proven, IndexError> {
        let layer = self.pair.layer.to_registry();
        let mut blob: BlobReader = match self.store.blob(&layer).await {
            Ok(blob) => blob,
            Err(error) => return self.layer_finding(error).map(Err),
        };
        let bar = self.options.progress.layer(&layer.digest, layer.size_bytes);
        let (to_worker, batches) = mpsc::channel(BATCHES_WAITING);
        let (verified, limits) = (Arc::clone(&ztoc), self.limits.clone());
        let worker = tokio::task::spawn_blocking(move || work(batches, &verified, &limits, &*bar));
        let first = layers::batch(&mut blob).await;
        layers::feed(first, &mut blob, to_worker).await;
        match worker.await.map_err(|_| IndexError::Worker)? {
            Err(error) => self.layer_finding(error).map(Err),
            Ok(Err(error)) => Ok(Err(self.content(&ztoc, error))),
            Ok(Ok(())) => Ok(Ok(Amount {
                spans: ztoc.spans.len(),
                files: ztoc.files.len(),
            })),
        }
    }

    fn layer_finding(&self, error: Error) -> Result<Finding, IndexError> {
        Finding::of(Place::Layer(self.pair.layer.digest), error)
    }

    fn content(&self, ztoc: &Ztoc, error: VerifyError) -> Finding {
        let file = match error {
            VerifyError::SpanContent {
                uncompressed_offset,
                ..
            } => file_at(ztoc, uncompressed_offset),
            _ => None,
        };
        Finding::new(place(&self.pair), Fault::Content { error, file })
    }
}

/// The file to which a byte of the archive belongs.
fn file_at(ztoc: &Ztoc, offset: u64) -> Option<String> {
    let behind = ztoc
        .files
        .partition_point(|file| file.uncompressed_offset <= offset);
    let file = ztoc.files.get(behind.checked_sub(1)?)?;
    file.data()
        .contains(&offset)
        .then(|| file.display_name().into_owned())
}

/// Verifies the layer that comes in batches. It is read to its end whatever is found: bytes that are not those of the layer's digest
/// explain everything else.
fn work(
    mut batches: mpsc::Receiver<Batch>,
    ztoc: &Ztoc,
    limits: &Limits,
    on_piece: &(dyn Fn(u64) + Send + Sync),
) -> Result<Result<(), VerifyError>, Error> {
    let mut verifier = Ok(LayerVerifier::new(ztoc, limits));
    while let Some(batch) = batches.blocking_recv() {
        for chunk in batch? {
            verifier = verifier.and_then(|mut verifier| verifier.push(&chunk).map(|()| verifier));
            on_piece(chunk.len() as u64);
        }
    }
    Ok(verifier.and_then(LayerVerifier::finish).map(drop))
}
