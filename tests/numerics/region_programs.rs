//! Random programs of one region, with more values at once than registers: machine code and interpreter have the same bits
//! on each instruction set.

mod check;

use std::fs;

use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::test_runner::TestCaseError;

use crate::corpus::corpus;
use crate::seeded::seeded;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..seeded(50) })]

    #[test]
    fn machine_code_has_the_bits_of_the_interpreter(bytes in proptest::collection::vec(any::<u8>(), 8..400)) {
        check::check(&bytes).map_err(TestCaseError::fail)?;
    }
}

/// The inputs that the fuzz target `region` keeps, and those that failed once.
#[test]
fn machine_code_has_the_bits_of_the_interpreter_on_the_corpus() {
    let inputs = corpus("region");
    assert!(!inputs.is_empty());
    for input in inputs {
        let found = check::check(&fs::read(&input).unwrap());
        found.unwrap_or_else(|error| panic!("{}: {error}", input.display()));
    }
}
