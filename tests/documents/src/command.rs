//! The commands that pages show, cut into words, and who can check them.

use std::path::PathBuf;

use crate::page::{Block, Page, pages};

/// Programs that nobody here can hold a command to, each with the reason. They may stand in pages all the same.
pub const UNCHECKED: [(&str, &str); 3] = [
    (
        "curl",
        "asks the metadata endpoint of a Fargate task, which is nowhere else",
    ),
    (
        "docker",
        "needs Docker's daemon; what it leaves behind is made by skopeo in the tests of the recipes",
    ),
    (
        "rustup",
        "installs a target; whether that is possible depends on how Rust was installed",
    ),
];

/// What is checked of a command, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `soci-index …`, or `cargo run … -- …`: by its own parser, in `crates/soci-cli`.
    SociIndex,
    /// `cargo xtask …`: by its own parser, in `xtask`.
    Xtask,
    /// Another command of cargo: that the package and test are there, in `xtask`.
    Cargo,
    /// `aws …`: by AWS's command line, in `tests/deploy`.
    Aws,
    /// `terraform …`: that folder and subcommand are there, in `tests/deploy`, which runs them on the examples.
    Terraform,
    /// One of [`UNCHECKED`].
    Nobody,
}

/// One command of a page.
#[derive(Debug, Clone)]
pub struct Command {
    /// The page.
    pub page: PathBuf,
    /// The line of the block that it stands in.
    pub line: usize,
    /// Who checks it.
    pub kind: Kind,
    /// Its words, without variables before them, and without `cargo run … --`.
    pub words: Vec<String>,
    /// It stands within a sentence or table, where what is obvious may be left out.
    pub is_inline: bool,
}

impl Command {
    /// Where it stands, and what it is, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        let (page, words) = (self.page.display(), self.words.join(" "));
        format!("{page}:{}: {words}", self.line)
    }
}

/// All commands of all pages.
///
/// # Panics
/// When a block cannot be told to be commands or something else.
#[must_use]
pub fn commands() -> Vec<Command> {
    pages().iter().flat_map(of_page).collect()
}

/// Those of one kind. There have to be some: a test that finds none checks nothing.
///
/// # Panics
/// When there are none.
#[must_use]
pub fn of_kind(kind: Kind) -> Vec<Command> {
    let found: Vec<_> = commands()
        .into_iter()
        .filter(|one| one.kind == kind)
        .collect();
    assert!(!found.is_empty(), "no page has a command of {kind:?}");
    found
}

/// Those of one page.
///
/// # Panics
/// As [`commands`].
#[must_use]
pub fn of_page(page: &Page) -> Vec<Command> {
    let command = |line: usize, words: Vec<String>, is_inline: bool| {
        let (kind, words) = kind_of(&words)?;
        Some(Command {
            page: page.path.clone(),
            line,
            kind,
            words,
            is_inline,
        })
    };
    let mut found = Vec::new();
    for block in page.blocks() {
        let at = format!("{}:{}", page.path.display(), block.line);
        for words in lines_of(&block).unwrap_or_else(|why| panic!("{at}: {why}")) {
            let shown = words.join(" ");
            let command = command(block.line, words, false);
            found.push(command.unwrap_or_else(|| panic!("{at}: nobody checks {shown:?}")));
        }
    }
    for (line, text) in page.inline() {
        // A placeholder or an ellipsis says that it is not meant to be typed.
        let words = shlex::split(&text).unwrap_or_default();
        if words.len() > 1 && !text.contains('…') && !text.contains("...") {
            found.extend(command(line, words, true).filter(|one| one.kind != Kind::Nobody));
        }
    }
    found
}

