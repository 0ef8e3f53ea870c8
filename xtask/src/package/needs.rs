//! What a program needs of the system that it is started on: its processor, its libraries, and the newest symbols of the C library.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, ensure};
use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader as _};
use object::{Endianness, SectionIndex};

use super::Arch;

/// glibc of Amazon Linux 2023, on which Lambda's `provided.al2023` is built.
const GLIBC: (u32, u32) = (2, 34);

/// Libraries of Amazon Linux 2023's minimal container image, packages `glibc` and `libgcc`, that a Rust program may ask for.
const LIBRARIES: &[&str] = &[
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// The newest that `libgcc_s.so.1` of Amazon Linux 2023 (GCC 11) has, of those that unwinding asks for.
const LIBGCC: (u32, u32) = (7, 0);

/// What a program needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    libraries: BTreeSet<String>,
    /// Versions of symbols, as their libraries call them: `GLIBC_2.34`.
    versions: BTreeSet<String>,
}

/// Reads a program for this processor.
pub(super) fn of(program: &[u8], arch: Arch) -> Result<Needs> {
    let header = FileHeader64::<Endianness>::parse(program).context("no 64-bit ELF program")?;
    let endian = header.endian()?;
    let machine = match arch {
        Arch::X86_64 => elf::EM_X86_64,
        Arch::Arm64 => elf::EM_AARCH64,
    };
    ensure!(
        header.e_machine(endian) == machine,
        "the program is for another processor than {}",
        arch.name()
    );
    let sections = header.sections(endian, program)?;
    let strings = |link: SectionIndex| sections.strings(endian, program, link);
    let mut needs = Needs {
        libraries: BTreeSet::new(),
        versions: BTreeSet::new(),
    };
    let (entries, link) = sections
        .dynamic(endian, program)?
        .context("the program has no dynamic section, so nothing tells what it needs")?;
    let names = strings(link)?;
    for entry in entries {
        if entry.d_tag(endian) == elf::DT_NEEDED {
            needs.libraries.insert(text(entry.string(endian, names)?)?);
        }
    }
    if let Some((mut files, link)) = sections.gnu_verneed(endian, program)? {
        let names = strings(link)?;
        while let Some((_, mut versions)) = files.next()? {
            while let Some(version) = versions.next()? {
                needs.versions.insert(text(version.name(endian, names)?)?);
            }
        }
    }
    Ok(needs)
}

fn text(bytes: &[u8]) -> Result<String> {
    Ok(std::str::from_utf8(bytes)
        .context("a name that is no text")?
        .to_owned())
}

impl Needs {
    /// What of it Amazon Linux 2023 does not have.
    pub(super) fn problems(&self) -> Vec<String> {
        let libraries = self
            .libraries
            .iter()
            .filter(|name| !LIBRARIES.contains(&name.as_str()))
            .map(|name| format!("it needs {name}, which the image lacks"));
        let versions = self
            .versions
            .iter()
            .filter(|version| !is_there(version))
            .map(|version| {
                format!(
                    "it needs symbols of {version}, and the image has glibc {}.{}",
                    GLIBC.0, GLIBC.1
                )
            });
        libraries.chain(versions).collect()
    }
}

/// Whether a version of symbols is there. One of a kind that is not known is not.
fn is_there(version: &str) -> bool {
    let newest = [("GLIBC_", GLIBC), ("GCC_", LIBGCC)];
    newest.into_iter().any(|(prefix, newest)| {
        let numbers = version.strip_prefix(prefix).unwrap_or_default();
        let mut numbers = numbers.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor) <= newest,
            _ => false,
        }
    })
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |version: &&String| {
            let numbers = version.strip_prefix("GLIBC_")?;
            let (major, minor) = numbers.split_once('.')?;
            let minor = minor.split('.').next()?;
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        };
        let newest = self
            .versions
            .iter()
            .filter_map(|version| number(&version))
            .max();
        if let Some((major, minor)) = newest {
            write!(f, "glibc {major}.{minor} and ")?;
        }
        let libraries: Vec<_> = self.libraries.iter().map(String::as_str).collect();
        f.write_str(&libraries.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(libraries: &[&str], versions: &[&str]) -> Needs {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Needs {
            libraries: owned(libraries),
            versions: owned(versions),
        }
    }

    #[test]
    fn what_the_image_has_is_no_problem() {
        let usual = needs(
            &["libc.so.6", "libgcc_s.so.1", "libm.so.6"],
            &["GLIBC_2.2.5", "GLIBC_2.34", "GCC_3.0", "GCC_4.2.0"],
        );
        assert_eq!(usual.problems(), Vec::<String>::new());
        assert_eq!(
            usual.to_string(),
            "glibc 2.34 and libc.so.6, libgcc_s.so.1, libm.so.6"
        );
    }

    #[test]
    fn what_it_lacks_is_named() {
        for (libraries, versions, expected) in [
            (&["libssl.so.3"][..], &[][..], "libssl.so.3"),
            (&["libz.so.1"], &[], "libz.so.1"),
            (&[], &["GLIBC_2.35"], "GLIBC_2.35"),
            (&[], &["GLIBC_3.0"], "GLIBC_3.0"),
            (&[], &["GLIBC_PRIVATE"], "GLIBC_PRIVATE"),
            (&[], &["GLIBC_ABI_DT_RELR"], "GLIBC_ABI_DT_RELR"),
            (&[], &["GCC_14.0.0"], "GCC_14.0.0"),
            (&[], &["CXXABI_1.3"], "CXXABI_1.3"),
        ] {
            let problems = needs(libraries, versions).problems();
            assert_eq!(problems.len(), 1);
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }

    /// A real program: this one.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    fn reads_what_a_program_needs() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        let needs = of(&own, Arch::X86_64).expect("a program");
        assert!(needs.libraries.contains("libc.so.6"), "{needs:?}");
        assert!(
            needs
                .versions
                .iter()
                .any(|version| version.starts_with("GLIBC_2.")),
            "{needs:?}"
        );
        assert!(of(&own, Arch::Arm64).is_err());
        assert!(of(&own[..100], Arch::X86_64).is_err());
        assert!(of(b"#!/bin/sh", Arch::X86_64).is_err());
    }
}
