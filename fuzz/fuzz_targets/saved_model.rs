#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::saved_model::run(bytes));
