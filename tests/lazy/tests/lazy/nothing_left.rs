//! What a rig leaves behind, whether it ends or is killed while a container reads: nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use soci_lazy::images::text_files;
use soci_lazy::published::Options;
use soci_lazy::rig::{cgroups, processes_in};
use soci_lazy::{Format, Published, Rig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_rig_that_ends_or_is_killed() {
    leaves_nothing(Format::V2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_rig_of_version_1() {
    leaves_nothing(Format::V1).await;
}

async fn leaves_nothing(format: Format) {
    let place = Published::new().await;
    let source = text_files("text");
    let options = Options {
        format,
        span_bytes: Some(1 << 20),
        ..Options::default()
    };
    place.index("app", &source.image, options).await;
    for killed in [false, true] {
        let (mounts, state) = (mounts(), state());
        let mut rig = Rig::start(format);
        let (namespace, cgroup) = (rig.pid_namespace().to_owned(), rig.cgroup().to_owned());
        let pulled = rig.pull(
            &place.name("app", &format.pulled_tag("text")),
            "linux/amd64",
        );
        assert!(pulled.layers[0].is_lazy());
        let seen = rig.read_image(&pulled);
        assert_eq!(seen.len(), source.platforms[0].nodes.len());
        // The rig, containerd, soci-snapshotter at least.
        assert!(processes_in(&namespace).len() >= 3);
        assert!(!cgroups(&cgroup).is_empty(), "the container had cgroups");
        if killed {
            rig.begin_reading(&pulled);
            rig.kill();
        } else {
            drop(rig);
        }
        assert_eq!(processes_in(&namespace), Vec::<PathBuf>::new());
        assert_eq!(cgroups(&cgroup), Vec::<PathBuf>::new());
        assert_eq!(self::mounts(), mounts);
        assert_eq!(self::state(), state);
    }
}

/// Where something is mounted for this process, and what.
fn mounts() -> BTreeSet<String> {
    let list = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let without_number = |line: &str| line.split(' ').skip(2).collect::<Vec<_>>().join(" ");
    list.lines().map(without_number).collect()
}

/// What there is in folders that the daemons write to, outside of namespaces.
fn state() -> BTreeSet<PathBuf> {
    let folders = [
        "/var/lib/soci-snapshotter-grpc",
        "/var/lib/containerd",
        "/run/containerd",
        "/run/soci",
    ];
    let entries = |folder: &str| {
        let entries = std::fs::read_dir(Path::new(folder))
            .into_iter()
            .flatten()
            .flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    folders.into_iter().flat_map(entries).collect()
}
