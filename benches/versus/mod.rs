//! What the benches share: a case of the library and its equivalent by hand, measured side by side.

#[allow(dead_code, unused_imports, reason = "each bench measures a few of the cases")]
#[path = "../../examples/bench_table/cases/mod.rs"]
pub(crate) mod cases;

use std::time::Duration;

use cases::{Case, CaseError, Work};
use criterion::{Criterion, Throughput};

/// Measures both sides of a case, one after the other. For ratios take `examples/bench_table`, whose sides take turns.
///
/// # Panics
/// If the case cannot be built, or its sides give different numbers.
pub(crate) fn versus(criterion: &mut Criterion, name: &str, case: Result<Case, CaseError>) {
    let Case { ours, reference, chosen, work, .. } = case.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    match work {
        Work::Bytes(bytes) => group.throughput(Throughput::Bytes(bytes as u64)),
        Work::Flops(flops) => group.throughput(Throughput::Elements(flops as u64)),
        Work::Uncounted => &mut group,
    };
    for (side_name, mut side) in [("flowgrad", ours), (chosen.as_str(), reference)] {
        group.bench_function(side_name, |bencher| bencher.iter_custom(&mut side));
    }
    group.finish();
}
