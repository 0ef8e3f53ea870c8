//! What is told of wrong input, word for word: what is wrong, where, and what to do about it. A change here is one that users see.

mod support;

use soci_testkit::image::{AMD64, Layer, Manifest, Shelf};
use support::{Desk, Ended, layer, place, shelve};

/// What was written behind `soci-index`, the exit code, and what is told behind `error: `. An empty line and where help is, which the
/// argument parser adds, are left out.
const TABLE: &[(&str, i32, &str)] = &[
    (
        "bild app",
        2,
        "unrecognized subcommand 'bild'\n\n  tip: a similar subcommand exists: 'build'\n\nUsage: soci-index [OPTIONS] <COMMAND>",
    ),
    (
        "build",
        2,
        "the following required arguments were not provided:\n  <IMAGE>...\n\nUsage: soci-index build <IMAGE>...",
    ),
    (
        "build http://127.0.0.1:5000/app:1",
        2,
        "invalid value 'http://127.0.0.1:5000/app:1' for '<IMAGE>...': not an image reference: the transport must be docker://, oci: or oci-archive:; found \"http://127.0.0.1:5000/app:1\"",
    ),
    (
        "build App:1",
        2,
        "invalid value 'App:1' for '<IMAGE>...': not an image reference: the repository must be lower-case words separated by one of . _ __ - and /; found \"App\"",
    ),
    (
        "build oci:",
        2,
        "invalid value 'oci:' for '<IMAGE>...': not an image reference: behind oci: or oci-archive: there must be a path; found \"\"",
    ),
    (
        "build --platform linux oci:images:app",
        2,
        "invalid value 'linux' for '--platform <PLATFORM>': must look like linux/amd64 or linux/arm64/v8",
    ),
    (
        "build --min-layer-size 10MiB oci:images:app",
        2,
        "invalid value '10MiB' for '--min-layer-size <BYTES>': not a number of bytes; write it in digits, without a unit",
    ),
    (
        "build --min-layer-size -1 oci:images:app",
        2,
        "invalid value '-1' for '--min-layer-size <BYTES>': not a number of bytes; write it in digits, without a unit",
    ),
    (
        "build --concurrency 0 oci:images:app",
        2,
        "invalid value '0' for '--concurrency <LAYERS>': must be from 1 to 1024 layers",
    ),
    (
        "build --output-tag {tag}/x oci:images:app",
        2,
        "invalid value '{tag}/x' for '--output-tag <TEMPLATE>': output tag \"{tag}/x\" is neither a tag nor a template with one {tag} in it, such as {tag}-soci",
    ),
    (
        "build --output-tag x oci:images:app oci:images:b",
        2,
        "several images of oci:images cannot have one output tag; write a template with {tag} in it",
    ),
    (
        "build --ca nowhere.pem oci:images:app",
        1,
        "cannot index oci:images:app: cannot read the certificates in nowhere.pem: I/O error: No such file or directory (os error 2)",
    ),
    (
        "build --platform linux/s390x oci:images:app",
        1,
        "cannot index oci:images:app: the image has no platform linux/s390x; it has linux/amd64",
    ),
    (
        "inspect oci:empty",
        1,
        "cannot inspect oci:empty: empty: has no image in it, its index.json lists none",
    ),
    (
        "inspect oci-archive:images",
        1,
        "cannot inspect oci-archive:images: images: a folder, where a tar archive of an OCI layout is expected; a folder is named with oci:",
    ),
    (
        "inspect --jsn oci:images:app",
        2,
        "unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\nUsage: soci-index inspect --json <IMAGE>",
    ),
    (
        "verify --structure --full oci:images:app",
        2,
        "the argument '--structure' cannot be used with '--full'\n\nUsage: soci-index verify --structure <IMAGE>",
    ),
    (
        "verify oci:images:no",
        1,
        "cannot verify oci:images:no: oci:images has no tag no",
    ),
    (
        "match a:*,,b:* team/app:1",
        2,
        "invalid value 'a:*,,b:*' for '<FILTERS>': filter 2 of \"a:*,,b:*\" is empty",
    ),
    (
        "match *:* oci:images:app",
        2,
        "invalid value 'oci:images:app' for '<IMAGE>...': filters are for images in registries; write REPOSITORY:TAG",
    ),
    (
        "demo --port 99999",
        2,
        "invalid value '99999' for '--port <PORT>': must be from 0, any that is free, to 65535",
    ),
    (
        "ztoc create layer",
        2,
        "the following required arguments were not provided:\n  --output <FILE>\n\nUsage: soci-index ztoc create --output <FILE> <LAYER>",
    ),
    (
        "ztoc create layer -o -",
        1,
        "cannot write -: standard output is -o /dev/stdout, and a file of this name -o ./-",
    ),
    (
        "ztoc create layer -o no/ztoc",
        1,
        "cannot write no/ztoc: there is no folder no",
    ),
    (
        "ztoc create layer -o new --digest sha256:12",
        2,
        "invalid value 'sha256:12' for '--digest <sha256:…>': not a digest of the form sha256:<64 lower-case hexadecimal digits>",
    ),
    (
        "ztoc create cut -o new",
        1,
        "cannot index cut: layer is damaged at compressed offset 50, uncompressed offset 0: ends within deflate data",
    ),
    (
        "ztoc info nothing",
        1,
        "cannot read nothing: No such file or directory (os error 2)",
    ),
    (
        "ztoc cat ztoc layer etc/nothing",
        1,
        "cannot read etc/nothing from layer: no such file in this layer; `soci-index ztoc info` lists those that are",
    ),
    (
        "ztoc cat ztoc layer etc/link",
        1,
        "cannot read etc/link from layer: a symbolic link to \"motd\"; ask for its target",
    ),
];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("layer", &layer());
    desk.write("cut", &layer()[..50]);
    desk.index("layer", "ztoc", 50_000);
    let image = Manifest::oci(AMD64).layer(Layer::large(1));
    shelve(&desk, "images", "app", &image);
    std::fs::create_dir(desk.path("empty")).expect("a folder");
    desk.write("empty/oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    desk.write("empty/index.json", br#"{"schemaVersion":2,"manifests":[]}"#);
    desk
}

