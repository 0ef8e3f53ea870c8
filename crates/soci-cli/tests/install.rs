//! What an installation has beside the program: completions that shells load, and manual pages that are well formed.

mod support;

use std::process::Command;

use support::{Desk, Ended};

/// Every command, by its words.
const COMMANDS: [&str; 12] = [
    "",
    "build",
    "inspect",
    "verify",
    "match",
    "demo",
    "ztoc",
    "ztoc create",
    "ztoc info",
    "ztoc cat",
    "completions",
    "man",
];

fn script(desk: &Desk, shell: &str) -> String {
    let ended = Ended::of(&mut desk.command(&["completions", shell])).with_code(0);
    ended.text().to_owned()
}

/// Tells of a check that needs a program that is not here.
#[expect(clippy::print_stderr, reason = "a check that is left out is told")]
fn skip(what: &str) {
    eprintln!("skipped: {what}");
}

/// What bash offers when Tab is pressed behind these words, the last of which may be a beginning.
fn offered(desk: &Desk, words: &[&str]) -> Vec<String> {
    let line = r#"source completions
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        registered=$(complete -p soci-index)
        [[ $registered == *" -F "* ]] || exit 1
        function=${registered#* -F } function=${function%% *}
        "$function" soci-index "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "-c", line, "bash"])
        .args(words)
        .current_dir(desk.path(""))
        .output()
        .expect("bash runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let desk = Desk::new();
    desk.write("completions", script(&desk, "bash").as_bytes());
    assert_eq!(offered(&desk, &["soci-index", "insp"]), ["inspect"]);
    assert_eq!(
        offered(&desk, &["soci-index", "ztoc", "c"]),
        ["create", "cat"]
    );
    assert_eq!(
        offered(&desk, &["soci-index", "build", "--min-"]),
        ["--min-layer-size", "--min-image-size"]
    );
    assert_eq!(
        offered(&desk, &["soci-index", "ztoc", "cat", "--h"]),
        ["--help"]
    );
    assert_eq!(
        offered(&desk, &["soci-index", "build", "--format", ""]),
        ["v2", "v1"]
    );
}

/// Whichever of the other shells is here reads its script.
#[test]
fn each_shell_gets_a_script_with_every_command() {
    let desk = Desk::new();
    for (shell, check) in [
        ("bash", &["bash", "-n"][..]),
        ("zsh", &["zsh", "-n"]),
        ("fish", &["fish", "--no-execute"]),
        ("elvish", &["elvish", "-compileonly"]),
        ("powershell", &[]),
    ] {
        let script = script(&desk, shell);
        for name in COMMANDS.iter().flat_map(|command| command.split(' ')) {
            assert!(script.contains(name), "{shell}: {name}");
        }
        desk.write(shell, script.as_bytes());
        let Some((program, flags)) = check.split_first() else {
            continue;
        };
        let read = Command::new(program)
            .args(flags)
            .arg(desk.path(shell))
            .output();
        match read {
            Ok(read) => {
                let stderr = String::from_utf8_lossy(&read.stderr);
                assert!(read.status.success(), "{shell}: {stderr}");
            }
            Err(error) => skip(&format!("{program} did not read its script: {error}")),
        }
    }
}

fn page_names() -> Vec<String> {
    let name = |command: &&str| format!("soci-index {command}").trim_end().replace(' ', "-");
    let mut names: Vec<_> = COMMANDS
        .iter()
        .map(|command| name(command) + ".1")
        .collect();
    names.sort();
    names
}

/// Macros that a manual page may use. A line that begins with another is not shown at all.
const MACROS: [&str; 13] = [
    ".TH", ".SH", ".SS", ".TP", ".IP", ".PP", ".RS", ".RE", ".br", ".ie", ".el", ".nf", ".fi",
];

#[test]
fn every_command_has_a_manual_page() {
    let desk = Desk::new();
    let ended = Ended::of(&mut desk.command(&["man", "share/man/man1"])).with_code(0);
    assert_eq!(ended.stderr, "share/man/man1: manual pages: 12\n");
    let found = desk.names_in("share/man/man1");
    assert_eq!(found, page_names());
    for name in found {
        let page = String::from_utf8(desk.read(&format!("share/man/man1/{name}"))).expect("text");
        for heading in [
            ".TH ",
            ".SH NAME",
            ".SH SYNOPSIS",
            ".SH DESCRIPTION",
            ".SH EXAMPLES",
        ] {
            assert!(page.contains(heading), "{name}: {heading}");
        }
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            let word = line.split(' ').next().unwrap_or_default();
            assert!(MACROS.contains(&word), "{name}: {line}");
        }
        check_with_groff(&desk, &name);
    }
    let again = Ended::of(&mut desk.command(&["man", "share/man/man1"]));
    again.with_code(0);
}

/// groff warns of what it cannot set, where it is here. Debian has it with `man`.
fn check_with_groff(desk: &Desk, name: &str) {
    let groff = Command::new("groff")
        .args(["-man", "-Tutf8", "-K", "utf8", "-ww", "-z"])
        .arg(desk.path(&format!("share/man/man1/{name}")))
        .output();
    match groff {
        Ok(groff) => {
            let warnings = String::from_utf8_lossy(&groff.stderr);
            assert!(groff.status.success() && warnings.is_empty(), "{warnings}");
        }
        Err(error) => skip(&format!("groff did not read {name}: {error}")),
    }
}

#[test]
fn pages_go_where_a_folder_can_be() {
    let desk = Desk::new();
    desk.write("file", b"");
    Ended::of(&mut desk.command(&["man", "file"]))
        .failed_with("cannot write manual pages into file: it is no folder");
}
