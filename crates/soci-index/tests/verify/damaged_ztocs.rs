//! Damage within zTOCs, whose digests are put right again.

use soci_index::{Fault, Finding, Level};
use soci_testkit::ztoc::{FileField, ZtocBytes};
use soci_ztoc::{
    CheckpointFault, DecodeError, FileKind, StructureError, UnservedError, VerifyError,
};

use crate::damage::{self, Damage};
use crate::support::entry;

macro_rules! damage {
    ($name:literal, $level:ident, $act:expr, $fault:pat) => {
        Damage {
            name: $name,
            level: Level::$level,
            // The layer of many spans, which both platforms have.
            act: |patient| patient.change_ztoc(0, 0, $act),
            named: |finding| matches!(finding.fault, $fault),
        }
    };
}

/// A field of an entry that is not as in the layer.
macro_rules! field {
    ($name:literal, $field:literal, $act:expr) => {
        Damage {
            name: $name,
            level: Level::Sample,
            act: |patient| patient.change_ztoc(0, 0, $act),
            named: |finding| is_field(finding, $field),
        }
    };
}

#[tokio::test]
async fn what_contradicts_itself() {
    damage::each(&[
        damage!(
            "zTOC cut short",
            Structure,
            |z| {
                let mut bytes = z.clone().into_bytes();
                bytes.truncate(5_000);
                *z = ZtocBytes::new(bytes)
            },
            Fault::Undecodable(_)
        ),
        damage!(
            "version",
            Structure,
            |z| z.version()[0] = b'7',
            Fault::Structure(StructureError::Version { .. })
        ),
        damage!(
            "highest span number",
            Structure,
            |z| z.set_max_span_id(5),
            Fault::Structure(StructureError::SpanCount { .. })
        ),
        damage!(
            "a span digest too few",
            Structure,
            |z| z.drop_span_digest(),
            Fault::Structure(StructureError::DigestCount { .. })
        ),
        damage!(
            "a span digest that is none",
            Structure,
            |z| z.span_digest(0)[3] = b'x',
            Fault::Undecodable(DecodeError::Text { .. })
        ),
        damage!(
            "spans that do not go up",
            Structure,
            |z| {
                let before = z.checkpoint(2)[8..16].to_vec();
                z.checkpoint(3)[8..16].copy_from_slice(&before)
            },
            Fault::Structure(StructureError::SpanOrder { .. })
        ),
        damage!(
            "a first span that is none",
            Structure,
            |z| z.checkpoint(0)[8] = 1,
            Fault::Structure(StructureError::FirstSpan { .. })
        ),
        damage!(
            "checkpoint's bits over 7",
            Structure,
            |z| z.checkpoint(1)[ZtocBytes::BITS] = 8,
            Fault::Undecodable(DecodeError::Checkpoints(_))
        ),
        damage!(
            "number of checkpoints",
            Structure,
            |z| z.checkpoints()[0] += 2,
            Fault::Undecodable(DecodeError::Checkpoints(_))
        ),
        damage!(
            "span size",
            Structure,
            |z| z.checkpoints()[4] ^= 1,
            Fault::SpanSize { .. }
        ),
        damage!(
            "layer's size",
            Structure,
            |z| z.set_compressed_bytes(999_999),
            Fault::LayerSize { .. }
        ),
        damage!(
            "archive's size before its files",
            Structure,
            |z| z.set_uncompressed_bytes(10_000),
            Fault::Structure(StructureError::FileEnd { .. })
        ),
        damage!(
            "a file's size into the next file",
            Structure,
            |z| z.set_file_number(entry::OWNED, FileField::Size, 5_000),
            Fault::Structure(StructureError::FileOrder { .. })
        ),
        damage!(
            "a type that nobody knows",
            Structure,
            |z| z
                .file_text(entry::OWNED, FileField::Kind)
                .copy_from_slice(b"geR"),
            Fault::Undecodable(DecodeError::Text { .. })
        ),
        damage!(
            "a time that is none",
            Structure,
            |z| z.file_text(entry::OWNED, FileField::Modified)[0] = b'x',
            Fault::Undecodable(DecodeError::Text { .. })
        ),
        damage!(
            "a file without a time",
            Structure,
            |z| z.empty_file_text(entry::OWNED, FileField::Modified),
            Fault::Unserved(UnservedError::NoTime { .. })
        ),
        damage!(
            "a directory with a size",
            Structure,
            |z| z
                .file_text(entry::OWNED, FileField::Kind)
                .copy_from_slice(b"dir"),
            Fault::Unserved(UnservedError::SizeWithoutData {
                kind: FileKind::Directory,
                ..
            })
        ),
        damage!(
            "a mode that makes a file a directory",
            Structure,
            |z| z.set_file_number(entry::OWNED, FileField::Mode, 0o040_644),
            Fault::Unserved(UnservedError::Other(_))
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_not_as_in_the_layer() {
    damage::each(&[
        damage!(
            "a span's digest",
            Sample,
            |z| flip_digit(&mut z.span_digest(0)[10]),
            Fault::Content {
                error: VerifyError::SpanDigest { span: 0 },
                ..
            }
        ),
        damage!(
            "a checkpoint's place in the layer",
            Sample,
            |z| add(&mut z.checkpoint(1)[..8], 1),
            Fault::Content {
                error: VerifyError::SpanDigest { span: 0 },
                ..
            }
        ),
        damage!(
            "a checkpoint's place in the archive",
            Sample,
            |z| add(&mut z.checkpoint(1)[8..16], 1),
            Fault::Content {
                error: VerifyError::Checkpoint {
                    span: 1,
                    fault: CheckpointFault::UncompressedOffset { .. }
                },
                ..
            }
        ),
        damage!(
            "the last byte of a window",
            Sample,
            |z| z.checkpoint(1)[ZtocBytes::WINDOW + 32_767] ^= 1,
            Fault::Content {
                error: VerifyError::Checkpoint {
                    span: 1,
                    fault: CheckpointFault::Window
                },
                ..
            }
        ),
        damage!(
            "the window of a span between",
            Full,
            |z| z.checkpoint(3)[ZtocBytes::WINDOW + 20_000] ^= 1,
            Fault::Content {
                error: VerifyError::Checkpoint {
                    span: 3,
                    fault: CheckpointFault::Window
                },
                ..
            }
        ),
        damage!(
            "the digest of a span between",
            Full,
            |z| flip_digit(&mut z.span_digest(3)[10]),
            Fault::Content {
                error: VerifyError::SpanDigest { span: 3 },
                ..
            }
        ),
        damage!(
            "archive's size",
            Sample,
            |z| {
                let bytes = z.uncompressed_bytes();
                z.set_uncompressed_bytes(bytes + 512)
            },
            Fault::Content {
                error: VerifyError::ArchiveSize { .. },
                ..
            }
        ),
        damage!(
            "archive's size, too little",
            Sample,
            |z| {
                let bytes = z.uncompressed_bytes();
                z.set_uncompressed_bytes(bytes - 512)
            },
            Fault::Content {
                error: VerifyError::ArchiveSize { .. },
                ..
            }
        ),
        damage!(
            "the last file lost",
            Sample,
            |z| z.drop_file(),
            Fault::Content {
                error: VerifyError::FileCount { .. },
                ..
            }
        ),
    ])
    .await;
}

#[tokio::test]
async fn entries_that_are_not_as_in_the_layer() {
    damage::each(&[
        field!("a file twice", "offset", |z| z.repeat_file(0, 1)),
        field!("a file's place", "offset", |z| {
            let at = z.file_number(entry::LAST, FileField::Offset);
            z.set_file_number(entry::LAST, FileField::Offset, at + 512)
        }),
        field!("a file's size", "size", |z| z.set_file_number(
            entry::OWNED,
            FileField::Size,
            699
        )),
        field!("a file's name", "name", |z| z
            .file_text(entry::SYMLINK, FileField::Name)[4] =
            b'O'),
        field!("a link's target", "link name", |z| z
            .file_text(entry::SYMLINK, FileField::LinkName)[0] =
            b'O'),
        field!("a file's mode", "mode", |z| z.set_file_number(
            entry::OWNED,
            FileField::Mode,
            0o4755
        )),
        field!("a file's owner", "user id", |z| z.set_file_number(
            entry::OWNED,
            FileField::Uid,
            1
        )),
        field!("a file's time", "modification time", |z| z
            .file_text(entry::OWNED, FileField::Modified)[3] =
            b'9'),
        field!("an extended attribute", "PAX records", |z| z
            .record_value(entry::ATTRIBUTED, 0)[0] =
            b'x'),
    ])
    .await;
}

fn is_field(finding: &Finding, expected: &str) -> bool {
    matches!(&finding.fault, Fault::Content { error: VerifyError::File { field, .. }, .. } if *field == expected)
}

fn flip_digit(digit: &mut u8) {
    *digit = if *digit == b'0' { b'1' } else { b'0' };
}

fn add(number: &mut [u8], more: u64) {
    let before = u64::from_le_bytes(number.try_into().expect("eight bytes"));
    number.copy_from_slice(&(before + more).to_le_bytes());
}
