//! `y = Σ tanh(a·b + c)·exp(−a²)` and `∂y/∂a` in one pass, and as an ndarray user writes it.

use flowgrad::ndarray::{Array1, Zip};

use super::isa::{Isa, Loop};
use super::math::{MulAdd, VectorMath};

/// The pass over equal parts of all vectors, in `L` lanes: gives its share of `y`, and `∂y/∂a` in `da`.
struct Pass<'a, const L: usize> {
    a: &'a [f32],
    b: &'a [f32],
    c: &'a [f32],
    da: &'a mut [f32],
}

impl<const L: usize> Loop for Pass<'_, L> {
    type Output = f32;

    #[inline(always)]
    fn run<M: MulAdd>(self) -> f32 {
        let Pass { a, b, c, da } = self;
        let mut lanes = [0.0; L];
        let operands = a.chunks_exact(L).zip(b.chunks_exact(L)).zip(c.chunks_exact(L));
        for (((a, b), c), da) in operands.zip(da.chunks_exact_mut(L)) {
            for l in 0..L {
                let (y, dy) = element::<M>(a[l], b[l], c[l]);
                lanes[l] += y;
                da[l] = dy;
            }
        }
        let whole = a.len() / L * L;
        let mut y = lanes.iter().sum();
        for i in whole..a.len() {
            let (more, dy) = element::<M>(a[i], b[i], c[i]);
            y += more;
            da[i] = dy;
        }
        y
    }
}

/// One element of the sum, and its derivative to `a`.
#[inline(always)]
fn element<M: MulAdd>(a: f32, b: f32, c: f32) -> (f32, f32) {
    let tanh = <f32 as VectorMath>::tanh::<M>(M::mul_add(a, b, c));
    let bell = <f32 as VectorMath>::exp::<M>(-(a * a));
    let slope = M::mul_add(-tanh, tanh, 1.0);
    (tanh * bell, bell * M::mul_add(slope, b, -2.0 * a * tanh))
}

/// A form of the pass: the function from `a`, `b`, `c` to `y` that fills `da`.
pub(crate) type Form = fn(Isa, [&[f32]; 3], &mut [f32]) -> f32;

/// The forms of the pass.
pub(crate) const FORMS: [(&str, Form); 3] =
    [("16 lanes", form::<16>), ("32 lanes", form::<32>), ("64 lanes", form::<64>)];

fn form<const L: usize>(isa: Isa, [a, b, c]: [&[f32]; 3], da: &mut [f32]) -> f32 {
    isa.run(Pass::<L> { a, b, c, da })
}

/// The same in whole-array operations, one new array each, with the standard library's functions.
pub(crate) fn eager(a: &Array1<f32>, b: &Array1<f32>, c: &Array1<f32>) -> (f32, Array1<f32>) {
    let tanh = (a * b + c).mapv_into(f32::tanh);
    let bell = (-(a * a)).mapv_into(f32::exp);
    let y = (&tanh * &bell).sum();
    let mut da = (1.0 - &tanh * &tanh) * b * &bell;
    Zip::from(&mut da)
        .and(a)
        .and(&tanh)
        .and(&bell)
        .for_each(|da, &a, &tanh, &bell| *da -= 2.0 * a * tanh * bell);
    (y, da)
}
