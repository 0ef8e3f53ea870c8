//! PAX records: the data of `x` and `g` headers (POSIX.1-2001 pax, "extended header"), parsed as
//! Go's `archive/tar` parses them.

use std::collections::BTreeMap;

use super::header::RawHeader;
use super::numeric::{decimal, pax_time};

/// Records of one extended header. Where a key stands twice, the last value counts.
pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// An extended attribute's record; the attribute's name follows.
pub(super) const XATTR_PREFIX: &[u8] = b"SCHILY.xattr.";

const SPARSE_OFFSET: &[u8] = b"GNU.sparse.offset";
const SPARSE_NUMBYTES: &[u8] = b"GNU.sparse.numbytes";
const SPARSE_MAP: &[u8] = b"GNU.sparse.map";

/// Shortest record there can be: `5 k=\n`.
const SHORTEST_RECORD_BYTES: usize = 5;

/// What is wrong with an extended header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BadPax {
    /// No record begins at this byte of the header's data.
    Record { at: usize },
    /// The record of this key has no valid value.
    Value { key: &'static str },
}

/// Parses all records: each is `LENGTH KEY=VALUE\n`, with the length of all of it in decimal. The pairs of records that list a sparse
/// file's pieces in GNU's format 0.0 become the one record of format 0.1.
pub(super) fn parse(data: &[u8]) -> Result<Records, BadPax> {
    let mut records = Records::new();
    let mut sparse_map: Vec<&[u8]> = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let at = data.len() - rest.len();
        let (key, value, behind) = split_record(rest).ok_or(BadPax::Record { at })?;
        match key {
            SPARSE_OFFSET | SPARSE_NUMBYTES => {
                let expected = [SPARSE_OFFSET, SPARSE_NUMBYTES][sparse_map.len() % 2];
                if key != expected || value.contains(&b',') {
                    return Err(BadPax::Record { at });
                }
                sparse_map.push(value);
            }
            _ => drop(records.insert(key.to_vec(), value.to_vec())),
        }
        rest = behind;
    }
    if !sparse_map.is_empty() {
        records.insert(SPARSE_MAP.to_vec(), sparse_map.join(&b','));
    }
    Ok(records)
}

/// Key and value of the first record, and what stands behind it.
fn split_record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&data[..space])?).ok()?;
    if length < SHORTEST_RECORD_BYTES || length <= space + 1 {
        return None;
    }
    let (record, rest) = data.split_at_checked(length)?;
    let record = record[space + 1..].strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    is_valid(key, value).then_some((key, value, rest))
}

/// NUL is refused where the value becomes a C string, and in keys.
fn is_valid(key: &[u8], value: &[u8]) -> bool {
    match key {
        b"" => false,
        b"path" | b"linkpath" | b"uname" | b"gname" => !value.contains(&0),
        _ => !key.contains(&0),
    }
}

/// Overrides the header's fields. Empty values override nothing, but stay records.
pub(super) fn merge(header: &mut RawHeader, records: &Records) -> Result<(), BadPax> {
    for (key, value) in records.iter().filter(|(_, value)| !value.is_empty()) {
        let number = |key| decimal(value).ok_or(BadPax::Value { key });
        let time = |key| pax_time(value).ok_or(BadPax::Value { key });
        match key.as_slice() {
            b"path" => header.name.clone_from(value),
            b"linkpath" => header.link_name.clone_from(value),
            b"uname" => header.user_name.clone_from(value),
            b"gname" => header.group_name.clone_from(value),
            b"uid" => header.uid = number("uid")?,
            b"gid" => header.gid = number("gid")?,
            b"size" => header.data_bytes = number("size")?,
            b"mtime" => header.modified = time("mtime")?,
            b"atime" => drop(time("atime")?),
            b"ctime" => drop(time("ctime")?),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the records describe one of the GNU sparse formats 0.0, 0.1 and 1.0. A version that is none of them makes Go's reader
/// treat the entry as an ordinary file.
pub(super) fn is_sparse(records: &Records) -> bool {
    let value = |key: &[u8]| records.get(key).map_or(&b""[..], Vec::as_slice);
    match (value(b"GNU.sparse.major"), value(b"GNU.sparse.minor")) {
        (b"0", b"0" | b"1") | (b"1", b"0") => true,
        (b"", b"") => !value(SPARSE_MAP).is_empty(),
        _ => false,
    }
}
