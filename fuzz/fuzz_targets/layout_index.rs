//! Any bytes as a layout's `index.json`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::registry::layout_index(input));
