//! Colours: on terminals only, and as `NO_COLOR`, `CLICOLOR_FORCE` and a dumb terminal ask for it.

mod support;

use std::process::Command;

use support::Desk;

/// Begins every sequence that colours.
const ESCAPE: &str = "\u{1b}[";

/// What the tests' surroundings may have set.
const VARIABLES: [&str; 6] = [
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "TERM",
    "COLORTERM",
    "CI",
];

/// clap's help, clap's error, our error, and our warning with our result.
const RUNS: [&str; 4] = [
    "--help",
    "inspect",
    "inspect oci:nowhere:app",
    "build --format v1 oci:nowhere:app",
];

/// What comes out of both streams, through a pipe or a terminal.
fn output(args: &str, is_terminal: bool, variables: &[(&str, &str)]) -> String {
    let program = env!("CARGO_BIN_EXE_soci-index");
    let line = format!("'{program}' {args}");
    let mut command = Command::new(if is_terminal { "script" } else { "sh" });
    if is_terminal {
        command.args(["-qec", &line, "/dev/null"]);
    } else {
        command.args(["-c", &format!("{line} 2>&1")]);
    }
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    let desk = Desk::new();
    command
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .current_dir(desk.path(""));
    let output = command.output().expect("script (of bsdutils) and sh run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{args}: nothing came out");
    text
}

#[test]
fn colours_are_for_terminals() {
    for args in RUNS {
        assert!(output(args, true, &[]).contains(ESCAPE), "{args}");
        assert!(!output(args, false, &[]).contains(ESCAPE), "{args}");
    }
}

#[test]
fn variables_ask_for_colours_or_none() {
    for args in RUNS {
        for no in [
            &[("NO_COLOR", "1")][..],
            &[("TERM", "dumb")],
            &[("CLICOLOR", "0")],
        ] {
            assert!(!output(args, true, no).contains(ESCAPE), "{args} {no:?}");
        }
        let forced = [("CLICOLOR_FORCE", "1")];
        assert!(output(args, false, &forced).contains(ESCAPE), "{args}");
        let both = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
        assert!(!output(args, true, &both).contains(ESCAPE), "{args}");
    }
}

/// The result itself has none, so that it can be cut and compared.
#[test]
fn results_have_no_colours() {
    let forced = [("CLICOLOR_FORCE", "1")];
    let output = output("match '*:*' team/app:1", true, &forced);
    assert_eq!(output.trim_end(), "team/app:1: matches *:*");
}
