//! A real registry on a port of its own: Debian's docker-registry, ended with the measurement.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use soci_test_aws::free_port;

/// How long the registry may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// The registry and its folder, which is emptied before and after.
pub(crate) struct Registry {
    process: Child,
    host: String,
    folder: PathBuf,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It is our child and its folder is ours; if either is gone already, so much the better.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Registry {
    /// Starts it on an empty folder.
    pub(crate) fn start(folder: &Path) -> Result<Registry> {
        if folder.is_dir() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let host = free_port();
        let (config, data) = (folder.join("config.yml"), folder.join("data"));
        let words = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{host}'}}\n",
            data.display()
        );
        fs::write(&config, words)?;
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start docker-registry; install it: apt-get install docker-registry")?;
        let mut registry = Registry {
            process,
            host,
            folder: folder.to_owned(),
        };
        registry.must_listen()?;
        Ok(registry)
    }

    fn must_listen(&mut self) -> Result<()> {
        let patience = Instant::now() + PATIENCE;
        loop {
            let reached = TcpStream::connect(&self.host).is_ok();
            if let Some(status) = self.process.try_wait()? {
                bail!("docker-registry ended as soon as it was started: {status}");
            }
            if reached {
                return Ok(());
            }
            ensure!(
                Instant::now() < patience,
                "nobody listens at {} after {} s",
                self.host,
                PATIENCE.as_secs()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// 127.0.0.1 with its port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// A new repository that holds what another one holds. The registry keeps the names of blobs in folders, one for each
    /// repository, and looks them up at every request; so a copy of the folder is a repository that nobody pushed to.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<()> {
        copy_folder(&self.repository(from), &self.repository(to))
            .with_context(|| format!("cannot make a repository {to} like {from}"))
    }

    pub(crate) fn remove(&self, repository: &str) -> Result<()> {
        fs::remove_dir_all(self.repository(repository))
            .with_context(|| format!("cannot remove the repository {repository}"))
    }

    /// What a tag names.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> Result<String> {
        let tags = self.repository(repository).join("_manifests/tags");
        let link = tags.join(tag).join("current/link");
        fs::read_to_string(&link).with_context(|| format!("{repository} has no tag {tag}"))
    }

    /// The files of a repository with the times when they were written. A manifest, a tag or a blob that somebody pushes shows here,
    /// even where it was there before.
    pub(crate) fn written(&self, repository: &str) -> Result<BTreeMap<PathBuf, SystemTime>> {
        let mut files = BTreeMap::new();
        list(&self.repository(repository), &mut files)?;
        Ok(files)
    }

    fn repository(&self, name: &str) -> PathBuf {
        let all = self.folder.join("data/docker/registry/v2/repositories");
        all.join(name)
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn list(folder: &Path, files: &mut BTreeMap<PathBuf, SystemTime>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.insert(entry.path(), entry.metadata()?.modified()?);
        }
    }
    Ok(())
}
