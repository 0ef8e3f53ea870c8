//! What was measured, and on what: a number without its machine and versions says nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Name and version of everything that took part in the comparison of a layer, in the order of the table.
pub(crate) fn of_layers(ours: &Path, reference: &Path) -> Vec<(String, String)> {
    let mut found = of_builders(Some(ours), reference);
    found.extend(of_programs(&[
        ("libdeflate-gunzip", "-V"),
        ("igzip", "--version"),
        ("gzip", "--version"),
    ]));
    found
}

/// As [`of_layers`], for images.
pub(crate) fn of_images(ours: &Path, reference: &Path) -> Vec<(String, String)> {
    let mut found = of_builders(Some(ours), reference);
    found.extend(of_programs(IMAGE_PROGRAMS));
    found
}

/// As [`of_images`], for the function, which answers no flags.
pub(crate) fn of_functions(reference: &Path) -> Vec<(String, String)> {
    let mut found = of_builders(None, reference);
    found.extend(of_programs(IMAGE_PROGRAMS));
    found
}

/// As [`of_layers`], for decoders that are part of this program.
pub(crate) fn of_decoders() -> Vec<(String, String)> {
    let lines = [
        ("machine", Some(machine())),
        ("load", load()),
        ("rustc", first_line("rustc", &["--version"])),
    ];
    let known = lines
        .into_iter()
        .filter_map(|(name, line)| Some((name.to_owned(), line?)));
    known.collect()
}

/// What takes part when images are moved, with the flag for its version.
const IMAGE_PROGRAMS: &[(&str, &str)] =
    &[("docker-registry", "--version"), ("skopeo", "--version")];

fn of_builders(ours: Option<&Path>, reference: &Path) -> Vec<(String, String)> {
    let lines = [
        ("machine", Some(machine())),
        ("load", load()),
        (
            "ours",
            ours.and_then(|ours| first_line(&ours.to_string_lossy(), &["--version"])),
        ),
        ("reference", library(reference)),
        ("rustc", first_line("rustc", &["--version"])),
        ("go", first_line("go", &["version"])),
    ];
    let known = lines
        .into_iter()
        .filter_map(|(name, line)| Some((name.to_owned(), line?)));
    known.collect()
}

fn of_programs(programs: &[(&str, &str)]) -> Vec<(String, String)> {
    let known = programs
        .iter()
        .filter_map(|(name, flag)| Some(((*name).to_owned(), first_line(name, &[flag])?)));
    known.collect()
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

/// What else the machine did lately: Linux's load averages, this program's own work included.
fn load() -> Option<String> {
    let line = fs::read_to_string("/proc/loadavg").ok()?;
    let averages: Vec<_> = line.split(' ').take(3).collect();
    Some(format!("{} (1, 5, 15 minutes)", averages.join(", ")))
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
