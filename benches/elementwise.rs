//! Elementwise chains and a gradient through them: against one fused loop with the same vector math, and against eager
//! arrays.

mod versus;

use criterion::{Criterion, criterion_group, criterion_main};
use versus::{cases, versus};

/// Elements of a vector that fits a second-level cache, and of one that does not.
const COUNTS: [usize; 2] = [20_000, 1_000_000];

fn benches(criterion: &mut Criterion) {
    for count in COUNTS {
        versus(criterion, &format!("elementwise/{count}"), cases::elementwise(count));
        versus(criterion, &format!("elementwise_eager/{count}"), cases::elementwise_eager(count));
        versus(criterion, &format!("chain/{count}"), cases::chain(count));
    }
}

criterion_group!(group, benches);
criterion_main!(group);
