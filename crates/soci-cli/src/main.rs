//! `soci-index`: the engine as a command line tool.
//!
//! Results go to standard output, everything else to standard error. `main` parses, calls one
//! command, and turns its verdict into an exit code; there is no other place that prints an error
//! or ends the process.

mod args;
mod demo;
#[cfg(test)]
mod documents;
mod exit;
mod images;
mod install;
mod logs;
mod output;
mod progress;
mod visible;
mod ztoc;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::args::{Args, Command};
use crate::exit::{Exit, WrongUsage};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // clap repeats what it refuses.
        Err(error) if error.use_stderr() && args::may_hold_password(std::env::args_os()) => {
            output::error(&WrongUsage(args::HOLDS_PASSWORD.to_owned()).into());
            return Exit::WrongUsage.into();
        }
        Err(error) => error.exit(),
    };
    logs::show(args.verbose);
    let result = match args.command {
        Command::Build(args) => concurrently(images::build(&args)),
        Command::Inspect(args) => concurrently(images::inspect(&args)),
        Command::Verify(args) => concurrently(images::verify(&args)),
        Command::Match(args) => images::match_filters(&args),
        Command::Demo(args) => concurrently(demo::run(&args)),
        Command::Ztoc(command) => ztoc::run(command),
        Command::Completions(args) => install::completions(&args),
        Command::Man(args) => install::man(&args),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if output::is_broken_pipe(&error) => Exit::Failed.into(),
        Err(error) => {
            output::error(&error);
            let is_usage = error.is::<WrongUsage>();
            if is_usage {
                Exit::WrongUsage.into()
            } else {
                Exit::Failed.into()
            }
        }
    }
}

/// Runs what talks to places where images live.
fn concurrently(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(command)
}
