//! Sums and maxima of the rows of a matrix, over all of it, over the rows, and within each.

use super::isa::{Isa, Loop};
use super::math::MulAdd;

/// What is reduced, over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// The sum of all elements.
    All,
    /// The sum of each column.
    OverRows,
    /// The sum of each row.
    WithinRows,
    /// The largest element of each row.
    LargestWithinRows,
}

/// Lanes in which a sum or a maximum is taken: enough to hide the latency of an addition.
const LANES: usize = 64;

struct Reduce<'a> {
    reduction: Reduction,
    x: &'a [f32],
    width: usize,
    result: &'a mut [f32],
}

impl Loop for Reduce<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Reduce { reduction, x, width, result } = self;
        let rows = x.chunks_exact(width);
        match reduction {
            Reduction::All => result[0] = fold(x, 0.0, |a, b| a + b),
            Reduction::OverRows => {
                result.fill(0.0);
                for row in rows {
                    for (sum, x) in result.iter_mut().zip(row) {
                        *sum += x;
                    }
                }
            }
            Reduction::WithinRows => {
                for (sum, row) in result.iter_mut().zip(rows) {
                    *sum = fold(row, 0.0, |a, b| a + b);
                }
            }
            Reduction::LargestWithinRows => {
                for (largest, row) in result.iter_mut().zip(rows) {
                    *largest = fold(row, f32::NEG_INFINITY, |a, b| if a > b { a } else { b });
                }
            }
        }
    }
}

#[inline(always)]
fn fold(x: &[f32], start: f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let blocks = x.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for l in 0..LANES {
            lanes[l] = combine(lanes[l], block[l]);
        }
    }
    lanes.iter().chain(rest).fold(start, |a, &b| combine(a, b))
}

/// Reduces the rows of `x`, of `width` elements each.
pub(crate) fn reduce(isa: Isa, reduction: Reduction, x: &[f32], width: usize, result: &mut [f32]) {
    isa.run(Reduce { reduction, x, width, result });
}
