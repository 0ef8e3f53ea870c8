//! Pushing blobs: in one request, in two, or in pieces.

use std::fs::File;
use std::io::Write as _;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use soci_registry::{Digest, DigestHasher};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::Asked;
use super::answer::{self, Answer, CONTENT_DIGEST, Code, Refusal};
use super::route;

/// Bytes that are collected before they are hashed and written at once.
const BATCH_BYTES: usize = 1 << 20;

/// A blob that is being pushed. Its file, hash and size move to the thread that writes, and back.
pub(super) struct Upload {
    /// None after a failure: what is in the file is not known any more.
    state: Option<State>,
    size: u64,
}

struct State {
    file: File,
    hasher: DigestHasher,
}

impl Upload {
    pub(super) fn new(file: File) -> Upload {
        let hasher = DigestHasher::new();
        let state = Some(State { file, hasher });
        Upload { state, size: 0 }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds what comes in.
    async fn append(&mut self, request: &Asked<'_>, mut body: Incoming) -> Result<(), Refusal> {
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                let why = format!("the upload broke off: {error}");
                Refusal::new(400, Code::BlobUploadInvalid, why)
            })?;
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            request.storage.take_space(bytes.len() as u64)?;
            self.size += bytes.len() as u64;
            batch_bytes += bytes.len();
            batch.push(bytes);
            if batch_bytes >= BATCH_BYTES {
                self.write(std::mem::take(&mut batch)).await?;
                batch_bytes = 0;
            }
        }
        self.write(batch).await
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<(), Refusal> {
        let mut state = self.state.take().ok_or_else(broken)?;
        let written = spawn_blocking(move || {
            for bytes in &batch {
                state.hasher.update(bytes);
                state.file.write_all(bytes)?;
            }
            Ok::<_, std::io::Error>(state)
        });
        self.state = Some(written.await.map_err(|_| broken())??);
        Ok(())
    }
}

fn broken() -> Refusal {
    let why = "an earlier part of it was not stored, begin it anew";
    Refusal::new(404, Code::BlobUploadUnknown, why)
}

/// POST: begins an upload; is one itself where a digest is named; shares a blob of another repository where that is named.
pub(super) async fn start(request: &Asked<'_>, repository: &str, body: Incoming) -> Answer {
    let query = request.query;
    if let (Some(blob), Some(from)) = (query.get("mount"), query.get("from")) {
        let blob = route::digest(blob)?;
        if let Ok(size) = request.storage.blob(from, &blob) {
            request.storage.add_blob(repository, blob, size)?;
            return Ok(created(repository, &blob));
        }
    }
    // One that is malformed is refused before anything begins.
    let whole = query.get("digest").map(route::digest).transpose()?;
    let id = request.storage.begin_upload(repository)?;
    if whole.is_some() {
        return finish(request, repository, id, body).await;
    }
    Ok(accepted(repository, id, 0))
}

/// GET: how far it is.
pub(super) async fn progress(request: &Asked<'_>, repository: &str, id: u64) -> Answer {
    let upload = request.storage.upload(repository, id)?;
    let size = upload.lock().await.size;
    let mut response = accepted(repository, id, size);
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    response.headers_mut().remove(http::header::CONTENT_LENGTH);
    Ok(response)
}

/// PATCH: one more piece.
pub(super) async fn append(
    request: &Asked<'_>,
    repository: &str,
    id: u64,
    body: Incoming,
) -> Answer {
    let upload = request.storage.upload(repository, id)?;
    let mut upload = upload.lock().await;
    check_order(request, &upload)?;
    upload.append(request, body).await?;
    Ok(accepted(repository, id, upload.size))
}

/// PUT: the last piece, if it has content, and the digest of all.
pub(super) async fn finish(
    request: &Asked<'_>,
    repository: &str,
    id: u64,
    body: Incoming,
) -> Answer {
    let digest = request.query.get("digest");
    let missing = || {
        Refusal::new(
            400,
            Code::DigestInvalid,
            "the digest is missing from the address",
        )
    };
    let digest = route::digest(digest.ok_or_else(missing)?)?;
    let upload = request.storage.upload(repository, id)?;
    let finished = async {
        let mut upload = upload.lock().await;
        check_order(request, &upload)?;
        upload.append(request, body).await?;
        let State { file, hasher } = upload.state.take().ok_or_else(broken)?;
        drop(file);
        let found = hasher.finish();
        if found != digest {
            let why = format!("the blob was to be {digest} and is {found}");
            return Err(Refusal::new(400, Code::DigestInvalid, why));
        }
        let (from, to) = (
            request.storage.upload_path(id),
            request.storage.blob_path(&digest),
        );
        if to.exists() {
            request.storage.free_space(upload.size);
        }
        tokio::fs::rename(from, to).await?;
        request.storage.add_blob(repository, digest, upload.size)
    };
    let finished = finished.await;
    request.storage.end_upload(id);
    match finished {
        Ok(()) => Ok(created(repository, &digest)),
        Err(refusal) => {
            discard(request, id, &upload);
            Err(refusal)
        }
    }
}

/// DELETE: given up.
pub(super) async fn cancel(request: &Asked<'_>, repository: &str, id: u64) -> Answer {
    let upload = request.storage.upload(repository, id)?;
    request.storage.end_upload(id);
    discard(request, id, &upload);
    Ok(answer::empty(204))
}

fn discard(request: &Asked<'_>, id: u64, upload: &Mutex<Upload>) {
    request.storage.discard(id, upload);
}

/// A piece that says where it belongs must belong to the end.
fn check_order(request: &Asked<'_>, upload: &Upload) -> Result<(), Refusal> {
    let range = request.headers.get(CONTENT_RANGE);
    let Some(range) = range.and_then(|range| range.to_str().ok()) else {
        return Ok(());
    };
    let range = range.strip_prefix("bytes ").unwrap_or(range);
    let first = range
        .split('-')
        .next()
        .and_then(|first| first.trim().parse::<u64>().ok());
    if first == Some(upload.size) {
        return Ok(());
    }
    let why = format!(
        "{} bytes are there, and the next piece is to begin behind them",
        upload.size
    );
    Err(Refusal::new(416, Code::BlobUploadInvalid, why))
}

fn accepted(repository: &str, id: u64, size: u64) -> http::Response<super::Body> {
    let mut response = answer::empty(202);
    answer::set(
        &mut response,
        LOCATION,
        format!("/v2/{repository}/blobs/uploads/{id}"),
    );
    // Of nothing too it is said so, as others do.
    answer::set(
        &mut response,
        RANGE,
        format!("0-{}", size.saturating_sub(1)),
    );
    response
}

fn created(repository: &str, digest: &Digest) -> http::Response<super::Body> {
    let mut response = answer::empty(201);
    answer::set(
        &mut response,
        LOCATION,
        format!("/v2/{repository}/blobs/{digest}"),
    );
    answer::set(&mut response, CONTENT_DIGEST, digest.to_string());
    response
}
