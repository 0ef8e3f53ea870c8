//! Programs that come as Python packages: installed under the target folder from lists of exact versions in `tests/python/`, each list in
//! an environment of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::{self, Workspace};

/// A list of packages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packages {
    /// Of the list, and of the folder that it is installed in.
    name: &'static str,
    /// Whether what they need comes too. A list of that has it all.
    with_dependencies: bool,
}

/// moto, cfn-lint, and AWS's command line.
pub(crate) const AWS: Packages = Packages {
    name: "aws",
    with_dependencies: true,
};

/// checkov, whose versions of what others need are its own.
const SCAN: Packages = Packages {
    name: "scan",
    with_dependencies: true,
};

/// AWS's runtime interface emulator lies in a package.
const EMULATOR: Packages = Packages {
    name: "emulator",
    with_dependencies: false,
};

impl Packages {
    fn folder(self, workspace: &Workspace) -> PathBuf {
        workspace.target.join("tools/python").join(self.name)
    }

    /// Where a program of these packages lies once they are installed.
    pub(crate) fn program(self, workspace: &Workspace, name: &str) -> PathBuf {
        self.folder(workspace).join("bin").join(name)
    }

    /// Installs them, or finds that the list is as it was.
    pub(crate) fn install(self, workspace: &Workspace) -> Result<()> {
        let list = workspace
            .root
            .join("tests/python")
            .join(format!("{}.txt", self.name));
        let wanted =
            fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        let folder = self.folder(workspace);
        let stamp = folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        workspace::run(venv)?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        if !self.with_dependencies {
            pip.arg("--no-deps");
        }
        pip.arg("--requirement").arg(&list);
        workspace::run(pip)?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

/// Where moto's server is; the tests find it in the variable `SOCI_MOTO_SERVER`.
pub(crate) fn moto(workspace: &Workspace) -> PathBuf {
    AWS.program(workspace, "moto_server")
}

/// Installs moto.
pub(crate) fn install_aws(workspace: &Workspace) -> Result<()> {
    AWS.install(workspace)
}

/// Where the programs of moto's packages and those beside it are; the tests find them in the variable `SOCI_AWS_PROGRAMS`.
pub(crate) fn aws_programs(workspace: &Workspace) -> PathBuf {
    AWS.folder(workspace).join("bin")
}

/// Where checkov is; the tests find it in the variable `SOCI_POLICY_SCAN`.
pub(crate) fn policy_scan(workspace: &Workspace) -> PathBuf {
    SCAN.program(workspace, "checkov")
}

/// Installs checkov.
pub(crate) fn install_policy_scan(workspace: &Workspace) -> Result<()> {
    SCAN.install(workspace)
}

/// Where AWS's emulator is; the tests find it in the variable `SOCI_LAMBDA_EMULATOR`.
pub(crate) fn emulator(workspace: &Workspace) -> PathBuf {
    EMULATOR.program(workspace, "aws-lambda-rie")
}

/// Takes AWS's emulator for this machine out of its package.
pub(crate) fn install_emulator(workspace: &Workspace) -> Result<()> {
    EMULATOR.install(workspace)?;
    let arch = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let packaged = format!("samcli/local/rapid/aws-lambda-rie-{arch}");
    let libraries = EMULATOR.folder(workspace).join("lib");
    let mut found = fs::read_dir(&libraries)
        .with_context(|| format!("cannot read {}", libraries.display()))?
        .flatten()
        .map(|python| python.path().join("site-packages").join(&packaged));
    let found = found.find(|path| path.is_file());
    let found = found.with_context(|| format!("the package has no {packaged}"))?;
    let program = emulator(workspace);
    let size =
        fs::copy(&found, &program).with_context(|| format!("cannot copy {}", found.display()))?;
    ensure!(size > 0, "{} is empty", found.display());
    let mut mode = Command::new("chmod");
    mode.arg("+x").arg(&program);
    workspace::run(mode)
}
