//! Media types, so that a misspelt one is a compile error and an odd one stands out as a literal.

/// OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI layer, not compressed.
pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// OCI layer in gzip.
pub const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// OCI layer in zstd.
pub const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// OCI layer in gzip that registries need not hold.
pub const NONDISTRIBUTABLE_GZIP: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/// The same, not compressed.
pub const NONDISTRIBUTABLE_TAR: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
/// The empty JSON object as a config.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's layer in gzip.
pub const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker's layer of unsaid compression.
pub const DOCKER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// Docker's layer that registries need not hold.
pub const DOCKER_FOREIGN_GZIP: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// What attestations hold in place of layers.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
