//! `cargo xtask package`: the function as Lambda takes it, a zip with one program in it.
//!
//! The program runs where nothing can be installed, so what it needs is checked before it is packed ([`needs`]): a symbol that the image of
//! Lambda's runtime lacks would show at the first event and nowhere earlier. The same commit gives the same zip
//! ([`shipping`]).

pub(crate) mod elsewhere;
mod needs;
mod zip_file;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::console;
use crate::shipping::{self, Wanted};
use crate::workspace::Workspace;

/// What Lambda's custom runtimes start.
const PROGRAM: &str = "bootstrap";

/// Bytes of a zip. A cold start fetches and unpacks it.
const MOST_ZIP_BYTES: u64 = 6_000_000;

/// Options of `cargo xtask package`.
#[derive(Args)]
pub(crate) struct Options {
    /// Processors, as Lambda names them. Others than this machine's need their Rust target and its linker installed.
    #[arg(long = "arch", value_enum, default_values_t = [Arch::X86_64])]
    archs: Vec<Arch>,
}

/// A processor that Lambda has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// x86-64.
    #[value(name = "x86_64")]
    X86_64,
    /// 64-bit ARM.
    #[value(name = "arm64")]
    Arm64,
}

/// What came of packing.
pub(crate) struct Packed {
    /// The program.
    pub(crate) program: PathBuf,
    /// The zip that holds it.
    pub(crate) zip: PathBuf,
}

impl Arch {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// This machine's.
    pub(crate) fn host() -> Result<Self> {
        let host = Self::ALL.into_iter().find(|arch| arch.is_host());
        host.context("Lambda has no processor like this machine's")
    }

    /// As Lambda names it, and so the zips.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// As Rust names it.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    fn is_host(self) -> bool {
        let host = match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "aarch64",
        };
        std::env::consts::ARCH == host && std::env::consts::OS == "linux"
    }
}

/// Builds, checks and packs.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    for arch in &options.archs {
        one(workspace, *arch)?;
    }
    Ok(())
}

/// The same for this machine, whose program can be started here.
pub(crate) fn for_this_machine(workspace: &Workspace) -> Result<Packed> {
    one(workspace, Arch::host()?)
}

/// Where this machine's program lies once it is packaged; the tests find it in the variable `SOCI_PACKAGED_BOOTSTRAP`.
pub(crate) fn program(workspace: &Workspace) -> PathBuf {
    // Where Lambda has no such processor nothing is packaged, and nothing lies there.
    let arch = Arch::host().unwrap_or(Arch::X86_64);
    shipping::path(workspace, arch.target(), PROGRAM)
}

/// The same for one processor.
pub(crate) fn one(workspace: &Workspace, arch: Arch) -> Result<Packed> {
    let program = build(workspace, arch)?;
    let bytes = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    check(&program, &bytes, arch)?;
    let zip = pack(workspace, arch, &bytes)?;
    Ok(Packed { program, zip })
}

/// That a zip which was made before holds a function for this processor.
pub(crate) fn check_zip(path: &Path, zip: &[u8], arch: Arch) -> Result<()> {
    let program = zip_file::program(zip, PROGRAM);
    let checked = program.and_then(|program| check(Path::new(PROGRAM), &program, arch));
    checked.with_context(|| format!("{} cannot be deployed", path.display()))
}

/// That a program starts on Amazon Linux 2023, and so on every Linux with glibc 2.34 or later.
pub(crate) fn check(program: &Path, bytes: &[u8], arch: Arch) -> Result<()> {
    let needs = needs::of(bytes, arch)?;
    let problems = needs.problems();
    let name = program.display();
    ensure!(
        problems.is_empty(),
        "{name} would not start on Amazon Linux 2023: {}",
        problems.join("; ")
    );
    console::line(&format!("{name}: {} bytes, needs {needs}", bytes.len()));
    Ok(())
}

/// The program as it ships.
fn build(workspace: &Workspace, arch: Arch) -> Result<PathBuf> {
    console::heading(&format!("building {PROGRAM} for {}", arch.name()));
    let target = arch.target();
    let built = shipping::build(
        workspace,
        &Wanted {
            package: "soci-index-builder",
            program: PROGRAM,
            target,
            is_static: false,
        },
    );
    if arch.is_host() {
        return built;
    }
    built.with_context(|| {
        format!("another machine's program needs its target (rustup target add {target}) and a linker for it")
    })
}

fn pack(workspace: &Workspace, arch: Arch, program: &[u8]) -> Result<PathBuf> {
    let zip = zip_file::of(PROGRAM, program)?;
    let size = zip.len() as u64;
    ensure!(
        size <= MOST_ZIP_BYTES,
        "the zip has {size} bytes, at most {MOST_ZIP_BYTES} are allowed; see what grew with `cargo bloat` or `cargo tree`"
    );
    let folder = workspace.root.join("dist");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("soci-index-builder-{}.zip", arch.name()));
    // Under another name first: whoever deploys meanwhile takes the old zip or the new one.
    let unfinished = path.with_extension(format!("zip.{}", std::process::id()));
    fs::write(&unfinished, &zip)
        .and_then(|()| fs::rename(&unfinished, &path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    console::line(&format!("{}: {size} bytes", path.display()));
    Ok(path)
}
