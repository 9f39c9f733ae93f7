#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::run("id_token", data));
