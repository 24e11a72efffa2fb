//! What a callable and `session.run` cost beside their kernels, against an empty loop.

mod versus;

use criterion::{Criterion, criterion_group, criterion_main};
use versus::{cases, versus};

fn benches(criterion: &mut Criterion) {
    versus(criterion, "call_overhead", cases::call_overhead());
    versus(criterion, "run_overhead", cases::run_overhead());
}

criterion_group!(group, benches);
criterion_main!(group);
