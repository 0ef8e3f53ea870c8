//! What can be done before the invocation ends, and when to stop.
//!
//! An invocation that runs into its end is killed: nobody is told, and all it did was paid for. So what cannot be done in time is refused
//! before it is begun, and what takes longer than it looked is stopped early enough to say so.

use std::time::{Duration, Instant};

use serde::Deserialize;
use soci_index::Ceiling;

/// Before the end, for logs, metrics and the answer. Of short invocations, a fifth.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Measured speeds; `infra/rates.json` says how and on what.
const RATES: &str = include_str!("../../../infra/rates.json");

/// How fast layers are read.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Rates {
    /// Compressed bytes of layers that one core reads in a second.
    layer_bytes_per_core_second: f64,
    /// Bytes that a function's network brings in a second.
    network_bytes_per_second: f64,
}

impl Rates {
    fn measured() -> Rates {
        serde_json::from_str(RATES).expect("a test reads the file")
    }
}

/// When work has to stop so that the rest can still be said.
#[must_use]
pub fn stop_at(now: Instant, end: Instant) -> Instant {
    let left = end.saturating_duration_since(now);
    now + left.saturating_sub(LAST_WORDS.min(left / 5))
}

/// Half of the time between two moments, for what must leave time to what comes after it.
pub(crate) fn half_way(now: Instant, end: Instant) -> Instant {
    now + end.saturating_duration_since(now) / 2
}

/// The most that can be read by then.
///
/// Layers differ in how much comes out of a byte, so the estimate may be wrong by a factor of two in either direction. What does not fit
/// by the estimate is refused: then what needs twice the time there is never gets through, and what needs half of it always does.
#[must_use]
pub fn ceiling(left: Duration, cores: f64) -> Ceiling {
    let rates = Rates::measured();
    let per_second = |cores: f64| {
        (cores * rates.layer_bytes_per_core_second).min(rates.network_bytes_per_second)
    };
    // `as` saturates: no time is no bytes, for ever is all bytes.
    let bytes = |cores: f64| (left.as_secs_f64() * per_second(cores)) as u64;
    Ceiling {
        image_bytes: bytes(cores),
        layer_bytes: bytes(cores.min(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    #[test]
    fn last_words_have_their_time() {
        let now = Instant::now();
        let left = |seconds: u64| stop_at(now, now + Duration::from_secs(seconds)) - now;
        assert_eq!(left(900), Duration::from_secs(895));
        assert_eq!(left(10), Duration::from_secs(8));
        assert_eq!(left(0), Duration::ZERO);
        assert_eq!(
            stop_at(now + Duration::from_secs(1), now),
            now + Duration::from_secs(1)
        );
    }

    #[test]
    fn more_time_and_more_cores_read_more_until_the_network_is_full() {
        let at = |seconds, cores| ceiling(Duration::from_secs(seconds), cores);
        assert_eq!(at(0, 1.0).image_bytes, 0);
        assert!(at(900, 0.29).image_bytes < at(900, 0.58).image_bytes);
        assert_eq!(at(900, 6.0), at(900, 60.0));
        // 625 Mbit/s for a quarter of an hour.
        assert!(
            (69 * GB..71 * GB).contains(&at(900, 6.0).image_bytes),
            "{:?}",
            at(900, 6.0)
        );
        // The size of function that AWS's builder has does what AWS says that builder can do, 6 GB, and more.
        assert!(at(895, 0.58).image_bytes > 12 * GB, "{:?}", at(895, 0.58));
    }
}
