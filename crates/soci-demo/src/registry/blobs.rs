//! Pulling blobs, whole or in part.

use std::io::SeekFrom;
use std::ops::Range;

use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use soci_registry::Digest;
use tokio::fs::File;
use tokio::io::AsyncSeekExt as _;

use super::Asked;
use super::answer::{self, Answer, CONTENT_DIGEST, Code, Refusal};
use super::body::Body;

pub(super) async fn get(request: &Asked<'_>, repository: &str, digest: &Digest) -> Answer {
    let size = request.storage.blob(repository, digest)?;
    let mut file = File::open(request.storage.blob_path(digest)).await?;
    let asked = request
        .headers
        .get(RANGE)
        .and_then(|range| range.to_str().ok());
    let mut response = match asked.and_then(|range| Part::parse(range, size)) {
        None => answer::with_body(200, Body::of_file(file, size), size),
        Some(Part::Nowhere) => {
            let why = format!("the blob has {size} bytes, none of them in this range");
            return Err(Refusal::new(416, Code::SizeInvalid, why));
        }
        Some(Part::Of(part)) => {
            file.seek(SeekFrom::Start(part.start)).await?;
            let length = part.end - part.start;
            let mut response = answer::with_body(206, Body::of_file(file, length), length);
            let (first, last) = (part.start, part.end - 1);
            answer::set(
                &mut response,
                CONTENT_RANGE,
                format!("bytes {first}-{last}/{size}"),
            );
            response
        }
    };
    answer::set(&mut response, CONTENT_TYPE, "application/octet-stream");
    answer::set(&mut response, ACCEPT_RANGES, "bytes");
    answer::set(&mut response, CONTENT_DIGEST, digest.to_string());
    Ok(response)
}

/// A range of bytes of something.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Of(Range<u64>),
    /// Behind its end.
    Nowhere,
}

impl Part {
    /// One range of bytes (RFC 9110 §14.1.2). Of several, or in another unit, it is as if none were asked for.
    fn parse(text: &str, size: u64) -> Option<Part> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let part = match (first.trim().parse::<u64>().ok(), last.trim()) {
            (None, last) if first.trim().is_empty() => {
                let length: u64 = last.parse().ok()?;
                size.saturating_sub(length)..size
            }
            (Some(first), "") => first..size,
            (Some(first), last) => {
                let last: u64 = last.parse().ok().filter(|last| first <= *last)?;
                first..last.saturating_add(1).min(size)
            }
            (None, _) => return None,
        };
        Some(if part.is_empty() {
            Part::Nowhere
        } else {
            Part::Of(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        for (text, expected) in [
            ("bytes=0-0", Some(Part::Of(0..1))),
            ("bytes=2-5", Some(Part::Of(2..6))),
            ("bytes=2-500", Some(Part::Of(2..10))),
            ("bytes=2-", Some(Part::Of(2..10))),
            ("bytes=-3", Some(Part::Of(7..10))),
            ("bytes=-30", Some(Part::Of(0..10))),
            ("bytes=10-", Some(Part::Nowhere)),
            (
                "bytes=18446744073709551615-18446744073709551615",
                Some(Part::Nowhere),
            ),
            ("bytes=-0", Some(Part::Nowhere)),
            ("bytes=5-2", None),
            ("bytes=1-2,4-5", None),
            ("lines=1-2", None),
            ("bytes=x-2", None),
            ("bytes=-", None),
        ] {
            assert_eq!(Part::parse(text, 10), expected, "{text}");
        }
    }
}
