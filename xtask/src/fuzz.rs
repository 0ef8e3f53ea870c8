//! Runs every fuzz target, as many at once as there are cores, and says what they found.
//!
//! libFuzzer needs coverage counters in what it drives. The flags for them are LLVM's, which every compiler takes, so neither a nightly one
//! nor cargo-fuzz is needed; a C++ compiler is, for libFuzzer itself. Of the checks at run time, overflow and debug assertions are on, the
//! address sanitizer is not: it is a nightly compiler's, several times slower, and all but one call is safe code.

mod runs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::console;
use crate::tools;
use crate::workspace::{self, Workspace};
use runs::{Ended, Run};

/// What the compiler puts into the targets for libFuzzer: as cargo-fuzz has it, without a sanitizer.
const COVERAGE: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// Options of `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs, in seconds.
    #[arg(value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Targets that run at once; by default as many as there are cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    at_once: Option<u16>,
    /// Run this target only; may be given several times.
    #[arg(long, value_name = "TARGET")]
    only: Vec<String>,
}

/// Where everything of a target is.
pub(crate) struct Target {
    name: String,
    program: PathBuf,
    /// Committed inputs: read, never written.
    seeds: PathBuf,
    /// Inputs that reached something new, kept from run to run.
    corpus: PathBuf,
    /// Inputs that broke the law.
    findings: PathBuf,
    log: PathBuf,
}

/// Builds all targets and runs them. Success means that none found anything.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let folder = workspace.target.join("fuzz");
    console::heading("what fuzzing needs");
    tools::prepare(&[&tools::GXX]);
    ensure!(
        tools::GXX.is_present(),
        "libFuzzer is C++, and no compiler for that is here: sudo apt-get install g++"
    );
    console::heading("building the fuzz targets");
    let programs = build(workspace, &folder)?;
    let targets = targets(workspace, &folder, &programs, &options.only)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = options
        .at_once
        .map_or(cores, usize::from)
        .min(targets.len());
    announce(&targets, options.seconds, at_once, &folder);
    let ended = runs::all(&targets, options.seconds, at_once)?;
    Ok(sum_up(&ended))
}

/// Compiles every target; gives the folder of the programs.
fn build(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let host = workspace.compiler("host")?;
    let mut command =
        workspace.cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    // With a target named, the flags are for the targets and not for build scripts and macros.
    command
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(folder);
    command.env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    workspace::run(command)?;
    Ok(folder.join(host).join("release"))
}

/// The targets that there are files of, or those of them that were asked for.
fn targets(
    workspace: &Workspace,
    folder: &Path,
    programs: &Path,
    only: &[String],
) -> Result<Vec<Target>> {
    let names = names(&workspace.root.join("fuzz/fuzz_targets"))?;
    for asked in only {
        ensure!(
            names.contains(asked),
            "there is no fuzz target {asked}; there are {}",
            names.join(", ")
        );
    }
    let chosen = names.into_iter();
    let chosen = chosen.filter(|name| only.is_empty() || only.contains(name));
    chosen
        .map(|name| {
            let target = Target {
                program: programs.join(&name),
                seeds: workspace.root.join("fuzz/corpus").join(&name),
                corpus: folder.join("corpus").join(&name),
                findings: folder.join("findings").join(&name),
                log: folder.join("logs").join(format!("{name}.log")),
                name,
            };
            ensure!(
                target.seeds.is_dir(),
                "{} has no corpus at {}",
                target.name,
                target.seeds.display()
            );
            fs::create_dir_all(&target.corpus)?;
            fs::create_dir_all(&target.findings)?;
            fs::create_dir_all(folder.join("logs"))?;
            Ok(target)
        })
        .collect()
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap_or_default();
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "no fuzz target in {}", folder.display());
    Ok(names)
}

fn announce(targets: &[Target], seconds: u64, at_once: usize, folder: &Path) {
    let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
    console::heading(&format!(
        "{} targets, {seconds} s each, {at_once} at once, about {} s in all",
        targets.len(),
        targets.len().div_ceil(at_once) as u64 * seconds
    ));
    console::line(&format!("targets: {}", names.join(", ")));
    console::line(&format!(
        "logs, findings and grown corpora: {}",
        folder.display()
    ));
}

fn sum_up(ended: &[Run<'_>]) -> ExitCode {
    console::heading("summary");
    for run in ended {
        console::line(&run.line());
    }
    let broken: Vec<_> = ended
        .iter()
        .filter(|run| !matches!(run.ended, Ended::Clean))
        .collect();
    for run in &broken {
        console::line(&run.how_to_repeat());
    }
    match broken.is_empty() {
        true => {
            console::line("no findings");
            ExitCode::SUCCESS
        }
        false => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_declared_and_has_a_corpus() {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        let fuzz = workspace.root.join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("it is there");
        let names = names(&fuzz.join("fuzz_targets")).expect("there are targets");
        for name in &names {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            let corpus = fs::read_dir(fuzz.join("corpus").join(name)).expect(name);
            assert!(corpus.count() > 3, "{name}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    }

    #[test]
    fn a_target_that_is_not_there_is_named() {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        let nowhere = Path::new("nowhere");
        let asked = ["no_such_target".to_owned()];
        let Err(error) = targets(&workspace, nowhere, nowhere, &asked) else {
            panic!("it is there")
        };
        assert!(error.to_string().contains("no_such_target"), "{error}");
    }
}
