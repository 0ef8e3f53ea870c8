//! What stands in indexes beside images (defect B12 of the reference), and what is no image at all.

use serde_json::json;

use super::{child, ordinary};
use crate::image::{
    AMD64, ARM64, Defect, Descriptor, ImageCase, Index, Layer, Manifest, Platform, Shelf, digest,
    media,
};

const UNKNOWN: Platform = Platform::new("unknown", "unknown", "");

pub(super) fn cases() -> Vec<ImageCase> {
    [attested(), others(), no_images()].concat()
}

/// An attestation as BuildKit writes it, the descriptor pointing at an image.
fn attestation(shelf: &mut Shelf, image: &Descriptor, manifest: Manifest) -> Descriptor {
    let statement = json!({"_type": "https://in-toto.io/Statement/v0.1", "for": image.digest()});
    let layer = Layer::new(media::IN_TOTO, statement.to_string().into_bytes()).field(
        "annotations",
        json!({"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}),
    );
    manifest
        .layer(layer)
        .shelve_artifact(shelf)
        .platform(UNKNOWN)
        .annotate("vnd.docker.reference.type", "attestation-manifest")
        .annotate("vnd.docker.reference.digest", image.digest())
}

fn attested() -> Vec<ImageCase> {
    let defects = [Defect::AnnotationLost, Defect::AttestationDangling];
    let why =
        "the annotations are kept and name the new manifest; the attestation itself is not touched";
    let mut shelf = Shelf::new();
    let (first, second) = (child(&mut shelf, AMD64, 1), child(&mut shelf, ARM64, 3));
    let mut attest = |image: &Descriptor| attestation(&mut shelf, image, Manifest::oci(UNKNOWN));
    let index = Index::oci()
        .child(first.clone())
        .child(second.clone())
        .child(attest(&first))
        .child(attest(&second));
    let root = index.shelve(&mut shelf);
    vec![
        shelf
            .case(
                "attestations",
                "two platforms, each with a BuildKit attestation",
                root,
            )
            .differs(&defects, why),
        artifact_attestation().differs(
            &[
                Defect::AnnotationLost,
                Defect::ConfigRetyped,
                Defect::AttestationDangling,
            ],
            why,
        ),
    ]
}

/// Newer BuildKits write attestations as OCI artifacts with a subject.
fn artifact_attestation() -> ImageCase {
    let mut shelf = Shelf::new();
    let image = child(&mut shelf, AMD64, 1);
    let manifest = Manifest::oci(UNKNOWN)
        .config_type(media::EMPTY)
        .config(b"{}")
        .field(
            "artifactType",
            json!("application/vnd.docker.attestation.manifest.v1+json"),
        )
        .field("subject", image.clone().without("platform").json());
    let attestation = attestation(&mut shelf, &image, manifest);
    let root = Index::oci()
        .child(image)
        .child(attestation)
        .shelve(&mut shelf);
    shelf.case(
        "attestation-artifact",
        "an attestation as OCI artifact with a subject",
        root,
    )
}

fn artifact(platform: Platform) -> Manifest {
    Manifest::oci(platform)
        .config_type("application/vnd.cncf.helm.config.v1+json")
        .config(br#"{"name":"chart","version":"1.0.0"}"#)
        .layer(Layer::large(9).called("application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
}

fn others() -> Vec<ImageCase> {
    let of = |id, input, stranger: &dyn Fn(&mut Shelf) -> Descriptor| {
        let mut shelf = Shelf::new();
        let image = child(&mut shelf, AMD64, 1);
        let stranger = stranger(&mut shelf);
        let root = Index::oci().child(image).child(stranger).shelve(&mut shelf);
        shelf.case(id, input, root)
    };
    let untouched = "what is no image is not touched";
    vec![
        of(
            "index-with-artifact",
            "an image and a Helm chart of platform unknown",
            &|s| artifact(UNKNOWN).shelve_artifact(s).platform(UNKNOWN),
        )
        .differs(&[Defect::ConfigRetyped], untouched),
        of(
            "index-with-artifact-no-platform",
            "an image and a Helm chart without a platform",
            &|s| artifact(UNKNOWN).shelve_artifact(s),
        )
        .differs(&[Defect::ConfigRetyped], untouched),
        of(
            "index-with-odd-entry",
            "an image and an entry of an unknown media type",
            &|s| s.put("application/vnd.example.thing", b"a thing".to_vec()),
        )
        .because(untouched),
    ]
}

/// A signature as cosign pushes it, under a tag made of the image's digest: called an image by its config's type, and by nothing else.
fn signature() -> Manifest {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "r.example/app"},
            "image": {"docker-manifest-digest": format!("sha256:{}", "0".repeat(64))},
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    let layer = Layer::new(
        "application/vnd.dev.cosign.simplesigning.v1+json",
        payload.to_string().into_bytes(),
    );
    let signed = json!({"dev.cosignproject.cosign/signature": "MEUCIQ=="});
    let config = json!({
        "architecture": "",
        "created": "0001-01-01T00:00:00Z",
        "history": [{"created": "0001-01-01T00:00:00Z"}],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [digest(layer.bytes())]},
        "config": {},
    });
    Manifest::oci(UNKNOWN)
        .config(config.to_string().as_bytes())
        .layer(layer.field("annotations", signed))
}

fn no_images() -> Vec<ImageCase> {
    let nothing = "there is no image in it";
    let mut chart = Shelf::new();
    let chart_root = artifact(AMD64).shelve_artifact(&mut chart);
    let mut chart_index = Shelf::new();
    let inner = artifact(UNKNOWN).shelve_artifact(&mut chart_index);
    let chart_index_root = Index::oci().child(inner).shelve(&mut chart_index);
    let mut empty = Shelf::new();
    let empty_root = Index::oci().shelve(&mut empty);
    let mut schema1 = Shelf::new();
    let old = json!({"schemaVersion": 1, "name": "x", "tag": "1", "fsLayers": [], "history": []});
    let schema1_root = schema1.put_manifest(
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        old.to_string().into_bytes(),
    );
    let mut cosign = Shelf::new();
    let cosign_root = signature().shelve_artifact(&mut cosign);
    let mut bare = Shelf::new();
    let bare_root = ordinary(AMD64, 1).config(b"{}").shelve(&mut bare);
    vec![
        chart
            .case("helm-chart", "a Helm chart", chart_root)
            .skipped("not-an-image", nothing),
        chart_index
            .case(
                "index-of-helm-chart",
                "an index of a Helm chart alone",
                chart_index_root,
            )
            .skipped("not-an-image", nothing),
        empty
            .case("index-empty", "an index without entries", empty_root)
            .skipped("not-an-image", nothing),
        cosign
            .case("cosign-signature", "a signature of cosign", cosign_root)
            .skipped("not-an-image", nothing),
        schema1
            .case(
                "docker-schema-1",
                "a Docker schema 1 manifest",
                schema1_root,
            )
            .skipped("not-an-image", "its layers are not listed as layers"),
        bare.case(
            "config-no-platform",
            "an image config that names no platform",
            bare_root,
        )
        .fails(
            "invalid-image",
            "OCI wants os and architecture, and nothing else names them",
        )
        .taken_by_reference(&[Defect::PlatformEmpty]),
    ]
}
