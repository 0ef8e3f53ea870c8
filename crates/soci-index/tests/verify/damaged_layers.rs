//! Layers that are not what their zTOCs are for.

use soci_index::{Fault, Level, Place};
use soci_testkit::image::digest;
use soci_testkit::ztoc::ZtocBytes;
use soci_ztoc::{BuildError, CheckpointFault, VerifyError};

use crate::damage::{self, Damage, Patient};
use crate::damaged_links::swap_layers;

/// Uncompressed bytes of a span in these tests.
const SPAN_BYTES: usize = 32 << 10;

#[tokio::test]
async fn layers_of_other_bytes() {
    damage::each(&[
        Damage {
            name: "a byte of a layer",
            level: Level::Sample,
            act: |patient| {
                let layer = patient.layer(0, 1);
                patient.flip(&layer);
            },
            named: |finding| match finding.fault {
                Fault::Content {
                    error: VerifyError::SpanDigest { .. },
                    ..
                } => true,
                // Read whole, it is the layer that is wrong.
                Fault::Digest { .. } => matches!(finding.place, Place::Layer(_)),
                _ => false,
            },
        },
        Damage {
            name: "zTOCs of two layers of one size, each for the other",
            level: Level::Sample,
            act: |patient| patient.change_soci_index(0, swap_layers_and_order),
            named: |finding| {
                matches!(
                    finding.fault,
                    Fault::Content {
                        error: VerifyError::SpanDigest { span: 0 },
                        ..
                    }
                )
            },
        },
        Damage {
            name: "bits of a checkpoint",
            level: Level::Sample,
            act: other_bits,
            named: |finding| {
                matches!(
                    finding.fault,
                    Fault::Content {
                        error: VerifyError::Checkpoint {
                            fault: CheckpointFault::Bits { .. },
                            ..
                        },
                        ..
                    }
                )
            },
        },
        Damage {
            name: "a gzip checksum that nobody computes who begins in the middle",
            level: Level::Full,
            act: wrong_checksum,
            named: |finding| {
                matches!(
                    finding.fault,
                    Fault::Content {
                        error: VerifyError::Layer(BuildError::Damaged(_)),
                        ..
                    }
                )
            },
        },
    ])
    .await;
}

/// The zTOCs of the plain tars change places, and stand in the order of their layers.
fn swap_layers_and_order(index: &mut serde_json::Value) {
    swap_layers(index, 1, 2);
    index["layers"].as_array_mut().expect("a list").swap(1, 2);
}

/// Another number of bits where some of a byte belong to the block, so that the span's bytes stay the same.
fn other_bits(patient: &mut Patient) {
    patient.change_ztoc(1, 1, |ztoc| {
        let mut numbers = 1..4;
        let shared = numbers.find(|number| ztoc.checkpoint(*number)[ZtocBytes::BITS] > 0);
        let bits = &mut ztoc.checkpoint(shared.expect("a checkpoint amid a byte"))[ZtocBytes::BITS];
        *bits = *bits % 7 + 1;
    });
}

/// A layer whose own checksum is wrong, with every digest as it has to be for that layer.
fn wrong_checksum(patient: &mut Patient) {
    let (layer, ztoc) = (patient.layer(1, 1), patient.ztoc(1, 1));
    let mut bytes = patient.edit().blob(&layer).to_vec();
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let mut changed = ZtocBytes::new(patient.edit().blob(&ztoc).to_vec());
    let spans = (changed.checkpoints().len() - 12) / (SPAN_BYTES + 17);
    let last = changed.checkpoint(spans - 1);
    let offset = u64::from_le_bytes(last[..8].try_into().expect("eight bytes"));
    let start = offset as usize - usize::from(last[ZtocBytes::BITS] > 0);
    let of_span = digest(&bytes[start..]);
    changed
        .span_digest(spans - 1)
        .copy_from_slice(of_span.as_bytes());
    patient.edit().replace(&ztoc, changed.into_bytes());
    patient.edit().replace(&layer, bytes);
}
