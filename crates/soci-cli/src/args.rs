//! What can be written on the command line.

mod help;
mod images;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ArgGroup, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use soci_ztoc::{DEFAULT_BUILD_TOOL_IDENTIFIER, DEFAULT_SPAN_BYTES, Digest, MultiMember, SpanSize};

pub(crate) use help::{EXAMPLES, EXIT_CODES};
pub(crate) use images::{
    BuildArgs, DemoArgs, ImageArg, InspectArgs, MatchArgs, RegistryArgs, VerifyArgs,
};

/// The program's name, wherever it lies.
pub(crate) const NAME: &str = "soci-index";

/// Builds SOCI indexes, with which container images start before they are pulled.
#[derive(Parser)]
#[command(name = NAME, version, arg_required_else_help = true, after_long_help = help::TOP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Tell more of what is done, on standard error.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Index images where they lie: in a registry, an OCI layout or an OCI archive.
    #[command(after_long_help = help::BUILD)]
    Build(Box<BuildArgs>),
    /// Show what of an image is indexed, what is not and why.
    #[command(after_long_help = help::INSPECT)]
    Inspect(InspectArgs),
    /// Prove that what was indexed is right: every link, every zTOC, and the layers behind them.
    #[command(after_long_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Tell which filter matches an image, as the function would decide.
    #[command(after_long_help = help::MATCH)]
    Match(MatchArgs),
    /// Try all of it on this machine, with nothing installed: a registry, an image of local files, its push, the function, proof.
    #[command(after_long_help = help::DEMO)]
    Demo(DemoArgs),
    /// Make the zTOC of a single layer, its table of contents, or look into one.
    #[command(subcommand, after_long_help = help::ZTOC)]
    Ztoc(ZtocCommand),
    /// Print what completes this command line in a shell.
    #[command(after_long_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write the manual pages of all commands into a folder.
    #[command(after_long_help = help::MAN)]
    Man(ManArgs),
}

#[derive(Subcommand)]
pub(crate) enum ZtocCommand {
    /// Make the zTOC of a layer file.
    #[command(after_long_help = help::CREATE)]
    Create(CreateArgs),
    /// Print what a zTOC holds, as JSON.
    #[command(after_long_help = help::INFO)]
    Info(InfoArgs),
    /// Print one file of a layer, decoding only the spans that hold it.
    #[command(after_long_help = help::CAT)]
    Cat(CatArgs),
}

#[derive(ArgGroup)]
pub(crate) struct CreateArgs {
    /// The layer: gzip or tar, told by content; `-` is standard input.
    pub(crate) layer: PathBuf,
    /// Where the zTOC goes: a file, which appears whole or not at all, or `/dev/stdout`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Uncompressed bytes between two points at which decoding can start.
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_SPAN_BYTES, value_parser = span_size, allow_negative_numbers = true)]
    pub(crate) span_size: u64,
    /// Written into the zTOC, so part of its digest.
    #[arg(long, value_name = "TEXT", default_value = DEFAULT_BUILD_TOOL_IDENTIFIER)]
    pub(crate) build_tool_identifier: String,
    /// What to do with a layer of several gzip members, which soci-snapshotter reads from v0.14.0
    /// on.
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = MultiMemberArg::Skip)]
    pub(crate) multi_member: MultiMemberArg,
    /// The digest that the layer must have; with another one nothing is written.
    #[arg(long, value_name = "sha256:…")]
    pub(crate) digest: Option<Digest>,
    /// Print the outcome as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ArgGroup)]
pub(crate) struct InfoArgs {
    /// The zTOC's file.
    pub(crate) ztoc: PathBuf,
}

#[derive(ArgGroup)]
pub(crate) struct CatArgs {
    /// The zTOC's file.
    pub(crate) ztoc: PathBuf,
    /// The layer that the zTOC was made of: a file, not a pipe.
    pub(crate) layer: PathBuf,
    /// The file's path in the layer, with or without `/` before it.
    pub(crate) path: OsString,
}

#[derive(ArgGroup)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(ArgGroup)]
pub(crate) struct ManArgs {
    /// Where the pages go, by convention a folder `man1`; it is made if it is not there.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum MultiMemberArg {
    /// Leave the layer out.
    Skip,
    /// Index it.
    Allow,
}

impl From<MultiMemberArg> for MultiMember {
    fn from(arg: MultiMemberArg) -> MultiMember {
        match arg {
            MultiMemberArg::Skip => MultiMember::Skip,
            MultiMemberArg::Allow => MultiMember::Allow,
        }
    }
}

/// What is told of a refused command line that may hold a password.
pub(crate) const HOLDS_PASSWORD: &str = "the command line is wrong, and not repeated because an argument looks like USER:PASSWORD@HOST; \
     leave user and password out: registries get the credentials of `docker login`, those of Amazon ECR your AWS credentials";

/// Whether one of these arguments may hold a user and a password: it has an `@` behind a colon and before what is no digest. That may be
/// right for other arguments than references, so it counts only once they are refused.
pub(crate) fn may_hold_password(args: impl Iterator<Item = OsString>) -> bool {
    let is_password = |arg: &str, at: usize| {
        let (before, behind) = (&arg[..at], &arg[at + 1..]);
        before.contains(':') && !behind.starts_with("sha256:")
    };
    args.map(|arg| arg.to_string_lossy().into_owned())
        .any(|arg| arg.match_indices('@').any(|(at, _)| is_password(&arg, at)))
}

/// A number of bytes, without a unit.
fn bytes(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "not a number of bytes; write it in digits, without a unit".to_owned())
}

fn span_size(text: &str) -> Result<u64, String> {
    SpanSize::from_bytes(bytes(text)?)
        .map(SpanSize::bytes)
        .ok_or_else(|| "must be from 1 to 9223372036854775807 bytes".to_owned())
}
