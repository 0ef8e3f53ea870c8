//! containerd and soci-snapshotter in namespaces of their own, with nothing left of them afterwards.
//!
//! The programs are those of `tests/lazy/go` and, for soci-snapshotter, of `tests/conformance`. The first process of the namespaces
//! takes requests as lines of JSON; when it ends, and it ends with its standard input, the kernel ends all others and takes their
//! mounts away. Only cgroups outlive them: they are removed here.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::published::Format;
use crate::tree::{Node, Nodes, unhex};

/// Names the folder of the programs, which `cargo xtask test` builds.
pub const PROGRAMS_VARIABLE: &str = "SOCI_LAZY_PROGRAMS";

/// Where all hierarchies of cgroups are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Lines of the daemons' log that a failure shows.
const LOG_LINES: usize = 30;

/// Of the programs of a test, the how manieth rig it is: names of cgroups must differ.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A running containerd with its snapshotter.
pub struct Rig {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    cgroup: String,
    /// Its processes' PID namespace, as the kernel calls it; empty until they run.
    namespace: PathBuf,
    folder: TempDir,
}

/// A pulled image.
#[derive(Debug, Clone, Deserialize)]
pub struct Pulled {
    /// By which the rig knows it.
    pub id: u64,
    /// The lowest one first.
    pub layers: Vec<PulledLayer>,
}

/// Where a layer of a pulled image is.
#[derive(Debug, Clone, Deserialize)]
pub struct PulledLayer {
    /// Of the compressed layer.
    pub digest: String,
    /// The type of what is mounted on its folder, by the kernel's list; empty when nothing is.
    pub filesystem: String,
    /// What is mounted there.
    pub source: String,
}

impl PulledLayer {
    /// Whether soci-snapshotter serves its files one by one.
    #[must_use]
    pub fn is_lazy(&self) -> bool {
        self.filesystem.starts_with("fuse") && self.source == "soci"
    }
}

/// What a node looks like on its way out of the container.
#[derive(Deserialize)]
struct Listed {
    path: String,
    #[serde(flatten)]
    node: Node,
}

