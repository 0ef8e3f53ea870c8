//! Runs of libFuzzer: started, waited for, and read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};

use super::Target;
use crate::console;

/// MiB that a target may take, its corpus included. They need less than a tenth of it.
const MEMORY_MIB: u32 = 1_024;

/// Seconds on the clock that one input may take before it counts as a finding. A few milliseconds are usual; the rest is for a machine that
/// has much else to do.
const INPUT_SECONDS: u32 = 120;

/// Bytes of the longest input.
const INPUT_BYTES: u32 = 40_000;

/// Bytes at the end of a log that are looked at.
const LOG_BYTES: usize = 64 * 1024;

/// A run that has ended.
pub(super) struct Run<'a> {
    target: &'a Target,
    pub(super) ended: Ended,
    /// Inputs tried, if libFuzzer came so far as to say so.
    inputs: Option<u64>,
    /// MiB at most.
    memory_mib: Option<u64>,
}

/// How a run ended.
pub(super) enum Ended {
    /// Nothing was found.
    Clean,
    /// These inputs break the law.
    Found(Vec<PathBuf>),
    /// It failed without an input to show for it.
    Failed(ExitStatus),
}

/// Runs all targets, so many at once. A finding ends its target's run and no other.
pub(super) fn all(targets: &[Target], seconds: u64, at_once: usize) -> Result<Vec<Run<'_>>> {
    let next = Mutex::new(targets.iter());
    let worker = || {
        let mut ended = Vec::new();
        loop {
            // Taken out in a statement of its own, so that the lock is not held while a target runs.
            let target = next.lock().expect("nobody panics with the lock").next();
            let Some(target) = target else {
                return Ok(ended);
            };
            let run = one(target, seconds)?;
            console::line(&run.line());
            ended.push(run);
        }
    };
    let mut ended: Vec<Run<'_>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        let ended = workers.into_iter().map(|worker| {
            let joined = worker.join();
            joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        ended.collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    ended.sort_by(|a, b| a.target.name.cmp(&b.target.name));
    Ok(ended)
}

fn one(target: &Target, seconds: u64) -> Result<Run<'_>> {
    let log = File::create(&target.log)
        .with_context(|| format!("cannot write {}", target.log.display()))?;
    let mut command = Command::new(&target.program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-report_slow_units={INPUT_SECONDS}"))
        .arg(format!("-max_len={INPUT_BYTES}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", target.findings.display()))
        .args([&target.corpus, &target.seeds])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", target.program.display()))?;
    let log = end_of(&target.log)?;
    let found = findings(&log);
    let ended = match (found.is_empty(), status.success()) {
        (false, _) => Ended::Found(found),
        (true, true) => Ended::Clean,
        (true, false) => Ended::Failed(status),
    };
    Ok(Run {
        target,
        ended,
        inputs: statistic(&log, "number_of_executed_units"),
        memory_mib: statistic(&log, "peak_rss_mb"),
    })
}

/// The files that libFuzzer says it wrote, whether they were there before or not.
fn findings(log: &str) -> Vec<PathBuf> {
    let written = |line: &str| Some(line.split_once("Test unit written to ")?.1.trim().into());
    log.lines().filter_map(written).collect()
}

fn end_of(log: &Path) -> Result<String> {
    let bytes = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    let begin = bytes.len().saturating_sub(LOG_BYTES);
    Ok(String::from_utf8_lossy(&bytes[begin..]).into_owned())
}

/// A number out of libFuzzer's last words: `stat::peak_rss_mb: 41`.
fn statistic(log: &str, name: &str) -> Option<u64> {
    let begin = format!("stat::{name}:");
    let value = log.lines().find_map(|line| line.strip_prefix(&begin))?;
    value.trim().parse().ok()
}

impl Run<'_> {
    /// What became of it.
    pub(super) fn line(&self) -> String {
        let said = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
        let outcome = match &self.ended {
            Ended::Clean => "clean".to_owned(),
            Ended::Found(inputs) => format!("FOUND {}", inputs.len()),
            Ended::Failed(status) => format!("FAILED, {status}"),
        };
        format!(
            "{:<16} {outcome:<10} {:>12} inputs, at most {} MiB",
            self.target.name,
            said(self.inputs),
            said(self.memory_mib)
        )
    }

    /// The command that shows a finding again.
    pub(super) fn how_to_repeat(&self) -> String {
        let inputs = match &self.ended {
            Ended::Found(inputs) => inputs.as_slice(),
            _ => &[],
        };
        let repeat = |input: &PathBuf| {
            format!(
                "\nfinding: {}\nrepeat:  {} {}",
                input.display(),
                self.target.program.display(),
                input.display()
            )
        };
        let repeats: String = inputs.iter().map(repeat).collect();
        format!("{repeats}\nlog:     {}", self.target.log.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "Done 12 runs in 1 second(s)\nstat::number_of_executed_units: 12\nstat::peak_rss_mb:              41\n";

    #[test]
    fn reads_what_libfuzzer_says_last() {
        assert_eq!(statistic(LOG, "number_of_executed_units"), Some(12));
        assert_eq!(statistic(LOG, "peak_rss_mb"), Some(41));
        assert_eq!(statistic(LOG, "slowest_unit_time_sec"), None);
        assert_eq!(statistic("", "peak_rss_mb"), None);
    }

    /// A target that is a script: it leaves a finding and fails, or does not.
    #[cfg(unix)]
    fn target(folder: &Path, script: &str) -> Target {
        use std::os::unix::fs::PermissionsExt;
        let target = Target {
            name: "sample".to_owned(),
            program: folder.join("sample"),
            seeds: folder.join("seeds"),
            corpus: folder.join("corpus"),
            findings: folder.join("findings"),
            log: folder.join("sample.log"),
        };
        fs::create_dir_all(&target.findings).expect("a folder");
        fs::write(&target.program, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&target.program, fs::Permissions::from_mode(0o755)).expect("ours");
        target
    }

    #[cfg(unix)]
    #[test]
    fn a_finding_is_told_with_the_command_that_repeats_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let input = folder.path().join("findings/crash-1");
        let script = format!(
            "echo 'Test unit written to {}' >&2; exit 77",
            input.display()
        );
        let targets = [target(folder.path(), &script)];
        let runs = all(&targets, 1, 1).expect("it starts");
        assert!(runs[0].line().contains("FOUND 1"), "{}", runs[0].line());
        let repeat = runs[0].how_to_repeat();
        let program = targets[0].program.display();
        let command = format!("{program} {}", input.display());
        assert!(repeat.contains(&command), "{repeat}");
        fs::write(
            &targets[0].program,
            "#!/bin/sh\necho stat::peak_rss_mb: 7 >&2\n",
        )
        .expect("ours");
        let runs = all(&targets, 1, 1).expect("it starts");
        assert!(matches!(runs[0].ended, Ended::Clean));
        assert!(runs[0].line().contains("at most 7 MiB"));
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_without_an_input_is_no_clean_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let targets = [target(folder.path(), "exit 1")];
        let runs = all(&targets, 1, 2).expect("it starts");
        assert!(matches!(runs[0].ended, Ended::Failed(_)));
    }
}
