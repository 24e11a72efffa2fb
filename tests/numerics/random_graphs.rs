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
use std::path::PathBuf;

use proptest::prelude::{ProptestConfig, proptest};
use proptest::test_runner::{RngSeed, TestCaseError};

/// Deterministic unless the environment asks for another seed, so that a failure is nobody's luck;
/// `PROPTEST_CASES` makes it longer, and `PROPTEST_RNG_SEED` another one.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases * 2,
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(40),
            given @ RngSeed::Fixed(_) => given,
        },
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    /// Optimized, without optimization, on one thread and on more, in one run and the next, fed in any order in
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
    let corpus: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fuzz", "corpus", "program"].iter().collect();
    let inputs: Vec<PathBuf> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!inputs.is_empty());
    for input in inputs {
        let case = bytes::case(&fs::read(&input).unwrap());
        check::check_runs(&case).unwrap_or_else(|error| panic!("{}: {error}\n{case:?}", input.display()));
    }
}