impl Rig {
    /// Starts everything, and waits until it serves. The daemon takes SOCI indexes of one format only.
    #[must_use]
    pub fn start(format: Format) -> Rig {
        let programs = programs();
        let at = |name: &str| programs.join(name).display().to_string();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let log = File::create(folder.path().join("log")).expect("the folder is writable");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let cgroup = format!("soci-lazy-{}-{number}", std::process::id());
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg(at("rig"));
        command.args([
            "-containerd",
            &at("containerd"),
            "-snapshotter",
            &at("snapshotter"),
        ]);
        command.args([
            "-lister",
            &at("lister"),
            "-shims",
            &programs.display().to_string(),
        ]);
        command.args(["-cgroup", &cgroup, "-format", format.word()]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let process = command.spawn();
        let mut process = process.unwrap_or_else(|e| panic!("unshare: {e}; it is in util-linux"));
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut rig = Rig {
            process,
            requests,
            answers,
            cgroup,
            namespace: PathBuf::new(),
            folder,
        };
        rig.answer("start");
        let namespace = format!("/proc/{}/ns/pid_for_children", rig.process.id());
        rig.namespace = std::fs::read_link(namespace).expect("the process is there");
        rig
    }

    /// Pulls an image as containerd's own client does, for one platform.
    pub fn pull(&mut self, image: &str, platform: &str) -> Pulled {
        let mut answer = self.ask(&json!({"pull": {"image": image, "platform": platform}}));
        serde_json::from_value(answer["pulled"].take()).expect("an image was pulled")
    }

    /// Everything that a container of the image sees.
    pub fn read_image(&mut self, image: &Pulled) -> Nodes {
        let listed = self.list(image, json!({"what": "image"}));
        let mut nodes = nodes(listed.into_iter().next().expect("one folder"));
        // The container's own: runc makes folders for what it mounts.
        for own in [&b".rig"[..], b"dev", b"proc"] {
            nodes.remove(own);
        }
        nodes
    }

    /// The same for each layer as if it were alone in its image, the lowest first; the container is the whole image's.
    pub fn read_layers(&mut self, image: &Pulled) -> Vec<Nodes> {
        let listed = self.list(image, json!({"what": "layers"}));
        listed.into_iter().map(nodes).collect()
    }

    /// One file, in a container.
    pub fn read_file(&mut self, image: &Pulled, path: &str) -> Node {
        let listed = self.list(image, json!({"what": "file", "file": format!("/{path}")}));
        let node = listed.into_iter().next().expect("one node");
        serde_json::from_value::<Listed>(node).expect("a node").node
    }

    fn list(&mut self, image: &Pulled, mut asked: Value) -> Vec<Value> {
        asked["id"] = image.id.into();
        let mut answer = self.ask(&json!({"list": asked}));
        serde_json::from_value(answer["listed"].take()).expect("documents")
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.send(request);
        self.answer(&request.to_string())
    }

    /// Asks for a container and does not wait for it.
    pub fn begin_reading(&mut self, image: &Pulled) {
        self.send(&json!({"list": {"what": "image", "id": image.id}}));
    }

    fn send(&mut self, request: &Value) {
        let mut stdin = self.requests.as_ref().expect("it is open until the end");
        writeln!(stdin, "{request}").unwrap_or_else(|e| panic!("{request}: {e}\n{}", self.log()));
    }

    fn answer(&mut self, request: &str) -> Value {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        let answer: Value = match read {
            Ok(read) if read > 0 => serde_json::from_str(&line).expect("an answer is JSON"),
            ended => panic!("{request}: no answer ({ended:?})\n{}", self.log()),
        };
        let error = answer["error"].as_str();
        assert_eq!(error, None, "{request} failed\n{}", self.log());
        answer
    }

    /// The end of what the daemons logged.
    #[must_use]
    pub fn log(&self) -> String {
        let text = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// The namespace of its processes, as the kernel calls it.
    #[must_use]
    pub fn pid_namespace(&self) -> &Path {
        &self.namespace
    }

    /// The name of its cgroups.
    #[must_use]
    pub fn cgroup(&self) -> &str {
        &self.cgroup
    }

    /// Kills it without notice, and waits for its end.
    pub fn kill(mut self) {
        self.process.kill().expect("it is our child");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.requests.take());
        let patience = Instant::now() + Duration::from_secs(10);
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > patience {
                let _ = self.process.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        while !processes_in(&self.namespace).is_empty() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        for folder in cgroups(&self.cgroup) {
            remove_cgroup(&folder);
        }
    }
}

/// The processes of a namespace.
#[must_use]
pub fn processes_in(pid_namespace: &Path) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_in = |folder: &PathBuf| {
        std::fs::read_link(folder.join("ns/pid")).is_ok_and(|found| found == pid_namespace)
    };
    processes.map(|entry| entry.path()).filter(is_in).collect()
}

/// The folders of a cgroup: one per hierarchy.
#[must_use]
pub fn cgroups(name: &str) -> Vec<PathBuf> {
    let hierarchies = std::fs::read_dir(CGROUPS).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = hierarchies.map(|entry| entry.path().join(name)).collect();
    folders.push(Path::new(CGROUPS).join(name));
    folders.retain(|folder| folder.is_dir());
    folders
}

/// A cgroup is removed from its leaves; its files go with it.
fn remove_cgroup(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_cgroup(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(folder);
}

fn nodes(document: Value) -> Nodes {
    let listed: Vec<Listed> = serde_json::from_value(document).expect("nodes");
    let keyed = listed.into_iter().map(|one| (unhex(&one.path), one.node));
    keyed.collect()
}

fn programs() -> PathBuf {
    let folder = std::env::var_os(PROGRAMS_VARIABLE);
    let words = "is not set; run the tests with `cargo xtask test --only lazy`";
    PathBuf::from(folder.unwrap_or_else(|| panic!("{PROGRAMS_VARIABLE} {words}")))
}
