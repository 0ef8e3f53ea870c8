//! Layers that are not what their zTOCs are for.

use soci_index::{Fault, Level, Place};
use soci_testkit::content;
use soci_testkit::image::{self, AMD64, Edit, Layer, Shelf, digest, media};
use soci_testkit::tar::Archive;
use soci_testkit::ztoc::ZtocBytes;
use soci_ztoc::{BuildError, CheckpointFault, VerifyError};

use crate::damage::{self, Damage, Patient, text};
use crate::damaged_links::swap_layers;
use crate::support::{self, OUTPUT, findings, has, look, words};

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

/// A global PAX header right before a file, and a zTOC that counts it to the file like one of its own: soci-snapshotter takes it for the
/// file's header and gives an I/O error. The reference's builder makes no zTOC of this, so an ordinary one is used.
#[tokio::test]
async fn a_global_header_right_before_a_file() {
    let layer = |kind| {
        Archive::new()
            .file("first", &content::mixed(1, 9_000))
            .pax_raw(kind, b"")
            .file("second", &content::mixed(2, 9_000))
            .finish()
    };
    let mut shelf = Shelf::new();
    let root = image::Manifest::oci(AMD64)
        .layer(Layer::new(media::TAR, layer(b'x')))
        .shelve(&mut shelf);
    let folder = tempfile::tempdir().expect("a folder");
    let written = shelf.image(root, "1").write_layout(folder.path());
    written.expect("the folder is writable");
    let report = support::index(folder.path(), "1", support::options()).await;
    assert_eq!(report.error, None);

    let mut edit = Edit::open(folder.path()).expect("a layout");
    let list = edit.document(&edit.tagged(OUTPUT));
    let soci_index = edit.document(&text(&list["manifests"][1]["digest"]));
    let ztoc = text(&soci_index["layers"][0]["digest"]);
    let mut changed = ZtocBytes::new(edit.blob(&ztoc).to_vec());
    let of_span = digest(&layer(b'g'));
    changed.span_digest(0).copy_from_slice(of_span.as_bytes());
    edit.replace(&ztoc, changed.into_bytes());
    edit.replace(&digest(&layer(b'x')), layer(b'g'));
    let folder = tempfile::tempdir().expect("a folder");
    edit.write(folder.path()).expect("it is writable");
    for level in [Level::Sample, Level::Full] {
        let found = look(folder.path(), OUTPUT, level).await;
        let is_named = |fault: &Fault| {
            matches!(
                fault,
                Fault::Content {
                    error: VerifyError::Header { .. } | VerifyError::NotIndexable(_),
                    ..
                }
            )
        };
        assert_eq!(findings(&found).len(), 1, "{}", words(&found));
        assert!(has(&found, is_named), "{}", words(&found));
    }
}
