//! Builds what a benchmark compares and hands over to the program that measures.
//!
//! Measuring lives in the crate `soci-bench`: it must be small and optimised, and this program is neither.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::console;
use crate::oracle;
use crate::package::{self, Arch, Packed};
use crate::shipping::{self, Wanted};
use crate::tools;
use crate::workspace::{self, Workspace};

/// The benchmarks there are.
#[derive(Subcommand)]
pub(crate) enum What {
    /// One layer to one zTOC: wall time, CPU and memory beside the reference builder.
    Ztoc(Ztoc),
    /// Images in a registry: wall time, CPU, memory, disk and bytes moved beside the reference's converter.
    Image(Image),
    /// The Lambda function as it ships, in several sizes beside the reference's converter: seconds, GB-seconds, memory, start, package. Needs root,
    /// for control groups.
    Function(Function),
    /// Layers of seven kinds inflated: CPU time of our decoder beside zlib-rs.
    Inflate(Inflate),
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

/// Options of `cargo xtask bench function`.
#[derive(Args)]
pub(crate) struct Function {
    /// Measured runs of each size.
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// Options of `cargo xtask bench inflate`.
#[derive(Args)]
pub(crate) struct Inflate {
    /// Measured runs of each decoder.
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// What a benchmark has of ours.
enum Ours {
    /// Nothing: what is compared is within the program that measures.
    Library,
    /// The command line.
    Program(PathBuf),
    /// The function.
    Function(Packed),
}

impl What {
    fn runs_and_json(&self) -> (usize, bool) {
        match self {
            What::Ztoc(options) => (options.runs, options.json),
            What::Image(options) => (options.runs, options.json),
            What::Function(options) => (options.runs, options.json),
            What::Inflate(options) => (options.runs, options.json),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            What::Ztoc(_) => "ztoc",
            What::Image(_) => "image",
            What::Function(_) => "function",
            What::Inflate(_) => "inflate",
        }
    }

    fn tools(&self) -> &'static [&'static tools::Tool] {
        match self {
            What::Ztoc(_) => &[&tools::LIBDEFLATE, &tools::IGZIP],
            What::Image(_) | What::Function(_) => &[&tools::DOCKER_REGISTRY, &tools::SKOPEO],
            What::Inflate(_) => &[],
        }
    }
}

/// Builds both sides, then measures. The exit code is the measuring program's.
pub(crate) fn run(workspace: &Workspace, what: &What) -> Result<ExitCode> {
    if what.runs_and_json().1 {
        console::step_aside();
    }
    let ours = build_compared(workspace, what)?;
    console::heading("building what measures");
    workspace::run(workspace.cargo(&["build", "--profile", "dist", "--package", "soci-bench"]))?;
    console::heading("measuring");
    let status = measure(workspace, what, &ours).status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The reference builder and ours, where a benchmark compares programs.
fn build_compared(workspace: &Workspace, what: &What) -> Result<Ours> {
    if let What::Inflate(_) = what {
        return Ok(Ours::Library);
    }
    tools::prepare(&[&[&tools::GCC, &tools::ZLIB], what.tools()].concat());
    console::heading("building the reference builder");
    oracle::build(workspace)?;
    if let What::Function(_) = what {
        return Ok(Ours::Function(package::for_this_machine(workspace)?));
    }
    console::heading("building soci-index as it ships");
    let wanted = Wanted {
        package: "soci-cli",
        program: "soci-index",
        target: Arch::host()?.target(),
        is_static: false,
    };
    Ok(Ours::Program(shipping::build(workspace, &wanted)?))
}

fn measure(workspace: &Workspace, what: &What, ours: &Ours) -> Command {
    // A layer's path is the caller's, so the folder is too.
    let mut command = Command::new(workspace.target.join("dist/soci-bench"));
    let (runs, json) = what.runs_and_json();
    command.arg(what.name());
    match ours {
        Ours::Library => {}
        Ours::Program(program) => {
            command.arg("--ours").arg(program);
        }
        Ours::Function(Packed { program, zip }) => {
            command.arg("--function").arg(program);
            command.arg("--zip").arg(zip);
        }
    }
    if !matches!(ours, Ours::Library) {
        command.arg("--reference").arg(oracle::path(workspace));
    }
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