/// The commands of a block; none, if it is something else. Fenced blocks say what they are. An indented one is commands if its first line
/// begins with a program, and then all of it is.
fn lines_of(block: &Block) -> Result<Vec<Vec<String>>, String> {
    const OTHERS: [&str; 6] = ["json", "yaml", "hcl", "text", "rust", "toml"];
    let lines = joined(&block.text);
    let is_command = match block.language.as_deref() {
        Some("sh") => true,
        Some(other) if OTHERS.contains(&other) => false,
        Some(other) => return Err(format!("a block of {other:?}; allowed: sh, {OTHERS:?}")),
        None => {
            let begins = |line: &String| {
                let words = words_of(line).unwrap_or_default();
                kind_of(&words).is_some_and(|(kind, _)| kind != Kind::Nobody)
            };
            let first = lines.first().is_some_and(begins);
            // Pictures of the architecture name the library soci-index at the beginning of a line.
            let is_odd = |line: &&String| match first {
                true => !begins(line),
                false => begins(line) && !line.starts_with("soci-index"),
            };
            if let Some(odd) = lines.iter().find(is_odd) {
                return Err(format!("commands and something else in one block: {odd:?}"));
            }
            first
        }
    };
    match is_command {
        true => lines.iter().map(|line| words_of(line)).collect(),
        false => Ok(Vec::new()),
    }
}

/// Lines with their continuations.
fn joined(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// A line's words, without variables that are set before the program, and without a comment at its end. Nothing that only a shell could
/// do is taken.
fn words_of(line: &str) -> Result<Vec<String>, String> {
    let words = shlex::split(line).ok_or_else(|| format!("an open quote in {line:?}"))?;
    let is_variable = |word: &String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name
                .chars()
                .all(|one| one.is_ascii_uppercase() || one == '_')
    };
    let words: Vec<_> = words.into_iter().skip_while(is_variable).collect();
    const SHELL: [&str; 7] = ["|", "||", "&", "&&", ";", ">", "<"];
    match words.iter().find(|word| SHELL.contains(&word.as_str())) {
        Some(word) => Err(format!("{word:?} in {line:?}: one program in each line")),
        None => Ok(words),
    }
}

/// Who checks it, and the words that are to be checked.
fn kind_of(words: &[String]) -> Option<(Kind, Vec<String>)> {
    let first = words.first()?.as_str();
    let second = words.get(1).map_or("", String::as_str);
    let all = || words.to_vec();
    let found = match (first, second) {
        ("soci-index", _) => (Kind::SociIndex, all()),
        ("cargo", "run") => {
            let own = words.iter().position(|word| word == "--")? + 1;
            let program = "soci-index".to_owned();
            let words = std::iter::once(program).chain(words[own..].iter().cloned());
            (Kind::SociIndex, words.collect())
        }
        ("cargo", "xtask") => (Kind::Xtask, all()),
        ("cargo", _) => (Kind::Cargo, all()),
        ("aws", _) => (Kind::Aws, all()),
        ("terraform", _) => (Kind::Terraform, all()),
        _ if UNCHECKED.iter().any(|(name, _)| *name == first) => (Kind::Nobody, all()),
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(Kind, String)> {
        let page = Page {
            path: PathBuf::from("page.md"),
            text: text.to_owned(),
        };
        let found = of_page(&page).into_iter();
        found.map(|one| (one.kind, one.words.join(" "))).collect()
    }

    #[test]
    fn commands_are_found_with_what_checks_them() {
        let text = "    A=b cargo run --release -- build \\\n      x   # why\n    cargo xtask docs\n\n```sh\naws s3 cp 'a b' c\n```\n\nand `cargo test -p x`\n";
        assert_eq!(
            found(text),
            [
                (Kind::SociIndex, "soci-index build x".to_owned()),
                (Kind::Xtask, "cargo xtask docs".to_owned()),
                (Kind::Aws, "aws s3 cp a b c".to_owned()),
                (Kind::Cargo, "cargo test -p x".to_owned()),
            ]
        );
    }

    #[test]
    fn what_is_no_command_is_passed_over() {
        assert_eq!(
            found(
                "    {\"a\": 1}\n    more\n\n```json\n{}\n```\n\n`cargo` and `soci-index build IMAGE…`\n"
            ),
            []
        );
    }

    #[test]
    fn nothing_is_passed_over_in_silence() {
        for text in [
            "```\naws x\n```\n",
            "```sh\nunheard-of x\n```\n",
            "```sh\naws x | jq .\n```\n",
            "```sh\naws 'x\n```\n",
            "    cargo xtask docs\n    output of it\n",
            "    output\n    cargo xtask docs\n",
        ] {
            let refused = std::panic::catch_unwind(|| found(text)).is_err();
            assert!(refused, "{text}");
        }
    }

    #[test]
    fn what_nobody_checks_says_why() {
        assert!(UNCHECKED.iter().all(|(_, why)| why.len() > 20));
    }
}
