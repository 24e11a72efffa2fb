//! Independent chains of matrix products: two threads against one.

mod versus;

use criterion::{Criterion, criterion_group, criterion_main};
use versus::{cases, versus};

fn benches(criterion: &mut Criterion) {
    for (chains, side) in [(8, 64), (8, 256), (3, 256)] {
        versus(criterion, &format!("wide_graph/{chains}x{side}"), cases::wide_graph(chains, side));
    }
}

criterion_group!(group, benches);
criterion_main!(group);
