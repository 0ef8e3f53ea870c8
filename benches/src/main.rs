//! Measures the product beside the reference builder and beside the limits of the machine.
//!
//! `cargo xtask bench …` builds what is compared and starts this program. The modules: [`ztoc`] is the comparison of
//! one layer, [`layer`] makes the layer, [`measure`] takes a child's time and memory, [`limits`] are the bare loops
//! that no builder can beat, [`report`] turns samples into a table and JSON, [`versions`] says what was measured.

mod layer;
mod limits;
mod measure;
mod report;
mod versions;
mod ztoc;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Benchmarks of the SOCI Index Builder.
#[derive(Parser)]
#[command(name = "soci-bench")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// One layer to one zTOC, ours and the reference's in turn.
    Ztoc(ztoc::Options),
    /// Run a command and print its wall time, CPU time and peak memory as JSON.
    #[command(hide = true)]
    Measure {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Run one bare loop over a file.
    #[command(hide = true)]
    Limit { kind: limits::Kind, file: PathBuf },
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Ztoc(options) => ztoc::run(&options),
        Task::Measure { command } => measure::wrap(&command),
        Task::Limit { kind, file } => limits::run(kind, &file),
    }
}
