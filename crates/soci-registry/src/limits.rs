//! How much may be read from where, in bytes and in pieces: nothing read sizes an allocation before it met one of these.

/// Bytes of one manifest or image index. 4 MiB is the most that Amazon ECR stores (`PutImage.imageManifest`), and other
/// registries and containerd draw the line at the same place or lower.
pub const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of an error's body that are read. The messages in it are a few hundred bytes; the rest is somebody's web page.
pub(crate) const ERROR_BODY_BYTES: usize = 64 * 1024;

/// Bytes of a token endpoint's answer. Real ones are below 10 KiB.
pub(crate) const TOKEN_BODY_BYTES: usize = 256 * 1024;

/// Bytes of one page of a tag or referrers list: 1,000 tags of 128 bytes with room to spare, and a manifest's size.
pub(crate) const LIST_PAGE_BYTES: usize = MANIFEST_BYTES as usize;

/// Pages of a list that are followed: at 1,000 tags each ten times what Amazon ECR lets a repository hold.
pub(crate) const LIST_PAGES: usize = 1_000;

/// Entries of a list, whatever its pages: ten tags for each of the 100,000 images that Amazon ECR lets a repository hold.
pub(crate) const LIST_ENTRIES: usize = 1_000_000;

/// Bytes of a list, all its pages together: four tags of the longest for each of the 100,000 images that Amazon ECR lets a repository hold,
/// and so much memory.
pub(crate) const LIST_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that may come of one blob over the network, in times its size. A server without ranges sends it from the beginning after each cut,
/// so one that cuts every time near the end gets three chances.
pub(crate) const FETCHED_TIMES: u64 = 4;

/// Redirects that are followed in a row. Amazon ECR and other registries need one, with a CDN in front two.
pub(crate) const REDIRECTS: usize = 5;

/// Bytes of a layout's `index.json`, which lists every tag: at 500 bytes each some 30,000 of them.
pub(crate) const LAYOUT_INDEX_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of Docker's `config.json` or of what a credential helper prints.
pub(crate) const CREDENTIALS_BYTES: u64 = 1024 * 1024;

/// Entries of an OCI archive: an image is a few hundred blobs.
pub(crate) const ARCHIVE_ENTRIES: usize = 1_000_000;

/// Bytes of one chunk read from a file.
pub(crate) const FILE_CHUNK_BYTES: usize = 256 * 1024;
