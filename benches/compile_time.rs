//! Gradient and plan of a long chain, against as many nodes in chains of a tenth of its length.

mod versus;

use criterion::{Criterion, criterion_group, criterion_main};
use versus::{cases, versus};

fn benches(criterion: &mut Criterion) {
    for nodes in [1_000, 10_000] {
        versus(criterion, &format!("compile_time/{nodes}"), cases::compile(nodes, nodes / 10));
    }
}

criterion_group!(group, benches);
criterion_main!(group);
