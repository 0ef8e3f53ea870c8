//! `--help` teaches by example, and every example works.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use soci_testkit::image::{AMD64, Layer, Manifest, media};
use soci_testkit::{content, gzip, tar};
use support::{Desk, Ended, send, shelve};

/// Columns of a terminal. Longer examples would be broken where they are copied from.
const COLUMNS: usize = 80;

/// What stands in the examples, and what stands for it here: the registry of a demonstration, which is told by the first.
const REGISTRY: &str = "127.0.0.1:5000/app:1";
const OTHERS: [(&str, &str); 2] = [
    ("docker.io/library/python:3", "oci:images:app"),
    ("--port 5000", "--port 0"),
];

fn help(command: &[&str], flag: &str) -> String {
    let ended = Ended::of(&mut Desk::new().command(&[command, &[flag]].concat())).with_code(0);
    ended.text().to_owned()
}

/// What is listed under a heading, up to the next empty line.
fn names_under(heading: &str, help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every command, by its words, with its long help. The first is the program itself.
fn commands() -> Vec<(Vec<String>, String)> {
    let mut commands = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(command) = open.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = help(&words, "--help");
        let mut below = names_under("Commands:", &help);
        below.reverse();
        open.extend(
            below
                .into_iter()
                .map(|name| [&command[..], &[name]].concat()),
        );
        commands.push((command, help));
    }
    commands
}

/// The lines behind the last heading.
fn examples(help: &str) -> Vec<&str> {
    let (_, examples) = help
        .rsplit_once("\nExamples:\n")
        .expect("long help ends with examples");
    examples.lines().collect()
}

#[test]
fn long_help_ends_with_examples_and_short_help_stays_short() {
    let commands = commands();
    assert!(commands.len() > 9, "{}", commands.len());
    for (command, long) in commands {
        let name = command.join(" ");
        let own = format!("soci-index {name}");
        let examples = examples(&long);
        assert!(
            examples.iter().any(|line| line.contains(own.trim_end())),
            "{name}"
        );
        for line in examples {
            assert!(line.starts_with("  "), "{name}: {line:?}");
            assert!(line.len() <= COLUMNS, "{name}: {line:?}");
        }
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let short = help(&words, "-h");
        assert!(!short.contains("Examples:"), "{name}");
        assert!(short.lines().count() < long.lines().count(), "{name}");
    }
}

/// An image, its layer and its archive, as the examples name them.
fn desk() -> Desk {
    let desk = Desk::new();
    let archive = tar::Archive::new()
        .file("etc/os-release", b"ID=example\n")
        .file("opt/large", &content::random(1, 11 << 20))
        .finish();
    let layer = gzip::compress(&archive, 1);
    desk.write("layer.tar.gz", &layer);
    let image = Manifest::oci(AMD64).layer(Layer::new(media::GZIP, layer));
    shelve(&desk, "images", "app", &image);
    let tar = Command::new("tar")
        .args(["-C", "images", "-cf", "app.tar", "."])
        .current_dir(desk.path(""))
        .status();
    assert!(tar.expect("tar runs").success());
    desk
}

/// A program that is ended with the test, so that it tidies up.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        send("INT", &self.0);
        let _ = self.0.wait();
    }
}

/// A demonstration that is kept, and where the image lies in its registry.
fn registry(desk: &Desk) -> (Running, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_soci-index"))
        .args(["demo", "--keep", "--image", "oci:images:app"])
        .current_dir(desk.path(""))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let lines = stdout.lines().map(|line| line.expect("text"));
    let mut address = None;
    for line in lines {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("registry") => {
                address = words
                    .next()
                    .map(|word| word.trim_end_matches(',').to_owned());
            }
            Some("listening") => break,
            _ => {}
        }
    }
    let address = address.expect("the demonstration tells where its registry is");
    (Running(child), format!("{address}/demo/app:app"))
}

/// As a shell runs it in this folder, with the program on its path.
fn shell(desk: &Desk, script: &str) -> Command {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_soci-index"));
    let folder = program.parent().expect("it is in a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .env("PATH", format!("{folder}:{path}"))
        .env("HOME", desk.path(""))
        .current_dir(desk.path(""));
    command
}

/// Examples that last: they begin, and then somebody ends them.
fn begin_and_end(desk: &Desk, line: &str) {
    let mut child = shell(desk, &format!("exec {line}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("text");
    let running = Running(child);
    assert!(first.starts_with("registry "), "{line}: {first:?}");
    send("INT", &running.0);
    // It tidies up before it closes its output.
    for _ in stdout.lines() {}
}

#[test]
fn every_example_works() {
    let desk = desk();
    let (_running, image) = registry(&desk);
    for (command, help) in commands() {
        let name = command.join(" ");
        let mut block = examples(&help).join("\n").replace(REGISTRY, &image);
        for (written, used) in OTHERS {
            block = block.replace(written, used);
        }
        let lasts = |line: &&str| line.trim() == "soci-index demo" || line.contains("--keep");
        let (lasting, ending): (Vec<&str>, Vec<&str>) = block.lines().partition(lasts);
        for line in lasting {
            begin_and_end(&desk, line);
        }
        let output = shell(&desk, &ending.join("\n")).output();
        let output = output.expect("bash runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {block}\n{stderr}");
        assert!(!stderr.contains("error:"), "{name}: {stderr}");
    }
}
