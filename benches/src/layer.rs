//! Makes the default layer of the comparison of one layer; it is made once and kept.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::files;

/// Compressed size that the default layer reaches at least.
const LAYER_BYTES: u64 = 600_000_000;

/// Uncompressed bytes of the first try: what usually packs to a little more than [`LAYER_BYTES`].
const FIRST_TRY_BYTES: u64 = 2_200_000_000;

/// A try that came out too small says how much to add; more tries than this mean that something else is wrong.
const TRIES: u32 = 4;

/// The default layer below `work`, made if it is not there yet.
pub(crate) fn default_layer(work: &Path, say: &dyn Fn(&str)) -> Result<PathBuf> {
    let layer = work.join("usr-layer.tar.gz");
    if layer.is_file() {
        return Ok(layer);
    }
    let part = work.join("usr-layer.part");
    let mut wanted_bytes = FIRST_TRY_BYTES;
    for _ in 0..TRIES {
        say(&format!(
            "packing {} MB of /usr with gzip -6, once",
            wanted_bytes / 1_000_000
        ));
        let found = files::first_files(Path::new("/usr"), wanted_bytes)?;
        files::pack(&found.entries, &part)?;
        let size = fs::metadata(&part)?.len();
        if size >= LAYER_BYTES {
            fs::rename(&part, &layer)?;
            return Ok(layer);
        }
        ensure!(
            !found.all,
            "/usr packs to only {size} bytes: give a layer with --layer"
        );
        // A twentieth more than the ratio says, because the files further on may pack better.
        wanted_bytes = wanted_bytes.saturating_mul(LAYER_BYTES * 21 / 20) / size.max(1);
    }
    bail!("no layer of {LAYER_BYTES} bytes after {TRIES} tries: give one with --layer")
}
