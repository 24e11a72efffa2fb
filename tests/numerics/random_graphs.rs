//! Random graphs over all ops: what is run in different ways agrees, and gradients agree with differences.

mod build;
mod bytes;
mod case;
mod check;
mod drawn;
mod registry;
mod slopes;
mod table;
mod trace;

use std::fs;

use proptest::prelude::{ProptestConfig, proptest};
use proptest::test_runner::TestCaseError;

use crate::corpus::corpus;
use crate::seeded::seeded;

fn config() -> ProptestConfig {
    let seeded = seeded(40);
    ProptestConfig { cases: seeded.cases * 2, max_shrink_iters: 4000, ..seeded }
}

proptest! {
    #![proptest_config(config())]

    /// Optimized, without optimization, as machine code and interpreted, on one thread and on more, in one run and the next, fed in any order in
    /// memory, prepared and not, of known and of unknown lengths, all at once and a few alone: results are the same.
    #[test]
    fn all_ways_of_running_agree(case in drawn::cases(40, false, true)) {
        check::check_runs(&case).map_err(TestCaseError::fail)?;
    }

    /// Gradients are the slopes that differences show.
    #[test]
    fn gradients_agree_with_differences(case in drawn::cases(20, true, false)) {
        slopes::check_first(&case).map_err(TestCaseError::fail)?;
    }

    /// So are gradients of gradients.
    #[test]
    fn second_gradients_agree_with_differences(case in drawn::cases(8, true, false)) {
        slopes::check_second(&case).map_err(TestCaseError::fail)?;
    }
}

/// The inputs that the fuzz target `program` keeps: a few of which it made others, and those that failed once.
#[test]
fn all_ways_of_running_agree_on_the_corpus() {
    let inputs = corpus("program");
    assert!(!inputs.is_empty());
    for input in inputs {
        let case = bytes::case(&fs::read(&input).unwrap());
        check::check_runs(&case).unwrap_or_else(|error| panic!("{}: {error}\n{case:?}", input.display()));
    }
}
