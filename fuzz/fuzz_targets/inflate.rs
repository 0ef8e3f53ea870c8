//! Any bytes as a raw DEFLATE stream, side by side with zlib-rs.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::inflate::inflate(input));
