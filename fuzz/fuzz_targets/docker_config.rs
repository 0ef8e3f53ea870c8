//! Any bytes as Docker's `config.json`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::registry::docker_config(input));
