//! Sums, maxima and softmax of the rows of a matrix, against loops by hand.

mod versus;

use criterion::{Criterion, criterion_group, criterion_main};
use versus::{cases, versus};

/// Rows and columns: many short rows, and few long ones.
const SHAPES: [(usize, usize); 2] = [(4096, 512), (64, 32_768)];

fn benches(criterion: &mut Criterion) {
    for (rows, width) in SHAPES {
        for (name, reduction) in cases::REDUCTIONS {
            versus(criterion, &format!("{name}/{rows}x{width}"), cases::reduce(reduction, rows, width));
        }
        versus(criterion, &format!("softmax_rows/{rows}x{width}"), cases::softmax_rows(rows, width));
    }
}

criterion_group!(group, benches);
criterion_main!(group);
