//! The standard normal distribution, `Φ(x) = ½·erfc(−x/√2)`: the share of it that is below `x`; and `erfc` by it.
//!
//! **Method.** Of `a = |x|` the tail `Φ(−a) = e^(−a²/2)·R(a)`, where `R` is a smooth function, ½ at 0, that falls
//! like `1/a`; above 0 the result is 1 less the tail.
//!
//! - `R(a) = F(t) / (a + 4)` with `t = (a − 4) / (a + 4) = 1 − 8/(a + 4)`, which is between −1 and 1 and of which `F`
//!   is a polynomial. The reciprocal is carried as a pair, and so are `t`, whose lower part counts to first order, and
//!   the last sum of the polynomial.
//! - `a²` is a pair, reduced as in [`exp`](super::exp); taken from a rounded `a²`, the exponential would lose as many
//!   units in the last place as the exponent has halves.
//!
//! `erfc x = 2·Φ(−√2·x)` with `√2·x` as a pair in `R`, whose lower part counts to first order, and `x²` in the exponential.
//!
//! Taken from `erf`, the tail would have no digits left from `a = 6` on (4 for `f32`), and taken from `erfc` of a
//! rounded `x/√2` it would lose them like the exponential.
//!
//! **Polynomials**, fitted (see `fit.py`) to the least relative error:
//!
//! | type | F: degree in t | relative error | a up to |
//! |------|----------------|----------------|---------|
//! | f32  | 11             | 2⁻²⁹·²        | 15      |
//! | f64  | 24             | 2⁻⁵⁹·¹        | 39      |
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | Φ           | erfc (on samples) |
//! |------|-------------|-------------------|
//! | f32  | 1.47 / 1.71 | 1.20 / 1.30       |
//! | f64  | 1.53 / 1.68 | 1.18 / 1.22       |

use super::exp::{
    BIAS_F32, BIAS_F64, EXP_F32, EXP_F64, ROUND_F32, ROUND_F64, reduce_f32, reduce_f64, scale_f32, scale_f64,
};
use super::lane::Lane;
use super::mul_add::MulAdd;

/// `F(t)`, `−1 ≤ t ≤ 11/19`: the first coefficient as a pair, and the others.
const TAIL_F32: [f32; 13] = [
    0.755_285_14,
    -1.327_741_1e-8,
    -0.607_896_6,
    0.387_137_38,
    -0.186_522_4,
    0.060_396_776,
    -0.007_535_167_5,
    -0.003_479_346_4,
    0.001_612_370_4,
    1.260_197_5e-4,
    -2.050_648_2e-4,
    1.292_341_9e-5,
    2.576_533_2e-5,
];
/// `F(t)`, `−1 ≤ t ≤ 35/43`, likewise.
const TAIL_F64: [f64; 26] = [
    0.755_285_130_415_751_5,
    -2.292_707_853_672_935_2e-17,
    -0.607_896_641_971_892_1,
    0.387_137_400_742_214_7,
    -0.186_521_857_959_659_9,
    0.060_396_574_890_929_61,
    -0.007_540_188_966_650_032,
    -0.003_479_692_367_263_450_5,
    0.001_630_818_456_604_204_3,
    1.333_443_110_327_308_5e-4,
    -2.310_949_284_784_102_8e-4,
    -1.908_249_325_629_823e-6,
    3.514_466_023_062_124e-5,
    7.166_268_959_823_86e-7,
    -5.920_118_227_761_812_6e-6,
    -6.295_869_631_169_37e-7,
    1.021_506_381_590_739_7e-6,
    2.716_142_245_280_689e-7,
    -1.550_118_330_015_713e-7,
    -8.521_986_200_273_686e-8,
    1.343_966_081_679_248_7e-8,
    1.954_263_171_701_960_3e-8,
    1.767_999_385_074_316e-9,
    -2.541_675_326_379_457_7e-9,
    -6.748_088_975_990_557e-10,
    2.073_531_029_298_396e-11,
];

/// `F'(t)`, nearly: what the lower part of `t` is multiplied by.
const SLOPE: [f64; 4] = [-0.6062, 0.7729, -0.5803, 0.2328];

