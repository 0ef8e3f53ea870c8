//! Samples to medians, and medians to verdicts.

use serde::Serialize;

use crate::measure::Cost;

pub(crate) const MIB: f64 = 1024.0 * 1024.0;

/// Median and extremes of some samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// What the runs of one command cost.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Summary {
    pub(crate) wall_seconds: Spread,
    pub(crate) cpu_seconds: Spread,
    pub(crate) peak_bytes: Spread,
    pub(crate) disk_bytes: Spread,
}

/// Something that must hold.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) wanted: String,
    pub(crate) measured: String,
    pub(crate) holds: bool,
}

impl Spread {
    /// Of at least one sample.
    pub(crate) fn of(samples: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<_> = samples.collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self {
            median: f64::midpoint(low, high),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
        }
    }

    /// The numbers divided by a unit, with so many digits behind the point.
    pub(crate) fn shown(&self, unit: f64, digits: usize) -> String {
        let [median, min, max] = [self.median, self.min, self.max].map(|value| value / unit);
        format!("{median:.digits$} ({min:.digits$} to {max:.digits$})")
    }
}

impl Summary {
    /// Of at least one run.
    pub(crate) fn of(costs: &[Cost]) -> Self {
        Self {
            wall_seconds: Spread::of(costs.iter().map(|cost| cost.wall_seconds)),
            cpu_seconds: Spread::of(costs.iter().map(|cost| cost.cpu_seconds)),
            peak_bytes: Spread::of(costs.iter().map(|cost| float(cost.peak_bytes))),
            disk_bytes: Spread::of(costs.iter().map(|cost| float(cost.disk_bytes))),
        }
    }
}

impl Target {
    /// Those that do not hold, by the name of what they are about and their own.
    pub(crate) fn missed(about: &str, targets: &[Target]) -> Vec<String> {
        let missed = targets.iter().filter(|target| !target.holds);
        missed
            .map(|target| format!("{about}: {}", target.name))
            .collect()
    }

    /// A ratio that must be reached.
    pub(crate) fn at_least(name: impl Into<String>, wanted: f64, measured: f64) -> Target {
        Target {
            name: name.into(),
            wanted: format!(">= {wanted:.1} x"),
            measured: format!("{measured:.2} x"),
            holds: measured >= wanted,
        }
    }

    /// A share that must not be passed.
    pub(crate) fn at_most(name: impl Into<String>, wanted: f64, measured: f64) -> Target {
        Target {
            name: name.into(),
            wanted: format!("<= {wanted:.2}"),
            measured: format!("{measured:.3}"),
            holds: measured <= wanted,
        }
    }

    /// Memory that must not be passed. Judge the worst run: a limit that holds at the median only does not hold.
    pub(crate) fn at_most_bytes(name: impl Into<String>, wanted: f64, measured: f64) -> Target {
        Target {
            name: name.into(),
            wanted: format!("<= {:.1} MiB", wanted / MIB),
            measured: format!("{:.1} MiB", measured / MIB),
            holds: measured <= wanted,
        }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let verdict = if self.holds { "holds" } else { "DOES NOT HOLD" };
        let (name, wanted, measured) = (&self.name, &self.wanted, &self.measured);
        format!("{name:<44} wanted {wanted:<14} measured {measured:<14} {verdict}")
    }
}

/// A count of bytes as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "nothing here has 2^52 bytes")]
pub(crate) fn float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0].into_iter());
        let (median, min, max) = (2.5, 1.0, 4.0);
        assert_eq!(spread, Spread { median, min, max });
        assert_eq!(spread.shown(1.0, 1), "2.5 (1.0 to 4.0)");
    }

    #[test]
    fn targets_hold_at_their_bounds() {
        assert!(Target::at_least("ratio", 4.0, 4.0).holds);
        assert!(!Target::at_least("ratio", 4.0, 3.99).holds);
        assert!(Target::at_most("share", 0.72, 0.72).holds);
        assert!(!Target::at_most("share", 0.72, 0.721).holds);
        assert!(Target::at_most_bytes("memory", 64.0 * MIB, 64.0 * MIB).holds);
        let missed = Target::at_most_bytes("memory", 64.0 * MIB, 64.1 * MIB);
        assert!(missed.line().ends_with("DOES NOT HOLD"));
    }
}
