//! `soci-index ztoc info` and `soci-index ztoc cat`.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use soci_testkit::{content, tar};
use soci_ztoc::Digest;
use support::{Desk, Ended, archive, big, layer};

/// [`layer`] and its zTOC with several spans.
fn indexed() -> Desk {
    let desk = Desk::new();
    desk.write("layer", &layer());
    desk.index("layer", "ztoc", 50_000);
    desk
}

/// A plain tar, because there the spans lie where arithmetic says.
#[test]
fn info_says_what_lies_where() {
    let desk = Desk::new();
    let archive = tar::Archive::new()
        .dir("d/")
        .file("d/small", b"12345")
        .file("d/large", &content::text(1, 3_000))
        .symlink("s", "d/small")
        .finish();
    desk.write("layer", &archive);
    desk.index("layer", "ztoc", 2_048);
    let ended = desk.ztoc(&["info", "ztoc"]).with_code(0);
    let info: Value = serde_json::from_str(ended.text()).expect("JSON");
    let file = |name: &str, offset: u64, size: u64, kind: &str, start: u64, end: u64| json!({"filename": name, "offset": offset, "size": size, "type": kind, "start_span": start, "end_span": end});
    let expected = json!({
        "version": "0.9",
        "build_tool": "soci-index-builder ztoc/1",
        "size": desk.read("ztoc").len(),
        "span_size": 2_048,
        "num_spans": (archive.len() as u64).div_ceil(2_048),
        "num_files": 4,
        "num_multi_span_files": 1,
        "files": [
            file("d/", 512, 0, "dir", 0, 0),
            file("d/small", 1_024, 5, "reg", 0, 0),
            file("d/large", 2_048, 3_000, "reg", 1, 2),
            file("s", 5_632, 0, "symlink", 2, 2),
        ],
    });
    assert_eq!(info, expected);
}

/// In a plain tar without end blocks, an entry without data at the end begins where the layer ends.
#[test]
fn info_names_only_spans_that_there_are() {
    let desk = Desk::new();
    desk.write("layer", &tar::Archive::new().dir("d/").unfinished());
    desk.index("layer", "ztoc", 512);
    let ended = desk.ztoc(&["info", "ztoc"]).with_code(0);
    let info: Value = serde_json::from_str(ended.text()).expect("JSON");
    assert_eq!(info["num_spans"], 1);
    assert_eq!(info["num_multi_span_files"], 0);
    let file = json!({"filename": "d/", "offset": 512, "size": 0, "type": "dir", "start_span": 0, "end_span": 0});
    assert_eq!(info["files"], json!([file]));
}

/// The order too: people read it.
#[test]
fn info_has_the_keys_of_soci_in_their_order() {
    let ended = indexed().ztoc(&["info", "ztoc"]).with_code(0);
    let keys: Vec<&str> = ended
        .text()
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .take(14)
        .collect();
    assert_eq!(
        keys,
        [
            "version",
            "build_tool",
            "size",
            "span_size",
            "num_spans",
            "num_files",
            "num_multi_span_files",
            "files",
            "filename",
            "offset",
            "size",
            "type",
            "start_span",
            "end_span",
        ]
    );
}

#[test]
fn info_refuses_what_is_no_ztoc() {
    let desk = indexed();
    fs::create_dir(desk.path("folder")).expect("a folder");
    desk.write("empty", b"");
    desk.write("cut", &desk.read("ztoc")[..1_000]);
    for name in ["layer", "empty", "cut"] {
        let ended = desk.ztoc(&["info", name]).with_code(1);
        let message = format!("error: cannot use {name}: ");
        assert!(ended.stderr.starts_with(&message), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1);
        assert!(ended.stdout.is_empty());
    }
    desk.ztoc(&["info", "nothing"])
        .failed_with("cannot read nothing: No such file or directory (os error 2)");
    desk.ztoc(&["info", "folder"])
        .failed_with("cannot read folder: Is a directory (os error 21)");
    desk.ztoc(&["info"]).with_code(2);
}

#[test]
fn cat_prints_files_as_they_are() {
    let gzip = indexed();
    let plain = Desk::new();
    plain.write("layer", &archive());
    plain.index("layer", "ztoc", 10_000);
    for desk in [gzip, plain] {
        let cat = |path: &str| {
            desk.ztoc(&["cat", "ztoc", "layer", path])
                .with_code(0)
                .stdout
        };
        assert_eq!(cat("etc/motd"), b"hello\n");
        assert_eq!(cat("./etc/motd"), b"hello\n");
        assert_eq!(cat("/etc/../etc/motd"), b"hello\n");
        assert_eq!(cat("etc/hard"), b"hello\n");
        assert_eq!(cat("etc/empty"), b"");
        assert!(cat("big") == big());
        assert!(cat("./big") == big());
    }
}

