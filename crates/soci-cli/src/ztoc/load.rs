//! Reads a zTOC file for the commands that look into one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use soci_ztoc::{Limits, Ztoc};

/// A zTOC and the size of its file in bytes.
pub(crate) fn ztoc(path: &Path, limits: &Limits) -> anyhow::Result<(Ztoc, usize)> {
    let bytes = bounded(path, limits.memory_bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let ztoc =
        Ztoc::decode(&bytes, limits).with_context(|| format!("cannot use {}", path.display()))?;
    Ok((ztoc, bytes.len()))
}

fn bounded(path: &Path, limit_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(limit_bytes as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > limit_bytes {
        bail!("more than {limit_bytes} bytes, too many for a zTOC");
    }
    Ok(bytes)
}
