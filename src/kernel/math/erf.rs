//! The error function, `erf x = 2/√π · ∫₀ˣ e^−t² dt`.
//!
//! **Method.** Odd, so of `a = |x|` with the sign copied back. Both of these are computed and one is
//! selected:
//!
//! - for `a < 1`, `a + a·p(a²)`, where adding `a` itself last keeps the relative error small down to the
//!   denormals;
//! - from 1 on, `1 − e^−q(a)` with `q(a) ≈ −ln erfc a`, a smooth function that a polynomial meets well
//!   because it needs little precision where `erfc a` is small. Where `erfc a` is below half the last bit of
//!   1, `a` stops growing.
//!
//! **Polynomials**, fitted (see `fit.py`) to the least relative error of `erf`; the exponential is that of
//! [`exp`](super::exp):
//!
//! | type | p: degree in a² | relative error | q: degree in a | on a in   | relative error of erf |
//! |------|-----------------|----------------|----------------|-----------|-----------------------|
//! | f32  | 6               | 2⁻²⁹·⁴         | 6              | 1 to 3.95 | 2⁻²⁹·⁸                |
//! | f64  | 11              | 2⁻⁵⁶·⁰         | 17             | 1 to 6    | 2⁻⁵⁷·⁰                |
//!
//! **Measured** (how: [`math`](super)), largest error in ulp, fused / separate multiply-add:
//!
//! | type | erf         |
//! |------|-------------|
//! | f32  | 1.17 / 1.22 |
//! | f64  | 1.22 / 1.33 |

use super::exp::{
    BIAS_F32, BIAS_F64, ROUND_F32, ROUND_F64, exp_reduced_f32, exp_reduced_f64, reduce_f32, reduce_f64,
};
use super::lane::Lane;
use super::mul_add::MulAdd;

/// `p` of `erf a ≈ a + a·p(a²)`, `a ≤ 1`.
const NEAR_F32: [f32; 7] =
    [0.128_379_17, -0.376_126_26, 0.112_835_79, -0.026_853_347, 0.005_187_162, -7.997_853e-4, 7.806_904e-5];
const NEAR_F64: [f64; 12] = [
    0.128_379_167_095_512_56,
    -0.376_126_389_031_833_43,
    0.112_837_916_709_369_5,
    -0.026_866_170_641_959_133,
    0.005_223_977_596_735_781,
    -8.548_325_484_991_897e-4,
    1.205_528_049_630_474_2e-4,
    -1.492_446_563_304_047_1e-5,
    1.644_415_046_070_589_9e-6,
    -1.618_399_004_242_698_6e-7,
    1.361_669_277_486_382_1e-8,
    -7.607_796_604_417_609e-10,
];

/// `−q` of `erf a ≈ 1 − e^−q(a)`, `1 ≤ a ≤ 3.95`.
const FAR_F32: [f32; 7] = [
    -3.415_239_6e-4,
    -1.127_089_1,
    -0.638_144_97,
    -0.103_106_6,
    0.021_837_989,
    -0.002_947_643_4,
    1.863_786_9e-4,
];
/// `−q` of `erf a ≈ 1 − e^−q(a)`, `1 ≤ a ≤ 6`.
const FAR_F64: [f64; 18] = [
    -5.028_103_745_428_423e-7,
    -1.128_374_089_864_766,
    -0.636_643_626_312_618_7,
    -0.102_703_444_504_690_59,
    0.018_990_188_485_856_15,
    4.106_143_548_215_961e-4,
    -0.001_915_929_003_438_128_5,
    7.706_315_655_852_254e-4,
    -1.350_430_109_855_688_7e-4,
    -2.027_030_842_130_155_4e-5,
    2.282_392_505_627_732_8e-5,
    -8.667_598_256_531_624e-6,
    2.135_779_656_390_226_2e-6,
    -3.733_210_097_311_928e-7,
    4.642_522_602_751_683e-8,
    -3.934_467_526_731_356e-9,
    2.045_076_681_567_264_5e-10,
    -4.928_913_443_427_422e-12,
];

/// `erf x`.
#[inline(always)]
pub(super) fn erf_f32<L: Lane<Number = f32>, M: MulAdd>(x: L) -> L {
    let one = x.number(1.0);
    let a = x.abs();
    let near = M::mul_add(a, M::polynomial(a * a, NEAR_F32), a);
    let exponent = M::polynomial(a.at_most(3.95), FAR_F32);
    let (r, _, bits) = reduce_f32::<L, M>(exponent, ROUND_F32 + BIAS_F32);
    let far = M::mul_add(-L::from_bits(bits << 23), exp_reduced_f32::<L, M>(r), one);
    L::select(a.less(one), near, far).copysign(x)
}

/// `erf x`.
#[inline(always)]
pub(super) fn erf_f64<L: Lane<Number = f64>, M: MulAdd>(x: L) -> L {
    let one = x.number(1.0);
    let a = x.abs();
    let near = M::mul_add(a, M::polynomial(a * a, NEAR_F64), a);
    let exponent = M::polynomial(a.at_most(6.0), FAR_F64);
    let (r, _, bits) = reduce_f64::<L, M>(exponent, ROUND_F64 + BIAS_F64);
    let far = M::mul_add(-L::from_bits(bits << 52), exp_reduced_f64::<L, M>(r), one);
    L::select(a.less(one), near, far).copysign(x)
}
