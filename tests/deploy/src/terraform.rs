//! The Terraform module, run by Terraform with the real AWS provider, in copies of its folder: nothing is written into the repository.
//!
//! The provider comes from a mirror on this machine when there is one, else from the ordinary registry, once. `SOCI_TERRAFORM_MIRROR` names a
//! mirror's folder; without it, a folder of `/opt` that is laid out as one is taken. Terraform itself knows some more places.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::facts;
use crate::moto::{ANYBODY, Moto};
use crate::program::{Said, from_xtask, run, run_beside};

/// A copy of `terraform/`.
pub struct Copied {
    folder: TempDir,
    aws: Option<String>,
}

impl Copied {
    /// A fresh one, which reaches no AWS.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn new() -> Copied {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(
            &facts::root().join("terraform"),
            &folder.path().join("terraform"),
        );
        fs::write(folder.path().join("cli.tfrc"), cli_configuration()).expect("it is written");
        // What is deployed here is never started.
        fs::write(folder.path().join("function.zip"), zip()).expect("it is written");
        Copied { folder, aws: None }
    }

    /// A fresh one, whose AWS is moto.
    #[must_use]
    pub fn with_aws(moto: &Moto) -> Copied {
        Copied {
            aws: Some(moto.address()),
            ..Copied::new()
        }
    }

    /// A file that may be taken for the function's zip.
    #[must_use]
    pub fn zip(&self) -> PathBuf {
        self.folder.path().join("function.zip")
    }

    /// A root module of the test's own, in `terraform/root`, in Terraform's JSON: modules that use the module, and what is wanted of them.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_root(&self, modules: &[(String, Value)], outputs: &Value) {
        let folder = self.folder.path().join("terraform/root");
        fs::create_dir_all(&folder).expect("a folder");
        let module = |(name, inputs): &(String, Value)| {
            let mut inputs = inputs.clone();
            inputs["source"] = json!("../");
            (name.clone(), inputs)
        };
        let modules: serde_json::Map<_, _> = modules.iter().map(module).collect();
        let mut document = json!({
            "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
            "provider": {"aws": {"region": "eu-central-1"}},
            "module": modules,
            "output": outputs,
        });
        if self.aws.is_none() {
            // Nothing is asked of AWS then, so that nobody need be known to it.
            for name in [
                "credentials_validation",
                "requesting_account_id",
                "metadata_api_check",
                "region_validation",
            ] {
                document["provider"]["aws"][format!("skip_{name}")] = json!(true);
            }
        }
        if outputs == &json!({}) {
            document
                .as_object_mut()
                .expect("an object")
                .remove("output");
        }
        fs::write(folder.join("main.tf.json"), document.to_string()).expect("it is written");
    }

    /// Runs Terraform in a folder of the copy.
    #[must_use]
    pub fn run(&self, folder: &str, words: &[&str]) -> Said {
        run(&mut self.command(folder, words), "")
    }

    /// Makes or destroys what the folder says. The provider gives each queue half a minute to settle, in which it does nothing.
    pub fn carry_out(&self, folder: &str, what: &str) {
        let words = [what, "-auto-approve", "-no-color", "-parallelism=40"];
        let _ = run_beside(&mut self.command(folder, &words), "").success();
    }

    fn command(&self, folder: &str, words: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.args(words);
        command.current_dir(self.folder.path().join("terraform").join(folder));
        for name in [
            "AWS_PROFILE",
            "AWS_SESSION_TOKEN",
            "TF_DATA_DIR",
            "TF_CLI_ARGS",
        ] {
            command.env_remove(name);
        }
        command.envs(ANYBODY);
        command.envs([
            ("CHECKPOINT_DISABLE", "1"),
            ("TF_IN_AUTOMATION", "1"),
            ("TF_INPUT", "0"),
        ]);
        command.env("TF_CLI_CONFIG_FILE", self.folder.path().join("cli.tfrc"));
        if let Some(address) = &self.aws {
            command.env("AWS_ENDPOINT_URL", address);
        }
        command
    }

    /// Runs `terraform init` in a folder of the copy.
    pub fn init(&self, folder: &str) {
        // Terraform's cache is for one at a time.
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .run(folder, &["init", "-backend=false", "-no-color"])
            .success();
    }
}

impl Default for Copied {
    fn default() -> Copied {
        Copied::new()
    }
}

/// The diagnostics of a command that was asked for `-json`: what is wrong, where the value stands.
///
/// # Panics
/// When a line is no JSON.
#[must_use]
pub fn diagnostics(said: &Said) -> Vec<Value> {
    let lines = said.output.lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let found: Vec<Value> = lines
        .flat_map(|line| match line {
            // `validate` says everything in one document, the others in one line for each.
            Value::Object(ref fields) if fields.contains_key("diagnostics") => {
                facts::list(&line, "diagnostics").to_vec()
            }
            _ => vec![line["diagnostic"].clone()],
        })
        .filter(|one| one["severity"] == "error")
        .collect();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it is read").flatten() {
        let name = entry.file_name();
        let is_own = |name: &str| name.starts_with(".terraform") || name.contains(".tfstate");
        if is_own(&name.to_string_lossy()) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).expect("it is copied")),
        }
    }
}

fn cli_configuration() -> String {
    match mirror() {
        // Fetched once, and not by every test anew.
        None => {
            let cache = from_xtask("SOCI_TERRAFORM_CACHE");
            fs::create_dir_all(&cache).expect("a folder");
            format!("plugin_cache_dir = {}\n", json!(cache))
        }
        Some(folder) => format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = {}\n  }}\n}}\n",
            json!(folder)
        ),
    }
}

fn mirror() -> Option<PathBuf> {
    let named = std::env::var_os("SOCI_TERRAFORM_MIRROR").map(PathBuf::from);
    let found = || {
        let mut folders = fs::read_dir("/opt").ok()?.flatten();
        folders
            .find(|entry| {
                entry
                    .path()
                    .join("registry.terraform.io/hashicorp/aws")
                    .is_dir()
            })
            .map(|entry| entry.path())
    };
    named.or_else(found)
}

/// A zip with nothing in it.
fn zip() -> Vec<u8> {
    let mut bytes = b"PK\x05\x06".to_vec();
    bytes.resize(22, 0);
    bytes
}
