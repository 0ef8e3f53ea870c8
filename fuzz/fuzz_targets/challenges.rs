//! Any bytes as `WWW-Authenticate` headers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::registry::challenges(input));
