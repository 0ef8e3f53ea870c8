//! Odd layers among good ones (defect B10 of the reference).

use serde_json::json;

use super::ordinary;
use crate::content;
use crate::gzip;
use crate::image::{AMD64, Defect, ImageCase, Layer, Manifest, Shelf, digest, media};
use crate::tar::{Archive, Header};

pub(super) fn cases() -> Vec<ImageCase> {
    [sizes(), compressions(), misnamed(), foreign(), contents()].concat()
}

fn of(id: &'static str, input: &'static str, layers: Vec<Layer>) -> ImageCase {
    let mut shelf = Shelf::new();
    let manifest = layers
        .into_iter()
        .fold(Manifest::oci(AMD64), Manifest::layer);
    let root = manifest.shelve(&mut shelf);
    shelf.case(id, input, root)
}

fn sizes() -> Vec<ImageCase> {
    let large = Layer::large(1);
    let size = large.bytes().len() as u64;
    let just_under = Layer::large(1).skipped("too-small");
    vec![
        of(
            "layers-mixed",
            "small and large layers in turn",
            vec![
                Layer::small(1),
                Layer::large(1),
                Layer::small(2),
                Layer::large(2),
            ],
        ),
        of(
            "layers-all-small",
            "all layers small",
            vec![Layer::small(1), Layer::small(2)],
        )
        .skipped(
            "no-eligible-layers",
            "the output tag names the unchanged source",
        ),
        of("layers-none", "no layers", vec![]).skipped(
            "no-eligible-layers",
            "the output tag names the unchanged source",
        ),
        of(
            "layer-size-limit",
            "a layer of exactly the smallest size",
            vec![large],
        )
        .min_layer_size(size),
        of(
            "layer-size-under-limit",
            "a layer of one byte less",
            vec![just_under],
        )
        .min_layer_size(size + 1)
        .skipped(
            "no-eligible-layers",
            "the output tag names the unchanged source",
        ),
        of(
            "layers-twice",
            "one layer three times",
            vec![
                Layer::large(1),
                Layer::large(2),
                Layer::large(1),
                Layer::large(1),
            ],
        )
        .because("one entry for each mention, all of the same zTOC"),
        of(
            "layers-docker-empty",
            "Docker's empty layers between others, no smallest size",
            vec![
                Layer::docker_empty(),
                Layer::large(1),
                Layer::docker_empty(),
            ],
        )
        .min_layer_size(0)
        .because("a tar without entries has a zTOC"),
        of(
            "layer-zero-bytes",
            "a layer of no bytes, no smallest size",
            vec![
                Layer::large(1),
                Layer::new(media::GZIP, Vec::new()).skipped("empty"),
            ],
        )
        .min_layer_size(0)
        .rescued("there is nothing to index; the other layers are"),
    ]
}

fn compressions() -> Vec<ImageCase> {
    vec![
        of(
            "layers-plain",
            "plain tars",
            vec![Layer::plain(1), Layer::plain(2)],
        ),
        of(
            "layers-some-zstd",
            "a layer in zstd among others",
            vec![Layer::large(1), Layer::zstd(2), Layer::large(3)],
        ),
        of(
            "layers-all-zstd",
            "all layers in zstd",
            vec![Layer::zstd(1), Layer::zstd(2)],
        )
        .skipped(
            "unsupported-compression",
            "the output tag names the unchanged source",
        ),
        of(
            "layers-zstd-and-small",
            "one layer in zstd, the others small",
            vec![Layer::zstd(1), Layer::small(2)],
        )
        .skipped(
            "unsupported-compression",
            "the output tag names the unchanged source",
        ),
        of(
            "layer-members",
            "a layer of two gzip members among others",
            vec![Layer::large(1), Layer::members(2)],
        )
        .differs(
            &[Defect::LayerSurplus],
            "readers before v0.14.0 cannot decode behind the first member",
        ),
        of(
            "layer-encrypted",
            "an encrypted layer among others",
            vec![
                Layer::large(1),
                Layer::new(
                    &format!("{}+encrypted", media::GZIP),
                    content::random(5, 60_000),
                )
                .skipped("not-a-tar"),
            ],
        )
        .rescued("bytes that are no gzip and no tar are left out"),
    ]
}

