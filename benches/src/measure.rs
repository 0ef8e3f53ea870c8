//! Takes the wall time, CPU time and peak memory of one command.
//!
//! The kernel counts CPU time and peak memory of children that were waited for, as a sum and a maximum over all of
//! them. To get the numbers of one command, this program starts itself once more as a wrapper with a single child, and
//! the wrapper asks after the child has ended.
//!
//! A child's peak counts from before it becomes the new program: the memory of the process that starts it is a floor
//! under every measured peak. The wrapper therefore holds next to nothing; measured on Linux, `true` shows the
//! wrapper's own 2 to 3 MiB. The comparison prints that floor.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, UsageWho, getrusage, setrlimit};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

use crate::disk;
use soci_test_aws::cgroup::Group;

/// What one run of one command cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// From the start of the command to its end.
    pub(crate) wall_seconds: f64,
    /// User and system time of the command and of what it waited for.
    pub(crate) cpu_seconds: f64,
    /// Largest resident set.
    pub(crate) peak_bytes: u64,
    /// Largest size of the files in the folder that was watched; 0 when none was.
    #[serde(default)]
    pub(crate) disk_bytes: u64,
}

impl Cost {
    /// Of this command and a later one together.
    pub(crate) fn then(self, later: Cost) -> Cost {
        Cost {
            wall_seconds: self.wall_seconds + later.wall_seconds,
            cpu_seconds: self.cpu_seconds + later.cpu_seconds,
            peak_bytes: self.peak_bytes.max(later.peak_bytes),
            disk_bytes: self.disk_bytes.max(later.disk_bytes),
        }
    }
}

/// Where a command works, and what it may do there.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Its working folder, watched for files; the folder `tmp` in it is where temporary files go.
    pub(crate) folder: &'a Path,
    /// Otherwise the kernel refuses every byte that it writes to a file, wherever that file is: pipes and sockets are no files.
    pub(crate) may_write_files: bool,
    /// What it is held to, the wrapper included.
    pub(crate) group: Option<&'a Group>,
}

/// Runs the command through a wrapper process. Its output is dropped; what it complains about is in the error.
pub(crate) fn cost_of(command: &[OsString]) -> Result<Cost> {
    measured(wrapper(command, true, None)?, command)
}

/// As [`cost_of`], in a folder of its own.
pub(crate) fn cost_at(place: Place<'_>, command: &[OsString]) -> Result<Cost> {
    let temporary = place.folder.join("tmp");
    fs::create_dir_all(&temporary)
        .with_context(|| format!("cannot make {}", temporary.display()))?;
    let mut wrapper = wrapper(command, place.may_write_files, place.group)?;
    wrapper.current_dir(place.folder).env("TMPDIR", &temporary);
    let (cost, disk_bytes) = disk::peak_during(place.folder, || measured(wrapper, command));
    let cost = cost?;
    Ok(Cost { disk_bytes, ..cost })
}

fn wrapper(command: &[OsString], may_write_files: bool, group: Option<&Group>) -> Result<Command> {
    let own = env::current_exe().context("cannot find this program's file")?;
    let mut wrapper = match group {
        Some(group) => group.command(&own),
        None => Command::new(own),
    };
    wrapper.arg("measure");
    if !may_write_files {
        wrapper.arg("--no-files");
    }
    wrapper.arg("--").args(command).env("TZ", "UTC");
    Ok(wrapper)
}

fn measured(mut wrapper: Command, command: &[OsString]) -> Result<Cost> {
    let shown = shown(command);
    let output = wrapper
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot measure {shown}"))?;
    if !output.status.success() {
        bail!(
            "{shown}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("no measurement of {shown}"))
}

/// The wrapper's side: runs the command as the only child and prints its cost.
pub(crate) fn wrap(command: &[OsString], may_write_files: bool) -> Result<()> {
    if !may_write_files {
        // The child inherits it. This program itself writes to pipes only.
        setrlimit(Resource::RLIMIT_FSIZE, 0, 0).context("cannot forbid files")?;
    }
    let (program, args) = command.split_first().context("no command to measure")?;
    let start = Instant::now();
    let status = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .status();
    let wall = start.elapsed();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(status.success(), "{status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the resource usage")?;
    let cost = Cost {
        wall_seconds: wall.as_secs_f64(),
        cpu_seconds: (duration(usage.user_time()) + duration(usage.system_time())).as_secs_f64(),
        peak_bytes: peak_bytes(usage.max_rss().try_into().context("negative peak memory")?),
        disk_bytes: 0,
    };
    serde_json::to_writer(io::stdout(), &cost)?;
    writeln!(io::stdout())?;
    Ok(())
}

/// A command as a person would type it, without the folders of programs.
fn shown(command: &[OsString]) -> String {
    command
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A time of the kernel's counters.
pub(crate) fn duration(time: TimeVal) -> Duration {
    // The kernel's counters do not go below zero.
    Duration::from_secs(time.tv_sec().unsigned_abs())
        + Duration::from_micros(time.tv_usec().unsigned_abs())
}

/// Linux counts the peak in KiB, macOS in bytes.
fn peak_bytes(counted: u64) -> u64 {
    if cfg!(target_os = "macos") {
        counted
    } else {
        counted * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_one_after_the_other() {
        let cost = |wall_seconds, peak_bytes, disk_bytes| Cost {
            wall_seconds,
            cpu_seconds: 2.0 * wall_seconds,
            peak_bytes,
            disk_bytes,
        };
        let both = cost(1.0, 7, 30).then(cost(2.0, 9, 20));
        assert_eq!(both, cost(3.0, 9, 30));
    }
}
