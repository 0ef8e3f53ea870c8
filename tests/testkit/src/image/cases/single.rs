//! Images that are one manifest.

use serde_json::json;

use super::ordinary;
use crate::image::{
    AMD64, ARM64, Defect, ImageCase, Index, Layer, Manifest, Platform, Shelf, media,
};

pub(super) fn cases() -> Vec<ImageCase> {
    [ordinary_ones(), lonely_children()].concat()
}

fn of(id: &'static str, input: &'static str, manifest: Manifest) -> ImageCase {
    let mut shelf = Shelf::new();
    let root = manifest.shelve(&mut shelf);
    shelf.case(id, input, root)
}

fn docker() -> Manifest {
    Manifest::docker(AMD64)
        .layer(Layer::large(1).called(media::DOCKER_GZIP))
        .layer(Layer::large(2).called(media::DOCKER_GZIP))
}

fn ordinary_ones() -> Vec<ImageCase> {
    let armv6 = Platform::new("linux", "arm", "v6");
    vec![
        of("oci-manifest", "one OCI manifest", ordinary(AMD64, 1)),
        of("oci-manifest-indented", "one OCI manifest, indented", ordinary(AMD64, 1).pretty()),
        of("oci-manifest-arm64-v8", "one OCI manifest, its config says arm64/v8", ordinary(ARM64, 1))
            .because("the index says arm64 without a variant, as containerd normalises it"),
        of("oci-manifest-arm-v6", "one OCI manifest, its config says arm/v6", ordinary(armv6, 1)),
        of("docker-manifest", "one Docker schema 2 manifest", docker().pretty())
            .because("manifest and config get OCI media types, layers keep theirs"),
        of(
            "manifest-annotations",
            "one manifest with annotations, `<`, `&` and U+2028 in them",
            ordinary(AMD64, 1).field("annotations", json!({"b": "<a&b>", "a": "\u{2028}é\u{7f}"})),
        )
        .because("its annotations are its descriptor's too, escaped as Go does it"),
        of(
            "manifest-subject",
            "an image manifest with `artifactType` and `subject`",
            ordinary(AMD64, 1)
                .field("artifactType", json!("application/vnd.example.app"))
                .field(
                    "subject",
                    json!({"mediaType": media::MANIFEST, "digest": format!("sha256:{:064}", 7), "size": 7}),
                ),
        ),
        of(
            "manifest-no-media-type",
            "a manifest that does not name its media type",
            ordinary(AMD64, 1).field("mediaType", json!("")),
        ),
        of(
            "windows",
            "a Windows image: `os.version`, a foreign base layer that is there",
            windows(),
        ),
    ]
}

fn windows() -> Manifest {
    let config = json!({"os": "windows", "architecture": "amd64", "os.version": "10.0.20348.2700"});
    Manifest::oci(Platform::new("windows", "amd64", ""))
        .config(config.to_string().as_bytes())
        .layer(
            Layer::large(1)
                .called(media::DOCKER_FOREIGN_GZIP)
                .field("urls", json!(["https://example.com/base"])),
        )
        .layer(Layer::large(2))
}

/// The reference's program takes an index of one manifest for that manifest, whatever else the index says.
fn lonely_children() -> Vec<ImageCase> {
    let mut plain = Shelf::new();
    let child = super::child(&mut plain, ARM64, 1);
    let plain_root = Index::oci().child(child).shelve(&mut plain);

    let mut said = Shelf::new();
    let child = super::child(&mut said, AMD64, 1);
    let said_root = Index::oci()
        .child(child)
        .field(
            "annotations",
            json!({"org.opencontainers.image.title": "x"}),
        )
        .shelve(&mut said);

    let mut none = Shelf::new();
    let child = ordinary(ARM64, 1).shelve(&mut none);
    let none_root = Index::oci().child(child).shelve(&mut none);
    vec![
        plain.case("index-of-one", "an index of one manifest", plain_root),
        said.case(
            "index-of-one-annotated",
            "an index of one manifest, the index annotated",
            said_root,
        )
        .differs(&[Defect::AnnotationLost], "the index is kept"),
        none.case(
            "index-of-one-no-platform",
            "an index of one manifest without a platform",
            none_root,
        )
        .because("the platform is the config's, normalised"),
    ]
}
