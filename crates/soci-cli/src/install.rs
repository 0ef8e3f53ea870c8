//! What an installation has beside the program: completions for shells, and manual pages. Both come out of the program itself, so they are
//! right for the version that is there.

use std::{fs, io, iter, str};

use anyhow::{Context, ensure};
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::{self, Args, CompletionsArgs, ManArgs, NAME};
use crate::exit::Exit;
use crate::output;

/// Stands at the foot of each manual page.
const SOURCE: &str = concat!("soci-index ", env!("CARGO_PKG_VERSION"));

/// Stands at the head of each manual page.
const MANUAL: &str = "SOCI Index Builder";

/// A manual page: the name of its file, and what is in it.
type Page = (String, Vec<u8>);

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), NAME, &mut script);
    if args.shell == Shell::Bash {
        script = with_one_name(&script)?;
    }
    output::bytes(&script)?;
    Ok(Exit::Done)
}

/// In its script for bash, clap_complete 4.6 writes a program's name in one way where it sets the state and in another where it asks for it,
/// if the name has a hyphen in it: nothing behind a command is completed (<https://github.com/clap-rs/clap/issues/6421>).
fn with_one_name(script: &[u8]) -> anyhow::Result<Vec<u8>> {
    let script = str::from_utf8(script).context("the script is no text")?;
    let (set, asked) = (NAME.replace('-', "__"), NAME.replace('-', "__subcmd__"));
    Ok(script.replace(&asked, &set).into_bytes())
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    // `help` would have a page for each command once more.
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add_pages(&program, &mut pages).context("cannot make a manual page")?;
    ensure!(
        folder.is_dir() || !folder.exists(),
        "cannot write manual pages into {}: it is no folder",
        folder.display()
    );
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make folder {}", folder.display()))?;
    for (name, page) in &pages {
        output::file(&folder.join(name), iter::once(&page[..]))?;
    }
    let count = pages.len();
    output::note(&format!("{}: manual pages: {count}", folder.display()));
    Ok(Exit::Done)
}

/// The page of a command, and those of the commands below it.
fn add_pages(command: &clap::Command, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push(page(command)?);
    for below in command.get_subcommands() {
        add_pages(below, pages)?;
    }
    Ok(())
}

fn page(command: &clap::Command) -> io::Result<Page> {
    let page = Man::new(command.clone()).source(SOURCE).manual(MANUAL);
    let help = Help::of(command);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    help.description().to_writer(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    help.ending().to_writer(&mut text)?;
    Ok((page.get_filename(), text))
}

/// What `--help` ends with, in the parts that manual pages have headings for.
struct Help {
    /// Paragraphs.
    notes: Vec<String>,
    exit_codes: Option<String>,
    examples: String,
}

impl Help {
    fn of(command: &clap::Command) -> Help {
        let help = command.get_after_long_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let (before, examples) = help.split_once(args::EXAMPLES).unwrap_or((&help, ""));
        let paragraphs = before.split("\n\n").map(str::trim);
        let (mut notes, mut exit_codes) = (Vec::new(), None);
        for paragraph in paragraphs.filter(|paragraph| !paragraph.is_empty()) {
            match paragraph.strip_prefix(args::EXIT_CODES) {
                Some(codes) => exit_codes = Some(codes.to_owned()),
                None => notes.push(paragraph.to_owned()),
            }
        }
        Help {
            notes,
            exit_codes,
            examples: examples.to_owned(),
        }
    }

    /// Goes on below the heading that clap writes.
    fn description(&self) -> Roff {
        let mut roff = Roff::new();
        for paragraph in &self.notes {
            roff.control("PP", []).text([roman(paragraph)]);
        }
        roff
    }

    /// Examples stay in the lines in which they are to be typed.
    fn ending(&self) -> Roff {
        let mut roff = Roff::new();
        if let Some(codes) = &self.exit_codes {
            roff.control("SH", ["EXIT STATUS"]).text([roman(codes)]);
        }
        roff.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in self.examples.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff
    }
}
