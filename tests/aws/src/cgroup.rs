//! Holds a command to a part of a core and to some memory, as Lambda holds a function of some size: by a control group of the kernel's.
//!
//! Version 1 and version 2 of control groups look different and do the same. A command enters its group by itself before it
//! becomes the program that is held, so no part of that runs outside. Groups are root's to make.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde::Serialize;

/// In which the share of a core is dealt out; short beside everything that is measured.
const PERIOD_MICROSECONDS: f64 = 20_000.0;

/// A group whose last process just ended may not be empty at once.
const REMOVALS: u32 = 50;

/// Enters the groups that are named first, and becomes the command behind them. 0 is the process that writes it.
const ENTER: &str = r#"while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@""#;

/// What a function of some size gets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Size {
    /// Cores, parts of one included.
    pub cores: f64,
    /// Memory in MiB.
    pub memory_mib: u64,
}

impl Size {
    fn quota_microseconds(self) -> String {
        format!("{:.0}", self.cores * PERIOD_MICROSECONDS)
    }

    fn memory_bytes(self) -> String {
        (self.memory_mib << 20).to_string()
    }
}

/// Groups of this process so far: each has a name of its own.
static GROUPS: AtomicU32 = AtomicU32::new(0);

/// A group; it is removed when it is dropped, which is after its processes.
pub struct Group {
    folders: Vec<PathBuf>,
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            let mut tries = 0;
            // An empty group that stays behind does no harm; the kernel says busy only for moments.
            while fs::remove_dir(folder).is_err() && tries < REMOVALS {
                tries += 1;
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

impl Group {
    /// A group for processes of this size.
    ///
    /// # Errors
    /// Where groups cannot be made.
    pub fn new(size: Size) -> io::Result<Group> {
        Group::try_new(size).map_err(|error| {
            told(
                "processor and memory cannot be limited here; run as root where control groups (/sys/fs/cgroup) are writable",
                &error,
            )
        })
    }

    fn try_new(size: Size) -> io::Result<Group> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let number = GROUPS.fetch_add(1, Ordering::Relaxed);
        let name = format!("soci-{}-{number}", std::process::id());
        let mut group = Group {
            folders: Vec::new(),
        };
        match Hierarchies::find(&mounts, &own) {
            Some(Hierarchies::One { cpu, memory }) => {
                let period = format!("{PERIOD_MICROSECONDS:.0}");
                let folder = group.add(cpu.join(&name))?;
                write(&folder, "cpu.cfs_period_us", &period)?;
                write(&folder, "cpu.cfs_quota_us", &size.quota_microseconds())?;
                let folder = group.add(memory.join(&name))?;
                write(&folder, "memory.limit_in_bytes", &size.memory_bytes())?;
                // Only kernels that count swap have it.
                let _ = write(&folder, "memory.memsw.limit_in_bytes", &size.memory_bytes());
            }
            Some(Hierarchies::Two { root }) => {
                write(&root, "cgroup.subtree_control", "+cpu +memory")?;
                let folder = group.add(root.join(&name))?;
                let quota = format!("{} {PERIOD_MICROSECONDS:.0}", size.quota_microseconds());
                write(&folder, "cpu.max", &quota)?;
                write(&folder, "memory.max", &size.memory_bytes())?;
                let _ = write(&folder, "memory.swap.max", "0");
            }
            None => {
                return Err(io::Error::other(
                    "no control groups for cpu and memory are mounted",
                ));
            }
        }
        Ok(group)
    }

    fn add(&mut self, folder: PathBuf) -> io::Result<PathBuf> {
        fs::create_dir(&folder)
            .map_err(|error| told(&format!("cannot make {}", folder.display()), &error))?;
        self.folders.push(folder.clone());
        Ok(folder)
    }

    /// A program that runs in the group from its first instruction.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", ENTER, "sh"]).args(&self.folders);
        command.arg("--").arg(program);
        command
    }
}

fn told(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn write(folder: &Path, file: &str, text: &str) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, text).map_err(|error| {
        told(
            &format!("cannot write {text:?} to {}", path.display()),
            &error,
        )
    })
}

/// Where groups are made.
#[derive(Debug, PartialEq, Eq)]
enum Hierarchies {
    /// Version 1: a hierarchy for each controller.
    One { cpu: PathBuf, memory: PathBuf },
    /// Version 2.
    Two { root: PathBuf },
}

impl Hierarchies {
    /// From `/proc/self/mounts` and `/proc/self/cgroup`. Where version 1 has the controllers, version 2 has not.
    fn find(mounts: &str, own: &str) -> Option<Hierarchies> {
        let mounted = || {
            mounts.lines().filter_map(|line| {
                let words: Vec<_> = line.split(' ').collect();
                Some((*words.get(1)?, *words.get(2)?, *words.get(3)?))
            })
        };
        let one = |controller: &str| {
            let (path, ..) = mounted().find(|(_, kind, options)| {
                *kind == "cgroup" && options.split(',').any(|option| option == controller)
            })?;
            Some(below(Path::new(path), own, controller))
        };
        if let (Some(cpu), Some(memory)) = (one("cpu"), one("memory")) {
            return Some(Hierarchies::One { cpu, memory });
        }
        let (root, ..) = mounted().find(|(_, kind, _)| *kind == "cgroup2")?;
        Some(Hierarchies::Two { root: root.into() })
    }
}

/// Our own group in a hierarchy of version 1, so that limits of ours stay in force; the hierarchy's root where the group is not seen.
fn below(mount: &Path, own: &str, controller: &str) -> PathBuf {
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let is_it = controllers.split(',').any(|name| name == controller);
        is_it.then(|| mount.join(path.trim_start_matches('/')))
    });
    path.filter(|path| path.is_dir())
        .unwrap_or_else(|| mount.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_hierarchies_of_either_version() {
        let one = "cgroup /a/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\ncgroup /a/memory cgroup rw,memory 0 0\ncgroup2 /a/unified cgroup2 rw 0 0\n";
        let own = "9:memory:/nobody/sees/it\n1:cpu,cpuacct:/\n0::/\n";
        let expected = Hierarchies::One {
            cpu: "/a/cpu,cpuacct".into(),
            memory: "/a/memory".into(),
        };
        assert_eq!(Hierarchies::find(one, own), Some(expected));
        let two = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let root = "/sys/fs/cgroup".into();
        assert_eq!(
            Hierarchies::find(two, "0::/x\n"),
            Some(Hierarchies::Two { root })
        );
        assert_eq!(Hierarchies::find("proc /proc proc rw 0 0\n", ""), None);
    }

    #[test]
    fn sizes_are_written_as_the_kernel_reads_them() {
        let size = Size {
            cores: 0.58,
            memory_mib: 1_024,
        };
        assert_eq!(size.quota_microseconds(), "11600");
        assert_eq!(size.memory_bytes(), "1073741824");
    }
}
