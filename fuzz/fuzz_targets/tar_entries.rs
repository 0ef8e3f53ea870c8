//! Any bytes as a plain tar layer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::ztoc::tar_entries(input));
