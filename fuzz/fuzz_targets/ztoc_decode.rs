//! Any bytes as a zTOC.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::ztoc::ztoc_decode(input));
