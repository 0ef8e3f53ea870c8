//! What the tests of answers and of events tell of.

use soci_index::{LayerOutcome, LayerReport, PlatformReport};

/// A platform with so many layers, each left out.
pub(crate) fn platform(layers: usize) -> PlatformReport {
    let layer = LayerReport {
        digest: format!("sha256:{}", "1".repeat(64)),
        size: 1,
        outcome: LayerOutcome::Skipped,
        reason: Some("too-small"),
        ztoc: None,
    };
    PlatformReport {
        platform: "linux/amd64".to_owned(),
        manifest: format!("sha256:{}", "2".repeat(64)),
        index: None,
        layers: vec![layer; layers],
    }
}