#[test]
fn cat_finds_names_that_are_not_utf_8() {
    let desk = Desk::new();
    let archive = tar::Archive::new()
        .file(b"caf\xe9", b"one")
        .file(b"caf\xe8", b"another");
    desk.write("layer", &archive.finish());
    desk.index("layer", "ztoc", 512);
    let cat = |path: &[u8]| {
        let mut command = desk.command(&["ztoc", "cat", "ztoc", "layer"]);
        Ended::of(command.arg(OsStr::from_bytes(path)))
    };
    assert_eq!(cat(b"caf\xe9").with_code(0).stdout, b"one");
    assert_eq!(cat(b"./caf\xe8").with_code(0).stdout, b"another");
    cat(b"caf\xff").failed_with("cannot read caf\u{fffd} from layer: no such file in this layer; `soci-index ztoc info` lists those that are");
}

#[test]
fn cat_says_why_a_path_has_no_content() {
    let desk = indexed();
    let cat = |path: &str| desk.ztoc(&["cat", "ztoc", "layer", path]);
    cat("etc/nothing")
        .failed_with("cannot read etc/nothing from layer: no such file in this layer; `soci-index ztoc info` lists those that are");
    cat("etc").failed_with("cannot read etc from layer: not a regular file but of type dir");
    cat("etc/link").failed_with(
        "cannot read etc/link from layer: a symbolic link to \"motd\"; ask for its target",
    );
    desk.ztoc(&["cat", "ztoc", "layer"]).with_code(2);
}

#[test]
fn cat_notices_another_layer() {
    let desk = indexed();
    let other = soci_testkit::gzip::compress(&content::random(9, 400_000), 6);
    desk.write("other", &other);
    let ended = desk
        .ztoc(&["cat", "ztoc", "other", "etc/motd"])
        .with_code(1);
    assert!(
        ended.stderr.starts_with(
            "error: cannot read etc/motd from other: not the layer that the zTOC was made of: span 0 has digest sha256:"
        ),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.is_empty());
}

#[test]
fn cat_notices_a_layer_that_ends_too_early() {
    let desk = indexed();
    desk.write("cut", &layer()[..20_000]);
    let ended = desk.ztoc(&["cat", "ztoc", "cut", "etc/motd"]).with_code(1);
    assert!(
        ended
            .stderr
            .starts_with("error: cannot read etc/motd from cut: the layer ends before byte "),
        "{}",
        ended.stderr
    );
}

#[test]
fn cat_says_what_it_cannot_open() {
    let desk = indexed();
    fs::create_dir(desk.path("folder")).expect("a folder");
    desk.ztoc(&["cat", "ztoc", "nothing", "big"])
        .failed_with("cannot open nothing: No such file or directory (os error 2)");
    desk.ztoc(&["cat", "nothing", "layer", "big"])
        .failed_with("cannot read nothing: No such file or directory (os error 2)");
    let ended = desk.ztoc(&["cat", "ztoc", "folder", "big"]).with_code(1);
    assert!(
        ended
            .stderr
            .ends_with(" of the layer: Is a directory (os error 21)\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_reader_that_goes_away_is_no_news() {
    let desk = Desk::new();
    // More than fits into a pipe, so that the program is still writing when its reader goes.
    let many = (0..5_000).fold(tar::Archive::new(), |archive, number| {
        archive.file(format!("file-{number}"), b"")
    });
    desk.write("layer", &many.file("big", &big()).finish());
    desk.index("layer", "ztoc", 1 << 20);
    for args in [
        ["info", "ztoc"].as_slice(),
        &["cat", "ztoc", "layer", "big"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_soci-index"))
            .arg("ztoc")
            .args(args)
            .current_dir(desk.path("."))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("the program ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    }
}

/// The layer's digest is what `create --digest` is given, not the zTOC's.
#[test]
fn the_same_layer_gives_the_same_ztoc() {
    let desk = indexed();
    desk.index("layer", "again", 50_000);
    assert_eq!(
        Digest::of(&desk.read("ztoc")),
        Digest::of(&desk.read("again"))
    );
}
