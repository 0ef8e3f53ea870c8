//! Any bytes as a gzip layer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::ztoc::gzip_walk(input));
