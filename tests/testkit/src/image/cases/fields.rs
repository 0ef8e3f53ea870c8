//! Fields and annotations that are not about SOCI and have to live through a conversion (defect B12 of the reference).

use serde_json::json;

use super::{child, ordinary};
use crate::image::{AMD64, ARM64, Defect, Descriptor, ImageCase, Index, Layer, Manifest, Shelf};

pub(super) fn cases() -> Vec<ImageCase> {
    [known(), unknown(), stale()].concat()
}

/// An index whose first child is changed.
fn with(
    id: &'static str,
    input: &'static str,
    change: impl FnOnce(Descriptor) -> Descriptor,
) -> ImageCase {
    let mut shelf = Shelf::new();
    let first = change(child(&mut shelf, AMD64, 1));
    let second = child(&mut shelf, ARM64, 3);
    let root = Index::oci().child(first).child(second).shelve(&mut shelf);
    shelf.case(id, input, root)
}

fn known() -> Vec<ImageCase> {
    let mut shelf = Shelf::new();
    let (first, second) = (child(&mut shelf, AMD64, 1), child(&mut shelf, ARM64, 3));
    let subject = second.clone().without("platform").json();
    let index = Index::oci().child(first).child(second);
    let root = index
        .field(
            "annotations",
            json!({"org.opencontainers.image.title": "x"}),
        )
        .field("artifactType", json!("application/vnd.example.app"))
        .field("subject", subject)
        .shelve(&mut shelf);
    vec![
        shelf.case(
            "index-fields",
            "an index with annotations, `artifactType` and `subject`",
            root,
        ),
        with(
            "child-annotations",
            "an index child with descriptor annotations",
            |d| d.annotate("org.opencontainers.image.revision", "abc"),
        )
        .differs(
            &[Defect::AnnotationLost],
            "the descriptor keeps its annotations",
        ),
        same_annotations(),
        with(
            "child-artifact-type",
            "an index child with `artifactType`",
            |d| d.field("artifactType", json!("application/vnd.example.app")),
        ),
        layer_fields(),
    ]
}

/// What official images have: the same annotations on the descriptor and in the manifest.
fn same_annotations() -> ImageCase {
    let mut shelf = Shelf::new();
    let first = ordinary(AMD64, 1)
        .field(
            "annotations",
            json!({"org.opencontainers.image.revision": "abc"}),
        )
        .shelve(&mut shelf)
        .platform(AMD64)
        .annotate("org.opencontainers.image.revision", "abc");
    let second = child(&mut shelf, ARM64, 3);
    let root = Index::oci().child(first).child(second).shelve(&mut shelf);
    shelf.case(
        "child-annotations-in-manifest",
        "the same annotations on an index child and in its manifest",
        root,
    )
}

fn layer_fields() -> ImageCase {
    let mut shelf = Shelf::new();
    let layer = Layer::large(1)
        .field("annotations", json!({"z": "1", "a": "2"}))
        .field("urls", json!(["https://example.com/a&b"]));
    let config = br#"{"os":"linux","architecture":"amd64"}"#;
    let config_in_base64 = "eyJvcyI6ImxpbnV4IiwiYXJjaGl0ZWN0dXJlIjoiYW1kNjQifQ==";
    let root = Manifest::oci(AMD64)
        .layer(layer)
        .layer(Layer::small(1))
        .config(config)
        .config_field("annotations", json!({"k": "v"}))
        .config_field("data", json!(config_in_base64))
        .shelve(&mut shelf);
    shelf.case(
        "layer-fields",
        "layer and config descriptors with annotations, `urls` and `data`",
        root,
    )
}

fn unknown() -> Vec<ImageCase> {
    let kept = |case: ImageCase| case.differs(&[Defect::FieldLost], "unknown fields are kept");
    let of = |id, input, manifest: Manifest| {
        let mut shelf = Shelf::new();
        let root = manifest.shelve(&mut shelf);
        shelf.case(id, input, root)
    };
    let unknown = || json!({"deep": [1, null, 1.5]});
    let config = json!({"os": "linux", "architecture": "amd64", "x-unknown": unknown()});
    vec![
        kept(of(
            "unknown-field-manifest",
            "an unknown field in a manifest",
            ordinary(AMD64, 1).field("x-unknown", unknown()),
        )),
        kept(of(
            "unknown-field-layer",
            "an unknown field in a layer's descriptor",
            Manifest::oci(AMD64).layer(Layer::large(1).field("x-unknown", unknown())),
        )),
        of(
            "unknown-field-config",
            "an unknown field in the config",
            ordinary(AMD64, 1).config(config.to_string().as_bytes()),
        )
        .because("configs are not written again"),
        kept(unknown_in_index()),
        kept(with(
            "unknown-field-child",
            "an unknown field in an index child",
            |d| d.field("x-unknown", unknown()),
        )),
        kept(with(
            "unknown-field-platform",
            "Docker's `features` in a platform",
            |d| {
                d.field(
                    "platform",
                    json!({"os": "linux", "architecture": "amd64", "features": ["sse4"]}),
                )
            },
        )),
    ]
}

fn unknown_in_index() -> ImageCase {
    let mut shelf = Shelf::new();
    let (first, second) = (child(&mut shelf, AMD64, 1), child(&mut shelf, ARM64, 3));
    let index = Index::oci().child(first).child(second);
    let root = index.field("x-unknown", json!(true)).shelve(&mut shelf);
    shelf.case("unknown-field-index", "an unknown field in an index", root)
}

/// What belongs to the manifest before it was written again.
fn stale() -> Vec<ImageCase> {
    vec![
        with("child-data", "an index child with `data`", |d| {
            d.field("data", json!("eyJvbGQiOnRydWV9"))
        })
        .differs(
            &[Defect::StaleContent],
            "`data` of a manifest that is written again is dropped",
        ),
        with("child-urls", "an index child with `urls`", |d| {
            d.field("urls", json!(["https://example.com/manifest"]))
        })
        .differs(
            &[Defect::StaleContent],
            "`urls` of a manifest that is written again are dropped",
        ),
    ]
}
