//! Softmax of each row in three passes over it: the largest element, the exponentials and their sum, the quotients.

use super::isa::{Isa, Loop};
use super::math::{MulAdd, VectorMath};

/// The rows of `x`, of `width` elements each, maxima and sums in `L` lanes.
struct Softmax<'a, const L: usize> {
    x: &'a [f32],
    y: &'a mut [f32],
    width: usize,
}

impl<const L: usize> Loop for Softmax<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        for (x, y) in self.x.chunks_exact(self.width).zip(self.y.chunks_exact_mut(self.width)) {
            softmax_row::<M, L>(x, y);
        }
    }
}

#[inline(always)]
fn softmax_row<M: MulAdd, const L: usize>(x: &[f32], y: &mut [f32]) {
    let mut lanes = [f32::NEG_INFINITY; L];
    let blocks = x.chunks_exact(L);
    let mut largest = blocks.remainder().iter().fold(f32::NEG_INFINITY, |a, &b| larger(a, b));
    for block in blocks {
        for l in 0..L {
            lanes[l] = larger(lanes[l], block[l]);
        }
    }
    for lane in lanes {
        largest = larger(largest, lane);
    }

    let mut lanes = [0.0; L];
    let (mut from, mut to) = (x.chunks_exact(L), y.chunks_exact_mut(L));
    for (x, y) in (&mut from).zip(&mut to) {
        for l in 0..L {
            y[l] = <f32 as VectorMath>::exp::<M>(x[l] - largest);
            lanes[l] += y[l];
        }
    }
    let mut sum: f32 = lanes.iter().sum();
    for (&x, y) in from.remainder().iter().zip(to.into_remainder()) {
        *y = <f32 as VectorMath>::exp::<M>(x - largest);
        sum += *y;
    }

    let factor = 1.0 / sum;
    for y in y {
        *y *= factor;
    }
}

/// The larger of two numbers, as one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// A form of the loop: from rows `x` of the given width to `y`.
pub(crate) type Form = fn(Isa, &[f32], &mut [f32], usize);

/// The forms of the loop.
pub(crate) const FORMS: [(&str, Form); 3] =
    [("16 lanes", form::<16>), ("32 lanes", form::<32>), ("64 lanes", form::<64>)];

fn form<const L: usize>(isa: Isa, x: &[f32], y: &mut [f32], width: usize) {
    isa.run(Softmax::<L> { x, y, width });
}
