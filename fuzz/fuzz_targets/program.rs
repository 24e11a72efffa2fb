//! From a graph to a plan and its run: bytes decide a random graph over all ops, which must give the same optimized and
//! not, on one thread and on more, called and run, of known and of unknown lengths, and in the shapes that were stated.
//!
//! The graphs are those of flowgrad's own tests, which replay this target's corpus.
#![no_main]
#![allow(dead_code, reason = "the tests ask more of these graphs")]

#[path = "../../tests/numerics/random_graphs/build.rs"]
mod build;
#[path = "../../tests/numerics/random_graphs/bytes.rs"]
mod bytes;
#[path = "../../tests/numerics/random_graphs/case.rs"]
mod case;
#[path = "../../tests/numerics/random_graphs/check.rs"]
mod check;
#[path = "../../tests/numerics/random_graphs/table.rs"]
mod table;
#[path = "../../tests/numerics/random_graphs/trace.rs"]
mod trace;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let case = bytes::case(bytes);
    check::check_runs(&case).unwrap_or_else(|error| panic!("{error}\n{case:?}"));
});
