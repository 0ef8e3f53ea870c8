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
    /// Images in a registry: wall time, CPU, memory, disk and bytes moved beside the reference's converter.
    Image(Image),
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

/// Options of `cargo xtask bench image`.
#[derive(Args)]
pub(crate) struct Image {
    /// Measured runs of each.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Builds both sides, then measures. The exit code is the measuring program's.
pub(crate) fn run(workspace: &Workspace, what: &What) -> Result<ExitCode> {
    let (json, needed) = match what {
        What::Ztoc(options) => (options.json, [&tools::LIBDEFLATE, &tools::IGZIP]),
        What::Image(options) => (options.json, [&tools::DOCKER_REGISTRY, &tools::SKOPEO]),
    };
    if json {
        console::step_aside();
    }
    tools::prepare(&[&[&tools::GCC, &tools::ZLIB], &needed[..]].concat());
    console::heading("building the reference builder");
    oracle::build(workspace)?;
    console::heading("building soci-index as it ships");
    for package in ["soci-cli", "soci-bench"] {
        // One at a time: built together they would share features, and the product must not change for being measured.
        workspace::run(workspace.cargo(&["build", "--profile", "dist", "--package", package]))?;
    }
    console::heading("measuring");
    let status = measure(workspace, what).status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure(workspace: &Workspace, what: &What) -> Command {
    let built = workspace.target.join("dist");
    // A layer's path is the caller's, so the folder is too.
    let mut command = Command::new(built.join("soci-bench"));
    let (name, runs, json) = match what {
        What::Ztoc(options) => ("ztoc", options.runs, options.json),
        What::Image(options) => ("image", options.runs, options.json),
    };
    command
        .arg(name)
        .arg("--ours")
        .arg(built.join("soci-index"));
    command.arg("--reference").arg(oracle::path(workspace));
    command.arg("--work").arg(workspace.target.join("bench"));
    command.arg("--runs").arg(runs.to_string());
    if let What::Ztoc(Ztoc {
        layer: Some(layer), ..
    }) = what
    {
        command.arg("--layer").arg(layer);
    }
    if json {
        command.arg("--json");
    }
    command
}
