//! `f32` against `f64`: the standard library's functions, and the series of the error function.

use super::super::{Fused, MulAdd, Real, Separate, VectorMath};
use super::{Arguments, MAX_ULPS};

/// Ranges in which a function bends, or where its parts meet: sampled besides the general sweeps.
const RANGES: [(f64, f64); 9] = [
    (-1.0, 1.0),
    (-20.0, 20.0),
    (-104.5, -86.0),
    (80.0, 89.0),
    (0.6, 1.5),
    (-14.5, 4.0),
    (-0.3, 0.5),
    (-1000.0, 1000.0),
    (-131_072.0, 131_072.0),
];

/// The error of `y` against `truth`, in units in the last place of `truth` as an `f32`.
fn ulps(y: f32, truth: f64) -> f64 {
    if y.is_nan() || truth.is_nan() {
        return if y.is_nan() && truth.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if y.is_sign_negative() != truth.is_sign_negative() {
        return f64::INFINITY;
    }
    // An infinity stands for 2¹²⁸, the next number if the exponent went on.
    let (y, truth) = (f64::from(y).abs().min(2_f64.powi(128)), truth.abs().min(2_f64.powi(128)));
    let exponent = ((truth.to_bits() >> 52) as i32 - 1023).clamp(-126, 127);
    (y - truth).abs() / 2_f64.powi(exponent - 23)
}

/// Arguments over all bit patterns, all exponents and the [`RANGES`].
fn arguments() -> impl Iterator<Item = f32> {
    let mut random = Arguments(1);
    let mut all = Vec::new();
    for exponent in 0..=255 {
        for significand in [0, 1, 0x0040_0000, 0x007f_ffff, random.bits() as u32 & 0x007f_ffff] {
            all.push(f32::from_bits(exponent << 23 | significand));
            all.push(-f32::from_bits(exponent << 23 | significand));
        }
    }
    all.extend((0..20_000).map(|_| f32::from_bits(random.bits() as u32)));
    for range in RANGES {
        all.extend((0..5_000).map(|_| random.between(range) as f32));
    }
    all.into_iter()
}

fn check(name: &str, truth: impl Fn(f64) -> f64, ours: [fn(f32) -> f32; 2], domain: impl Fn(f32) -> bool) {
    for x in arguments().filter(|&x| domain(x)) {
        let truth = truth(f64::from(x));
        for (y, way) in ours.map(|f| f(x)).into_iter().zip(["fused", "separate"]) {
            let error = ulps(y, truth);
            assert!(error <= MAX_ULPS, "{way} {name}({x:e}) = {y:e} is {error:.2} ulp off {truth:e}");
        }
    }
}

/// `2/√π · e^−x² · Σ 2ⁿ·x²ⁿ⁺¹ / (2n + 1)!!`: terms of one sign, so nothing cancels.
fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 5.0 {
        return x.clamp(-1.0, 1.0);
    }
    let (mut sum, mut term, mut odd) = (x, x, 1.0);
    while (sum + term) != sum {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

fn sigmoid(x: f64) -> f64 {
    let z = (-x.abs()).exp();
    (if x < 0.0 { z } else { 1.0 }) / (1.0 + z)
}

/// The functions of one argument, under both ways to multiply and add.
macro_rules! ways {
    ($name:ident) => {
        [<f32 as VectorMath>::$name::<Fused>, <f32 as VectorMath>::$name::<Separate>]
    };
}

#[test]
fn exponentials() {
    check("exp", f64::exp, ways!(exp), |_| true);
    check("expm1", f64::exp_m1, ways!(expm1), |_| true);
}

#[test]
fn other_bases() {
    check("exp2", f64::exp2, ways!(exp2), |_| true);
    check("log2", f64::log2, ways!(log2), |_| true);
    check("log10", f64::log10, ways!(log10), |_| true);
    check("cbrt", f64::cbrt, ways!(cbrt), |_| true);
}

#[test]
fn logarithms() {
    check("ln", f64::ln, ways!(ln), |_| true);
    check("log1p", f64::ln_1p, ways!(log1p), |_| true);
}

#[test]
fn logistic() {
    check("tanh", f64::tanh, ways!(tanh), |_| true);
    check("sigmoid", sigmoid, ways!(sigmoid), |_| true);
}

#[test]
fn error_function() {
    check("erf", erf, ways!(erf), |_| true);
}

#[test]
fn normal_distribution() {
    check("normal", <f64 as VectorMath>::normal::<Separate>, ways!(normal), |_| true);
    check("erfc", <f64 as VectorMath>::erfc::<Separate>, ways!(erfc), |_| true);
}

#[test]
fn circular() {
    let within = |x: f32| !<f32 as Real>::beyond_trig(x);
    check("sin", f64::sin, ways!(sin), within);
    check("cos", f64::cos, ways!(cos), within);
}

/// A range is kept to by every argument, not to two units in the last place.
#[test]
fn values_stay_within_the_range() {
    type Row = (&'static str, [fn(f32) -> f32; 2], [f32; 2]);
    let rows: [Row; 9] = [
        ("exp", ways!(exp), [0.0, f32::INFINITY]),
        ("tanh", ways!(tanh), [-1.0, 1.0]),
        ("sigmoid", ways!(sigmoid), [0.0, 1.0]),
        ("erf", ways!(erf), [-1.0, 1.0]),
        ("erfc", ways!(erfc), [0.0, 2.0]),
        ("normal", ways!(normal), [0.0, 1.0]),
        ("exp2", ways!(exp2), [0.0, f32::INFINITY]),
        ("sin", ways!(sin), [-1.0, 1.0]),
        ("cos", ways!(cos), [-1.0, 1.0]),
    ];
    for x in arguments().filter(|&x| !x.is_nan()) {
        for (name, ours, [low, high]) in rows {
            if !(name == "sin" || name == "cos") || !<f32 as Real>::beyond_trig(x) {
                assert!(ours.iter().all(|f| (low..=high).contains(&f(x))), "{name}({x:e})");
            }
        }
    }
}

#[test]
fn power() {
    fn check<M: MulAdd>(x: f32, y: f32) {
        let ours = <f32 as VectorMath>::pow::<M>(x, y);
        let truth = f64::from(x).powf(f64::from(y));
        let error = ulps(ours, truth);
        assert!(error <= MAX_ULPS, "pow({x:e}, {y:e}) = {ours:e} is {error:.2} ulp off {truth:e}");
    }
    let mut random = Arguments(2);
    for x in arguments() {
        // An exponent of any kind; one that takes the power to anywhere between 0 and ∞; and an integer.
        let y = f32::from_bits(random.bits() as u32);
        let reaching = (random.between((-105.0, 90.0)) / f64::from(x.abs()).ln()) as f32;
        let integer = random.between((-40.0, 40.0)).round() as f32;
        for y in [y, reaching, integer] {
            check::<Fused>(x, y);
            check::<Separate>(x, y);
        }
    }
}
