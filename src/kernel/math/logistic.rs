//! `tanh` and the logistic function (`sigmoid`), which are each other scaled: `tanh(x) = 2·σ(2x) − 1`.
//!
//! **Method.** `tanh` is odd, so of `a = |x|` with the sign copied back. From `h = ½·(e^2a − 1)`,
//!
//! ```text
//! h < 1:  tanh a = h / (1 + h) = h − h·(h / (1 + h))       otherwise:  1 − 1 / (1 + h)
//! ```
//!
//! where the quotient, with its rounding errors, enters only as a correction. For `h` the argument is reduced
//! as `a = n·½·ln 2 + r`, so that no doubling is needed, and `h = 2ⁿ·½·(e^2r − 1) + ½·(2ⁿ − 1)` is summed as
//! `2ⁿ·v + (2ⁿ·r + ½·(2ⁿ − 1))`: the inner sum is exact for `n = 0` and `1`, where `h` is small and cancels.
//!
//! `σ(x) = 1 / (1 + e⁻ˣ)` is computed from `z = e^−|x|`, which never overflows, as
//!
//! ```text
//! x < 0:  z / (1 + z) = z − z·(z / (1 + z))                otherwise:  1 / (1 + z) = 1 − z / (1 + z)
//! ```
//!
//! so that the lower tail falls as `eˣ` through the denormals instead of breaking off where `e⁻ˣ` overflows.
//!
//! **Polynomials** are those of [`exp`](super::exp), the one for `tanh` in `2r`.
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | tanh        | sigmoid     |
//! |------|-------------|-------------|
//! | f32  | 1.75 / 1.81 | 1.65 / 1.87 |
//! | f64  | 1.82 / 1.88 | 1.67 / 1.88 |

use super::exp::{
    BIAS_F32, BIAS_F64, EXP_F32, EXP_F64, ROUND_F32, ROUND_F64, exp_reduced_f32, exp_reduced_f64, reduce_f32,
    reduce_f64,
};
use super::lane::Lane;
use super::mul_add::MulAdd;
use std::f32::consts as single;
use std::f64::consts as double;

/// `½·ln 2`, and what its rounding left off. (`n` is at most 29 and 58, and where a product with it is
/// inexact for want of a fused multiply-add, `n ≥ 3`, the result is so near 1 that it does not matter.)
const HALF_LN_2_F32: (f32, f32) = (0.5 * single::LN_2, -9.523_271e-10);
const HALF_LN_2_F64: (f64, f64) = (0.5 * double::LN_2, 1.159_523_406_923_149_8e-17);

/// `p` of `½·(e^2r − 1) ≈ r + r²·p(r)`: coefficient `k` of that of `eʳ − 1`, times `2ᵏ⁺¹`.
const HALF_EXP_F32: [f32; EXP_F32.len()] = {
    let mut c = EXP_F32;
    let mut k = 0;
    while k < c.len() {
        c[k] *= (1_u32 << (k + 1)) as f32;
        k += 1;
    }
    c
};
/// [`HALF_EXP_F32`] for `f64`.
const HALF_EXP_F64: [f64; EXP_F64.len()] = {
    let mut c = EXP_F64;
    let mut k = 0;
    while k < c.len() {
        c[k] *= (1_u32 << (k + 1)) as f64;
        k += 1;
    }
    c
};

/// `tanh x`.
#[inline(always)]
pub(super) fn tanh_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let number = |c| x.number(c);
    // 1 − tanh 10 < 2⁻²⁷: the result is 1 from there on.
    let a = x.abs().at_most(10.0);
    let shift = number(ROUND_F32 + BIAS_F32);
    let shifted = M::mul_add(a, number(2.0 * single::LOG2_E), shift);
    let n = shifted - shift;
    let power = L::from_bits(shifted.to_bits() << 23);
    let r = M::mul_add(n, number(-HALF_LN_2_F32.0), a);
    let v = M::mul_add(r * r, M::polynomial(r, HALF_EXP_F32), n * number(-HALF_LN_2_F32.1));
    let h = M::mul_add(power, v, M::mul_add(power, r, M::mul_add(power, number(0.5), number(-0.5))));
    let base = h.at_most(1.0);
    M::mul_add(-base, base / (number(1.0) + h), base).copysign(x)
}

/// `tanh x`.
#[inline(always)]
pub(super) fn tanh_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let number = |c| x.number(c);
    // 1 − tanh 20 < 2⁻⁵⁶.
    let a = x.abs().at_most(20.0);
    let shift = number(ROUND_F64 + BIAS_F64);
    let shifted = M::mul_add(a, number(2.0 * double::LOG2_E), shift);
    let n = shifted - shift;
    let power = L::from_bits(shifted.to_bits() << 52);
    let r = M::mul_add(n, number(-HALF_LN_2_F64.0), a);
    let v = M::mul_add(r * r, M::polynomial(r, HALF_EXP_F64), n * number(-HALF_LN_2_F64.1));
    let h = M::mul_add(power, v, M::mul_add(power, r, M::mul_add(power, number(0.5), number(-0.5))));
    let base = h.at_most(1.0);
    M::mul_add(-base, base / (number(1.0) + h), base).copysign(x)
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(super) fn sigmoid_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let number = |c| x.number(c);
    // n is in −150 ..= 0: one factor 2ⁿ⁺²⁴, a normal number, and a constant that rounds to a denormal.
    let (r, _, bits) = reduce_f32::<L, M>((-x.abs()).at_least(-104.0), ROUND_F32 + BIAS_F32 + 24.0);
    let z = exp_reduced_f32::<L, M>(r) * L::from_bits(bits << 23) * number(f32::EPSILON / 2.0);
    let base = L::select(x.less(number(0.0)), z, number(1.0));
    M::mul_add(-base, z / (number(1.0) + z), base)
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(super) fn sigmoid_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let number = |c| x.number(c);
    // n is in −1077 ..= 0: the factors are 2ⁿ⁺⁵⁶ and 2⁻⁵⁶.
    let (r, _, bits) = reduce_f64::<L, M>((-x.abs()).at_least(-746.0), ROUND_F64 + BIAS_F64 + 56.0);
    let z = exp_reduced_f64::<L, M>(r) * L::from_bits(bits << 52) * number(f64::EPSILON / 16.0);
    let base = L::select(x.less(number(0.0)), z, number(1.0));
    M::mul_add(-base, z / (number(1.0) + z), base)
}
