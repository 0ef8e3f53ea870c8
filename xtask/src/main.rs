//! `cargo xtask …`: the one front door for checks, tests and benchmarks.
//!
//! A person and CI run the same commands, so that "green" means one thing. The modules: [`tiers`] is the list of what
//! is tested, [`tools`] finds or installs what that needs, [`run`] goes through the list and sums up, [`beside`] runs what takes
//! long beside the rest, [`layering`] holds the rule of who may use whom, [`oracle`] builds the reference builder, [`go_registry`] a second registry and [`lazy`] what
//! loads images lazily, [`mod@bench`] starts the benchmarks, [`fuzz`] the fuzz targets, [`package`] makes the zip that Lambda takes, [`shipping`] compiles what ships, [`mod@release`] makes releases, [`deploy`] deploys it,
//! [`docs`] writes the tables of what can be set when it is deployed, [`event_ruler`] fetches EventBridge's own engine, [`actionlint`] reads GitHub's workflows,
//! [`workspace`] knows the folders and starts programs, [`console`] and [`sha256`] are how things are said and named.

mod actionlint;
mod bench;
mod beside;
mod console;
mod deploy;
mod docs;
#[cfg(test)]
mod documents;
mod event_ruler;
mod fuzz;
mod go_registry;
mod layering;
mod lazy;
mod oracle;
mod package;
mod python;
mod release;
mod run;
mod sha256;
mod shipping;
mod tiers;
mod tools;
#[cfg(test)]
mod workflows;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Checks, tests and benchmarks of the SOCI Index Builder.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install or build what the tests need, run every tier, sum up.
    Test(run::Options),
    /// Run every fuzz target for some time each.
    Fuzz(fuzz::Options),
    /// Build the function as it ships, check what it needs, pack it.
    Package(package::Options),
    /// Make what a release consists of, step by step, as GitHub's workflow does.
    Release(release::Options),
    /// Deploy the function into an AWS account.
    Deploy {
        #[command(subcommand)]
        road: deploy::Road,
    },
    /// Write the tables of documents that are made from the code they document.
    Docs,
    /// Measure against the reference builder.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
}

fn main() -> ExitCode {
    match perform(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            console::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test(options) => Ok(run::test(&workspace, &options)),
        Task::Fuzz(options) => fuzz::run(&workspace, &options),
        Task::Package(options) => package::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Task::Release(options) => release::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Task::Deploy { road } => deploy::run(&workspace, &road).map(|()| ExitCode::SUCCESS),
        Task::Docs => docs::write(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Bench { what } => bench::run(&workspace, &what),
    }
}