/// A layer whose media type is wrong: content decides.
fn misnamed() -> Vec<ImageCase> {
    let decides = "content decides, and the annotation repeats the media type as it stands";
    let among = |id, input, layer| of(id, input, vec![Layer::large(1), layer]).rescued(decides);
    vec![
        among(
            "type-tar-is-gzip",
            "a gzip layer called a tar",
            Layer::large(2).called(media::TAR),
        ),
        among(
            "type-gzip-is-tar",
            "a tar called gzip",
            Layer::plain(2).called(media::GZIP),
        ),
        among(
            "type-docker-tar-is-gzip",
            "a gzip layer under Docker's type without `gzip`",
            Layer::large(2).called(media::DOCKER_TAR),
        ),
        of(
            "type-docker-tar-is-tar",
            "a tar under Docker's type without `gzip`",
            vec![Layer::large(1), Layer::plain(2).called(media::DOCKER_TAR)],
        ),
        of(
            "type-zstd-is-gzip",
            "a gzip layer called zstd",
            vec![Layer::large(1), Layer::large(2).called(media::ZSTD)],
        )
        .differs(&[Defect::LayerMissed], decides),
        among(
            "type-gzip-is-zstd",
            "a zstd layer called gzip",
            Layer::zstd(2).called(media::GZIP),
        ),
        among(
            "type-missing",
            "a gzip layer without a media type",
            Layer::large(2).nameless(),
        ),
        among(
            "type-unknown",
            "a gzip layer of an unknown media type",
            Layer::large(2).called("application/vnd.example.layer"),
        ),
        among(
            "type-not-a-layer",
            "a file that is no layer among layers",
            Layer::new("application/wasm", content::random(5, 60_000)).skipped("not-a-tar"),
        ),
    ]
}

fn foreign() -> Vec<ImageCase> {
    let urls = json!(["https://example.com/layer"]);
    let absent = |id, input, media_type: &str| {
        let layer = Layer::large(2)
            .called(media_type)
            .field("urls", urls.clone());
        let mut shelf = Shelf::new();
        let lost = digest(layer.bytes());
        let manifest = ordinary(AMD64, 3).layer(layer.skipped("foreign"));
        let root = manifest.shelve(&mut shelf);
        shelf.lose(&lost);
        shelf
            .case(id, input, root)
            .rescued("it is not in the registry, so it cannot be lazy either")
    };
    vec![
        absent(
            "foreign-absent",
            "a Docker foreign layer that is not there",
            media::DOCKER_FOREIGN_GZIP,
        ),
        absent(
            "nondistributable-absent",
            "an OCI non-distributable layer that is not there",
            media::NONDISTRIBUTABLE_GZIP,
        ),
        of(
            "nondistributable-present",
            "an OCI non-distributable layer that is there",
            vec![
                Layer::large(1),
                Layer::large(2).called(media::NONDISTRIBUTABLE_GZIP),
            ],
        )
        .because("what is in the registry can be lazy"),
        of(
            "nondistributable-tar",
            "the same as a plain tar",
            vec![
                Layer::large(1),
                Layer::plain(2).called(media::NONDISTRIBUTABLE_TAR),
            ],
        )
        .differs(&[Defect::LayerMissed], "content decides"),
    ]
}

fn contents() -> Vec<ImageCase> {
    let odd = Archive::new()
        .file("first", &content::random(31, 30_000))
        .entry(Header::gnu("odd").kind(b'Z').size(5), b"hello")
        .finish();
    let odd = Layer::new(media::GZIP, gzip::compress(&odd, 6)).skipped("unsupported-tar-entry");
    let text = Layer::new(media::GZIP, gzip::compress(&content::random(32, 30_000), 6));
    vec![
        of(
            "layer-odd-entry",
            "a layer with an unknown tar entry among others",
            vec![Layer::large(1), odd.clone(), Layer::large(2)],
        )
        .rescued("one odd layer does not lose the image"),
        of(
            "layers-all-odd",
            "the only layer has an unknown tar entry",
            vec![odd],
        )
        .skipped(
            "no-eligible-layers",
            "the output tag names the unchanged source",
        ),
        of(
            "layer-no-tar",
            "gzip of what is no tar among others",
            vec![Layer::large(1), text.skipped("not-a-tar")],
        )
        .rescued("one odd layer does not lose the image"),
    ]
}
