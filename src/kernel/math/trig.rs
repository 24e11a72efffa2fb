//! `sin` and `cos`.
//!
//! **Method.** `|x| = n·π/2 + r + ρ` with `n` the nearest integer and `ρ` what the rounding of `r` lost; the
//! parity of `n` selects sine or cosine of `r + ρ`, its next bit the sign. Of the angle
//!
//! ```text
//! sin(r + ρ) ≈ r + (r³·S(r²) + ρ)        cos(r + ρ) ≈ 1 + (r⁴·C(r²) − r²/2 − r·ρ)
//! ```
//!
//! **Reduction.** `π/2` is taken off in parts whose multiples are exact, so that also next to a multiple of
//! `π/2`, where all leading bits cancel, `r` keeps its relative precision. It serves up to [`LIMIT_F32`] and
//! [`LIMIT_F64`]; there is no cheap way beyond, so a slice is worked off in blocks, and a block with larger
//! arguments has those done again by the standard library ([`blocks`](super::blocks)).
//!
//! | type | multiply-add | parts of π/2                    | x up to |
//! |------|--------------|---------------------------------|---------|
//! | f32  | fused        | 24 + 24 + 24 bits               | 2¹⁷     |
//! | f32  | separate     | 33 + 53 bits, in `f64`          | 2¹⁷     |
//! | f64  | fused        | 53 + 53 + 53 bits               | 2²⁰     |
//! | f64  | separate     | 33 + 33 + 33 + 53 bits          | 2²⁰     |
//!
//! **Polynomials** on `|r| ≤ π/4·(1 + 2⁻⁶)`, fitted (see `fit.py`) to the least relative error of `sin r`,
//! `cos r`:
//!
//! | type | S: degree in r² | relative error | C: degree in r² | relative error |
//! |------|-----------------|----------------|-----------------|----------------|
//! | f32  | 2               | 2⁻²⁷·⁸         | 2               | 2⁻³²·⁶         |
//! | f64  | 5               | 2⁻⁵⁷·⁶         | 5               | 2⁻⁶³·⁵         |
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | sin         | cos         |
//! |------|-------------|-------------|
//! | f32  | 1.55 / 1.39 | 1.55 / 1.38 |
//! | f64  | 1.49 / 1.63 | 1.50 / 1.64 |

use super::exp::{ROUND_F32, ROUND_F64};
use super::lane::{Lane, LaneBits};
use super::mul_add::MulAdd;
use std::f32::consts as single;
use std::f64::consts as double;

/// The largest `|x|` that the reductions serve: up to here `n`, rounded from an inexact product, is off by
/// less than 0.51, so that `r` stays (but for a hair) in the range of the polynomials.
pub(super) const LIMIT_F32: f32 = 131_072.0;
/// The largest `|x|` that the reductions serve: `n < 2²⁰`, so that `n` times a part of 33 bits is exact.
pub(super) const LIMIT_F64: f64 = 1_048_576.0;

/// `π/2` in parts of 24 bits.
const PI_2_F32: [f32; 3] = [single::FRAC_PI_2, -4.371_139e-8, -1.715_124_5e-15];
/// `π/2` in parts of 53 bits.
const PI_2_F64: [f64; 3] = [double::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];
/// `π/2` in parts of 33, 33, 33 and 53 bits.
const PI_2_SHORT: [f64; 4] = [
    1.570_796_326_734_125_6,
    6.077_100_506_303_966e-11,
    2.022_266_248_711_166_5e-21,
    8.478_427_660_368_9e-32,
];
/// What the first of [`PI_2_SHORT`] leaves, to 53 bits.
const PI_2_REST: f64 = 6.077_100_506_506_192e-11;

/// `S` and `C`.
const SIN_F32: [f32; 3] = [-0.166_666_54, 0.008_332_1, -1.950_649_5e-4];
const COS_F32: [f32; 3] = [0.041_666_64, -0.001_388_713, 2.441_208_6e-5];
const SIN_F64: [f64; 6] = [
    -0.166_666_666_666_666_24,
    0.008_333_333_333_320_361,
    -1.984_126_982_812_207_7e-4,
    2.755_731_309_636_366_2e-6,
    -2.505_066_355_848_236_8e-8,
    1.589_125_355_526_362e-10,
];
const COS_F64: [f64; 6] = [
    0.041_666_666_666_666_574,
    -0.001_388_888_888_886_976_8,
    2.480_158_728_677_996_3e-5,
    -2.755_731_357_655_158_4e-7,
    2.087_561_845_643_976e-9,
    -1.135_425_275_476_583_9e-11,
];

