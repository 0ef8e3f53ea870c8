//! The one place where anything is tried again.
//!
//! Each call to a registry is a few requests; it fails as a whole and is repeated as a whole, so that no two layers of
//! retries multiply. What is repeated: failures of kind transient and throttled (connections that cannot be made, break or
//! stall, 408, 425, 429, 5xx), and a blob's host that no longer honours an old redirect. What is not: every other 4xx,
//! because the same question gets the same answer. A digest that does not hold is looked at once more, without waiting; but
//! not a blob's, because whoever consumed the bytes has to begin anew. Waiting grows exponentially with full jitter; a server's `Retry-After` is the least that is waited. The
//! caller's deadline ends everything, and dropping the future ends it too.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Action, Error};
use crate::kind::Kind;
use crate::store::Pending;

/// Bytes of a blob between two failures after which the later one counts as the first again: a connection that breaks every
/// few megabytes still gets a layer of gigabytes done, one that breaks at every byte does not go on for ever.
const PROGRESS_BYTES: u64 = 64 * 1024;

/// How often, how soon and until when a failed call is repeated.
#[derive(Clone)]
pub struct RetryPolicy {
    /// Tries in all, the first included. Default 8, which outlasts ten seconds of throttling: what a burst of twenty
    /// images at once costs of Amazon ECR's ten manifests a second.
    pub attempts: u32,
    /// Upper bound of the first wait; it doubles each time. Default 200 ms.
    pub first_wait: Duration,
    /// Upper bound of every wait. Default 20 s.
    pub longest_wait: Duration,
    /// A `Retry-After` above this is not waited for: the call fails as throttled. Default 60 s.
    pub longest_retry_after: Duration,
    /// When everything has to be over. Default never.
    pub deadline: Option<Instant>,
    sleeper: Arc<dyn Sleeper>,
    random: Arc<AtomicU64>,
}

/// Waits. Exists so that tests need not.
pub trait Sleeper: Send + Sync {
    /// Ends after this long.
    fn sleep(&self, duration: Duration) -> Pending<'_, ()>;
}

struct Clock;

impl Sleeper for Clock {
    fn sleep(&self, duration: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts: 8,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(20),
            longest_retry_after: Duration::from_secs(60),
            deadline: None,
            sleeper: Arc::new(Clock),
            // Differs from process to process, which is all that jitter needs.
            random: Arc::new(AtomicU64::new(RandomState::new().hash_one(0))),
        }
    }
}

impl RetryPolicy {
    /// The default policy, ended by a deadline.
    #[must_use]
    pub fn until(deadline: Instant) -> RetryPolicy {
        RetryPolicy {
            deadline: Some(deadline),
            ..RetryPolicy::default()
        }
    }

    /// The same policy with waits and jitter that a test can foresee.
    #[must_use]
    pub fn deterministic(self, sleeper: Arc<dyn Sleeper>, seed: u64) -> RetryPolicy {
        RetryPolicy {
            sleeper,
            random: Arc::new(AtomicU64::new(seed)),
            ..self
        }
    }

    /// Repeats a call until it succeeds, fails for good, or has failed often enough.
    pub(crate) async fn run<T, F>(
        &self,
        action: Action,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempts = self.attempts(action);
        let mut mismatched = false;
        loop {
            match self.in_time(action, call()).await {
                Ok(done) => return Ok(done),
                // Bytes can change on the way; a second look tells whether they are wrong where they lie.
                Err(Error::Mismatch(first)) if !mismatched => {
                    mismatched = true;
                    tracing::debug!(%first, "looking once more");
                }
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    /// The call's result, unless the deadline comes first.
    pub(crate) async fn in_time<T>(
        &self,
        action: Action,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(deadline) = self.deadline else {
            return call.await;
        };
        match tokio::time::timeout_at(deadline.into(), call).await {
            Ok(result) => result,
            Err(_) => Err(Error::Deadline { action, last: None }),
        }
    }

    pub(crate) fn attempts(&self, action: Action) -> Attempts {
        Attempts {
            policy: self.clone(),
            action,
            failures: 0,
            progress_bytes: 0,
        }
    }

    /// Anything between nothing and the bound of this wait.
    fn jittered(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let bound = self
            .first_wait
            .saturating_mul(doubled)
            .min(self.longest_wait);
        bound.mul_f64(self.next_random())
    }

    /// The next number of a splitmix64 sequence, in [0, 1).
    fn next_random(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .random
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper 53 bits fill a double's mantissa.
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("attempts", &self.attempts)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The tries of one call.
pub(crate) struct Attempts {
    policy: RetryPolicy,
    action: Action,
    failures: u32,
    progress_bytes: u64,
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    None,
    Wait { at_least: Duration },
}

impl Attempts {
    /// Tells of bytes that arrived: enough of them, and earlier failures are forgiven.
    pub(crate) fn progressed(&mut self, bytes: u64) {
        self.progress_bytes += bytes;
        if self.progress_bytes >= PROGRESS_BYTES {
            self.failures = 0;
        }
    }

    pub(crate) fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Waits until the next try may begin.
    ///
    /// # Errors
    /// The failure itself when there is to be no other try, or [`Error::Deadline`] around it when there is no time for one.
    pub(crate) async fn after(&mut self, failure: Error) -> Result<(), Error> {
        self.failures += 1;
        self.progress_bytes = 0;
        let Remedy::Wait { at_least } = remedy(&failure) else {
            return Err(failure);
        };
        if self.failures >= self.policy.attempts || at_least > self.policy.longest_retry_after {
            return Err(failure);
        }
        let wait = self.policy.jittered(self.failures).max(at_least);
        if self
            .policy
            .deadline
            .is_some_and(|deadline| Instant::now() + wait >= deadline)
        {
            return Err(Error::Deadline {
                action: self.action,
                last: Some(Box::new(failure)),
            });
        }
        tracing::info!("trying again in {:.1} s: {failure}", wait.as_secs_f64());
        self.policy.sleeper.sleep(wait).await;
        Ok(())
    }
}

fn remedy(failure: &Error) -> Remedy {
    let at_least = match failure {
        Error::Refused(refusal) => refusal.retry_after().unwrap_or_default(),
        _ => Duration::ZERO,
    };
    match failure.kind() {
        Kind::Transient | Kind::Throttled => Remedy::Wait { at_least },
        // The registry gave an address, and its host refuses it: it was valid for too short a time. A new one may be better.
        Kind::Denied if matches!(failure, Error::Refused(refusal) if refusal.by_redirect_target()) => {
            Remedy::Wait { at_least }
        }
        _ => Remedy::None,
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
