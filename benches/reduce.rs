//! Sums, maxima and softmax of the rows of a matrix, against loops by hand.

mod versus;

use versus::{Versus, cases};

/// Rows and columns: many short rows, and few long ones.
const SHAPES: [(usize, usize); 2] = [(4096, 512), (64, 32_768)];

fn main() {
    let versus = Versus::from_args();
    for (rows, width) in SHAPES {
        for (name, reduction) in cases::REDUCTIONS {
            versus.case(&format!("{name}/{rows}x{width}"), || cases::reduce(reduction, rows, width));
        }
        versus.case(&format!("softmax_rows/{rows}x{width}"), || cases::softmax_rows(rows, width));
    }
}
