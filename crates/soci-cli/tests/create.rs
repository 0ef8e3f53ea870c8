//! `soci-index ztoc create`: outcomes, their exit codes and their JSON.

mod support;

#[cfg(target_os = "linux")]
use std::{fs::File, process::Command};

use soci_testkit::{content, gzip, tar};
use soci_ztoc::Digest;
use support::{Desk, Ended, archive, exists, layer};

/// Plain tar of one empty file.
fn smallest() -> Vec<u8> {
    tar::Archive::new().file("a", b"").finish()
}

#[test]
fn a_file_and_a_pipe_give_the_same_digest() {
    for layer in [layer(), archive()] {
        let desk = Desk::new();
        desk.write("layer", &layer);
        desk.index("layer", "from-file", 50_000);
        let args = [
            "ztoc",
            "create",
            "-",
            "-o",
            "from-pipe",
            "--span-size",
            "50000",
        ];
        Ended::of(desk.command(&args).write_stdin(layer)).with_code(0);
        assert!(desk.read("from-file") == desk.read("from-pipe"));
    }
}

#[test]
fn json_of_an_indexed_layer() {
    let desk = Desk::new();
    desk.write("layer", &smallest());
    let ended = desk
        .ztoc(&["create", "layer", "-o", "ztoc", "--json"])
        .with_code(0);
    let ztoc = desk.read("ztoc");
    let digest = Digest::of(&ztoc);
    let size = ztoc.len();
    assert_eq!(
        ended.text(),
        format!(
            "{{\"outcome\":\"indexed\",\"reason\":null,\"detail\":null,\"ztoc\":{{\"digest\":\"{digest}\",\"size\":{size},\"files\":1,\"spans\":1}}}}\n"
        )
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn json_of_a_skipped_layer() {
    let desk = Desk::new();
    desk.write("layer", b"");
    let ended = desk
        .ztoc(&["create", "layer", "-o", "ztoc", "--json"])
        .with_code(3);
    assert_eq!(
        ended.text(),
        "{\"outcome\":\"skipped\",\"reason\":\"empty\",\"detail\":\"empty: the layer has no bytes (at uncompressed offset 0)\",\"ztoc\":null}\n"
    );
    assert_eq!(
        ended.stderr,
        "skipped layer: empty: the layer has no bytes (at uncompressed offset 0)\n"
    );
}

#[test]
fn json_of_a_damaged_layer() {
    let desk = Desk::new();
    desk.write("layer", &layer()[..1_000]);
    let ended = desk
        .ztoc(&["create", "layer", "-o", "ztoc", "--json"])
        .with_code(1);
    let json: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(json["outcome"], "failed");
    assert_eq!(json["reason"], "corrupt-layer");
    assert_eq!(json["ztoc"], serde_json::Value::Null);
    let detail = json["detail"].as_str().expect("a text");
    assert_eq!(ended.stderr, format!("error: {detail}\n"));
    assert!(detail.contains("at compressed offset 1000,"), "{detail}");
}

#[test]
fn json_of_a_layer_that_cannot_be_read() {
    let desk = Desk::new();
    let ended = desk
        .ztoc(&["create", "nothing", "-o", "ztoc", "--json"])
        .with_code(1);
    let json: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(json["outcome"], "failed");
    assert_eq!(json["reason"], "not-found");
}

#[test]
fn json_of_an_output_that_cannot_be_written() {
    let desk = Desk::new();
    desk.write("layer", &layer());
    let ended = desk
        .ztoc(&["create", "layer", "-o", "no/folder", "--json"])
        .with_code(1);
    let json: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(json["outcome"], "failed");
    assert_eq!(json["reason"], "configuration");
}

#[test]
fn the_right_digest_passes_and_another_fails() {
    let desk = Desk::new();
    let layer = layer();
    desk.write("layer", &layer);
    let right = Digest::of(&layer).to_string();
    let wrong = Digest::of(b"").to_string();
    let create = |digest: &str| desk.ztoc(&["create", "layer", "-o", "ztoc", "--digest", digest]);
    create(&wrong).failed_with(&format!(
        "cannot index layer: layer has digest {right}, expected {wrong}"
    ));
    assert_eq!(desk.names(), ["layer"]);
    create(&right).with_code(0);
    assert_eq!(desk.names(), ["layer", "ztoc"]);
}

/// A plain tar that is cut between two entries looks whole; only the digest tells.
#[test]
fn a_cut_that_the_bytes_do_not_show_is_found_by_the_digest() {
    let desk = Desk::new();
    let whole = archive();
    desk.write("layer", &whole[..512]);
    let digest = Digest::of(&whole).to_string();
    desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(0);
    desk.ztoc(&["create", "layer", "-o", "other", "--digest", &digest])
        .with_code(1);
    assert!(!exists(&desk.path("other")));
}

#[test]
fn wrong_usage_is_2() {
    let desk = Desk::new();
    desk.write("layer", &layer());
    let wrong: [&[&str]; 9] = [
        &["--span-size", "0"],
        &["--span-size", "9223372036854775808"],
        &["--span-size", "-1"],
        &["--span-size", "4M"],
        &["--digest", "sha256:00"],
        &[
            "--digest",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ],
        &["--multi-member", "perhaps"],
        &["--no-such-flag"],
        &["another-layer"],
    ];
    for args in wrong {
        let ended = desk.ztoc(&[&["create", "layer", "-o", "ztoc"], args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
    desk.ztoc(&["create", "layer"]).with_code(2);
    desk.ztoc(&["create"]).with_code(2);
    assert_eq!(desk.names(), ["layer"]);
}

/// Defect A15 of AWS's builder: a layer is indexed up to the end of its first member, and that is called success.
#[test]
fn members_are_skipped_unless_allowed() {
    let desk = Desk::new();
    desk.write("layer", &gzip::compress_members(&archive(), 6, 100_000));
    let ended = desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(3);
    assert!(
        ended
            .stderr
            .starts_with("skipped layer: multi-member-gzip: "),
        "{}",
        ended.stderr
    );
    assert_eq!(desk.names(), ["layer"]);
    desk.ztoc(&["create", "layer", "-o", "ztoc", "--multi-member", "allow"])
        .with_code(0);
    let ended = desk.ztoc(&["cat", "ztoc", "layer", "big"]).with_code(0);
    assert!(ended.stdout == support::big());
}

#[test]
fn the_build_tool_identifier_is_written() {
    let desk = Desk::new();
    desk.write("layer", &smallest());
    desk.ztoc(&[
        "create",
        "layer",
        "-o",
        "ztoc",
        "--build-tool-identifier",
        "me",
    ])
    .with_code(0);
    let info = desk.ztoc(&["info", "ztoc"]).with_code(0);
    assert!(info.text().contains("\"build_tool\": \"me\""));
}

#[test]
fn other_compressions_are_named() {
    let desk = Desk::new();
    desk.write("layer", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]);
    let ended = desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(3);
    assert_eq!(
        ended.stderr,
        "skipped layer: unsupported-compression: compressed with zstd (at uncompressed offset 0)\n"
    );
}

#[test]
fn damage_is_one_line_with_the_offset_and_leaves_no_file() {
    let desk = Desk::new();
    let sound = layer();
    let cut = sound[..sound.len() / 2].to_vec();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    let member = gzip::Member::new(&content::text(1, 1_000), 6);
    let layers = [
        cut,
        flipped,
        sound[..sound.len() - 1].to_vec(),
        member.clone().wrong_crc().bytes(),
        member.clone().wrong_isize().bytes(),
        member.clone().reserved_flag(0x40).bytes(),
        member.wrong_header_crc().bytes(),
    ];
    for layer in layers {
        desk.write("layer", &layer);
        let ended = desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(1);
        let prefix = "error: cannot index layer: layer is damaged at compressed offset ";
        assert!(ended.stderr.starts_with(prefix), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1);
        assert_eq!(desk.names(), ["layer"]);
    }
}

/// As under `2>/dev/full`: nothing can be said, and the exit code is all the more needed.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_error_does_not_change_the_exit_code() {
    let desk = Desk::new();
    desk.write("layer", &smallest());
    desk.write("empty", b"");
    for (layer, code) in [("layer", 0), ("empty", 3), ("nothing", 1)] {
        let full = File::options().write(true).open("/dev/full");
        let ended = Command::new(env!("CARGO_BIN_EXE_soci-index"))
            .args(["ztoc", "create", layer, "-o", "ztoc"])
            .current_dir(desk.path("."))
            .stderr(full.expect("the device"))
            .status()
            .expect("the program runs");
        assert_eq!(ended.code(), Some(code), "{layer}");
    }
}

#[test]
fn layers_that_cannot_be_read() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("folder")).expect("a folder");
    desk.ztoc(&["create", "nothing", "-o", "ztoc"])
        .failed_with("cannot read nothing: No such file or directory (os error 2)");
    desk.ztoc(&["create", "folder", "-o", "ztoc"])
        .failed_with("cannot read folder: Is a directory (os error 21)");
    assert_eq!(desk.names(), ["folder"]);
}
