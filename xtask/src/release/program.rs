//! The command line as it is released, in a `.tar.gz` each: linked against glibc 2.34 or later, as most systems of the last years have it; and
//! static, for images and systems without glibc.
//!
//! The first is what to take elsewhere: glibc looks up names of hosts through libraries of the system (`nsswitch.conf`), which a static
//! program brings in beside its own glibc, and crashes on some (rust-lang/rust#100711). An image that holds nothing else has none.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use object::{Object as _, ObjectKind};

use crate::console;
use crate::package::{self, Arch};
use crate::shipping::{self, Wanted};
use crate::workspace::Workspace;

/// The program, and its name in archives.
pub(super) const PROGRAM: &str = "soci-index";

/// Bytes of the program that are read out of an archive: some ten times what it has.
const MOST_PROGRAM_BYTES: u64 = 256 << 20;

/// A program out of an archive.
pub(super) struct Program {
    /// Its processor.
    pub(super) arch: Arch,
    /// The program.
    pub(super) bytes: Vec<u8>,
}

/// How a program is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linkage {
    /// Against the system's glibc.
    Glibc,
    /// With glibc in it.
    Static,
}

impl Linkage {
    pub(super) const ALL: [Self; 2] = [Self::Glibc, Self::Static];

    /// The archive's name.
    pub(super) fn archive_name(self, arch: Arch) -> String {
        let linkage = match self {
            Self::Glibc => "",
            Self::Static => "static-",
        };
        format!("{PROGRAM}-{linkage}{}.tar.gz", arch.name())
    }
}

/// Builds it for this machine.
pub(super) fn build(workspace: &Workspace, linkage: Linkage) -> Result<Vec<u8>> {
    let arch = Arch::host()?;
    console::heading(&format!("building {}", linkage.archive_name(arch)));
    let wanted = Wanted {
        package: "soci-cli",
        program: PROGRAM,
        target: arch.target(),
        is_static: linkage == Linkage::Static,
    };
    let path = shipping::build(workspace, &wanted)?;
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    match linkage {
        Linkage::Glibc => package::check(&path, &bytes, arch)?,
        Linkage::Static => check(&bytes).with_context(|| path.display().to_string())?,
    }
    Ok(bytes)
}

/// That it needs no library of the system it will run on.
fn check(program: &[u8]) -> Result<()> {
    let file = object::File::parse(program).context("no program")?;
    let is_program = matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic);
    ensure!(is_program, "no program, but {:?}", file.kind());
    let needed = file.imports().context("what it needs cannot be read")?;
    let needed = needed.count();
    ensure!(needed == 0, "it needs {needed} symbols of shared libraries");
    Ok(())
}

/// The same archive for the same program.
pub(super) fn archive(program: &[u8]) -> Result<Vec<u8>> {
    gzip(&tar(&[(PROGRAM, program, 0o755)])?)
}

/// A tar archive of these files: path, bytes, mode. Nobody owns them, and they are of no time.
pub(super) fn tar(files: &[(&str, &[u8], u32)]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes, mode) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        header.set_mtime(0);
        archive.append_data(&mut header, path, *bytes)?;
    }
    Ok(archive.into_inner()?)
}

/// Compressed, without a name or time.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// The static programs of all processors whose archives are there.
pub(super) fn programs(folder: &Path) -> Result<Vec<Program>> {
    let archives = Arch::ALL.map(|arch| (arch, folder.join(Linkage::Static.archive_name(arch))));
    let there = archives.into_iter().filter(|(_, path)| path.is_file());
    there
        .map(|(arch, path)| {
            Ok(Program {
                arch,
                bytes: of_archive(&path)?,
            })
        })
        .collect()
}

fn of_archive(path: &PathBuf) -> Result<Vec<u8>> {
    let read = || -> Result<Vec<u8>> {
        let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(path)?));
        let entry = archive.entries()?.next().context("it is empty")??;
        ensure!(
            entry.path()?.as_ref() == Path::new(PROGRAM),
            "its first file is not {PROGRAM}"
        );
        let mut bytes = Vec::new();
        entry.take(MOST_PROGRAM_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_gives_the_program_back_and_is_always_the_same() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let packed = archive(b"program").expect("it is packed");
        assert_eq!(packed, archive(b"program").expect("again"));
        let path = folder
            .path()
            .join(Linkage::Static.archive_name(Arch::Arm64));
        fs::write(path, &packed).expect("it is written");
        let found = programs(folder.path()).expect("they are read");
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.arch.name(), one.bytes.as_slice()))
            .collect();
        assert_eq!(found, [("arm64", &b"program"[..])]);
    }

    #[test]
    fn a_program_of_shared_libraries_is_refused() {
        let own =
            fs::read(std::env::current_exe().expect("a test has a path")).expect("it is read");
        let error = check(&own).expect_err("tests are not static");
        assert!(error.to_string().contains("shared libraries"), "{error}");
        assert!(check(b"text").is_err());
    }
}
