//! `soci-index`: the engine as a command line tool.
//!
//! Results go to standard output, everything else to standard error. `main` parses, calls one
//! command, and turns its verdict into an exit code; there is no other place that prints an error
//! or ends the process.

mod args;
mod exit;
mod output;
mod progress;
mod ztoc;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.command {
        Command::Ztoc(command) => ztoc::run(command),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if output::is_broken_pipe(&error) => Exit::Failed.into(),
        Err(error) => {
            output::error(&error);
            Exit::Failed.into()
        }
    }
}
