//! A training step of a multi-layer perceptron, against its matrix products alone.

mod versus;

use criterion::{Criterion, criterion_group, criterion_main};
use versus::{cases, versus};

fn benches(criterion: &mut Criterion) {
    versus(criterion, "mlp_step", cases::mlp_step());
}

criterion_group!(group, benches);
criterion_main!(group);
