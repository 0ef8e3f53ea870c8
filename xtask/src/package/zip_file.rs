//! A zip with one program in it, the same bytes whenever and wherever it is made.

use std::io::{Cursor, Read as _, Write as _};

use anyhow::{Context, Result, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Everybody may start it, nobody may change it.
const MODE: u32 = 0o755;

/// Bytes of a function with all that it brings (AWS's).
const MOST_PROGRAM_BYTES: u64 = 250 << 20;

/// The smallest that flate2 makes.
const LEVEL: i64 = 9;

/// The zip's bytes. Its time is the first that a zip can have, its order that of one.
pub(super) fn of(name: &str, program: &[u8]) -> Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(MODE);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, options)?;
    zip.write_all(program)?;
    Ok(zip.finish()?.into_inner())
}

/// A program out of a zip that somebody else made.
pub(super) fn program(zip: &[u8], name: &str) -> Result<Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).context("it is no zip")?;
    let file = zip
        .by_name(name)
        .with_context(|| format!("it holds no {name}"))?;
    let size = file.size();
    ensure!(
        size <= MOST_PROGRAM_BYTES,
        "its {name} has {size} bytes, Lambda takes {MOST_PROGRAM_BYTES} at most"
    );
    let mut bytes = Vec::new();
    file.take(MOST_PROGRAM_BYTES)
        .read_to_end(&mut bytes)
        .with_context(|| format!("its {name} cannot be unpacked"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_program_is_told() {
        let told = |zip: &[u8]| program(zip, "bootstrap").expect_err("none").to_string();
        assert_eq!(told(b"# README"), "it is no zip");
        let other = of("main", b"x").expect("it packs");
        assert_eq!(told(&other), "it holds no bootstrap");
        let own = of("bootstrap", b"x").expect("it packs");
        assert_eq!(program(&own, "bootstrap").expect("it is there"), b"x");
    }

    #[test]
    fn a_zip_holds_a_program_that_may_be_started_and_no_time() {
        let program = b"\x7fELF and so on".repeat(1_000);
        let bytes = of("bootstrap", &program).expect("it packs");
        assert_eq!(of("bootstrap", &program).expect("again"), bytes);
        assert!(bytes.len() < program.len() / 2);
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip");
        assert_eq!(zip.len(), 1);
        let mut file = zip.by_name("bootstrap").expect("the program");
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(MODE));
        let time = file.last_modified().expect("a time");
        assert_eq!(
            (time.year(), time.month(), time.day(), time.hour()),
            (1980, 1, 1, 0)
        );
        let mut found = Vec::new();
        file.read_to_end(&mut found).expect("readable");
        assert_eq!(found, program);
    }
}
