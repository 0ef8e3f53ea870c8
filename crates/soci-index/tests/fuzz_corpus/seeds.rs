//! What the fuzzer starts from: filters, images of every shape, and what earlier runs left. The words in place of digests are those of the
//! law's module `desk`.

use serde_json::{Value, json};

/// Target, name and input.
type Seed = (&'static str, &'static str, Vec<u8>);

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const SOCI_INDEX: &str = "application/vnd.amazon.soci.index.v2+json";

pub(crate) fn all() -> Vec<Seed> {
    [filters(), images(), left_by_earlier_runs()].concat()
}

fn filters() -> Vec<Seed> {
    let stars = format!("{}\n{}", "a*".repeat(500) + "b", "a".repeat(400));
    [
        ("all", "*:*\nteam/app:1"),
        ("some", "team/*:*, app:v?,!*-dev\napp:1-dev"),
        ("sets", "app:[0-9],app:[!a-c]x,a[]-a]\napp:7"),
        ("unclosed", "app:[,![\napp:["),
        ("excluding", "!*-dev,!!\n!"),
        ("many-stars", &stars),
        ("beyond-ascii", "é*?\néa"),
    ]
    .map(|(name, text)| ("filters", name, text.as_bytes().to_vec()))
    .to_vec()
}

/// A descriptor whose digest and size are words, `@word` and `#word`.
fn descriptor(media_type: &str, word: &str) -> Value {
    json!({"mediaType": media_type, "digest": format!("@{word}"), "size": format!("#{word}")})
}

fn with(mut value: Value, more: Value) -> Value {
    let more = more.as_object().expect("fields").clone();
    value.as_object_mut().expect("fields").extend(more);
    value
}

fn manifest(more: Value) -> Value {
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, "config"),
        "layers": [descriptor(GZIP, "gzip"), descriptor(TAR, "tar")],
    });
    with(document, more)
}

fn index(entries: Vec<Value>, more: Value) -> Value {
    let document = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    with(document, more)
}

fn child(word: &str, architecture: &str) -> Value {
    let platform = json!({"platform": {"architecture": architecture, "os": "linux"}});
    with(descriptor(MANIFEST, word), platform)
}

/// One document on each line; sizes are numbers, not texts.
fn input(documents: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
    let mut text = lines.join("\n");
    let words = ["gzip", "tar", "config", "ztoc", "ytoc", "1", "2", "3"];
    for word in words {
        text = text.replace(&format!("\"#{word}\""), &format!("#{word}"));
    }
    text.into_bytes()
}

fn images() -> Vec<Seed> {
    let plain = manifest(json!({}));
    let fields = json!({
        "annotations": {"a": "<b>"}, "artifactType": "x/y", "x": {"y": [1.5, null, "é"]},
        "subject": with(descriptor(MANIFEST, "gzip"), json!({"odd": 1})),
    });
    let docker = json!({
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": descriptor("application/vnd.docker.container.image.v1+json", "config"),
    });
    let attestation = json!({
        "platform": {"architecture": "unknown", "os": "unknown"},
        "annotations": {"vnd.docker.reference.digest": "@1", "vnd.docker.reference.type": "attestation-manifest"},
    });
    let rich_child = json!({
        "data": "e30=", "urls": ["https://q.io/x"], "annotations": {"k": "v"}, "odd": true, "artifactType": "x/y",
    });
    let artifact = json!({"config": descriptor("application/vnd.oci.empty.v1+json", "config")});
    let lazy = json!({"annotations": {"containerd.io/snapshot/stargz/toc.digest": "@gzip"}});
    let lazy = json!({"layers": [with(descriptor(GZIP, "gzip"), lazy)]});
    let none = json!({"layers": []});
    let seeds = vec![
        ("single", vec![plain.clone()]),
        ("single-fields", vec![manifest(fields.clone())]),
        ("docker", vec![manifest(docker)]),
        (
            "index",
            vec![index(vec![child("1", "amd64")], json!({})), plain.clone()],
        ),
        (
            "index-fields",
            vec![
                index(vec![with(child("1", "amd64"), rich_child)], fields.clone()),
                manifest(fields),
            ],
        ),
        (
            "two-platforms",
            vec![
                index(vec![child("1", "amd64"), child("2", "arm64")], json!({})),
                plain.clone(),
                manifest(json!({"layers": [descriptor(GZIP, "gzip")]})),
            ],
        ),
        (
            "listed-twice",
            vec![
                index(vec![child("1", "amd64"), child("1", "amd64")], json!({})),
                plain.clone(),
            ],
        ),
        (
            "attestation",
            vec![
                index(
                    vec![
                        child("1", "amd64"),
                        with(descriptor(MANIFEST, "2"), attestation),
                    ],
                    json!({}),
                ),
                plain,
                manifest(artifact.clone()),
            ],
        ),
        ("artifact", vec![manifest(artifact)]),
        ("lazy", vec![manifest(lazy)]),
        ("no-layers", vec![manifest(none)]),
    ];
    let seed = |(name, documents): (_, Vec<Value>)| ("image_documents", name, input(&documents));
    seeds.into_iter().map(seed).collect()
}

