//! Any documents as an image.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| soci_fuzz::laws::index::image_documents(input));
