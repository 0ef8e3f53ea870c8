//! Builds what a benchmark compares and hands over to the program that measures.
//!
//! Measuring lives in the crate `soci-bench`: it must be small and optimised, and this program is neither.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::console;
use crate::oracle;
use crate::tools;
use crate::workspace::{self, Workspace};

/// The benchmarks there are.
#[derive(Subcommand)]
pub(crate) enum What {
    /// One layer to one zTOC: wall time, CPU and memory beside the reference builder.
    Ztoc(Ztoc),
}

/// Options of `cargo xtask bench ztoc`; what they mean is explained by the program that gets them.
#[derive(Args)]
pub(crate) struct Ztoc {
    /// Layer to measure; by default one is made from the files of /usr.
    #[arg(long, value_name = "FILE")]
    layer: Option<PathBuf>,
    /// Measured runs of each builder.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Builds both sides, then measures. The exit code is the measuring program's.
pub(crate) fn run(workspace: &Workspace, what: &What) -> Result<ExitCode> {
    let What::Ztoc(options) = what;
    if options.json {
        console::step_aside();
    }
    tools::prepare(&[&tools::GCC, &tools::ZLIB, &tools::LIBDEFLATE, &tools::IGZIP]);
    console::heading("building the reference builder");
    oracle::build(workspace)?;
    console::heading("building soci-index as it ships");
    for package in ["soci-cli", "soci-bench"] {
        // One at a time: built together they would share features, and the product must not change for being measured.
        workspace::run(workspace.cargo(&["build", "--profile", "dist", "--package", package]))?;
    }
    console::heading("measuring");
    let status = measure(workspace, options).status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure(workspace: &Workspace, options: &Ztoc) -> Command {
    let built = workspace.target.join("dist");
    let mut command = Command::new(built.join("soci-bench"));
    // A layer's path is the caller's, so the folder is too.
    command
        .arg("ztoc")
        .arg("--ours")
        .arg(built.join("soci-index"));
    command.arg("--reference").arg(oracle::path(workspace));
    command.arg("--work").arg(workspace.target.join("bench"));
    command.arg("--runs").arg(options.runs.to_string());
    if let Some(layer) = &options.layer {
        command.arg("--layer").arg(layer);
    }
    if options.json {
        command.arg("--json");
    }
    command
}
