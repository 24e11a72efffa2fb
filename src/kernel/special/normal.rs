//! The normal distribution far from its center, and its quantiles.
//!
//! Φ(x) = φ(x)·G₀(x), where Gₙ(x) = ∫₀^∞ tⁿ·e^(xt - t²/2) dt neither under- nor overflows before the center (`quadrature`).
//! Quantiles are Wichura's rational functions (1988, "Algorithm AS 241: The percentage points of the normal distribution");
//! their slope 1/φ(z) is G₀/Φ, which does not exponentiate what has been rounded.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

use super::gamma::{HALF_LN_TAU, SQRT_TAU};
use super::quadrature::{Exponent, integral};
use super::twofold::Twofold;

/// t²/2 + x·t.
struct Tail(f64);

impl Exponent for Tail {
    fn at(&self, t: f64) -> f64 {
        t * (0.5 * t + self.0)
    }

    fn slope(&self, t: f64) -> f64 {
        t + self.0
    }

    fn bend(&self) -> f64 {
        1.0
    }
}

/// Where (1 + 1/x²) is 1.
const FAR: f64 = -1e8;

/// G₀(x) for x up to 0: the share below x over the density there.
fn share_over_density(x: f64) -> f64 {
    if x < FAR { -1.0 / x } else { integral(&Tail(-x), 0.0, |_| 1.0) }
}

/// The density of the normal distribution.
fn density(x: f64) -> f64 {
    (Twofold::product(x, x) * (-0.5).into()).exp() / SQRT_TAU
}

/// The logarithm of the share of the normal distribution that is below x.
pub(crate) fn log_ndtr(x: f64) -> f64 {
    if x > 0.0 {
        (-density(x) * share_over_density(-x)).ln_1p()
    } else {
        share_over_density(x).ln() - HALF_LN_TAU - 0.5 * x * x
    }
}

/// φ(x)/Φ(x), the derivative of `log_ndtr`.
pub(crate) fn normal_hazard(x: f64) -> f64 {
    if x > 0.0 {
        density(x) / (1.0 - density(x) * share_over_density(-x))
    } else {
        1.0 / share_over_density(x)
    }
}

/// x + φ(x)/Φ(x), which is the mean distance from x of what is below it.
pub(crate) fn normal_excess(x: f64) -> f64 {
    if x < FAR {
        -1.0 / x
    } else if x < 0.0 {
        integral(&Tail(-x), 2.0, |t| t) / share_over_density(x)
    } else {
        x + normal_hazard(x)
    }
}

/// z over q for |q| ≤ 0.425, where q is the share between 0 and z.
fn central(q: f64) -> f64 {
    let r = 0.180_625 - q * q;
    quotient(r, &CENTRAL)
}

/// The positive z beyond which is a share, at most 0.075, with this logarithm.
fn outer(ln_share: f64) -> f64 {
    let r = (-ln_share).sqrt();
    if r <= 5.0 { quotient(r - 1.6, &MIDDLE) } else { quotient(r - 5.0, &FAR_OUT) }
}

fn quotient(r: f64, [above, below]: &[[f64; 8]; 2]) -> f64 {
    let polynomial = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * r + c);
    polynomial(above) / polynomial(below)
}

const INNER: f64 = 0.425;

/// What the normal distribution has below p of its share: Φ⁻¹.
pub(crate) fn ndtri(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= INNER {
        q * central(q)
    } else if p == 0.0 || p == 1.0 {
        f64::INFINITY * q.signum()
    } else if p > 0.0 && p < 1.0 {
        outer(p.min(1.0 - p).ln()) * q.signum()
    } else {
        f64::NAN
    }
}

/// The inverse of erf.
pub(crate) fn erfinv(x: f64) -> f64 {
    let size = x.abs();
    if size <= 2.0 * INNER {
        x * (central(0.5 * x) * (0.5 * FRAC_1_SQRT_2))
    } else if size < 1.0 {
        outer((0.5 * (1.0 - size)).ln()) * FRAC_1_SQRT_2 * x.signum()
    } else if size == 1.0 {
        f64::INFINITY * x
    } else {
        f64::NAN
    }
}

/// The inverse of erfc.
pub(crate) fn erfcinv(y: f64) -> f64 {
    let q = 0.5 * (1.0 - y);
    if q.abs() <= INNER {
        q * central(q) * FRAC_1_SQRT_2
    } else if y > 0.0 && y < 2.0 {
        outer(y.min(2.0 - y).ln() - LN_2) * FRAC_1_SQRT_2 * q.signum()
    } else if y == 0.0 || y == 2.0 {
        f64::INFINITY * q
    } else {
        f64::NAN
    }
}

/// 1/φ(z) at a quantile z, of which a share, the smaller one, is `twice/2`.
fn slope_at(z: f64, twice: f64) -> f64 {
    if z.abs() < 1.5 {
        (0.5 * z * z).exp() * SQRT_TAU
    } else if z.is_infinite() {
        f64::INFINITY
    } else {
        2.0 * share_over_density(-z.abs()) / twice
    }
}

/// The derivative of `ndtri`.
pub(crate) fn ndtri_slope(p: f64) -> f64 {
    let share = p.min(1.0 - p);
    let z = ndtri(p);
    // Twice a share may be more than the least number, half of it nothing.
    if z.abs() < 1.5 { slope_at(z, 1.0) } else { 0.5 * slope_at(z, share) }
}

/// The derivative of `erfinv`.
pub(crate) fn erfinv_slope(x: f64) -> f64 {
    slope_at(erfinv(x) / FRAC_1_SQRT_2, 1.0 - x.abs()) * (0.5 * FRAC_1_SQRT_2)
}

/// The derivative of `erfcinv`.
pub(crate) fn erfcinv_slope(y: f64) -> f64 {
    slope_at(erfcinv(y) / FRAC_1_SQRT_2, y.min(2.0 - y)) * (-0.5 * FRAC_1_SQRT_2)
}

/// The polynomials above and below the line, from the highest power on, near the center.
const CENTRAL: [[f64; 8]; 2] = [
    [
        2_509.080_928_730_122_7,
        33_430.575_583_588_13,
        67_265.770_927_008_7,
        45_921.953_931_549_87,
        13_731.693_765_509_46,
        1_971.590_950_306_551_3,
        133.141_667_891_784_38,
        3.387_132_872_796_366_5,
    ],
    [
        5_226.495_278_852_854,
        28_729.085_735_721_943,
        39_307.895_800_092_71,
        21_213.794_301_586_597,
        5_394.196_021_424_751,
        687.187_007_492_057_9,
        42.313_330_701_600_91,
        1.0,
    ],
];

/// For shares down to e⁻²⁵.
const MIDDLE: [[f64; 8]; 2] = [
    [
        0.000_774_545_014_278_341_4,
        0.022_723_844_989_269_184,
        0.241_780_725_177_450_6,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        0.000_547_593_808_499_534_5,
        0.015_198_666_563_616_457,
        0.148_103_976_427_480_08,
        0.689_767_334_985_1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
];

/// For smaller ones.
const FAR_OUT: [[f64; 8]; 2] = [
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        0.001_242_660_947_388_078_4,
        0.026_532_189_526_576_124,
        0.296_560_571_828_504_87,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_7e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        0.000_786_869_131_145_613_3,
        0.014_875_361_290_850_615,
        0.136_929_880_922_735_8,
        0.599_832_206_555_888,
        1.0,
    ],
];
