//! One API's token: kept while it has time left, fetched by one caller for all that wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use soci_registry::{Freshness, Secret};
use tokio::sync::Mutex;

use crate::error::EcrError;

/// So long before its end a token is renewed. As long as a Lambda function may run, so that a token from the beginning of a
/// job outlasts the job.
const RENEWED_EARLY: Duration = Duration::from_secs(15 * 60);

/// A token is used for so long whatever its end is said to be: with a clock that is wrong every call would ask anew. A
/// registry that refuses it asks for a new one anyway.
const USED_AT_LEAST: Duration = Duration::from_secs(60);

/// After a failed renewal a token that still has time left is used for so long before the next try.
const RENEWED_AGAIN: Duration = Duration::from_secs(60);

/// What the API gave.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    /// Not told by every API.
    pub(crate) ends_at: Option<SystemTime>,
}

/// Keeps one API's token.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Held while a token is fetched.
    last: Mutex<Option<Outcome>>,
    /// Fetches that have ended.
    fetches: AtomicU64,
}

#[derive(Debug, Clone)]
struct Outcome {
    result: Result<Token, EcrError>,
    renew_at: SystemTime,
}

impl Slot {
    /// The token. Whoever comes while one is fetched gets what that fetch brings, an error too.
    pub(crate) async fn get<F>(
        &self,
        freshness: Freshness,
        clock: impl Fn() -> SystemTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Secret, EcrError>
    where
        F: Future<Output = Result<Token, EcrError>>,
    {
        let before = self.fetches.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        // What ended while we waited cannot be what a registry refused before we came.
        let is_new = self.fetches.load(Ordering::Acquire) != before;
        let is_good = |outcome: &Outcome| outcome.result.is_ok() && clock() < outcome.renew_at;
        if let Some(outcome) = &*last
            && (is_new || freshness == Freshness::Any && is_good(outcome))
        {
            return outcome.secret();
        }
        let fetched = fetch().await;
        let now = clock();
        let outcome = match (fetched, last.take()) {
            (Err(error), Some(old)) if freshness == Freshness::Any && old.has_time_left(now) => {
                tracing::warn!(%error, "the last token is used a little longer");
                Outcome {
                    renew_at: now + RENEWED_AGAIN,
                    ..old
                }
            }
            (result, _) => Outcome::new(result, now),
        };
        let secret = outcome.secret();
        *last = Some(outcome);
        self.fetches.fetch_add(1, Ordering::Release);
        secret
    }
}

impl Outcome {
    fn new(result: Result<Token, EcrError>, now: SystemTime) -> Outcome {
        let end = result.as_ref().ok().and_then(|token| token.ends_at);
        let early = end.and_then(|end| end.checked_sub(RENEWED_EARLY));
        let renew_at = early.unwrap_or(now).max(now + USED_AT_LEAST);
        Outcome { result, renew_at }
    }

    fn secret(&self) -> Result<Secret, EcrError> {
        self.result
            .as_ref()
            .map(|token| token.secret.clone())
            .map_err(Clone::clone)
    }

    fn has_time_left(&self, now: SystemTime) -> bool {
        let token = self.result.as_ref().ok();
        token
            .and_then(|token| token.ends_at)
            .is_some_and(|end| now < end)
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