fn left_by_earlier_runs() -> Vec<Seed> {
    let ztoc = |word: &str, layer: &str| {
        let annotations = json!({
            "com.amazon.soci.image-layer-digest": format!("@{layer}"),
            "com.amazon.soci.image-layer-mediaType": GZIP,
            "com.amazon.soci.span-size": "1000",
        });
        with(
            descriptor("application/octet-stream", word),
            json!({"annotations": annotations}),
        )
    };
    let soci_index = |layers: Vec<Value>, more: Value| {
        let config = json!({"mediaType": SOCI_INDEX, "digest": "@config", "size": 2});
        let tool = json!({"com.amazon.soci.build-tool-identifier": "soci-index-builder ztoc/1"});
        let document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": tool,
        });
        with(document, more)
    };
    let root = || {
        let listed = with(
            descriptor(MANIFEST, "2"),
            json!({
                "artifactType": SOCI_INDEX, "platform": {"architecture": "arm64", "os": "linux"},
                "annotations": {"com.amazon.soci.image-manifest-digest": "@1"},
            }),
        );
        index(vec![child("1", "arm64"), listed], json!({}))
    };
    let image = || manifest(json!({"annotations": {"com.amazon.soci.index-digest": "@2"}}));
    let both = || vec![ztoc("ztoc", "gzip"), ztoc("ytoc", "tar")];
    let left_out = json!({"annotations": {"soci-index-builder.left-out-layers": "@tar=not-a-tar"}});
    let seeds = vec![
        (
            "whole",
            vec![root(), image(), soci_index(both(), json!({}))],
        ),
        (
            "one-layer",
            vec![
                root(),
                image(),
                soci_index(vec![ztoc("ztoc", "gzip")], json!({})),
            ],
        ),
        (
            "left-out",
            vec![
                root(),
                image(),
                soci_index(vec![ztoc("ztoc", "gzip")], left_out),
            ],
        ),
        (
            "swapped",
            vec![
                root(),
                image(),
                soci_index(vec![ztoc("ytoc", "gzip"), ztoc("ztoc", "tar")], json!({})),
            ],
        ),
        (
            "no-link",
            vec![root(), manifest(json!({})), soci_index(both(), json!({}))],
        ),
        (
            "source",
            vec![
                index(vec![child("1", "arm64")], json!({})),
                manifest(json!({})),
            ],
        ),
        (
            "stranger",
            vec![json!({"schemaVersion": 2, "manifests": []})],
        ),
        ("no-json", vec![json!("no document")]),
    ];
    let seed = |(name, documents): (_, Vec<Value>)| ("soci_index", name, input(&documents));
    seeds.into_iter().map(seed).collect()
}
