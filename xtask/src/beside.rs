//! A tier that runs beside others.
//!
//! Some tiers compute for minutes and others wait for minutes. The first kind is a program of its own, at the lowest priority, so that it takes
//! what those in front leave; what it says is kept in a file until it is its turn.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::console;
use crate::workspace::Workspace;

/// One that has been started.
pub(crate) struct Beside {
    process: Child,
    said: PathBuf,
}

impl Beside {
    /// Starts this program once more, for one tier.
    pub(crate) fn start(workspace: &Workspace, tier: &str) -> Result<Self> {
        let said = workspace.target.join(format!("{tier}.log"));
        let file =
            File::create(&said).with_context(|| format!("cannot make {}", said.display()))?;
        let both = file.try_clone().context("a file has one handle only")?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(&workspace.xtask);
        command.args(["test", "--only", tier]);
        command
            .current_dir(&workspace.root)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(both);
        let process = command.spawn().context("cannot start nice")?;
        Ok(Self { process, said })
    }

    /// Waits for its end and tells what it said.
    pub(crate) fn end(mut self) -> Result<()> {
        let status = self.process.wait().context("it cannot be waited for")?;
        let said =
            fs::read(&self.said).with_context(|| format!("cannot read {}", self.said.display()))?;
        console::line("-> beside the tiers above it said:");
        console::line(String::from_utf8_lossy(&said).trim());
        if !status.success() {
            bail!("{status}; see above");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace whose program is another one.
    fn with_program(program: &str) -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let workspace = Workspace {
            root: folder.path().to_path_buf(),
            target: folder.path().to_path_buf(),
            xtask: PathBuf::from(program),
        };
        (folder, workspace)
    }

    #[test]
    fn ends_as_its_program_ends() {
        for (program, is_green) in [("true", true), ("false", false)] {
            let (_folder, workspace) = with_program(program);
            let started = Beside::start(&workspace, "sample").expect("it is there");
            assert_eq!(started.end().is_ok(), is_green, "{program}");
        }
        let (_folder, workspace) = with_program("/nowhere/xtask");
        let started = Beside::start(&workspace, "sample").expect("nice is there");
        assert!(started.end().is_err());
    }
}
