//! From a parsed header to an entry of the zTOC, or the reason why consumers could not serve it.

use std::sync::Arc;

use super::header::RawHeader;
use super::pax::{Records, XATTR_PREFIX};
use crate::error::Reason;
use crate::model::{FileKind, FileMetadata};
use crate::pax_records::PaxRecords;
use crate::tree::STORE_KEY_BYTES;

/// Bits of a mode number that Go's `FileInfo` takes for a file type other than "regular":
/// directory, named pipe, symbolic link, block device, character device, socket.
const FOREIGN_TYPE_BITS: [u32; 6] = [
    0o040_000, 0o010_000, 0o120_000, 0o060_000, 0o020_000, 0o140_000,
];

/// Why an entry cannot be served.
pub(crate) type Refusal = (Reason, String);

/// The kind that a type flag stands for; a v7 header's NUL flag means a directory when the name
/// ends in a slash.
pub(super) fn kind(type_flag: u8, name: &[u8]) -> Result<FileKind, Refusal> {
    Ok(match type_flag {
        0 if name.ends_with(b"/") => FileKind::Directory,
        // `7`, a file that wants to lie contiguously, is read as any other: containers see no
        // difference.
        0 | b'0' | b'7' => FileKind::Regular,
        b'1' => FileKind::HardLink,
        b'2' => FileKind::Symlink,
        b'3' => FileKind::CharacterDevice,
        b'4' => FileKind::BlockDevice,
        b'5' => FileKind::Directory,
        b'6' => FileKind::Fifo,
        b'S' => return Err((Reason::UnsupportedTarEntry, "GNU sparse file".to_owned())),
        other => {
            return Err((
                Reason::UnsupportedTarEntry,
                format!("tar entry of type {:?}", char::from(other)),
            ));
        }
    })
}

/// Repeated owner names, kept once.
#[derive(Default)]
pub(super) struct Names {
    last_user: Arc<[u8]>,
    last_group: Arc<[u8]>,
}

fn shared(last: &mut Arc<[u8]>, name: &[u8]) -> Arc<[u8]> {
    if **last != *name {
        *last = Arc::from(name);
    }
    Arc::clone(last)
}

/// The entry whose data begins at `uncompressed_offset` and has `data_bytes`.
pub(super) fn entry(
    kind: FileKind,
    header: RawHeader,
    records: &Records,
    uncompressed_offset: u64,
    data_bytes: u64,
    names: &mut Names,
) -> Result<FileMetadata, Refusal> {
    let modified = header.modified;
    if !modified.is_representable() {
        let seconds = modified.seconds;
        return Err(unreadable(format!(
            "modification time {seconds} s lies outside the years 0 to 9999"
        )));
    }
    let id = |what: &str, number: i64| {
        u32::try_from(number)
            .map_err(|_| unreadable(format!("{what} {number} does not fit 32 bits")))
    };
    let file = FileMetadata {
        kind,
        uncompressed_offset,
        uncompressed_bytes: data_bytes,
        mode: header.mode,
        uid: id("user id", header.uid)?,
        gid: id("group id", header.gid)?,
        user_name: shared(&mut names.last_user, &header.user_name),
        group_name: shared(&mut names.last_group, &header.group_name),
        modified: Some(modified),
        device_major: header.device_major,
        device_minor: header.device_minor,
        name: header.name.into_boxed_slice(),
        link_name: header.link_name.into_boxed_slice(),
        pax_records: PaxRecords::pack(records.iter().map(|(key, value)| (&key[..], &value[..]))),
    };
    check_served(&file)?;
    Ok(file)
}

/// The rules come from soci-snapshotter v0.15.0: what its metadata store cannot keep as it is, its
/// reader finds different from the header when the file is first read, and answers with an I/O
/// error.
pub(crate) fn check_served(file: &FileMetadata) -> Result<(), Refusal> {
    let bad_name = |name: &[u8]| name.is_empty() || name.len() > STORE_KEY_BYTES;
    if extended_attributes(file).any(|(name, _)| bad_name(name)) {
        let detail = "an extended attribute has no name, or one that is too long";
        return Err(unreadable(detail.to_owned()));
    }
    if file.kind != FileKind::Regular {
        return Ok(());
    }
    // fs.FileMode keeps the low 32 bits of the number.
    let type_bits = file.mode as u32 & !0o7777;
    if FOREIGN_TYPE_BITS.contains(&type_bits) {
        let mode = file.mode;
        return Err(unreadable(format!(
            "mode {mode:o} of a regular file names another file type"
        )));
    }
    let several = extended_attributes(file).count() > 1;
    if several && extended_attributes(file).any(|(_, value)| value.is_empty()) {
        let detail = "one of several extended attributes is empty";
        return Err(unreadable(detail.to_owned()));
    }
    Ok(())
}

/// Name and value of an entry's extended attributes.
pub(crate) fn extended_attributes(file: &FileMetadata) -> impl Iterator<Item = (&[u8], &[u8])> {
    file.pax_records
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(XATTR_PREFIX)?, value)))
}

pub(super) fn unreadable(detail: String) -> Refusal {
    (Reason::UnreadableMetadata, detail)
}
