//! [`Twofold`]: a sum of two floats, of which the second is what rounding took of the first, with some 100 digits of
//! base 2. The exponents of densities need it: an error of 1 in the last place of 700 would be one of 1e-13 in eˣ.
//!
//! Sums and products without error are those of Knuth and Dekker (Dekker, 1971, "A floating-point technique for extending
//! the available precision").

use std::f64::consts::{LN_2, SQRT_2};
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::elementary::THIRDS;

/// What ln 2 lacks of its nearest float.
const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;

/// What 1/3, 1/5, 1/7 and 1/9 lack.
const THIRDS_REST: [f64; 4] = [
    1.850_371_707_708_594e-17,
    -1.110_223_024_625_156_6e-17,
    7.930_164_461_608_26e-18,
    6.167_905_692_361_980_4e-18,
];

/// A number as the sum of two, the second at most half a unit in the last place of the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twofold {
    pub(super) high: f64,
    pub(super) low: f64,
}

/// The sum of two numbers, of which the first is the larger one.
fn renormalised(high: f64, low: f64) -> Twofold {
    let sum = high + low;
    Twofold { high: sum, low: if sum.is_finite() { low - (sum - high) } else { 0.0 } }
}

impl Twofold {
    pub(super) fn sum(a: f64, b: f64) -> Self {
        let sum = a + b;
        let of_b = sum - a;
        let low = (a - (sum - of_b)) + (b - of_b);
        Twofold { high: sum, low: if sum.is_finite() { low } else { 0.0 } }
    }

    pub(super) fn product(a: f64, b: f64) -> Self {
        let product = a * b;
        let low = if product.is_finite() { a.mul_add(b, -product) } else { 0.0 };
        Twofold { high: product, low }
    }

    /// The nearest float.
    pub(super) fn value(self) -> f64 {
        self.high + self.low
    }

    /// ln x of a positive number, with an error of some 2⁻⁷⁵ of it: e·ln 2 + 2·artanh z, where z = (m - 1)/(m + 1) for
    /// x = m·2ᵉ. 0 has -∞, and what has no logarithm NaN.
    pub(super) fn ln(x: f64) -> Self {
        if !(x > 0.0 && x < f64::INFINITY) {
            return x.ln().into();
        }
        let (x, least) = if x < f64::MIN_POSITIVE { (x * 2_f64.powi(54), -54.0) } else { (x, 0.0) };
        let exponent = ((x.to_bits() >> 52) as i64 - 1023) as f64;
        let significand = f64::from_bits(x.to_bits() & ((1 << 52) - 1) | 1023 << 52);
        let (m, exponent) =
            if significand > SQRT_2 { (significand / 2.0, exponent + 1.0) } else { (significand, exponent) };
        let z = Twofold::from(m - 1.0) / Twofold::sum(m, 1.0);
        let exponent = exponent + least;
        let of_exponent = Twofold::product(exponent, LN_2) + (exponent * LN_2_REST).into();
        of_exponent + z * artanh_over(z) * 2.0.into()
    }

    /// ln(1 + x) - x, without loss of digits where x is nearly 0: with r = x/(2 + x) it is -x·r + 2·(artanh r - r). Only
    /// for x between -1/2 and 1.
    pub(super) fn ln_1p_less(x: Twofold) -> Self {
        let r = x / (Twofold::from(2.0) + x);
        let square = r * r;
        let rest = r * square * thirds(square) * 2.0.into();
        rest - x * r
    }

    /// ln(1 + x) for x above -1.
    pub(super) fn ln_1p(x: f64) -> Self {
        if (-0.5..=1.0).contains(&x) {
            return Twofold::ln_1p_less(x.into()) + x.into();
        }
        let sum = Twofold::sum(1.0, x);
        Twofold::ln(sum.high) + (sum.low / sum.high).into()
    }

    /// ln(1 + x/y), for positive numbers.
    pub(super) fn ln_1p_of(x: f64, y: f64) -> Self {
        let ratio = Twofold::from(x) / y.into();
        if ratio.high <= 1.0 {
            return Twofold::ln_1p_less(ratio) + ratio;
        }
        let sum = ratio + 1.0.into();
        Twofold::ln(sum.high) + (sum.low / sum.high).into()
    }

    /// The product with a logarithm, 0 where the number is.
    pub(super) fn times_ln(self, logarithm: Twofold) -> Self {
        if self.high == 0.0 { self } else { self * logarithm }
    }

    /// eˣ as a float.
    pub(super) fn exp(self) -> f64 {
        let high = self.high.exp();
        if self.low == 0.0 || !high.is_finite() { high } else { high + high * self.low }
    }
}

/// artanh(z)/z.
fn artanh_over(z: Twofold) -> Twofold {
    let square = z * z;
    Twofold::from(1.0) + square * thirds(square)
}

/// 1/3 + w/5 + w²/7 + .., for w up to 1/9. Of later terms the first part is enough.
fn thirds(w: Twofold) -> Twofold {
    let tail = THIRDS[4..].iter().rev().fold(0.0, |sum, third| sum * w.high + third);
    let firsts = THIRDS[..4].iter().zip(THIRDS_REST).rev();
    firsts.fold(tail.into(), |sum, (&high, low)| sum * w + Twofold { high, low })
}

impl From<f64> for Twofold {
    fn from(high: f64) -> Self {
        Twofold { high, low: 0.0 }
    }
}

impl Add for Twofold {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, low) = (Twofold::sum(self.high, other.high), Twofold::sum(self.low, other.low));
        let sum = renormalised(high.high, high.low + low.high);
        renormalised(sum.high, sum.low + low.low)
    }
}

impl Neg for Twofold {
    type Output = Self;
    fn neg(self) -> Self {
        Twofold { high: -self.high, low: -self.low }
    }
}

impl Sub for Twofold {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Twofold {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = Twofold::product(self.high, other.high);
        if !product.high.is_finite() {
            return product;
        }
        renormalised(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Twofold {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        if !first.is_finite() || first == 0.0 {
            return first.into();
        }
        let rest = self - other * first.into();
        let second = rest.high / other.high;
        let rest = rest - other * second.into();
        renormalised(first, second) + (rest.high / other.high).into()
    }
}
