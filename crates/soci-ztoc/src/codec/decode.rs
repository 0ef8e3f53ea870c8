//! From bytes that anybody may have written to a [`Ztoc`] that holds together.

use std::sync::Arc;

use super::reader::{Buffer, Table};
use super::schema::{compression, file, record, tar_zinfo, toc, ztoc};
use crate::checkpoints::{Checkpoints, InvalidCheckpoints};
use crate::digest::InvalidDigest;
use crate::limits::{self, LimitExceeded, Limits};
use crate::model::{FileKind, FileMetadata, SpanTable, Ztoc};
use crate::pax_records::PaxRecords;
use crate::structure::StructureError;
use crate::timestamp::Timestamp;

/// Why bytes are no zTOC that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A reference leads out of the buffer.
    #[error("not a zTOC: {what} leads out of its {buffer_bytes} bytes at offset {offset}")]
    OutOfBounds {
        /// What was read.
        what: &'static str,
        /// Where it would stand.
        offset: u64,
        /// Size of the whole.
        buffer_bytes: u64,
    },
    /// A part that every zTOC has is not there.
    #[error("not a zTOC: it has no {what}")]
    Missing {
        /// The part.
        what: &'static str,
    },
    /// A size or offset is below zero.
    #[error("zTOC is damaged: {what} is {value}")]
    Negative {
        /// What was read.
        what: &'static str,
        /// Its value.
        value: i64,
    },
    /// A text is not one of those that the format knows.
    #[error("zTOC is damaged: {what} is {found:?}")]
    Text {
        /// What was read.
        what: &'static str,
        /// Its text.
        found: String,
    },
    /// Compressed with something unknown.
    #[error("zTOC names compression algorithm {found}, known are 1 (gzip) and 2 (uncompressed)")]
    Algorithm {
        /// As stored.
        found: i8,
    },
    /// The checkpoints are damaged.
    #[error("zTOC is damaged: {0}")]
    Checkpoints(#[from] InvalidCheckpoints),
    /// It is larger than the limits in force.
    #[error("zTOC is too large: {0}")]
    Limit(#[from] LimitExceeded),
    /// Its parts contradict one another.
    #[error("zTOC is damaged: {0}")]
    Structure(#[from] StructureError),
}

impl Ztoc {
    /// Decodes a zTOC and checks that it holds together ([`Ztoc::check_structure`]).
    ///
    /// # Errors
    /// [`DecodeError`]; never a panic, and memory stays within `limits`.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Ztoc, DecodeError> {
        let decoded = Ztoc::decode_unchecked(bytes, limits)?;
        decoded.check_structure()?;
        Ok(decoded)
    }

    /// Decodes a zTOC whose parts may contradict one another, to look at what is wrong with it.
    ///
    /// # Errors
    /// [`DecodeError`], any but [`DecodeError::Structure`].
    pub fn decode_unchecked(bytes: &[u8], limits: &Limits) -> Result<Ztoc, DecodeError> {
        limits::check(
            "bytes of a zTOC",
            bytes.len() as u64,
            limits.memory_bytes as u64,
        )?;
        let root = Buffer::new(bytes).root("root table")?;
        let table_of_contents = root.table(ztoc::TOC, "table of contents")?;
        let compression_info = root.table(ztoc::COMPRESSION_INFO, "compression info")?;
        Ok(Ztoc {
            version: utf8(root.bytes(ztoc::VERSION, "version")?, "version")?,
            build_tool_identifier: utf8(
                root.bytes(ztoc::BUILD_TOOL_IDENTIFIER, "build tool identifier")?,
                "build tool identifier",
            )?,
            compressed_bytes: root.count(ztoc::COMPRESSED_ARCHIVE_SIZE, "compressed size")?,
            uncompressed_bytes: root.count(ztoc::UNCOMPRESSED_ARCHIVE_SIZE, "uncompressed size")?,
            files: read_files(&table_of_contents, limits)?,
            spans: read_spans(&compression_info, limits)?,
            span_digests: read_digests(&compression_info, limits)?,
        })
    }
}

fn utf8(bytes: &[u8], what: &'static str) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| text_error(bytes, what))
}

fn text_error(bytes: &[u8], what: &'static str) -> DecodeError {
    const SHOWN_BYTES: usize = 80;
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    DecodeError::Text {
        what,
        found: String::from_utf8_lossy(shown).into_owned(),
    }
}

/// Memory that may still be spent: several references may lead to one large string, which then is
/// copied as often.
struct Budget {
    left_bytes: usize,
    limit_bytes: usize,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), LimitExceeded> {
        self.left_bytes = self.left_bytes.checked_sub(bytes).ok_or(LimitExceeded {
            what: "bytes of file metadata",
            limit: self.limit_bytes as u64,
        })?;
        Ok(())
    }

    fn copy<T: From<Box<[u8]>>>(&mut self, bytes: &[u8]) -> Result<T, LimitExceeded> {
        /// What an allocation takes beside its bytes, at most.
        const ALLOCATION_BYTES: usize = 32;
        self.spend(bytes.len() + ALLOCATION_BYTES)?;
        Ok(T::from(Box::from(bytes)))
    }
}

