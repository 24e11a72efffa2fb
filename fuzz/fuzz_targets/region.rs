//! Programs of one region, with more values at once than registers: bytes decide one, and its machine code must have the
//! bits of the interpreter on each instruction set of the machine.
//!
//! The programs are those of flowgrad's own tests, which replay this target's corpus.
#![no_main]

#[path = "../../tests/numerics/region_programs/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::check(bytes).unwrap_or_else(|error| panic!("{error}"));
});
