//! Reading from a registry that misbehaves: every byte right, or an error that says what was wrong.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soci_registry::{Descriptor, Digest, Error, Kind, Mismatch, ProtocolFault, Store};
use support::{Answer, Asked, Server, retries};

/// Content in which no two places look alike.
fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8)
        .collect()
}

fn descriptor(content: &[u8]) -> Descriptor {
    Descriptor::new(
        "application/octet-stream",
        Digest::of(content),
        content.len() as u64,
    )
}

/// The blob as the store gives it, and how many bytes it fetched.
async fn download(store: &dyn Store, blob: &Descriptor) -> Result<(Vec<u8>, u64), Error> {
    let mut reader = store.blob(blob).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next_chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, reader.fetched_bytes()))
}

/// A server whose n-th answer to a blob request is made by this, from 0.
async fn blob_server(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Server {
    let asked_before = AtomicUsize::new(0);
    Server::start(move |asked| answer(asked_before.fetch_add(1, Ordering::SeqCst), asked)).await
}

#[tokio::test]
async fn a_cut_is_resumed_where_it_happened() {
    for cut in [0, 1, 4_095, 4_096, 99_999] {
        let bytes = content(100_000);
        let blob = descriptor(&bytes);
        let served = bytes.clone();
        let server = blob_server(move |n, asked| match n {
            0 => Answer::ranged(asked, &served).cut_after(cut),
            _ => Answer::ranged(asked, &served),
        });
        let server = server.await;
        let (found, fetched) = download(&server.store(), &blob).await.expect("resumed");
        assert!(found == bytes, "cut at {cut}");
        assert_eq!(fetched, 100_000, "nothing is fetched twice");
        let ranges: Vec<_> = server.asked().iter().map(Asked::range_start).collect();
        assert_eq!(ranges, [None, (cut > 0).then_some(cut)]);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_often_still_gets_done() {
    let bytes = content(2_000_000);
    let blob = descriptor(&bytes);
    let served = bytes.clone();
    let server =
        blob_server(move |_, asked| Answer::ranged(asked, &served).cut_after(100_000)).await;
    let (found, fetched) = download(&server.store(), &blob).await.expect("resumed");
    assert!(found == bytes);
    assert_eq!((fetched, server.asked().len()), (2_000_000, 20));
}

#[tokio::test]
async fn a_connection_that_never_gets_on_is_given_up() {
    let bytes = content(100_000);
    let blob = descriptor(&bytes);
    let server = blob_server(move |_, asked| Answer::ranged(asked, &bytes).cut_after(10)).await;
    let error = download(&server.store(), &blob)
        .await
        .expect_err("no progress");
    assert!(matches!(error.kind(), Kind::Transient), "{error}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_stall_is_resumed() {
    let bytes = content(50_000);
    let blob = descriptor(&bytes);
    let served = bytes.clone();
    let server = blob_server(move |n, asked| match n {
        0 => Answer::ranged(asked, &served).stall_after(20_000),
        _ => Answer::ranged(asked, &served),
    });
    let (found, fetched) = download(&server.await.store(), &blob)
        .await
        .expect("resumed");
    assert!(found == bytes);
    assert_eq!(fetched, 50_000);
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_read_over() {
    let bytes = content(100_000);
    let blob = descriptor(&bytes);
    let served = bytes.clone();
    let server = blob_server(move |n, _| match n {
        0 => Answer::new(200, &served[..]).cut_after(60_000),
        _ => Answer::new(200, &served[..]),
    });
    let (found, fetched) = download(&server.await.store(), &blob)
        .await
        .expect("resumed");
    assert!(found == bytes);
    assert_eq!(fetched, 160_000);
}

/// Each try gets on, so none is the last by the number of tries.
#[tokio::test]
async fn a_server_without_ranges_that_always_cuts_is_given_up() {
    let bytes = content(4_000_000);
    let blob = descriptor(&bytes);
    let server = blob_server(move |n, _| {
        let end = (1_000_000 + n * 100_000).min(3_999_999);
        Answer::new(200, &bytes[..]).cut_after(end)
    });
    let server = server.await;
    let mut reader = server.store().blob(&blob).await.expect("it begins");
    let error = loop {
        match reader.next_chunk().await {
            Ok(chunk) => assert!(chunk.is_some(), "never whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Transient, "{error}");
    assert!(error.to_string().contains("from the beginning"), "{error}");
    let fetched = reader.fetched_bytes();
    assert!((12_000_000..=16_000_000).contains(&fetched), "{fetched}");
    assert_eq!(server.asked().len(), 9);
}

#[tokio::test]
async fn another_range_than_asked_for_is_an_error() {
    let bytes = content(10_000);
    let blob = descriptor(&bytes);
    let server = blob_server(move |n, _| match n {
        0 => Answer::new(200, &bytes[..]).cut_after(5_000),
        _ => Answer::new(206, &bytes[4_000..]).with("content-range", "bytes 4000-9999/10000"),
    });
    let error = download(&server.await.store(), &blob)
        .await
        .expect_err("wrong range");
    let Error::Protocol { fault, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        fault,
        ProtocolFault::Range {
            expected: 5_000,
            found: Some(4_000)
        }
    );
}

#[tokio::test]
async fn wrong_bytes_are_never_the_end_of_a_stream() {
    let bytes = content(10_000);
    let blob = descriptor(&bytes);
    let mut wrong = bytes.clone();
    wrong[7_777] ^= 1;
    let server = blob_server(move |_, _| Answer::new(200, &wrong[..])).await;
    let error = download(&server.store(), &blob)
        .await
        .expect_err("wrong bytes");
    assert!(
        matches!(&error, Error::Mismatch(mismatch) if matches!(**mismatch, Mismatch::Digest { .. }))
    );
    assert_eq!(
        (error.kind(), error.is_transient()),
        (Kind::DigestMismatch, false)
    );
    assert_eq!(
        server.asked().len(),
        1,
        "consumed bytes cannot be fetched again"
    );
}

#[tokio::test]
async fn wrong_lengths_are_told_with_both_numbers() {
    let bytes = content(10_000);
    let blob = descriptor(&bytes);
    for (label, size) in [("short", 9_999), ("long", 10_001)] {
        let served = content(size);
        let server = blob_server(move |_, _| Answer::new(200, &served[..])).await;
        let error = download(&server.store(), &blob).await.expect_err(label);
        let expected = format!("blob {} has {size} bytes, expected 10000", blob.digest);
        assert_eq!(
            (error.to_string(), error.kind()),
            (expected, Kind::DigestMismatch)
        );
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_header_with_another_digest_is_a_mismatch() {
    let bytes = content(100);
    let blob = descriptor(&bytes);
    let server = blob_server(move |_, _| {
        Answer::new(200, &bytes[..]).with("docker-content-digest", Digest::of(b"x"))
    })
    .await;
    let error = download(&server.store(), &blob)
        .await
        .expect_err("another digest");
    assert_eq!(error.kind(), Kind::DigestMismatch);
}

#[tokio::test]
async fn an_expired_address_is_renewed_at_the_registry() {
    let bytes = content(100_000);
    let blob = descriptor(&bytes);
    let uses = AtomicUsize::new(0);
    let served = bytes.clone();
    // Each address is good for one request; the first of them breaks.
    let storage = Server::start(move |asked| {
        match (uses.fetch_add(1, Ordering::SeqCst), asked.path.as_str()) {
            (0, "/k?sig=0") => Answer::ranged(asked, &served).cut_after(30_000),
            (_, "/k?sig=1") => Answer::error(403, "AccessDenied"),
            (_, "/k?sig=2") => Answer::ranged(asked, &served),
            other => panic!("{other:?}"),
        }
    });
    let storage = storage.await;
    let location = storage.url("/k?sig=");
    let server = blob_server(move |n, _| Answer::redirect(&format!("{location}{n}"))).await;
    let (found, _) = download(&server.store(), &blob).await.expect("renewed");
    assert!(found == bytes);
    let starts: Vec<_> = storage.asked().iter().map(Asked::range_start).collect();
    assert_eq!(
        starts,
        [None, Some(30_000), Some(30_000)],
        "the range goes with the redirect"
    );
}

#[tokio::test]
async fn a_host_that_always_refuses_is_denied_in_the_end() {
    let storage = Server::start(|_| Answer::new(403, "<Error/>")).await;
    let location = storage.url("/k?X-Amz-Signature=hunter2");
    let server = Server::start(move |_| Answer::redirect(&location)).await;
    let error = download(&server.store(), &descriptor(b"x"))
        .await
        .expect_err("refused");
    assert_eq!((error.kind(), error.is_transient()), (Kind::Denied, false));
    assert_eq!(storage.asked().len(), 4);
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|asked| Answer::redirect(&format!("{}x", asked.path))).await;
    let error = download(&server.store(), &descriptor(b"x"))
        .await
        .expect_err("no end");
    assert!(
        matches!(
            error,
            Error::Protocol {
                fault: ProtocolFault::Redirects { .. },
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn throttling_is_waited_for_and_a_4xx_is_final() {
    let server = blob_server(|n, asked| match n {
        0 => Answer::error(429, "TOOMANYREQUESTS").with("retry-after", "1"),
        1 => Answer::new(503, ""),
        _ => Answer::ranged(asked, b"x"),
    });
    let server = server.await;
    download(&server.store(), &descriptor(b"x"))
        .await
        .expect("after throttling");
    assert_eq!(server.asked().len(), 3);
    let server = Server::start(|_| Answer::error(404, "BLOB_UNKNOWN")).await;
    let error = download(&server.store(), &descriptor(b"x"))
        .await
        .expect_err("not there");
    assert_eq!((error.kind(), server.asked().len()), (Kind::NotFound, 1));
}

#[tokio::test]
async fn everything_stops_at_the_deadline() {
    let bytes = content(50_000);
    let blob = descriptor(&bytes);
    let server = blob_server(move |_, asked| Answer::ranged(asked, &bytes).stall_after(100)).await;
    let started = Instant::now();
    let deadline = started + Duration::from_millis(700);
    let mut policy = retries();
    (policy.deadline, policy.attempts) = (Some(deadline), 1_000);
    let store = server.store_with(soci_registry::Anonymous, policy);
    let error = download(&store, &blob).await.expect_err("no time");
    assert_eq!((error.kind(), error.is_transient()), (Kind::Deadline, true));
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_break_after_the_last_byte_is_no_failure() {
    let server = Server::start(|_| {
        let unfinished = "5\r\nhello\r\n";
        Answer::new(200, unfinished)
            .with("transfer-encoding", "chunked")
            .cut_after(unfinished.len())
    });
    let server = server.await;
    let (found, _) = download(&server.store(), &descriptor(b"hello"))
        .await
        .expect("all of it");
    assert_eq!((&found[..], server.asked().len()), (&b"hello"[..], 1));
}

#[tokio::test]
async fn a_dropped_stream_asks_for_nothing_more() {
    let bytes = content(1_000_000);
    let blob = descriptor(&bytes);
    let served = Arc::new(bytes);
    let server = blob_server(move |_, asked| Answer::ranged(asked, &served)).await;
    let mut reader = server.store().blob(&blob).await.expect("open");
    reader.next_chunk().await.expect("a chunk");
    drop(reader);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.asked().len(), 1);
}
