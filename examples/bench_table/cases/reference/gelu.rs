//! `x·Φ(x)` and its slope times a cotangent, in one loop.

use super::isa::{Isa, Loop};
use super::math::{MulAdd, VectorMath};

struct Gelu<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    y: &'a mut [f32],
    dx: &'a mut [f32],
}

impl Loop for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        /// 1/√(2π).
        const PEAK: f32 = 0.398_942_3;
        let outputs = self.y.iter_mut().zip(self.dx);
        for ((&x, &dy), (y, dx)) in self.x.iter().zip(self.dy).zip(outputs) {
            let share = <f32 as VectorMath>::normal::<M>(x);
            let density = PEAK * <f32 as VectorMath>::exp::<M>(-0.5 * (x * x));
            *y = x * share;
            *dx = dy * M::mul_add(x, density, share);
        }
    }
}

/// `y = x·Φ(x)` and `dx = dy·(Φ(x) + x·φ(x))`.
pub(crate) fn gelu(isa: Isa, [x, dy]: [&[f32]; 2], [y, dx]: [&mut [f32]; 2]) {
    isa.run(Gelu { x, dy, y, dx });
}
