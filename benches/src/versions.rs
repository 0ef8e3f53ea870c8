//! What was measured, and on what: a number without its machine and versions says nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Name and version of everything that took part, in the order of the table.
pub(crate) fn all(ours: &Path, reference: &Path) -> Vec<(String, String)> {
    let mut found = vec![("machine".to_owned(), machine())];
    let mut add = |name: &str, version: Option<String>| {
        if let Some(version) = version {
            found.push((name.to_owned(), version));
        }
    };
    add("ours", first_line(&ours.to_string_lossy(), &["--version"]));
    add("reference", library(reference));
    add("rustc", first_line("rustc", &["--version"]));
    add("go", first_line("go", &["version"]));
    add("libdeflate", first_line("libdeflate-gunzip", &["-V"]));
    add("igzip", first_line("igzip", &["--version"]));
    add("gzip", first_line("gzip", &["--version"]));
    found
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

/// The version of soci-snapshotter that a Go program was built with, as Go recorded it in the program.
fn library(program: &Path) -> Option<String> {
    let output = Command::new("go")
        .args(["version", "-m"])
        .arg(program)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text
        .lines()
        .find(|line| line.contains("awslabs/soci-snapshotter"))?;
    line.split_whitespace()
        .find(|word| word.starts_with('v'))
        .map(|version| format!("soci-snapshotter {version}"))
}

/// The first line that a program prints about itself, on whichever stream.
fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text)
        .lines()
        .next()
        .map(|line| line.trim().to_owned())
}
