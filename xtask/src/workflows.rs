//! GitHub's workflows: what they use is pinned, what they may do is little, and what they run is there.

use std::collections::BTreeSet;
use std::fs;

use clap::Parser as _;
use soci_documents::steps::{self, Yaml};

use crate::Cli;
use crate::workspace::Workspace;

fn workflows() -> Vec<(String, String)> {
    let workspace = Workspace::find().expect("cargo knows this workspace");
    let folder = fs::read_dir(workspace.root.join(".github/workflows")).expect("there are some");
    let read = |path: std::path::PathBuf| {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, fs::read_to_string(&path).expect("it is read"))
    };
    folder.flatten().map(|entry| read(entry.path())).collect()
}

fn jobs(text: &str) -> Vec<(String, Yaml)> {
    let jobs = steps::pairs(&steps::document(text)["jobs"]);
    assert!(!jobs.is_empty());
    jobs
}

#[test]
fn actions_are_pinned_by_whole_hashes_with_their_versions() {
    for (name, text) in workflows() {
        let used: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "))
            .collect();
        assert!(!used.is_empty(), "{name}");
        for used in used {
            let (action, version) = used
                .split_once(" # ")
                .unwrap_or_else(|| panic!("{name}: {used} names no version"));
            let (_, hash) = action.split_once('@').unwrap_or_default();
            let is_hash =
                hash.len() == 40 && hash.chars().all(|one| matches!(one, '0'..='9' | 'a'..='f'));
            assert!(is_hash && version.starts_with('v'), "{name}: {used}");
        }
    }
}

/// What a job may write, with the reason that stands beside it; everything else reads at most.
#[test]
fn only_publishing_may_write() {
    for (name, text) in workflows() {
        let document = steps::document(&text);
        let of_all = &document["permissions"];
        assert!(
            !of_all.is_badvalue(),
            "{name} takes what GitHub gives by itself"
        );
        assert_eq!(may_write(of_all, &name), BTreeSet::new());
        for (job, document) in jobs(&text) {
            let may = may_write(&document["permissions"], &name);
            let allowed: &[&str] = match (name.as_str(), job.as_str()) {
                ("release.yml", "publish") => &["attestations", "contents", "id-token", "packages"],
                _ => &[],
            };
            assert!(
                may.iter().map(String::as_str).eq(allowed.iter().copied()),
                "{name}, {job}: {may:?}"
            );
            let checkouts = document["steps"].as_vec().into_iter().flatten();
            for step in
                checkouts.filter(|step| steps::text(&step["uses"]).starts_with("actions/checkout@"))
            {
                assert_eq!(
                    steps::text(&step["with"]["persist-credentials"]),
                    "false",
                    "{name}, {job}"
                );
            }
        }
    }
}

/// What permissions let a job write. One word for all of them, such as `write-all`, is refused: it has to be told what for.
fn may_write(permissions: &Yaml, name: &str) -> BTreeSet<String> {
    assert!(
        permissions.is_badvalue() || permissions.as_hash().is_some(),
        "{name}: {permissions:?}"
    );
    let words = steps::pairs(permissions)
        .into_iter()
        .map(|(what, may)| (what, steps::text(&may)));
    let known = |(what, may): (String, String)| match may.as_str() {
        "read" | "none" => None,
        "write" => Some(what),
        other => panic!("{name}: {what}: {other}"),
    };
    words.filter_map(known).collect()
}

/// Build scripts of others would run with its rights.
#[test]
fn what_may_write_compiles_nothing() {
    let mut writing = 0;
    for (name, text) in workflows() {
        for (job, document) in jobs(&text) {
            if may_write(&document["permissions"], &name).is_empty() {
                continue;
            }
            writing += 1;
            for command in commands(&document) {
                let is_harmless = [MADE_A_PROGRAM, HANDED_ON]
                    .iter()
                    .any(|start| command.starts_with(start));
                assert!(is_harmless, "{name}, {job}: {command}");
            }
        }
    }
    assert_eq!(writing, 1);
}

/// The lines of a job's scripts.
fn commands(job: &Yaml) -> Vec<String> {
    let runs = steps::runs(&job["steps"]);
    let lines = runs.iter().flat_map(|run| run.script.lines());
    lines.map(str::to_owned).collect()
}

/// How this program is started where another job compiled it.
const HANDED_ON: &str = "dist/tools/xtask ";

/// What makes it a program again there.
const MADE_A_PROGRAM: &str = "chmod +x dist/tools/xtask";

/// That, and the test command as root.
const OTHERS: [&str; 2] = [
    "sudo --preserve-env env \"PATH=$PATH\" .ci/run",
    MADE_A_PROGRAM,
];

/// How this program is started.
const OWN: [&str; 2] = ["cargo --locked xtask ", HANDED_ON];

/// One of few, or a command that this program takes.
#[test]
fn every_script_is_a_command_that_there_is() {
    for (name, text) in workflows() {
        for (job, document) in jobs(&text) {
            let commands = commands(&document);
            let own = commands
                .iter()
                .filter(|command| !OTHERS.contains(&command.as_str()));
            for command in own {
                let own = OWN.iter().find_map(|start| command.strip_prefix(start));
                let own = own.unwrap_or_else(|| panic!("{name}, {job}: {command}"));
                assert!(
                    !own.contains("${{"),
                    "{name}, {job}: an expression in a script can be anything"
                );
                let words = own.split_whitespace().map(|word| word.trim_matches('"'));
                let parsed = Cli::try_parse_from(std::iter::once("cargo xtask").chain(words));
                assert!(
                    parsed.is_ok(),
                    "{name}, {job}: {command}\n{:?}",
                    parsed.err().map(|error| error.to_string())
                );
            }
        }
    }
}
