//! The policy: what is repeated, how long it waits, when it stops. No test here waits.

use std::sync::Mutex;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::*;
use crate::error::{Mismatch, Promise, Request};
use crate::remote::{Confidential, Refusal};
use crate::transport::{ConnectionFailure, Url};

#[derive(Default)]
struct Recorder(Mutex<Vec<Duration>>);

impl Sleeper for Recorder {
    fn sleep(&self, duration: Duration) -> Pending<'_, ()> {
        self.0
            .lock()
            .expect("no test panics holding it")
            .push(duration);
        Box::pin(std::future::ready(()))
    }
}

fn request() -> Request {
    Request {
        action: Action::ReadBlob,
        url: Url::parse("https://r.example/v2/").expect("valid"),
    }
}

fn refused(status: u16, retry_after: Option<&'static str>, by_redirect_target: bool) -> Error {
    let mut headers = HeaderMap::new();
    headers.extend(retry_after.map(|text| (RETRY_AFTER, HeaderValue::from_static(text))));
    let status = StatusCode::from_u16(status).expect("a status");
    Error::Refused(Box::new(Refusal::new(
        request(),
        status,
        &headers,
        b"",
        by_redirect_target,
        &Confidential::Nothing,
    )))
}

fn stalled() -> Error {
    let failure = ConnectionFailure::Stalled {
        after: Duration::from_secs(30),
    };
    Error::Connection {
        request: Box::new(request()),
        failure,
    }
}

/// Tries, waits in milliseconds, and whether it ended well, of a call that fails so often before it succeeds.
async fn run(
    policy: RetryPolicy,
    failures: usize,
    failure: impl Fn() -> Error,
) -> (usize, Vec<u128>, Result<(), Error>) {
    let recorder = Arc::new(Recorder::default());
    let policy = policy.deterministic(recorder.clone(), 7);
    let tries = Mutex::new(0);
    let result = policy.run(Action::ReadBlob, || async {
        let mut tries = tries.lock().expect("no test panics holding it");
        *tries += 1;
        if *tries > failures {
            Ok(())
        } else {
            Err(failure())
        }
    });
    let result = result.await;
    let waits = recorder.0.lock().expect("no test panics holding it");
    let waits = waits.iter().map(Duration::as_millis).collect();
    (
        tries.into_inner().expect("no test panics holding it"),
        waits,
        result,
    )
}

#[tokio::test]
async fn transient_failures_are_repeated_and_others_are_not() {
    for (status, tries) in [
        (408, 2),
        (425, 2),
        (429, 2),
        (500, 2),
        (502, 2),
        (503, 2),
        (504, 2),
        (400, 1),
        (401, 1),
        (403, 1),
        (404, 1),
        (405, 1),
        (409, 1),
        (501, 1),
    ] {
        let (found, _, _) = run(RetryPolicy::default(), 1, || refused(status, None, false)).await;
        assert_eq!(found, tries, "{status}");
    }
    let digest = crate::Digest::of(b"");
    let mismatch = || {
        Mismatch::Digest {
            what: Promise::Blob(digest),
            expected: digest,
            found: digest,
        }
        .into()
    };
    // Looked at once more without waiting, whatever else may be tried how often.
    let (tries, waits, done) = run(RetryPolicy::default(), 1, mismatch).await;
    assert_eq!((tries, waits.len(), done.is_ok()), (2, 0, true));
    let (tries, waits, done) = run(RetryPolicy::default(), 9, mismatch).await;
    assert_eq!((tries, waits.len(), done.is_ok()), (2, 0, false));
    assert_eq!(run(RetryPolicy::default(), 1, stalled).await.0, 2);
    // A blob's host that refuses an old address is asked again by way of the registry.
    assert_eq!(
        run(RetryPolicy::default(), 1, || refused(403, None, true))
            .await
            .0,
        2
    );
}

#[tokio::test]
async fn waits_grow_up_to_a_bound_and_the_tries_end() {
    let policy = RetryPolicy {
        attempts: 12,
        ..RetryPolicy::default()
    };
    let (tries, waits, result) = run(policy, usize::MAX, stalled).await;
    assert_eq!(tries, 12);
    assert_eq!(waits.len(), 11);
    let bounds = (0..11).map(|n| (200 << n).min(20_000));
    assert!(
        waits.iter().zip(bounds).all(|(wait, bound)| *wait <= bound),
        "{waits:?}"
    );
    assert!(waits.iter().max() > Some(&5_000), "{waits:?}");
    assert_eq!(result.expect_err("never succeeds").kind(), Kind::Transient);
}

#[tokio::test]
async fn the_same_seed_waits_the_same() {
    let first = run(RetryPolicy::default(), 5, stalled).await.1;
    assert_eq!(run(RetryPolicy::default(), 5, stalled).await.1, first);
}

#[tokio::test]
async fn retry_after_is_the_least_that_is_waited() {
    let (tries, waits, _) = run(RetryPolicy::default(), 1, || refused(429, Some("7"), false)).await;
    assert_eq!((tries, waits), (2, vec![7_000]));
    let (tries, waits, result) = run(RetryPolicy::default(), 1, || {
        refused(429, Some("3600"), false)
    })
    .await;
    assert_eq!((tries, waits.len()), (1, 0));
    assert_eq!(result.expect_err("not waited for").kind(), Kind::Throttled);
}

#[tokio::test]
async fn no_wait_is_begun_that_the_deadline_would_cut() {
    let policy = RetryPolicy::until(Instant::now() + Duration::from_secs(5));
    let (tries, waits, result) = run(policy, 1, || refused(503, Some("30"), false)).await;
    assert_eq!((tries, waits.len()), (1, 0));
    let error = result.expect_err("no time");
    assert_eq!(error.kind(), Kind::Deadline);
    assert!(error.is_transient());
    assert!(
        error.to_string().contains("503 Service Unavailable"),
        "{error}"
    );
}

#[tokio::test]
async fn a_call_under_way_ends_at_the_deadline() {
    let policy = RetryPolicy::until(Instant::now() + Duration::from_millis(20));
    let started = Instant::now();
    let result = policy
        .run(Action::ReadBlob, std::future::pending::<Result<(), Error>>)
        .await;
    assert_eq!(result.expect_err("never ends").kind(), Kind::Deadline);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn progress_forgives_earlier_failures() {
    let policy = RetryPolicy {
        attempts: 3,
        ..RetryPolicy::default()
    };
    let policy = policy.deterministic(Arc::new(Recorder::default()), 7);
    let mut attempts = policy.attempts(Action::ReadBlob);
    for _ in 0..10 {
        attempts.progressed(PROGRESS_BYTES);
        attempts.after(stalled()).await.expect("another try");
    }
    attempts.progressed(1);
    attempts.after(stalled()).await.expect("another try");
    attempts.progressed(1);
    attempts
        .after(stalled())
        .await
        .expect_err("no progress to speak of");
}