/// `(r, ρ, bits)` of `a = n·π/2 + r + ρ`: the low bits of `bits` hold `n`.
#[inline(always)]
fn reduce_f32<L: Lane<Number = f32>, M: MulAdd>(a: L) -> (L, L, L::Bits) {
    let round = a.number(ROUND_F32);
    let shifted = M::mul_add(a, a.number(single::FRAC_2_PI), round);
    let n = shifted - round;
    if M::FUSED {
        let part = PI_2_F32.map(|part| a.number(part));
        let r = M::mul_add(-n, part[1], M::mul_add(-n, part[0], a));
        (r, -n * part[2], shifted.to_bits())
    } else {
        // Parts short enough for exact products would be six. In `f64` it is two.
        let n = n.widened();
        let wide = (a.widened() - n * n.number(PI_2_SHORT[0])) - n * n.number(PI_2_REST);
        let r = L::narrowed(wide);
        (r, L::narrowed(wide - r.widened()), shifted.to_bits())
    }
}

/// [`reduce_f32`] for `f64`.
#[inline(always)]
fn reduce_f64<L: Lane<Number = f64>, M: MulAdd>(a: L) -> (L, L, L::Bits) {
    let round = a.number(ROUND_F64);
    let shifted = M::mul_add(a, a.number(double::FRAC_2_PI), round);
    let n = shifted - round;
    if M::FUSED {
        let part = PI_2_F64.map(|part| a.number(part));
        let r = M::mul_add(-n, part[1], M::mul_add(-n, part[0], a));
        (r, -n * part[2], shifted.to_bits())
    } else {
        let part = PI_2_SHORT.map(|part| n * a.number(part));
        let near = (a - part[0]) - part[1];
        let r = near - part[2];
        (r, ((near - r) - part[2]) - part[3], shifted.to_bits())
    }
}

/// The sine (`turn` 0) or the cosine (`turn` 1) of `x` up to [`LIMIT_F32`], its sign flipped by that of
/// `sign`.
#[inline(always)]
fn sin_turned_f32<L: Lane<Number = f32>, M: MulAdd>(x: L, turn: u32, sign: L) -> L {
    let (r, rho, bits) = reduce_f32::<L, M>(x.abs());
    let quadrant = bits.wrapping_add(bits.word(turn));
    let z = r * r;
    let sin = r + M::mul_add(z * r, M::polynomial(z, SIN_F32), rho);
    let bend = M::mul_add(z, M::polynomial(z, COS_F32), x.number(-0.5));
    let cos = x.number(1.0) + M::mul_add(-r, rho, z * bend);
    let y = L::select((quadrant & bits.word(1)).is_zero(), sin, cos);
    let flip = (quadrant & bits.word(2)) << 30;
    L::from_bits(y.to_bits() ^ flip ^ (sign.to_bits() & bits.word(1 << 31)))
}

/// [`sin_turned_f32`] for `f64`.
#[inline(always)]
fn sin_turned_f64<L: Lane<Number = f64>, M: MulAdd>(x: L, turn: u64, sign: L) -> L {
    let (r, rho, bits) = reduce_f64::<L, M>(x.abs());
    let quadrant = bits.wrapping_add(bits.word(turn));
    let z = r * r;
    let sin = r + M::mul_add(z * r, M::polynomial(z, SIN_F64), rho);
    let bend = M::mul_add(z, M::polynomial(z, COS_F64), x.number(-0.5));
    let cos = x.number(1.0) + M::mul_add(-r, rho, z * bend);
    let y = L::select((quadrant & bits.word(1)).is_zero(), sin, cos);
    let flip = (quadrant & bits.word(2)) << 62;
    L::from_bits(y.to_bits() ^ flip ^ (sign.to_bits() & bits.word(1 << 63)))
}

/// `sin x` for `|x|` up to [`LIMIT_F32`].
#[inline(always)]
pub(super) fn sin_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    sin_turned_f32::<L, M>(x, 0, x)
}

/// `cos x` for `|x|` up to [`LIMIT_F32`].
#[inline(always)]
pub(super) fn cos_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    sin_turned_f32::<L, M>(x, 1, x.number(0.0))
}

/// `sin x` for `|x|` up to [`LIMIT_F64`].
#[inline(always)]
pub(super) fn sin_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    sin_turned_f64::<L, M>(x, 0, x)
}

/// `cos x` for `|x|` up to [`LIMIT_F64`].
#[inline(always)]
pub(super) fn cos_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    sin_turned_f64::<L, M>(x, 1, x.number(0.0))
}
