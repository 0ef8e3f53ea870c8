//! From a [`Ztoc`] to bytes: the same bytes that soci-snapshotter v0.15.0 writes for the same
//! content, so that digests can be compared between tools. The order in which objects are created
//! is part of the format here.

use std::fmt::Write as _;

use super::schema::{compression, file, record, tar_zinfo, toc, ztoc};
use super::writer::{Parts, Ref, Writer};
use crate::checkpoints::Checkpoints;
use crate::digest::{Digest, DigestHasher};
use crate::limits::{self, LimitExceeded};
use crate::model::{FileMetadata, SpanTable, Ztoc};

/// Flatbuffers count in 31 bits.
const FLATBUFFER_LIMIT_BYTES: u64 = (1 << 31) - 1;

/// Longest text of a timestamp, with nanoseconds.
const TIMESTAMP_BYTES: usize = 30;

/// An encoded zTOC in pieces. The checkpoints, nearly all of it, are those of the [`Ztoc`] it was
/// made of, not a copy.
#[derive(Debug)]
pub struct EncodedZtoc {
    before: Vec<u8>,
    checkpoints: Option<Checkpoints>,
    behind: Vec<u8>,
}

impl Ztoc {
    /// Encodes it.
    ///
    /// # Errors
    /// [`LimitExceeded`] where the result would have 2 GiB or more, which flatbuffers cannot
    /// address.
    pub fn encode(self) -> Result<EncodedZtoc, LimitExceeded> {
        let mut writer = Writer::new();
        let version = writer.string(self.version.as_bytes());
        let build_tool_identifier = writer.string(self.build_tool_identifier.as_bytes());
        let table_of_contents = write_toc(&mut writer, self.files);
        let compression_info = write_compression(&mut writer, &self.spans, &self.span_digests);
        let mut root = writer.table();
        root.reference(ztoc::VERSION, version);
        root.reference(ztoc::BUILD_TOOL_IDENTIFIER, build_tool_identifier);
        root.reference(ztoc::TOC, table_of_contents);
        root.int64(ztoc::COMPRESSED_ARCHIVE_SIZE, self.compressed_bytes as i64);
        root.int64(
            ztoc::UNCOMPRESSED_ARCHIVE_SIZE,
            self.uncompressed_bytes as i64,
        );
        root.reference(ztoc::COMPRESSION_INFO, compression_info);
        let root = root.end();
        limits::check(
            "bytes of the encoded zTOC",
            writer.len() as u64 + 16,
            FLATBUFFER_LIMIT_BYTES,
        )?;
        let Parts { mut before, behind } = writer.finish(root);
        let checkpoints = match self.spans {
            SpanTable::Gzip(checkpoints) => {
                before.extend(checkpoints.packed_header());
                Some(checkpoints)
            }
            SpanTable::Uncompressed { .. } => None,
        };
        Ok(EncodedZtoc {
            before,
            checkpoints,
            behind,
        })
    }
}

impl EncodedZtoc {
    /// The bytes, in order and in pieces.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let checkpoints = self.checkpoints.iter().flat_map(Checkpoints::packed_blocks);
        [&*self.before]
            .into_iter()
            .chain(checkpoints)
            .chain([&*self.behind])
    }

    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks().map(<[u8]>::len).sum()
    }

    /// Never: an encoded zTOC has at least its root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = DigestHasher::new();
        self.chunks().for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    }

    /// The bytes in one piece, copied.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.chunks().collect::<Vec<_>>().concat()
    }
}

fn write_toc(writer: &mut Writer, mut files: Vec<FileMetadata>) -> Ref {
    // Created from the last to the first, referred to from the first to the last. Each is freed when it is written: a
    // layer of many files must not be in memory twice.
    let mut entries = Vec::with_capacity(files.len());
    while let Some(file) = files.pop() {
        entries.push(write_file(writer, &file));
    }
    entries.reverse();
    let metadata = writer.refs(&entries);
    let mut table = writer.table();
    table.reference(toc::METADATA, metadata);
    table.end()
}

fn write_file(writer: &mut Writer, entry: &FileMetadata) -> Ref {
    let name = writer.string(&entry.name);
    let kind = writer.string(entry.kind.as_str().as_bytes());
    let link_name = writer.string(&entry.link_name);
    let user_name = writer.string(&entry.user_name);
    let group_name = writer.string(&entry.group_name);
    let mut modified = String::with_capacity(TIMESTAMP_BYTES);
    if let Some(time) = entry.modified {
        // A string takes everything.
        let _ = write!(modified, "{time}");
    }
    let modified = writer.string(modified.as_bytes());
    let records: Vec<Ref> = entry
        .pax_records
        .iter()
        .map(|(key, value)| write_record(writer, key, value))
        .collect();
    let records = writer.refs(&records);
    let mut table = writer.table();
    table.reference(file::NAME, name);
    table.reference(file::TYPE, kind);
    table.int64(file::UNCOMPRESSED_OFFSET, entry.uncompressed_offset as i64);
    table.int64(file::UNCOMPRESSED_SIZE, entry.uncompressed_bytes as i64);
    table.reference(file::LINKNAME, link_name);
    table.int64(file::MODE, entry.mode);
    table.uint32(file::UID, entry.uid);
    table.uint32(file::GID, entry.gid);
    table.reference(file::UNAME, user_name);
    table.reference(file::GNAME, group_name);
    table.reference(file::MOD_TIME, modified);
    table.int64(file::DEVMAJOR, entry.device_major);
    table.int64(file::DEVMINOR, entry.device_minor);
    table.reference(file::PAX_RECORDS, records);
    table.end()
}

fn write_record(writer: &mut Writer, key: &[u8], value: &[u8]) -> Ref {
    let key = writer.string(key);
    let value = writer.string(value);
    let mut table = writer.table();
    table.reference(record::KEY, key);
    table.reference(record::VALUE, value);
    table.end()
}

fn write_compression(writer: &mut Writer, spans: &SpanTable, digests: &[Digest]) -> Ref {
    let (checkpoints, algorithm) = match spans {
        SpanTable::Gzip(checkpoints) => (
            writer.large_vector(checkpoints.packed_bytes()),
            compression::GZIP,
        ),
        SpanTable::Uncompressed {
            span_bytes,
            layer_bytes,
        } => (
            writer.bytes(&tar_spans(*span_bytes, *layer_bytes)),
            compression::UNCOMPRESSED,
        ),
    };
    let digests: Vec<Ref> = digests
        .iter()
        .map(|digest| writer.string(digest.to_string().as_bytes()))
        .collect();
    let digests = writer.refs(&digests);
    let mut table = writer.table();
    table.uint32(
        compression::MAX_SPAN_ID,
        (spans.len() as u32).wrapping_sub(1),
    );
    table.reference(compression::SPAN_DIGESTS, digests);
    table.reference(compression::CHECKPOINTS, checkpoints);
    table.int8(
        compression::COMPRESSION_ALGORITHM,
        algorithm,
        compression::GZIP,
    );
    table.end()
}

/// The small flatbuffer that stands in the place of checkpoints for a plain tar layer.
fn tar_spans(span_bytes: u64, layer_bytes: u64) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut table = writer.table();
    table.uint32(tar_zinfo::VERSION, tar_zinfo::CURRENT);
    table.int64(tar_zinfo::SPAN_SIZE, span_bytes as i64);
    table.int64(tar_zinfo::SIZE, layer_bytes as i64);
    let root = table.end();
    writer.finish(root).before
}
