//! Any bytes as an OCI archive.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::registry::archive_entries(input));
