//! Blobs: are they there, and their bytes, whatever happens on the way.
//!
//! A layer of gigabytes takes minutes. In that time connections break, and the signed address to which the registry had
//! redirected us ends. Each time the blob is asked for again from the first byte that is missing, at the registry, which
//! gives a fresh address; nothing is read twice but what a server without ranges sends again.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};

use super::fault::ProtocolFault;
use super::manifests::CONTENT_DIGEST;
use super::session::{Answer, Call, Session};
use crate::blob::{BlobReader, ChunkSource};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::error::{Action, Error, Mismatch, Promise, Request};
use crate::limits::FETCHED_TIMES;
use crate::reference::Item;
use crate::retry::Attempts;
use crate::store::Pending;
use crate::transport::ConnectionFailure;

/// Whether the repository has a blob.
pub(super) async fn exists(session: &Session, digest: &Digest) -> Result<bool, Error> {
    session
        .retry()
        .run(Action::CheckBlob, || exists_once(session, digest))
        .await
}

pub(super) async fn exists_once(session: &Session, digest: &Digest) -> Result<bool, Error> {
    let url = session.url(&format!("blobs/{digest}")).await?;
    let answer = session
        .send(&Call::new(Action::CheckBlob, Method::HEAD, url))
        .await?;
    // Addresses signed for GET are refused to HEAD. Not known to be there means only that it is uploaded once more.
    let unknown = answer.left_registry && answer.status.is_client_error();
    match answer.status {
        StatusCode::OK => Ok(true),
        StatusCode::NOT_FOUND => Ok(false),
        _ if unknown => Ok(false),
        _ => Err(answer.refused().await),
    }
}

/// Opens a blob for reading; returns once its first answer is there.
pub(super) async fn open(session: &Arc<Session>, blob: &Descriptor) -> Result<BlobReader, Error> {
    let download = begin(session, blob, 0..blob.size_bytes).await?;
    Ok(BlobReader::new(blob, Box::new(download)))
}

/// Opens a part of a blob for reading; returns once its first answer is there.
pub(super) async fn open_part(
    session: &Arc<Session>,
    blob: &Descriptor,
    part: Range<u64>,
) -> Result<BlobReader, Error> {
    let part_bytes = part.end.saturating_sub(part.start);
    let download = begin(session, blob, part).await?;
    Ok(BlobReader::of_part(blob, part_bytes, Box::new(download)))
}

async fn begin(
    session: &Arc<Session>,
    blob: &Descriptor,
    part: Range<u64>,
) -> Result<Download, Error> {
    let mut download = Download {
        session: session.clone(),
        digest: blob.digest,
        size_bytes: blob.size_bytes,
        position_bytes: part.start,
        end_bytes: part.end,
        fetched_bytes: 0,
        attempts: session.retry().attempts(Action::ReadBlob),
        answer: None,
    };
    let policy = session.retry().clone();
    while download.answer.is_none() {
        match policy.in_time(Action::ReadBlob, download.ask()).await {
            Ok(answer) => download.answer = Some(answer),
            Err(error) => download.attempts.after(error).await?,
        }
    }
    Ok(download)
}

struct Download {
    session: Arc<Session>,
    digest: Digest,
    size_bytes: u64,
    /// The first byte that the caller does not have yet.
    position_bytes: u64,
    /// Behind the last byte that the caller wants.
    end_bytes: u64,
    fetched_bytes: u64,
    attempts: Attempts,
    answer: Option<Part>,
}

/// An answer that holds the blob from the position on, after some bytes to be passed over.
struct Part {
    answer: Answer,
    skip_bytes: u64,
}

impl ChunkSource for Download {
    fn next(&mut self) -> Pending<'_, Result<Option<Bytes>, Error>> {
        Box::pin(async {
            loop {
                let policy = self.attempts.policy().clone();
                match policy.in_time(Action::ReadBlob, self.step()).await {
                    Ok(chunk) => return Ok(chunk),
                    Err(error) => {
                        self.answer = None;
                        self.check_fetched().await?;
                        self.attempts.after(error).await?;
                    }
                }
            }
        })
    }

    fn fetched_bytes(&self) -> u64 {
        self.fetched_bytes
    }
}

