//! The bare loops that bound what a builder can reach on this machine.
//!
//! A builder must hash the layer and inflate it once. Nothing here finds a block boundary, keeps a window or reads a
//! tar header, so the sum of the two is about what one pass costs at least with these libraries.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// Bytes read or inflated at a time: large enough that calls cost nothing, small enough to stay in the cache.
const PIECE_BYTES: usize = 256 * 1024;

/// Which loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// SHA-256 of the file.
    Sha256,
    /// Inflate with zlib-rs, CRC-32 included.
    Inflate,
}

/// Runs the loop over the file.
pub(crate) fn run(kind: Kind, path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    match kind {
        Kind::Sha256 => sha256(file).map(drop),
        Kind::Inflate => inflate(file).map(drop),
    }
}

/// SHA-256 of everything that can be read.
pub(crate) fn sha256(mut input: impl Read) -> Result<[u8; 32]> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut hash = Sha256::new();
    loop {
        let length = input.read(&mut piece)?;
        if length == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(&piece[..length]);
    }
}

/// Inflates every member and gives back how many bytes came out.
fn inflate(input: impl Read) -> Result<u64> {
    let mut members = MultiGzDecoder::new(BufReader::with_capacity(PIECE_BYTES, input));
    let mut piece = vec![0; PIECE_BYTES];
    let mut total_bytes = 0;
    loop {
        let length = members.read(&mut piece)?;
        if length == 0 {
            return Ok(total_bytes);
        }
        total_bytes += u64::try_from(length)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder
            .write_all(bytes)
            .expect("a vector takes every write");
        encoder.finish().expect("a vector takes every write")
    }

    #[test]
    fn inflates_every_member() {
        let bytes = [gzip(&vec![7; 3_000_000]), gzip(b"and more")].concat();
        assert_eq!(inflate(&bytes[..]).ok(), Some(3_000_008));
    }

    #[test]
    fn a_cut_member_is_an_error() {
        let bytes = gzip(b"some bytes that are cut");
        assert!(inflate(&bytes[..bytes.len() - 9]).is_err());
    }

    #[test]
    fn hashes_the_empty_file() {
        let hash = sha256(&b""[..]).expect("a slice can be read");
        assert_eq!(hash[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    }
}
