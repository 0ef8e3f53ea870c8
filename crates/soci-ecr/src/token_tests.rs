//! When a token is fetched and when not, on a clock that the test sets.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::error::Fault;

const HOUR: Duration = Duration::from_secs(3600);
const START: SystemTime = SystemTime::UNIX_EPOCH;

/// A slot, a clock, and an API that numbers its tokens.
struct Bench {
    slot: Slot,
    now: Cell<SystemTime>,
    fetched: Cell<u32>,
    /// How long tokens last.
    life: Cell<Option<Duration>>,
    fails: Cell<bool>,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            slot: Slot::default(),
            now: Cell::new(START + 1000 * HOUR),
            fetched: Cell::new(0),
            life: Cell::new(Some(12 * HOUR)),
            fails: Cell::new(false),
        }
    }

    async fn get(&self, freshness: Freshness) -> String {
        let fetch = || async {
            self.fetched.set(self.fetched.get() + 1);
            match self.fails.get() {
                true => Err(failure()),
                false => Ok(Token {
                    secret: Secret::new(self.fetched.get().to_string()),
                    ends_at: self.life.get().map(|life| self.now.get() + life),
                }),
            }
        };
        let secret = self.slot.get(freshness, || self.now.get(), fetch).await;
        secret.map_or("failed".into(), |secret| secret.expose().to_owned())
    }

    fn wait(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }
}

fn failure() -> EcrError {
    EcrError {
        api: "https://api".into(),
        fault: Fault::Time,
    }
}

#[tokio::test]
async fn is_kept_until_shortly_before_its_end() {
    let bench = Bench::new();
    assert_eq!(bench.get(Freshness::Any).await, "1");
    bench.wait(12 * HOUR - RENEWED_EARLY - Duration::from_secs(1));
    assert_eq!(bench.get(Freshness::Any).await, "1");
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.get(Freshness::Any).await, "2");
    assert_eq!(bench.get(Freshness::Any).await, "2");
}

#[tokio::test]
async fn a_refused_token_is_renewed_at_once() {
    let bench = Bench::new();
    assert_eq!(bench.get(Freshness::Any).await, "1");
    assert_eq!(bench.get(Freshness::Renewed).await, "2");
    assert_eq!(bench.get(Freshness::Any).await, "2");
    // A failure does not bring the refused one back.
    bench.fails.set(true);
    assert_eq!(bench.get(Freshness::Renewed).await, "failed");
    assert_eq!(bench.get(Freshness::Any).await, "failed");
}

#[tokio::test]
async fn an_end_in_the_past_or_none_does_not_mean_asking_for_ever() {
    for life in [Some(Duration::ZERO), None] {
        let bench = Bench::new();
        bench.life.set(life);
        assert_eq!(bench.get(Freshness::Any).await, "1");
        bench.wait(USED_AT_LEAST / 2);
        assert_eq!(bench.get(Freshness::Any).await, "1");
        bench.wait(USED_AT_LEAST);
        assert_eq!(bench.get(Freshness::Any).await, "2");
    }
}

#[tokio::test]
async fn a_failed_renewal_does_not_cost_a_token_that_has_time_left() {
    let bench = Bench::new();
    assert_eq!(bench.get(Freshness::Any).await, "1");
    bench.fails.set(true);
    bench.wait(12 * HOUR - RENEWED_EARLY);
    assert_eq!(bench.get(Freshness::Any).await, "1");
    assert_eq!(bench.get(Freshness::Any).await, "1");
    assert_eq!(bench.fetched.get(), 2);
    bench.wait(RENEWED_AGAIN);
    assert_eq!(bench.get(Freshness::Any).await, "1");
    assert_eq!(bench.fetched.get(), 3);
    bench.wait(RENEWED_EARLY);
    assert_eq!(bench.get(Freshness::Any).await, "failed");
    bench.fails.set(false);
    assert_eq!(bench.get(Freshness::Any).await, "5");
}

/// Eight callers at once, none of which knows of the others.
async fn crowd(slot: &Arc<Slot>, freshness: Freshness, fails: bool) -> (usize, Vec<bool>) {
    let fetched = Arc::new(AtomicUsize::new(0));
    let callers = (0..8).map(|_| {
        let (slot, fetched) = (slot.clone(), fetched.clone());
        tokio::spawn(async move {
            let fetch = || async {
                fetched.fetch_add(1, Ordering::Relaxed);
                // All others come while this one is under way.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let token = || Token {
                    secret: Secret::new("t"),
                    ends_at: Some(START + HOUR),
                };
                if fails { Err(failure()) } else { Ok(token()) }
            };
            slot.get(freshness, || START, fetch).await.is_ok()
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut results = Vec::new();
    for caller in callers {
        results.push(caller.await.expect("no panic"));
    }
    (fetched.load(Ordering::Relaxed), results)
}

#[tokio::test]
async fn concurrent_callers_share_one_fetch() {
    let slot = Arc::new(Slot::default());
    for freshness in [Freshness::Any, Freshness::Renewed] {
        assert_eq!(crowd(&slot, freshness, false).await, (1, vec![true; 8]));
    }
    assert_eq!(
        crowd(&slot, Freshness::Renewed, true).await,
        (1, vec![false; 8])
    );
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_fetch_to_the_next() {
    let slot = Slot::default();
    let stuck = slot.get(Freshness::Any, || START, std::future::pending);
    assert!(
        tokio::time::timeout(Duration::from_millis(5), stuck)
            .await
            .is_err()
    );
    let token = Token {
        secret: Secret::new("t"),
        ends_at: None,
    };
    let found = slot
        .get(Freshness::Any, || START, || async { Ok(token) })
        .await;
    assert!(found.is_ok());
}
