//! Products with a matrix of few columns, for which a general product is far from the machine's rate.

use super::isa::{Isa, Loop};
use super::math::MulAdd;

/// Most columns of the second factor: one 512-bit vector of them.
pub(crate) const MOST_COLUMNS: usize = 16;
/// Rows that are computed at once, each with an accumulator in registers.
const BLOCK: usize = 8;

/// `c = a·b` for row-major `a` of `inner` columns and `b` of `columns`.
struct Skinny<'a> {
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
    inner: usize,
    columns: usize,
}

impl Loop for Skinny<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Skinny { a, b, c, inner, columns } = self;
        match (inner, columns) {
            (2, 1) => two_by_one::<M>(a.as_chunks().0, b, c),
            (_, 1) => {
                for (row, c) in a.chunks_exact(inner).zip(c) {
                    *c = dot::<M>(row, b);
                }
            }
            _ => blocks::<M>(a, b, c, inner, columns),
        }
    }
}

#[inline(always)]
fn two_by_one<M: MulAdd>(a: &[[f32; 2]], b: &[f32], c: &mut [f32]) {
    for (a, c) in a.iter().zip(c) {
        *c = M::mul_add(a[0], b[0], a[1] * b[1]);
    }
}

#[inline(always)]
fn dot<M: MulAdd>(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 64;
    let mut lanes = [0.0; LANES];
    let (mut from_a, mut from_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut from_a).zip(&mut from_b) {
        for l in 0..LANES {
            lanes[l] = M::mul_add(a[l], b[l], lanes[l]);
        }
    }
    let rest = from_a.remainder().iter().zip(from_b.remainder());
    lanes.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>()
}

/// Pads the rows of `b` to a vector each; then a block of rows of `a` at a time.
#[inline(always)]
fn blocks<M: MulAdd>(a: &[f32], b: &[f32], c: &mut [f32], inner: usize, columns: usize) {
    let mut padded = vec![[0.0; MOST_COLUMNS]; inner];
    for (padded, b) in padded.iter_mut().zip(b.chunks_exact(columns)) {
        padded[..columns].copy_from_slice(b);
    }
    for (a, c) in a.chunks(BLOCK * inner).zip(c.chunks_mut(BLOCK * columns)) {
        let mut sums = [[0.0; MOST_COLUMNS]; BLOCK];
        if a.len() == BLOCK * inner {
            for (k, b) in padded.iter().enumerate() {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let factor = a[row * inner + k];
                    for l in 0..MOST_COLUMNS {
                        sums[l] = M::mul_add(factor, b[l], sums[l]);
                    }
                }
            }
        } else {
            for (a, sums) in a.chunks_exact(inner).zip(&mut sums) {
                for (&factor, b) in a.iter().zip(&padded) {
                    for l in 0..MOST_COLUMNS {
                        sums[l] = M::mul_add(factor, b[l], sums[l]);
                    }
                }
            }
        }
        for (c, sums) in c.chunks_exact_mut(columns).zip(&sums) {
            c.copy_from_slice(&sums[..columns]);
        }
    }
}

/// `c = a·b`, all row-major, for a `b` of `inner` rows and at most [`MOST_COLUMNS`] columns.
pub(crate) fn skinny(isa: Isa, a: &[f32], b: &[f32], c: &mut [f32], inner: usize, columns: usize) {
    isa.run(Skinny { a, b, c, inner, columns });
}
