//! Twenty cheap elementwise operations in one loop.

use super::isa::{Isa, Loop};
use super::math::MulAdd;

/// How often the five operations are repeated.
pub(crate) const REPEATS: usize = 4;
/// The factor of the second operation.
pub(crate) const FACTOR: f32 = 0.75;
/// What the fifth adds.
pub(crate) const TERM: f32 = 0.125;

struct Chain<'a> {
    x: &'a [f32],
    y: &'a [f32],
    z: &'a mut [f32],
}

impl Loop for Chain<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        for ((&x, &y), z) in self.x.iter().zip(self.y).zip(self.z) {
            let mut value = x;
            for _ in 0..REPEATS {
                value = (value + y) * FACTOR;
                value = if value > x { value } else { x };
                value = M::mul_add(value, y, TERM);
            }
            *z = value;
        }
    }
}

/// `z = f(… f(x))` with `f(v) = max((v + y)·FACTOR, x)·y + TERM`.
pub(crate) fn chain(isa: Isa, x: &[f32], y: &[f32], z: &mut [f32]) {
    isa.run(Chain { x, y, z });
}
