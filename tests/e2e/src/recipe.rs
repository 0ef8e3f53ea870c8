//! Runs the steps of CI systems as they stand in their files, with the product's own program on the path.
//!
//! Of GitHub's runner this does what composite actions are promised: a script for each step under `bash`, the variables of its `env` with
//! their expressions filled in, and the two files by which a step adds to the path and gives outputs. An expression that is not known is
//! a failure, so that none is passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use soci_documents::steps::{self, Run};
use tempfile::TempDir;

use crate::program;

/// A machine that runs steps, one after the other.
pub struct Runner {
    folder: TempDir,
    /// Before the machine's own programs; the last added comes first.
    path: Vec<PathBuf>,
    /// Of all steps.
    variables: BTreeMap<String, String>,
}

/// A step that failed.
#[derive(Debug)]
pub struct Failed {
    /// The step's name, or its script.
    pub step: String,
    /// Its exit code.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
}

/// What an action gave out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Its outputs, by name.
    pub outputs: BTreeMap<String, String>,
    /// Names of the steps that were run.
    pub steps: Vec<String>,
}

impl Runner {
    /// One that has `soci-index` on its path.
    #[must_use]
    pub fn with_program() -> Runner {
        let mut runner = Runner::without_program();
        let program = program::path("soci-index");
        runner
            .path
            .push(program.parent().expect("it lies in a folder").to_owned());
        runner
    }

    /// One that has not.
    #[must_use]
    pub fn without_program() -> Runner {
        Runner {
            folder: tempfile::tempdir().expect("a folder can be made"),
            path: Vec::new(),
            variables: BTreeMap::new(),
        }
    }

    /// Where scripts begin.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable of all steps.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Runs a script, by `bash` as GitHub starts it.
    ///
    /// # Errors
    /// When it ends with another code than 0.
    pub fn script(
        &self,
        name: &str,
        script: &str,
        env: &BTreeMap<String, String>,
    ) -> Result<String, Failed> {
        let path = self.path.iter().rev().map(|one| one.display().to_string());
        let own = std::env::var("PATH").unwrap_or_default();
        let path: Vec<_> = path.chain([own]).collect();
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        bash.current_dir(self.folder.path()).stdin(Stdio::null());
        bash.env("PATH", path.join(":"))
            .envs(&self.variables)
            .envs(env);
        bash.env("RUNNER_TEMP", self.folder.path())
            .env("RUNNER_OS", "Linux");
        bash.env(
            "RUNNER_ARCH",
            if cfg!(target_arch = "aarch64") {
                "ARM64"
            } else {
                "X64"
            },
        );
        bash.env("GITHUB_PATH", self.file("path"))
            .env("GITHUB_OUTPUT", self.file("output"));
        let output = bash.output().expect("bash is there");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        match output.status.success() {
            true => Ok(said),
            false => Err(Failed {
                step: if name.is_empty() { script } else { name }.to_owned(),
                code: output.status.code(),
                said,
            }),
        }
    }

    /// Runs the repository's action.
    ///
    /// # Errors
    /// When one of its steps fails.
    pub fn action(&mut self, releases: &str, inputs: &[(&str, &str)]) -> Result<Done, Failed> {
        let file = std::fs::read_to_string(soci_documents::root().join("action.yml"));
        let action = steps::document(&file.expect("the repository has an action"));
        let declared = steps::pairs(&action["inputs"]);
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, _) in inputs {
            assert!(
                declared.iter().any(|(own, _)| own == name),
                "no input {name}"
            );
        }
        for (name, input) in &declared {
            let given = inputs.iter().find(|(own, _)| own == name);
            let value = given.map(|(_, value)| (*value).to_owned());
            assert!(
                value.is_some() || steps::text(&input["required"]) != "true",
                "{name} is required"
            );
            let value = value.unwrap_or_else(|| steps::text(&input["default"]));
            values.insert(format!("inputs.{name}"), value);
        }
        // Of the address only the releases count, which are files here.
        let (server, repository) = releases
            .split_once("/RELEASES/")
            .unwrap_or((releases, "none"));
        values.insert("github.server_url".to_owned(), server.to_owned());
        values.insert("github.action_repository".to_owned(), repository.to_owned());
        let mut done = Done::default();
        for run in steps::runs(&action["runs"]["steps"]) {
            self.step(&run, &mut values, &mut done)?;
        }
        for (name, output) in steps::pairs(&action["outputs"]) {
            let value = steps::filled(&steps::text(&output["value"]), &|expression| {
                value_of(&values, expression)
            });
            done.outputs.insert(name, value);
        }
        Ok(done)
    }

    fn step(
        &mut self,
        run: &Run,
        values: &mut BTreeMap<String, String>,
        done: &mut Done,
    ) -> Result<(), Failed> {
        let value = |text: &str| steps::filled(text, &|expression| value_of(values, expression));
        if !run.condition.is_empty() && value(&run.condition) != "true" {
            return Ok(());
        }
        let env = run
            .env
            .iter()
            .map(|(name, text)| (name.clone(), value(text)));
        for file in ["path", "output"] {
            std::fs::write(self.file(file), "").expect("the folder is writable");
        }
        self.script(&run.name, &run.script, &env.collect())?;
        done.steps.push(run.name.clone());
        let read = |file: &str| std::fs::read_to_string(self.file(file)).expect("it is there");
        let added: Vec<_> = read("path").lines().map(PathBuf::from).collect();
        for line in read("output").lines() {
            let (name, value) = line.split_once('=').expect("name=value");
            values.insert(format!("steps.{}.outputs.{name}", run.id), value.to_owned());
        }
        self.path.extend(added);
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("github-{name}"))
    }
}

/// What an expression is worth, of those that the action has: a name, `a || b`, and comparisons that are joined by `&&`.
fn value_of(values: &BTreeMap<String, String>, expression: &str) -> String {
    if expression.contains("&&") || expression.contains("==") || expression.contains("!=") {
        let is = |one: &str| {
            let (equal, (left, right)) = match (one.split_once("=="), one.split_once("!=")) {
                (Some(sides), _) => (true, sides),
                (_, Some(sides)) => (false, sides),
                _ => panic!("{one:?} is no comparison"),
            };
            let right = right.trim().trim_matches('\'');
            (value_of(values, left.trim()) == right) == equal
        };
        return expression.split("&&").all(is).to_string();
    }
    let names = expression.split("||").map(str::trim);
    let found = names.map(|name| {
        let known = values.get(name).cloned();
        // What a step that was passed over would have given is empty.
        let known = known.or_else(|| name.starts_with("steps.").then(String::new));
        known.unwrap_or_else(|| panic!("nobody knows {name:?}"))
    });
    found
        .into_iter()
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}
