//! `exp` and `expm1`, and the reduction that every function built on the exponential shares.
//!
//! **Method.** `x = n·ln 2 + r` with `n` the nearest integer to `x / ln 2`, so `|r| ≤ ½·ln 2 ≈ 0.3466`; then
//! `eˣ = 2ⁿ·eʳ` and `eˣ − 1 = 2ⁿ·(eʳ − 1) + (2ⁿ − 1)`. The integer comes from adding 1.5·2²³ (1.5·2⁵² for
//! `f64`): in that binade neighbors are 1 apart, so the addition rounds, and the low bits of the sum *are*
//! `n`, ready to be shifted into an exponent. `ln 2` is taken off in two parts, the first so short that `n`
//! times it is exact.
//!
//! **Polynomial.** `eʳ − 1 ≈ r + r²·p(r)`, with `p` fitted (see `fit.py`) to the least relative error of the
//! sum:
//!
//! | type | degree of the sum | relative error |
//! |------|-------------------|----------------|
//! | f32  | 6                 | 2⁻²⁶·¹         |
//! | f64  | 11                | 2⁻⁵⁵·⁵         |
//!
//! **Range.** `2ⁿ` is applied as two factors `2^⌊n/2⌋·2^⌈n/2⌉`, each of them a normal number: the first
//! product is exact and the second one rounds to a denormal, or overflows, as the true result does. Arguments
//! past both ends are brought to where the result is already 0 or ∞.
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | exp         | expm1       |
//! |------|-------------|-------------|
//! | f32  | 0.92 / 1.01 | 1.33 / 1.34 |
//! | f64  | 0.92 / 1.00 | 1.32 / 1.32 |

use super::lane::{Lane, LaneBits};
use super::mul_add::MulAdd;
use std::f32::consts as single;
use std::f64::consts as double;

/// 1.5·2²³: adding it rounds a small `f32` to an integer, and the integer can be read off the low bits of the
/// sum.
pub(super) const ROUND_F32: f32 = 12_582_912.0;
/// 1.5·2⁵²: the same for `f64`.
pub(super) const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// The exponents' biases, as they are added to [`ROUND_F32`] and [`ROUND_F64`]: then the low bits hold `n +
/// bias`.
pub(super) const BIAS_F32: f32 = 127.0;
pub(super) const BIAS_F64: f64 = 1023.0;

/// `ln 2` to 16 bits, and the rest: `n` has at most 8, so `n` times the first part is exact.
pub(super) const LN_2_F32: (f32, f32) = (0.693_145_75, 1.428_606_8e-6);
/// `ln 2` to 42 bits, and the rest: `n` has at most 11.
pub(super) const LN_2_F64: (f64, f64) = (0.693_147_180_559_890_3, 5.497_923_018_708_371e-14);

/// `p` of `eʳ − 1 ≈ r + r²·p(r)` on `|r| ≤ ½·ln 2·(1 + 2⁻¹⁰)`.
pub(super) const EXP_F32: [f32; 5] =
    [0.499_999_97, 0.166_665_46, 0.041_667_435, 0.008_366_272, 0.001_387_069_2];
pub(super) const EXP_F64: [f64; 10] = [
    0.500_000_000_000_000_6,
    0.166_666_666_666_666_74,
    0.041_666_666_666_577_04,
    0.008_333_333_333_348_46,
    0.001_388_888_893_113_857_4,
    1.984_126_978_981_748e-4,
    2.480_150_586_434_380_4e-5,
    2.755_735_543_316_890_7e-6,
    2.762_580_854_439_284_3e-7,
    2.506_772_035_555_531_8e-8,
];

/// `(r, ρ, bits)` of `x = n·ln 2 + r + ρ`, where `ρ` is what the rounding of `r` lost; the low bits of `bits`
/// hold `n + (shift − 1.5·2²³)`.
#[inline(always)]
pub(super) fn reduce_f32<L: Lane<Number = f32>, M: MulAdd>(x: L, shift: f32) -> (L, L, L::Bits) {
    let shift = x.number(shift);
    let (ln_2, ln_2_low) = (x.number(-LN_2_F32.0), x.number(-LN_2_F32.1));
    let shifted = M::mul_add(x, x.number(single::LOG2_E), shift);
    let n = shifted - shift;
    let upper = M::mul_add(n, ln_2, x);
    let r = M::mul_add(n, ln_2_low, upper);
    (r, M::mul_add(n, ln_2_low, upper - r), shifted.to_bits())
}

