//! Layouts on disks that take nothing: full ones, and ones that may only be read.
//!
//! Permissions stop nobody who is root, so the disks are real file systems, mounted where only the program sees them.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use soci_e2e::{images, program};
use soci_registry::{LayoutStore, Store};
use soci_testkit::image::Layer;
use tokio::process::Command;

/// Exit code of a disk that could not be set up.
const NO_DISK: i32 = 99;
/// A file system in memory with so many blocks, the layout on it; what is there afterwards is copied out.
const FULL: &str = r#"
mount -t tmpfs -o nr_blocks="$BLOCKS" tmpfs "$DISK" && cp -R "$LAYOUT/." "$DISK" || exit 99
"$@"
code=$?
cp -R "$DISK/." "$AFTER"
exit $code"#;
/// The layout's own folder, not to be written to.
const READ_ONLY: &str = r#"
mount --bind "$LAYOUT" "$DISK" && mount -o remount,ro,bind "$DISK" || exit 99
"$@"
code=$?
cp -R "$DISK/." "$AFTER"
exit $code"#;
/// Of a tmpfs.
const BLOCK_BYTES: u64 = 4096;

struct Disks {
    folder: tempfile::TempDir,
}

impl Disks {
    fn with_layout() -> Disks {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("disk")).unwrap();
        let image = images::one_layer(Layer::large(1), "1");
        image.write_layout(&folder.path().join("layout")).unwrap();
        Disks { folder }
    }

    /// Runs `build` on the layout on such a disk; how it ended, and a fresh copy of what is there afterwards.
    async fn build(&self, disk: &str, blocks: u64) -> (Output, tempfile::TempDir) {
        let after = tempfile::tempdir().unwrap();
        let at = |name: &str| self.folder.path().join(name);
        let build = program::build(&format!("oci:{}:1", at("disk").display()));
        let build = build.as_std();
        let mut command = Command::new("unshare");
        // For whoever is not root, mounting takes a user namespace besides.
        command.args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            disk,
            "disk",
        ]);
        command.arg(build.get_program()).args(build.get_args());
        command.env("DISK", at("disk")).env("LAYOUT", at("layout"));
        command.env("AFTER", after.path());
        command.env("BLOCKS", blocks.to_string());
        let output = command.output().await;
        let output = output.expect("unshare is missing; install it: apt-get install util-linux");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() != Some(NO_DISK) && !output.stdout.is_empty(),
            "THIS TEST CANNOT RUN HERE: it mounts a disk of its own, which takes root or user namespaces: {words}"
        );
        (output, after)
    }
}

/// It failed for good in one line, and the layout is as it was, but for blobs that nothing names.
async fn assert_failed(output: &Output, after: &Path, kind: &str, says: &str) {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(
        (&report["kind"], &report["retryable"]),
        (&kind.into(), &false.into()),
        "{report}"
    );
    let words = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = words
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{words}");
    assert!(words.ends_with(&format!("{}\n", errors[0])), "{words}");
    assert!(errors[0].contains(says), "{words}");
    let layout = LayoutStore::open(after).unwrap();
    assert_eq!(layout.tags().await.unwrap(), [soci_e2e::tag("1")]);
    soci_e2e::walk(&layout, &soci_e2e::tagged("1"))
        .await
        .unwrap();
    let mut names = names(after);
    names.extend(self::names(&after.join("blobs")));
    names.sort();
    assert_eq!(
        names,
        ["blobs", "index.json", "oci-layout", "sha256"],
        "nothing half-written"
    );
    for blob in self::names(&after.join("blobs/sha256")) {
        let bytes = std::fs::read(after.join("blobs/sha256").join(&blob)).unwrap();
        assert_eq!(
            soci_registry::Digest::of(&bytes).hex(),
            blob,
            "nothing half-written"
        );
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let name = |entry| name(entry).into_string().unwrap();
    entries.map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_at_any_block_leaves_the_layout_as_it_was() {
    let disks = Disks::with_layout();
    let mut failures = 0;
    // As many as the layout itself takes, folders included, then one more each time.
    let files = std::fs::read_dir(disks.folder.path().join("layout/blobs/sha256")).unwrap();
    let blocks = files.map(|file| {
        file.unwrap()
            .metadata()
            .unwrap()
            .len()
            .div_ceil(BLOCK_BYTES)
    });
    let mut blocks = blocks.sum::<u64>() + 6;
    loop {
        let (output, after) = disks.build(FULL, blocks).await;
        if output.status.code() == Some(0) {
            let layout = LayoutStore::open(after.path()).unwrap();
            let found = soci_e2e::walk(&layout, &soci_e2e::tagged("1-soci")).await;
            assert_eq!(soci_e2e::prove(&found.unwrap()).unwrap(), 1);
            break;
        }
        assert_failed(&output, after.path(), "quota", "No space left on device").await;
        failures += 1;
        blocks += 1;
        assert!(failures < 500, "it never fits");
    }
    assert!(failures > 5, "the zTOC alone has more blocks: {failures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layout_that_may_only_be_read_stays_as_it_is() {
    let disks = Disks::with_layout();
    let (output, after) = disks.build(READ_ONLY, 0).await;
    assert_failed(&output, after.path(), "denied", "Read-only file system").await;
}