#[test]
fn every_error_says_what_is_wrong_and_what_to_do() {
    const HELP: &str = "\n\nFor more information, try '--help'.\n";
    let desk = desk();
    for &(line, code, text) in TABLE {
        let args: Vec<&str> = line.split(' ').collect();
        let ended = Ended::of(&mut desk.command(&args)).with_code(code);
        let told = ended.stderr.strip_prefix("error: ");
        let told = told.unwrap_or_else(|| panic!("{line}: {}", ended.stderr));
        let told = told.strip_suffix(HELP).unwrap_or(told).trim_end();
        assert_eq!(told, text, "{line}");
        assert!(ended.stdout.is_empty(), "{line}");
    }
}

/// What an image is called may come from anybody.
#[test]
fn names_cannot_command_a_terminal() {
    let desk = Desk::new();
    let mut shelf = Shelf::new();
    let platform =
        serde_json::json!({"os": "linux\u{1b}[2J\nfake: line", "architecture": "am\u{202e}d64"});
    let image = Manifest::oci(AMD64).layer(Layer::large(1));
    let image = image.shelve(&mut shelf).field("platform", platform);
    let root = soci_testkit::image::Index::oci()
        .child(image)
        .shelve(&mut shelf);
    place(&desk, "images", "app", shelf, root);
    let shown = "linux\\u{1b}[2J\\nfake: line/am\\u{202e}d64: ";
    for (args, code) in [
        (&["inspect", "oci:images:app"][..], 0),
        (&["build", "--min-layer-size=1", "oci:images:app"], 0),
        (&["verify", "oci:images:app-soci"], 0),
    ] {
        let ended = Ended::of(&mut desk.command(args)).with_code(code);
        assert!(ended.text().contains(shown), "{args:?}: {}", ended.text());
        assert!(!ended.text().contains('\u{1b}'), "{args:?}");
    }
    let args = ["build", "--platform", "linux/s390x", "oci:images:app"];
    let ended = Ended::of(&mut desk.command(&args)).with_code(1);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}
