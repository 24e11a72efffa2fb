//! What proptest draws.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// Deterministic unless the environment asks for another seed, so that a failure is nobody's luck;
/// `PROPTEST_CASES` makes it longer, and `PROPTEST_RNG_SEED` another one.
pub(crate) fn seeded(seed: u64) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        rng_seed: match default.rng_seed {
            RngSeed::Random => RngSeed::Fixed(seed),
            given @ RngSeed::Fixed(_) => given,
        },
        failure_persistence: None,
        ..default
    }
}