/// `√2` as pairs.
const SQRT_2_F32: (f32, f32) = (std::f32::consts::SQRT_2, 2.420_323_5e-8);
const SQRT_2_F64: (f64, f64) = (std::f64::consts::SQRT_2, -9.667_293_313_452_913e-17);

macro_rules! normal {
    (
        $type:ident: $below:ident, $normal:ident up to $end:literal, $erfc:ident up to $erfc_end:literal;
        $tail:ident, $sqrt_2:ident, $exp:ident, $round:ident, $bias:ident, $reduce:ident, $scale:ident
    ) => {
        /// `factor·Φ(−a)` for `a` as a pair, given `a²/2` as a pair.
        #[inline(always)]
        fn $below<L: Lane<Number = $type>, M: MulAdd>(
            (a, a_low): (L, L),
            (half, half_low): (L, L),
            factor: L,
        ) -> L {
            let (one, four, eight) = (a.number(1.0), a.number(4.0), a.number(8.0));
            // 1/(a + 4) as a pair.
            let sum = a + four;
            let back = sum - a;
            let lost = (a - (sum - back)) + (four - back) + a_low;
            let inverse = one / sum;
            let (unit, unit_low) = M::product(sum, inverse);
            let inverse_low = inverse * (((one - unit) - unit_low) - lost * inverse);
            // t and F as pairs, the lower parts to first order.
            let eighths = eight * inverse;
            let t = one - eighths;
            let t_low = ((one - t) - eighths) - eight * inverse_low;
            let [first, first_low, rest @ ..] = $tail;
            let (first, first_low) = (a.number(first), a.number(first_low));
            let (rise, rise_low) = M::product(t, M::polynomial(t, rest));
            let f = first + rise;
            let back = f - first;
            let lost = (first - (f - back)) + (rise - back);
            let lower = (rise_low + first_low) + lost;
            let f_low = M::mul_add(t_low, M::polynomial(t, SLOPE.map(|c| c as $type)), lower);
            let (tail, tail_low) = M::product(f, inverse);
            let tail_low = M::mul_add(f, inverse_low, M::mul_add(f_low, inverse, tail_low));
            // e^(−a²/2) without its power of 2 is 1 + r + bend.
            let (r, rho, bits) = $reduce::<L, M>(-half, $round + 2.0 * $bias);
            let bend = r * r * M::polynomial(r, $exp);
            let power = one + (r + bend);
            let bend = M::mul_add(rho - half_low, power, bend);
            let below = tail + M::mul_add(tail, r, M::mul_add(tail, bend, tail_low * power));
            $scale(factor * below, bits)
        }

        /// `Φ(x)`.
        #[inline(always)]
        pub(super) fn $normal<L: Lane<Number = $type>, M: MulAdd>(x: L) -> L {
            let (zero, half, one) = (x.number(0.0), x.number(0.5), x.number(1.0));
            let a = x.abs().at_most($end);
            let (square, square_low) = M::product(a, a);
            let below = $below::<L, M>((a, zero), (half * square, half * square_low), one);
            L::select(x.less(zero), below, one - below)
        }

        /// `erfc x = 2·Φ(−√2·x)`.
        #[inline(always)]
        pub(super) fn $erfc<L: Lane<Number = $type>, M: MulAdd>(x: L) -> L {
            let (zero, two) = (x.number(0.0), x.number(2.0));
            let a = x.abs().at_most($erfc_end);
            let (scaled, scaled_low) = M::product(a, x.number($sqrt_2.0));
            let scaled_low = M::mul_add(a, x.number($sqrt_2.1), scaled_low);
            let above = $below::<L, M>((scaled, scaled_low), M::product(a, a), two);
            L::select(zero.less(x), above, two - above)
        }
    };
}
normal! {
    f32: below_f32, normal_f32 up to 15.0, erfc_f32 up to 10.5;
    TAIL_F32, SQRT_2_F32, EXP_F32, ROUND_F32, BIAS_F32, reduce_f32, scale_f32
}
normal! {
    f64: below_f64, normal_f64 up to 39.0, erfc_f64 up to 27.5;
    TAIL_F64, SQRT_2_F64, EXP_F64, ROUND_F64, BIAS_F64, reduce_f64, scale_f64
}
