//! SHA-256 as it is written in names and lists: hexadecimal digits in lower case.

use sha2::{Digest as _, Sha256};

/// Of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
