//! Every command of cargo that a page shows is one that there is: xtask's own by its parser, the others by the packages and tests that they
//! name.

use std::collections::BTreeSet;

use clap::Parser as _;
use clap::error::ErrorKind;
use soci_documents::{Command, Kind, of_kind};

use crate::Cli;
use crate::workspace::{self, Workspace};

/// What pages write where the reader has a bucket of their own.
const BUCKET: &str = "BUCKET";

#[test]
fn every_command_of_xtask_is_taken() {
    let workspace = Workspace::find().expect("cargo knows this workspace");
    for command in of_kind(Kind::Xtask) {
        // `cargo xtask` is one word to the parser.
        let own = command.words[2..].iter().map(|word| match word.as_str() {
            BUCKET => "a-bucket",
            word => word,
        });
        let words = std::iter::once("cargo xtask").chain(own);
        match Cli::try_parse_from(words) {
            Ok(cli) => {
                if let crate::Task::Deploy { road } = cli.task {
                    let known = crate::deploy::check(&workspace, &road);
                    known.unwrap_or_else(|error| panic!("{}\n{error:#}", command.shown()));
                }
            }
            Err(error) => {
                let is_only_named = command.is_inline
                    && matches!(
                        error.kind(),
                        ErrorKind::MissingRequiredArgument
                            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    );
                assert!(is_only_named, "{}\n{error}", command.shown());
            }
        }
    }
}

#[test]
fn every_package_and_test_of_cargo_is_there() {
    let workspace = Workspace::find().expect("cargo knows this workspace");
    let metadata = workspace::members(&workspace.root).expect("cargo tells");
    let packages = metadata["packages"].as_array().expect("a list");
    let names: BTreeSet<_> = packages
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    let targets = packages
        .iter()
        .filter_map(|one| one["targets"].as_array())
        .flatten();
    let targets: BTreeSet<_> = targets.filter_map(|one| one["name"].as_str()).collect();
    for command in of_kind(Kind::Cargo) {
        let known: &[(&[&str], &BTreeSet<&str>)] = &[
            (&["-p", "--package"], &names),
            (&["--test", "--bin"], &targets),
        ];
        for (options, there) in known {
            for named in behind(&command, options) {
                assert!(
                    there.contains(named),
                    "{}: there is no {named}",
                    command.shown()
                );
            }
        }
    }
}

/// What stands behind these options.
fn behind<'a>(command: &'a Command, options: &[&str]) -> impl Iterator<Item = &'a str> {
    let pairs = command.words.windows(2);
    pairs
        .filter(|pair| options.contains(&pair[0].as_str()))
        .map(|pair| pair[1].as_str())
}
