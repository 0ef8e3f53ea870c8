//! What the tests need beside the Rust toolchain: how to see that it is there, and how to get it.
//!
//! On Debian as root a missing package is installed; anywhere else its name is given, and the tiers that need it count
//! as "could not run". Asking twice changes nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::console;
use crate::workspace;

/// A program or library that a tier needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// As a person calls it; the summary names it so.
    pub(crate) name: &'static str,
    probe: Probe,
    /// Debian package that brings it, if the tests may install it.
    debian: Option<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
enum Probe {
    /// An executable on the path.
    Program(&'static str),
    /// A command that succeeds when the tool is there.
    Answers(&'static [&'static str]),
}

pub(crate) const RUSTFMT: Tool = answers("rustfmt", &["cargo", "fmt", "--version"]);
pub(crate) const CLIPPY: Tool = answers("clippy", &["cargo", "clippy", "--version"]);
pub(crate) const GO: Tool = Tool {
    name: "Go",
    probe: Probe::Program("go"),
    debian: None,
};
pub(crate) const GCC: Tool = program("gcc", "gcc");
/// libFuzzer is C++.
pub(crate) const GXX: Tool = Tool {
    name: "a C++ compiler",
    probe: Probe::Answers(&["c++", "--version"]),
    debian: Some("g++"),
};
pub(crate) const PIGZ: Tool = program("pigz", "pigz");
pub(crate) const LIBDEFLATE: Tool = program("libdeflate-gzip", "libdeflate-tools");
pub(crate) const IGZIP: Tool = program("igzip", "isal");
pub(crate) const ZOPFLI: Tool = program("zopfli", "zopfli");
/// A real registry for the client's and for whole-system tests, with what makes its passwords and certificates.
pub(crate) const DOCKER_REGISTRY: Tool = program("docker-registry", "docker-registry");
pub(crate) const HTPASSWD: Tool = program("htpasswd", "apache2-utils");
pub(crate) const OPENSSL: Tool = program("openssl", "openssl");
/// A client by other people for whole-system tests.
pub(crate) const SKOPEO: Tool = program("skopeo", "skopeo");
/// Examples in `--help` end in it, and the action of this repository uses it.
pub(crate) const JQ: Tool = program("jq", "jq");
/// A terminal for programs that ask whether there is one.
pub(crate) const SCRIPT: Tool = program("script", "bsdutils");
/// Recipes for CI systems fetch a release by it.
pub(crate) const CURL: Tool = program("curl", "curl");
/// Installs moto and what else comes as Python packages.
pub(crate) const PYTHON: Tool = Tool {
    name: "Python 3 with venv",
    probe: Probe::Answers(&["python3", "-m", "venv", "--help"]),
    debian: Some("python3-venv"),
};
/// Plans and applies the module.
pub(crate) const TERRAFORM: Tool = Tool {
    name: "Terraform",
    probe: Probe::Program("terraform"),
    debian: None,
};
/// EventBridge's own engine is Java, and Maven fetches it.
pub(crate) const JAVA: Tool = Tool {
    name: "Java with its compiler",
    probe: Probe::Program("javac"),
    debian: Some("default-jdk-headless"),
};
pub(crate) const MAVEN: Tool = Tool {
    name: "Maven",
    probe: Probe::Program("mvn"),
    debian: Some("maven"),
};
/// Runs containers.
pub(crate) const RUNC: Tool = program("runc", "runc");
/// Mounts are root's to make.
pub(crate) const ROOT: Tool = answers("root", &["sh", "-c", "test $(id -u) = 0"]);
/// Where everything that mounts something lives, so that nothing is left of it.
pub(crate) const NAMESPACES: Tool = answers(
    "namespaces of one's own (unshare)",
    &[
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "true",
    ],
);
/// soci-snapshotter is a FUSE file system.
pub(crate) const FUSE: Tool = answers("/dev/fuse", &["sh", "-c", "exec 3<>/dev/fuse"]);
/// The reference builder is Go on top of the C library zlib.
pub(crate) const ZLIB: Tool = Tool {
    name: "zlib's header",
    probe: Probe::Answers(&["gcc", "-include", "zlib.h", "-E", "-x", "c", "/dev/null"]),
    debian: Some("zlib1g-dev"),
};

const fn program(name: &'static str, package: &'static str) -> Tool {
    Tool {
        name,
        probe: Probe::Program(name),
        debian: Some(package),
    }
}

const fn answers(name: &'static str, command: &'static [&'static str]) -> Tool {
    Tool {
        name,
        probe: Probe::Answers(command),
        debian: None,
    }
}

impl Tool {
    /// Whether the tool can be used now.
    pub(crate) fn is_present(&self) -> bool {
        match self.probe {
            Probe::Program(name) => on_path(name).is_some(),
            Probe::Answers(command) => succeeds(command),
        }
    }
}

/// Installs what is missing and can be installed. Failure is told and otherwise left to the tiers: each looks again.
pub(crate) fn prepare(needed: &[&Tool]) {
    let missing: Vec<_> = needed.iter().filter(|tool| !tool.is_present()).collect();
    if missing.is_empty() {
        console::line("every tool that the tests need is here; nothing to install");
        return;
    }
    for tool in &missing {
        console::line(&format!("missing: {}{}", tool.name, origin(tool)));
    }
    let packages: Vec<_> = missing.iter().filter_map(|tool| tool.debian).collect();
    if packages.is_empty() {
        return;
    }
    if !can_install() {
        console::line(&format!(
            "install it with: sudo apt-get install {}",
            packages.join(" ")
        ));
        return;
    }
    console::line(&format!(
        "installing Debian packages: {}",
        packages.join(" ")
    ));
    if let Err(error) = install(&packages) {
        console::line(&format!("cannot install: {error:#}"));
    }
}

fn origin(tool: &Tool) -> String {
    tool.debian.map_or_else(
        || " (not installed by the tests)".into(),
        |package| format!(" (Debian: {package})"),
    )
}

/// Root on a machine with apt: elsewhere a test run must not change the system.
fn can_install() -> bool {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    root && on_path("apt-get").is_some()
}

fn install(packages: &[&str]) -> Result<()> {
    // Without fresh lists apt asks for versions that its mirror no longer holds.
    workspace::run(apt(&["update", "-q"]))?;
    let mut words = vec!["install", "-q", "-y", "--no-install-recommends"];
    words.extend(packages);
    workspace::run(apt(&words))
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}

fn succeeds(command: &[&str]) -> bool {
    let Some((name, args)) = command.split_first() else {
        return false;
    };
    let mut command = Command::new(name);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_a_program_that_is_there_and_one_that_is_not() {
        assert!(program("sh", "dash").is_present());
        assert!(!program("no-such-program-anywhere", "none").is_present());
    }

    #[test]
    fn a_probe_that_fails_means_missing() {
        assert!(answers("true", &["true"]).is_present());
        assert!(!answers("false", &["false"]).is_present());
        assert!(!answers("absent", &["no-such-program-anywhere"]).is_present());
    }

    #[test]
    fn names_where_a_tool_comes_from() {
        assert_eq!(origin(&IGZIP), " (Debian: isal)");
        assert_eq!(origin(&GO), " (not installed by the tests)");
    }
}
