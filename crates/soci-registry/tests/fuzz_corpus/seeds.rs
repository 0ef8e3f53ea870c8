//! What the fuzzer starts from: names, indexes, archives, configurations and headers as people and tools write them.

use serde_json::{Value, json};
use soci_registry::{Manifest, OCI_MANIFEST};
use soci_testkit::tar::{Archive, Header};

use crate::laws::REPAIR;

/// Target, name and input.
type Seed = (&'static str, &'static str, Vec<u8>);

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub(crate) fn all() -> Vec<Seed> {
    [references(), challenges(), indexes(), archives(), configs()].concat()
}

fn texts<const N: usize>(target: &'static str, texts: [(&'static str, &str); N]) -> Vec<Seed> {
    let seed = |(name, text): (&'static str, &str)| (target, name, text.as_bytes().to_vec());
    texts.into_iter().map(seed).collect()
}

fn references() -> Vec<Seed> {
    let plain = [
        ("name", "alpine"),
        ("namespace", "me/app:3"),
        ("host", "docker://host.example:5000/a.b/c__d/e--f:v1.2-rc_3"),
        ("address", "[::1]:5000/app:1"),
        ("localhost", "localhost/app"),
        ("old-name", "index.docker.io/alpine"),
        ("layout", "oci:/a/b:q.io/a:1"),
        ("layout-only-entry", "oci:dir"),
        ("archive", "oci-archive:a.tar:1"),
        ("password", "user:secretpassword@q.io/a"),
        ("password-sha", "user:secretpassword@sha256.example/a"),
        ("other-transport", "docker-daemon://a"),
    ];
    let mut seeds = texts("references", plain);
    seeds.extend(texts(
        "references",
        [
            ("digest", &*format!("q.io/a@{SHA}")),
            ("tag-and-digest", &format!("q.io/a:1@{SHA}")),
            (
                "password-digest",
                &format!("user:secretpassword@q.io/a@{SHA}"),
            ),
            ("layout-digest", &format!("oci:dir@{SHA}")),
        ],
    ));
    seeds
}

fn challenges() -> Vec<Seed> {
    texts(
        "challenges",
        [
            (
                "bearer",
                r#"Bearer realm="https://a/t",service="r.docker.io",scope="repository:a/b:pull,push""#,
            ),
            (
                "basic",
                r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#,
            ),
            (
                "two-in-one",
                r#"Basic realm="a, b", Bearer realm="https://a/t""#,
            ),
            ("two-lines", "Basic realm=x\nBearer realm=\"https://a/t\""),
            (
                "unquoted",
                "BEARER Realm = https://a/t , error=\"insufficient_scope\"",
            ),
            ("unclosed", "Bearer realm=\"https://a\nBasic realm=x"),
            ("escaped", r#"Bearer realm="a\"b\\c",service="""#),
            ("negotiate", "Negotiate, Basic"),
        ],
    )
}

/// The one manifest whose blob the law has put down.
fn known() -> Manifest {
    let text = r#"{"config":{},"layers":[],"word":"known"}"#;
    Manifest::new(OCI_MANIFEST, text)
}

fn entry(name: &str) -> Value {
    let known = known();
    json!({
        "mediaType": OCI_MANIFEST, "digest": known.digest().to_string(), "size": known.bytes().len(),
        "annotations": {REF_NAME: name},
    })
}

fn documents() -> Vec<(&'static str, Value)> {
    let stranger = json!({"digest": "sha512:x", "size": 1, "odd": [1, {"a": null}]});
    let missing = json!({"mediaType": OCI_MANIFEST, "digest": SHA, "size": 0, "annotations": {REF_NAME: "gone"}});
    let mut unnamed = entry("1");
    unnamed["annotations"] = json!({"x": "y"});
    vec![
        ("empty", json!({"schemaVersion": 2, "manifests": []})),
        (
            "one",
            json!({"schemaVersion": 2, "manifests": [entry("1")]}),
        ),
        (
            "two",
            json!({"manifests": [entry("1"), entry("q.io/a:2")], "annotations": {"k": "v"}, "x": {"y": 1.5}}),
        ),
        (
            "added-before",
            json!({"manifests": [entry("added"), entry("1")]}),
        ),
        (
            "strangers",
            json!({"manifests": [stranger, 7, unnamed, missing]}),
        ),
        ("no-list", json!({"manifests": {}})),
        (
            "added-twice",
            json!({"manifests": [entry("1"), entry("added"), entry("added")]}),
        ),
    ]
}

fn indexes() -> Vec<Seed> {
    let seed = |(name, document): (_, Value)| ("layout_index", name, document.to_string().into());
    documents().into_iter().map(seed).collect()
}

fn archives() -> Vec<Seed> {
    let known = known();
    let blob = format!("blobs/sha256/{}", known.digest().hex());
    let marker = br#"{"imageLayoutVersion":"1.0.0"}"#;
    let document = |place: usize| documents().swap_remove(place).1.to_string().into_bytes();
    let usual = |index: &[u8]| {
        Archive::new()
            .file("oci-layout", marker)
            .file("index.json", index)
            .file(&blob, known.bytes())
    };
    let archives = vec![
        ("one", usual(&document(1)).finish()),
        ("two", usual(&document(2)).finish()),
        ("strangers", usual(&document(4)).finish()),
        (
            "dots",
            Archive::new()
                .dir("blobs/")
                .file("./index.json", &document(1))
                .file(format!("./{blob}"), known.bytes())
                .file("./oci-layout", marker)
                .symlink("link", "index.json")
                .finish(),
        ),
        (
            "index-twice",
            usual(&document(1))
                .file("index.json", &document(0))
                .finish(),
        ),
        (
            "long-name",
            usual(&document(1))
                .long_name(&[b'n'; 200])
                .file("notes", b"theirs")
                .pax(&[("path", b"p\xc3\xa4th")])
                .file("x", b"y")
                .finish(),
        ),
        (
            "size-huge",
            usual(&document(1))
                .header(Header::gnu("n").base256(124, 12, i128::from(i64::MAX)))
                .finish(),
        ),
        (
            "no-marker",
            Archive::new().file("index.json", &document(1)).finish(),
        ),
    ];
    let mut seeds: Vec<Seed> = Vec::new();
    for (name, archive) in archives {
        seeds.push(("archive_entries", name, [&[REPAIR], &*archive].concat()));
    }
    let cut = usual(&document(1)).finish();
    seeds.push(("archive_entries", "cut", [&[0], &cut[..2_700]].concat()));
    seeds
}

fn configs() -> Vec<Seed> {
    texts(
        "docker_config",
        [
            (
                "auth",
                "q.io\n{\"auths\":{\"q.io\":{\"auth\":\"dXNlcjpzZWNyZXRwYXNzd29yZA==\"}}}",
            ),
            (
                "fields",
                "q.io:5000\n{\"auths\":{\"https://q.io:5000\":{\"username\":\"user\",\"password\":\"secretpassword\"}}}",
            ),
            (
                "identity",
                "docker.io\n{\"auths\":{\"https://index.docker.io/v1/\":{\"identitytoken\":\"secrettoken\"}},\"HttpHeaders\":{}}",
            ),
            (
                "not-base64",
                "q.io\n{\"auths\":{\"q.io\":{\"auth\":\"secretpassword%\"}}}",
            ),
            ("empty", "q.io\n{}"),
            ("no-json", "q.io\npassword = secret"),
        ],
    )
}