fn read_files(
    table_of_contents: &Table<'_>,
    limits: &Limits,
) -> Result<Vec<FileMetadata>, DecodeError> {
    let entries = table_of_contents.refs(toc::METADATA, "file list")?;
    limits::check("files", entries.len() as u64, limits.files as u64)?;
    let mut budget = Budget {
        left_bytes: limits.memory_bytes,
        limit_bytes: limits.memory_bytes,
    };
    budget.spend(entries.len().saturating_mul(size_of::<FileMetadata>()))?;
    entries
        .tables("file")
        .map(|entry| read_file(&entry?, &mut budget))
        .collect()
}

fn read_file(entry: &Table<'_>, budget: &mut Budget) -> Result<FileMetadata, DecodeError> {
    let kind = entry.bytes(file::TYPE, "file type")?;
    let modified = entry.bytes(file::MOD_TIME, "modification time")?;
    Ok(FileMetadata {
        name: budget.copy(entry.bytes(file::NAME, "file name")?)?,
        kind: FileKind::from_name(kind).ok_or_else(|| text_error(kind, "file type"))?,
        uncompressed_offset: entry.count(file::UNCOMPRESSED_OFFSET, "file offset")?,
        uncompressed_bytes: entry.count(file::UNCOMPRESSED_SIZE, "file size")?,
        link_name: budget.copy(entry.bytes(file::LINKNAME, "link name")?)?,
        mode: entry.int64(file::MODE, "file mode")?,
        uid: entry.uint32(file::UID, "user id")?,
        gid: entry.uint32(file::GID, "group id")?,
        user_name: budget.copy::<Arc<[u8]>>(entry.bytes(file::UNAME, "user name")?)?,
        group_name: budget.copy::<Arc<[u8]>>(entry.bytes(file::GNAME, "group name")?)?,
        modified: read_time(modified)?,
        device_major: entry.int64(file::DEVMAJOR, "device major number")?,
        device_minor: entry.int64(file::DEVMINOR, "device minor number")?,
        pax_records: read_records(entry, budget)?,
    })
}

/// soci-snapshotter leaves the text empty for years that RFC 3339 does not know.
fn read_time(text: &[u8]) -> Result<Option<Timestamp>, DecodeError> {
    match text {
        b"" => Ok(None),
        _ => Timestamp::parse(text)
            .map(Some)
            .ok_or_else(|| text_error(text, "modification time")),
    }
}

fn read_records(entry: &Table<'_>, budget: &mut Budget) -> Result<PaxRecords, DecodeError> {
    let mut records = Vec::new();
    for table in entry
        .refs(file::PAX_RECORDS, "PAX records")?
        .tables("PAX record")
    {
        let table = table?;
        let key = table.bytes(record::KEY, "PAX key")?;
        let value = table.bytes(record::VALUE, "PAX value")?;
        // The list here and the packed form.
        budget.spend(key.len() + value.len() + 2 * size_of_val(&(key, value)))?;
        records.push((key, value));
    }
    Ok(PaxRecords::pack(records.into_iter()))
}

fn read_spans(info: &Table<'_>, limits: &Limits) -> Result<SpanTable, DecodeError> {
    let stored = info.bytes(compression::CHECKPOINTS, "checkpoints")?;
    let spans = match info.int8(
        compression::COMPRESSION_ALGORITHM,
        compression::GZIP,
        "compression algorithm",
    )? {
        compression::GZIP => SpanTable::Gzip(Checkpoints::unpack(stored)?),
        compression::UNCOMPRESSED => read_tar_spans(stored)?,
        found => return Err(DecodeError::Algorithm { found }),
    };
    limits::check("spans", spans.len() as u64, limits.spans as u64)?;
    let max_span_id = info.uint32(compression::MAX_SPAN_ID, "highest span number")? as i32;
    if i64::from(max_span_id) + 1 != spans.len() as i64 {
        return Err(StructureError::SpanCount {
            spans: spans.len(),
            max_span_id,
        }
        .into());
    }
    Ok(spans)
}

fn read_tar_spans(stored: &[u8]) -> Result<SpanTable, DecodeError> {
    let table = Buffer::new(stored).root("span table")?;
    let span_bytes = table.count(tar_zinfo::SPAN_SIZE, "span size")?;
    if span_bytes == 0 {
        return Err(DecodeError::Missing { what: "span size" });
    }
    Ok(SpanTable::Uncompressed {
        span_bytes,
        layer_bytes: table.count(tar_zinfo::SIZE, "layer size")?,
    })
}

fn read_digests(info: &Table<'_>, limits: &Limits) -> Result<Vec<crate::Digest>, DecodeError> {
    let digests = info.refs(compression::SPAN_DIGESTS, "span digests")?;
    limits::check("span digests", digests.len() as u64, limits.spans as u64)?;
    digests
        .strings("span digest")
        .map(|text| {
            let text = text?;
            let parsed = std::str::from_utf8(text)
                .map_err(|_| InvalidDigest)
                .and_then(str::parse);
            parsed.map_err(|_| text_error(text, "span digest"))
        })
        .collect()
}
