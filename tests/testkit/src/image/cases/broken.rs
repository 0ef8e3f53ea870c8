//! Images with parts that are missing or not what they are called.

use serde_json::json;

use super::{child, ordinary};
use crate::image::{
    AMD64, ARM64, Defect, Descriptor, ImageCase, Index, Layer, Manifest, Shelf, digest, media,
};

pub(super) fn cases() -> Vec<ImageCase> {
    [damaged(), missing(), sizes(), documents()].concat()
}

/// An image whose second layer is broken afterwards.
fn second_layer(
    id: &'static str,
    input: &'static str,
    second: Layer,
    break_it: impl FnOnce(&mut Shelf, &str),
) -> ImageCase {
    let mut shelf = Shelf::new();
    let name = digest(second.bytes());
    let manifest = Manifest::oci(AMD64).layer(Layer::large(1)).layer(second);
    let root = manifest.shelve(&mut shelf);
    break_it(&mut shelf, &name);
    shelf.case(id, input, root)
}

fn damaged() -> Vec<ImageCase> {
    let mismatch = "what came is not what the digest names";
    let gzip = Layer::large(2);
    let cut = gzip.bytes()[..gzip.bytes().len() - 1_000].to_vec();
    let mut flipped = gzip.bytes().to_vec();
    flipped[30_000] ^= 0x10;
    let corrupt = Layer::new(media::GZIP, flipped.clone());
    let plain = Layer::plain(2);
    let mut altered = plain.bytes().to_vec();
    altered[20_000] ^= 1;
    vec![
        second_layer(
            "layer-flipped-bit",
            "a gzip layer with a flipped bit",
            gzip.clone(),
            |s, d| {
                s.damage(d, flipped);
            },
        )
        .fails("digest-mismatch", mismatch),
        second_layer(
            "layer-altered",
            "a plain tar with a flipped bit in a file",
            plain,
            |s, d| {
                s.damage(d, altered);
            },
        )
        .fails("digest-mismatch", mismatch)
        .taken_by_reference(&[Defect::DamageUnseen]),
        second_layer(
            "layer-cut",
            "a layer without its last 1,000 bytes",
            gzip,
            |s, d| {
                s.damage(d, cut);
            },
        )
        .fails("digest-mismatch", mismatch),
        second_layer(
            "layer-corrupt",
            "a layer of the right digest that is broken gzip",
            corrupt,
            |_, _| {},
        )
        .fails("corrupt-layer", "damage is no reason to leave a layer out"),
    ]
}

fn missing() -> Vec<ImageCase> {
    let absent = "nobody could pull it";
    let mut config = Shelf::new();
    let config_root = ordinary(AMD64, 1).shelve(&mut config);
    config.lose(&Manifest::oci(AMD64).config_digest());

    let mut manifest = Shelf::new();
    let (first, second) = (
        child(&mut manifest, AMD64, 1),
        child(&mut manifest, ARM64, 3),
    );
    let third = child(&mut manifest, super::Platform::new("linux", "s390x", ""), 5);
    let lost = second.digest().to_owned();
    let manifest_root = [first, second, third]
        .into_iter()
        .fold(Index::oci(), Index::child)
        .shelve(&mut manifest);
    manifest.lose(&lost);
    vec![
        second_layer(
            "layer-missing",
            "the blob of a layer is not there",
            Layer::large(2),
            Shelf::lose,
        )
        .fails("not-found", absent),
        second_layer(
            "small-layer-missing",
            "the blob of a small layer is not there",
            Layer::small(2),
            Shelf::lose,
        )
        .because("nobody has to read it"),
        config
            .case(
                "config-missing",
                "the config's blob is not there",
                config_root,
            )
            .fails("not-found", absent),
        manifest
            .case(
                "child-missing",
                "one of three manifests is not there",
                manifest_root,
            )
            .fails(
                "not-found",
                "registries refuse an index of a manifest that they do not hold",
            )
            .taken_by_reference(&[Defect::ManifestLost]),
    ]
}

fn sizes() -> Vec<ImageCase> {
    let size = Layer::large(2).bytes().len();
    let says = |by: i64| Layer::large(2).field("size", json!(size as i64 + by));
    let wrong = "what came is not as long as its descriptor says";
    vec![
        second_layer(
            "layer-size-more",
            "a layer's size is given as one more",
            says(1),
            |_, _| {},
        )
        .fails("digest-mismatch", wrong),
        second_layer(
            "layer-size-less",
            "a layer's size is given as one less",
            says(-1),
            |_, _| {},
        )
        .fails("digest-mismatch", wrong),
        second_layer(
            "layer-size-negative",
            "a layer's size is given as -1",
            Layer::large(2).field("size", json!(-1)),
            |_, _| {},
        )
        .fails("invalid-image", "no size is negative")
        .taken_by_reference(&[Defect::LayerMissed]),
    ]
}

fn documents() -> Vec<ImageCase> {
    let no_document = "what does not hold the fields of its type is no image";
    let of = |id, input, media_type: &str, document: &[u8]| {
        let mut shelf = Shelf::new();
        let root = shelf.put_manifest(media_type, document.to_vec());
        shelf
            .case(id, input, root)
            .fails("invalid-image", no_document)
    };
    let mut config = Shelf::new();
    let config_root = ordinary(AMD64, 1).config(b"no JSON").shelve(&mut config);
    let mut layer = Shelf::new();
    let bad: Descriptor = Descriptor::of(media::GZIP, b"x")
        .field("digest", json!("sha256:../../x"))
        .field("size", json!(100_000));
    let layer_root = ordinary(AMD64, 1)
        .field("layers", json!([bad.json()]))
        .shelve_artifact(&mut layer);
    vec![
        config
            .case("config-not-json", "the config is not JSON", config_root)
            .fails("invalid-image", no_document),
        layer
            .case(
                "digest-not-a-digest",
                "a layer's digest is a path",
                layer_root,
            )
            .fails("invalid-image", "a digest that is none is never asked for"),
        of(
            "manifest-not-json",
            "the manifest is not JSON",
            media::MANIFEST,
            b"{\"schemaVersion\":2",
        ),
        of(
            "manifest-is-index",
            "an index where the media type says manifest",
            media::MANIFEST,
            br#"{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"b","size":1}]}"#,
        ),
        of(
            "manifest-no-config",
            "a manifest without a config",
            media::MANIFEST,
            br#"{"schemaVersion":2,"layers":[]}"#,
        ),
    ]
}