impl Download {
    /// The next chunk, or the failure after which the rest has to be asked for again.
    async fn step(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let part = match &mut self.answer {
                Some(part) => part,
                None => {
                    let part = self.ask().await?;
                    self.answer.insert(part)
                }
            };
            let mut chunk = match part.answer.body.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return self.ended(),
                // All bytes are here, and only the answer's own end is missing.
                Err(_) if self.position_bytes == self.end_bytes => return Ok(None),
                Err(failure) => return Err(part.answer.broken(failure)),
            };
            self.fetched_bytes += chunk.len() as u64;
            let skipped = part.skip_bytes.min(chunk.len() as u64);
            part.skip_bytes -= skipped;
            chunk.advance(skipped as usize);
            let left_bytes = self.end_bytes.saturating_sub(self.position_bytes);
            let is_surplus = chunk.len() as u64 > left_bytes;
            if is_surplus && self.end_bytes == self.size_bytes {
                let found = self.position_bytes + chunk.len() as u64;
                return Err(self.wrong_size(found));
            }
            if is_surplus {
                // A server without ranges sends all of it.
                chunk.truncate(left_bytes as usize);
                if chunk.is_empty() {
                    return Ok(None);
                }
            }
            if chunk.is_empty() {
                continue;
            }
            self.position_bytes += chunk.len() as u64;
            self.attempts.progressed(chunk.len() as u64);
            return Ok(Some(chunk));
        }
    }

    /// Refuses to ask again where the next answer could bring more bytes than all may be together.
    async fn check_fetched(&self) -> Result<(), Error> {
        let (fetched_bytes, size_bytes) = (self.fetched_bytes, self.size_bytes);
        if fetched_bytes <= size_bytes.saturating_mul(FETCHED_TIMES - 1) {
            return Ok(());
        }
        let url = self.session.url(&format!("blobs/{}", self.digest)).await?;
        let request = Box::new(Request {
            action: Action::ReadBlob,
            url,
        });
        let fault = ProtocolFault::Refetched {
            fetched_bytes,
            size_bytes,
        };
        Err(Error::Protocol { request, fault })
    }

    fn ended(&mut self) -> Result<Option<Bytes>, Error> {
        if self.position_bytes == self.end_bytes {
            return Ok(None);
        }
        let failure = ConnectionFailure::Cut {
            expected: self.end_bytes,
            found: self.position_bytes,
        };
        Err(match self.answer.take() {
            Some(part) => part.answer.broken(failure),
            None => self.wrong_size(self.position_bytes),
        })
    }

    /// Asks the registry for the bytes from the position on.
    async fn ask(&self) -> Result<Part, Error> {
        let url = self.session.url(&format!("blobs/{}", self.digest)).await?;
        let mut call = Call::new(Action::ReadBlob, Method::GET, url);
        if self.position_bytes > 0 || self.end_bytes < self.size_bytes {
            // With its end written out: there are registries that refuse an open range.
            let range = format!(
                "bytes={}-{}",
                self.position_bytes,
                self.end_bytes.saturating_sub(1)
            );
            call.headers
                .extend(HeaderValue::try_from(range).map(|range| (RANGE, range)));
        }
        let answer = self.session.send(&call).await?.expect(&[200, 206]).await?;
        self.check_digest_header(&answer)?;
        match answer.status {
            StatusCode::PARTIAL_CONTENT => self.check_range(&answer)?,
            _ => self.check_length(&answer)?,
        }
        let whole = answer.status == StatusCode::OK;
        Ok(Part {
            answer,
            skip_bytes: if whole { self.position_bytes } else { 0 },
        })
    }

    fn check_digest_header(&self, answer: &Answer) -> Result<(), Error> {
        let announced = answer
            .header(CONTENT_DIGEST)
            .and_then(|text| text.parse().ok());
        match announced.filter(|found: &Digest| *found != self.digest) {
            None => Ok(()),
            Some(found) => {
                let what = Promise::Header(Item::Blob(self.digest));
                Err(Mismatch::Digest {
                    what,
                    expected: self.digest,
                    found,
                }
                .into())
            }
        }
    }

    fn check_length(&self, answer: &Answer) -> Result<(), Error> {
        let announced = answer
            .header(CONTENT_LENGTH)
            .and_then(|text| text.parse().ok());
        match announced.filter(|found| *found != self.size_bytes) {
            None => Ok(()),
            Some(found) => Err(self.wrong_size(found)),
        }
    }

    /// It must begin where we are; it may end early, then the rest is asked for in turn.
    fn check_range(&self, answer: &Answer) -> Result<(), Error> {
        let range = answer.header(CONTENT_RANGE).and_then(parse_content_range);
        match range {
            Some((_, Some(total))) if total != self.size_bytes => Err(self.wrong_size(total)),
            Some((first, _)) if first == self.position_bytes => Ok(()),
            other => {
                let found = other.map(|(first, _)| first);
                Err(answer.fault(ProtocolFault::Range {
                    expected: self.position_bytes,
                    found,
                }))
            }
        }
    }

    fn wrong_size(&self, found: u64) -> Error {
        Mismatch::Size {
            what: Promise::Blob(self.digest),
            expected: self.size_bytes,
            found,
        }
        .into()
    }
}

/// First byte and total size of `bytes FIRST-LAST/TOTAL`; the total may be `*`. RFC 9110, section 14.4.
fn parse_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    let total = if total == "*" {
        None
    } else {
        Some(total.parse().ok()?)
    };
    Some((first.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_content_ranges() {
        assert_eq!(parse_content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5, None)));
        for bad in [
            "",
            "bytes */10",
            "items 5-9/10",
            "bytes 5-9",
            "bytes x-9/10",
            "bytes 5-9/ten",
        ] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
