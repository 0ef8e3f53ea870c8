//! Measures the product beside the reference builder and beside the limits of the machine.
//!
//! `cargo xtask bench …` builds what is compared and starts this program. The modules: [`ztoc`] is the comparison of
//! one layer, [`layer`] makes the layer; [`image`] is the comparison of whole images between a [`registry`] and itself, whose
//! bytes a [`proxy`] counts; [`function`] is the Lambda function on the same images, held to its size by a [`cgroup`](soci_test_aws::cgroup); [`inflate`] is
//! the comparison of our decoder with zlib-rs; [`files`] packs real files, [`measure`] takes a child's time and memory and [`disk`] its files,
//! [`limits`] are the bare loops that no builder can beat, [`stats`] turns samples into medians and verdicts, [`mod@report`] into a
//! table and JSON, [`versions`] says what was measured.

mod disk;
mod files;
mod function;
mod image;
mod inflate;
mod layer;
mod limits;
mod measure;
mod proxy;
mod registry;
mod report;
mod stats;
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
    /// Images in a registry: ours, the reference's converter, and download, convert, push, in turn.
    Image(image::Options),
    /// The Lambda function in several sizes, and the reference's converter in that of AWS's builder.
    Function(function::Options),
    /// Layers of several kinds inflated: ours and zlib-rs in turn.
    Inflate(inflate::Options),
    /// Run a command and print its wall time, CPU time and peak memory as JSON.
    #[command(hide = true)]
    Measure {
        /// Let the command write to no file.
        #[arg(long)]
        no_files: bool,
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
        Task::Image(options) => image::run(&options),
        Task::Function(options) => function::run(&options),
        Task::Inflate(options) => inflate::run(&options),
        Task::Measure { no_files, command } => measure::wrap(&command, !no_files),
        Task::Limit { kind, file } => limits::run(kind, &file),
    }
}
