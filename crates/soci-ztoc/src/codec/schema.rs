//! Slot numbers of the zTOC's flatbuffer tables, in the order of soci-snapshotter's schema.

/// Table `Ztoc`, the root.
pub(super) mod ztoc {
    pub(in crate::codec) const VERSION: usize = 0;
    pub(in crate::codec) const BUILD_TOOL_IDENTIFIER: usize = 1;
    pub(in crate::codec) const COMPRESSED_ARCHIVE_SIZE: usize = 2;
    pub(in crate::codec) const UNCOMPRESSED_ARCHIVE_SIZE: usize = 3;
    pub(in crate::codec) const TOC: usize = 4;
    pub(in crate::codec) const COMPRESSION_INFO: usize = 5;
}

/// Table `TOC`.
pub(super) mod toc {
    pub(in crate::codec) const METADATA: usize = 0;
}

/// Table `FileMetadata`.
pub(super) mod file {
    pub(in crate::codec) const NAME: usize = 0;
    pub(in crate::codec) const TYPE: usize = 1;
    pub(in crate::codec) const UNCOMPRESSED_OFFSET: usize = 2;
    pub(in crate::codec) const UNCOMPRESSED_SIZE: usize = 3;
    pub(in crate::codec) const LINKNAME: usize = 4;
    pub(in crate::codec) const MODE: usize = 5;
    pub(in crate::codec) const UID: usize = 6;
    pub(in crate::codec) const GID: usize = 7;
    pub(in crate::codec) const UNAME: usize = 8;
    pub(in crate::codec) const GNAME: usize = 9;
    pub(in crate::codec) const MOD_TIME: usize = 10;
    pub(in crate::codec) const DEVMAJOR: usize = 11;
    pub(in crate::codec) const DEVMINOR: usize = 12;
    /// Holds all PAX records; the schema's name for it, `xattrs`, is historic.
    pub(in crate::codec) const PAX_RECORDS: usize = 13;
}

/// Table `Xattr`: a PAX record.
pub(super) mod record {
    pub(in crate::codec) const KEY: usize = 0;
    pub(in crate::codec) const VALUE: usize = 1;
}

/// Table `CompressionInfo`.
pub(super) mod compression {
    pub(in crate::codec) const COMPRESSION_ALGORITHM: usize = 0;
    pub(in crate::codec) const MAX_SPAN_ID: usize = 1;
    pub(in crate::codec) const SPAN_DIGESTS: usize = 2;
    pub(in crate::codec) const CHECKPOINTS: usize = 3;

    /// Enum `CompressionAlgorithm`; gzip is the default and not stored.
    pub(in crate::codec) const GZIP: i8 = 1;
    pub(in crate::codec) const UNCOMPRESSED: i8 = 2;
}

/// Table `TarZinfo`, a flatbuffer of its own in the checkpoints of a plain tar layer.
pub(super) mod tar_zinfo {
    pub(in crate::codec) const VERSION: usize = 0;
    pub(in crate::codec) const SPAN_SIZE: usize = 1;
    pub(in crate::codec) const SIZE: usize = 2;

    /// The only version in use.
    pub(in crate::codec) const CURRENT: u32 = 2;
}
