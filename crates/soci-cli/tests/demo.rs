//! `soci-index demo`, run as its users run it. What it shows is tested with its library; here are exit codes, signals and what is left.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use soci_testkit::image::{AMD64, Layer, Manifest, media};
use soci_testkit::{content, gzip, tar};
use support::{Desk, Ended, send, shelve};

/// A layout with an image whose layer is large enough for a zTOC, which those of the test kit's tables are not by default.
fn with_image(desk: &Desk) {
    shelve(desk, "layout", "app", &Manifest::oci(AMD64).layer(large(1)));
}

fn large(seed: u64) -> Layer {
    let archive = tar::Archive::new()
        .file("opt/large", &content::random(seed, 11 << 20))
        .finish();
    Layer::new(media::GZIP, gzip::compress(&archive, 1))
}

/// The demonstration, its temporary files in a folder of the desk.
fn demo(desk: &Desk, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soci-index"));
    std::fs::create_dir_all(desk.path("tmp")).expect("made");
    command
        .env("TMPDIR", desk.path("tmp"))
        .current_dir(desk.path("."));
    command.arg("demo").args(args);
    command
}

fn left_behind(desk: &Desk) -> usize {
    std::fs::read_dir(desk.path("tmp"))
        .expect("the folder")
        .count()
}

fn run(desk: &Desk, args: &[&str]) -> Ended {
    Ended::of(&mut assert_cmd::Command::from_std(demo(desk, args)))
}

#[test]
fn an_image_of_ones_own_is_indexed_and_proven() {
    let desk = Desk::new();
    with_image(&desk);
    let ended = run(&desk, &["--image", "oci:layout"]).with_code(0);
    for line in [
        "registry   127.0.0.1:",
        "\nindexed    127.0.0.1:",
        "in full against their layers",
        "/demo/app:app-soci\n",
    ] {
        assert!(
            ended.text().contains(line),
            "{line:?} is missing: {}",
            ended.text()
        );
    }
    assert_eq!(left_behind(&desk), 0);
}

#[test]
fn an_image_with_nothing_to_index_is_skipped() {
    let desk = Desk::new();
    let image = Manifest::oci(AMD64).layer(Layer::large(1));
    shelve(&desk, "layout", "app", &image);
    let ended = run(&desk, &["--image", "oci:layout"]);
    assert_eq!(ended.code, Some(3), "{}{}", ended.text(), ended.stderr);
    let skipped = "\nskipped    no-eligible-layers";
    assert!(ended.text().contains(skipped), "{}", ended.text());
    assert_eq!(left_behind(&desk), 0);
}

/// The files of the demonstration's blobs that are zTOCs, as far as they are there.
fn ztocs(desk: &Desk) -> Vec<PathBuf> {
    let files = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let demos = files(desk.path("tmp"));
    let blobs = demos.flat_map(|demo| files(demo.path().join("registry/blobs")));
    let is_ztoc = |path: &PathBuf| {
        // What made it stands in it, and in documents, which are JSON. Layers are far larger.
        let name = b"soci-index-builder ztoc/";
        let is_small = path.metadata().is_ok_and(|file| file.len() < 1 << 20);
        let bytes = is_small.then(|| fs::read(path).ok());
        bytes.flatten().is_some_and(|bytes| {
            bytes.first() != Some(&b'{') && bytes.windows(name.len()).any(|part| part == name)
        })
    };
    blobs.map(|blob| blob.path()).filter(is_ztoc).collect()
}

/// One byte of each zTOC on the disk, changed as soon as it is there: what is verified is not what was indexed, and the exit code says so.
/// Between a zTOC and its verification lie all documents, the events of what was written, and the layers before it; on a machine that stands
/// still for that long the damage comes too late, so a run that did not see all of it is repeated.
#[test]
fn a_damaged_ztoc_is_found_and_fails_it() {
    let found = (0..5).any(|_| a_damaged_run());
    assert!(found, "no run of five found the damage");
}

/// Whether a run failed with each zTOC that was damaged under it.
fn a_damaged_run() -> bool {
    let desk = Desk::new();
    let layers = [1, 2, 3].map(large);
    let image = layers
        .into_iter()
        .fold(Manifest::oci(AMD64), Manifest::layer);
    shelve(&desk, "layout", "app", &image);
    let mut command = demo(&desk, &["--image", "oci:layout"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut damaged = BTreeSet::new();
    while child.try_wait().expect("it is ours").is_none() {
        for path in ztocs(&desk) {
            if !damaged.contains(&path) && damage(&path) {
                damaged.insert(path);
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().expect("it ended");
    let (told, why) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(told.contains("\nindexed    127.0.0.1:"), "{told}{why}");
    assert_eq!(left_behind(&desk), 0);
    let is_told = |path: &PathBuf| {
        let digest = path.file_name().expect("a name").to_string_lossy();
        why.contains(&format!("sha256:{digest}"))
    };
    if damaged.len() < 3 || !damaged.iter().all(is_told) {
        return false;
    }
    assert_eq!(output.status.code(), Some(1), "{told}{why}");
    assert!(
        why.contains("error: ") && !told.contains("deploy"),
        "{told}{why}"
    );
    true
}

/// Changes a byte in its place, unless the file is gone already.
fn damage(path: &Path) -> bool {
    let change = || -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let middle = file.metadata()?.len() / 2;
        let mut byte = [0];
        file.read_exact_at(&mut byte, middle)?;
        file.write_all_at(&[byte[0] ^ 1], middle)
    };
    change().is_ok()
}

#[test]
fn failures_say_what_to_do() {
    let desk = Desk::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ended = run(&desk, &["--port", &port]).with_code(1);
    assert!(
        ended
            .stderr
            .contains("--port 0 takes any port that is free"),
        "{}",
        ended.stderr
    );
    let ended = run(&desk, &["--image", "oci:missing"]).with_code(1);
    assert!(
        ended.stderr.starts_with("error: cannot open oci:missing"),
        "{}",
        ended.stderr
    );
    run(&desk, &["--image", "Not/A:Name:"]).with_code(2);
    assert_eq!(left_behind(&desk), 0);
}

/// Kept until somebody ends it, by whichever signal: then it is a good end, and nothing is left.
#[test]
fn kept_it_ends_well_by_signals() {
    for signal in ["INT", "TERM"] {
        let desk = Desk::new();
        with_image(&desk);
        let mut command = demo(&desk, &["--keep", "--image", "oci:layout"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut lines = stdout.lines().map(|line| line.expect("text"));
        assert!(
            lines.any(|line| line.starts_with("listening ")),
            "it is kept"
        );
        assert_eq!(left_behind(&desk), 1);
        send(signal, &child);
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{signal}");
        assert_eq!(left_behind(&desk), 0, "{signal}");
    }
}

/// Ended in the middle of packing files of this machine.
#[test]
fn interrupted_it_fails_and_leaves_nothing() {
    let desk = Desk::new();
    let mut command = demo(&desk, &[]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("text");
    assert!(first.starts_with("registry "), "{first}");
    send("INT", &child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: interrupted\n"
    );
    assert_eq!(left_behind(&desk), 0);
}