/// [`reduce_f32`] for `f64`.
#[inline(always)]
pub(super) fn reduce_f64<L: Lane<Number = f64>, M: MulAdd>(x: L, shift: f64) -> (L, L, L::Bits) {
    let shift = x.number(shift);
    let (ln_2, ln_2_low) = (x.number(-LN_2_F64.0), x.number(-LN_2_F64.1));
    let shifted = M::mul_add(x, x.number(double::LOG2_E), shift);
    let n = shifted - shift;
    let upper = M::mul_add(n, ln_2, x);
    let r = M::mul_add(n, ln_2_low, upper);
    (r, M::mul_add(n, ln_2_low, upper - r), shifted.to_bits())
}

/// `eʳ` for a reduced `r`. The two sums cost the same each on its machine, and lose less than the other
/// would.
#[inline(always)]
pub(super) fn exp_reduced_f32<L: Lane<Number = f32>, M: MulAdd>(r: L) -> L {
    let (p, one) = (M::polynomial(r, EXP_F32), r.number(1.0));
    if M::FUSED { M::mul_add(M::mul_add(p, r, one), r, one) } else { one + (r + r * r * p) }
}

/// [`exp_reduced_f32`] for `f64`.
#[inline(always)]
pub(super) fn exp_reduced_f64<L: Lane<Number = f64>, M: MulAdd>(r: L) -> L {
    let (p, one) = (M::polynomial(r, EXP_F64), r.number(1.0));
    if M::FUSED { M::mul_add(M::mul_add(p, r, one), r, one) } else { one + (r + r * r * p) }
}

/// `y·2ⁿ`, rounded once, for `bits` of a reduction whose shift was [`ROUND_F32`] and twice the bias.
#[inline(always)]
pub(super) fn scale_f32<L: Lane<Number = f32>>(y: L, bits: L::Bits) -> L {
    // The low bits hold n + 2·bias: each half of that is a biased exponent, and what stands above is shifted
    // out.
    let half = bits >> 1;
    y * L::from_bits(half << 23) * L::from_bits(bits.wrapping_sub(half) << 23)
}

/// [`scale_f32`] for `f64`.
#[inline(always)]
pub(super) fn scale_f64<L: Lane<Number = f64>>(y: L, bits: L::Bits) -> L {
    let half = bits >> 1;
    y * L::from_bits(half << 52) * L::from_bits(bits.wrapping_sub(half) << 52)
}

/// `eˣ`.
#[inline(always)]
pub(super) fn exp_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    // e⁸⁹ > MAX, and e⁻¹⁰⁴ is less than half the least denormal.
    let (r, _, bits) = reduce_f32::<L, M>(x.at_most(89.0).at_least(-104.0), ROUND_F32 + 2.0 * BIAS_F32);
    scale_f32(exp_reduced_f32::<L, M>(r), bits)
}

/// `eˣ`.
#[inline(always)]
pub(super) fn exp_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let (r, _, bits) = reduce_f64::<L, M>(x.at_most(710.0).at_least(-746.0), ROUND_F64 + 2.0 * BIAS_F64);
    scale_f64(exp_reduced_f64::<L, M>(r), bits)
}

/// `eˣ − 1`.
#[inline(always)]
pub(super) fn expm1_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    // Below −18 the result rounds to −1.
    let (r, rho, bits) = reduce_f32::<L, M>(x.at_most(89.0).at_least(-18.0), ROUND_F32 + BIAS_F32 - 1.0);
    // 2ⁿ⁻¹, as 2ⁿ itself may overflow where the result does not.
    let half = L::from_bits(bits << 23);
    // Half of 2ⁿ·r + (2ⁿ − 1), which is exact where that cancels (n = 1), and half of 2ⁿ·(eʳ − 1 − r).
    let linear = M::mul_add(half, r, half - x.number(0.5));
    let y = x.number(2.0) * M::mul_add(half, M::mul_add(r * r, M::polynomial(r, EXP_F32), rho), linear);
    // x itself, where x²/2 is far below its last bit: halving would cost a denormal that bit, and −0 its
    // sign.
    L::select(x.abs().less(x.number(f32::EPSILON / 4.0)), x, y)
}

/// `eˣ − 1`.
#[inline(always)]
pub(super) fn expm1_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    // Below −38 the result rounds to −1.
    let (r, rho, bits) = reduce_f64::<L, M>(x.at_most(710.0).at_least(-38.0), ROUND_F64 + BIAS_F64 - 1.0);
    let half = L::from_bits(bits << 52);
    let linear = M::mul_add(half, r, half - x.number(0.5));
    let y = x.number(2.0) * M::mul_add(half, M::mul_add(r * r, M::polynomial(r, EXP_F64), rho), linear);
    L::select(x.abs().less(x.number(f64::EPSILON / 4.0)), x, y)
}
