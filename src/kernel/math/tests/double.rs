//! `f64` against numbers of 120 bits (`dashu-float`).

use super::super::{Fused, MulAdd, Real, Separate, Standard, VectorMath};
use super::{Arguments, MAX_ULPS};
use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;

type Big = FBig<HalfEven, 2>;

/// `x` with room for the functions' results.
fn big(x: f64) -> Big {
    Big::try_from(x).expect("finite").with_precision(120).value()
}

/// The error of `y` against `truth`, in units in the last place of `truth` as an `f64`.
fn ulps(y: f64, truth: &Big) -> f64 {
    let exponent = truth.repr().exponent() + truth.repr().digits() as isize - 1;
    if exponent >= 1024 {
        return if y == truth.to_f64().value() { 0.0 } else { f64::INFINITY };
    }
    // An infinity stands for 2¹⁰²⁴, the next number if the exponent went on.
    let y =
        if y.is_infinite() { big(f64::MAX.copysign(y)) + big(2_f64.powi(970).copysign(y)) } else { big(y) };
    ((truth - y) >> (exponent.max(-1022) - 52)).to_f64().value().abs()
}

/// Arguments of every size for which a function is neither its first term nor constant, and uniform in
/// `ranges`.
fn arguments(ranges: &[(f64, f64)]) -> Vec<f64> {
    let mut random = Arguments(3);
    let mut all: Vec<f64> = (-56..11).flat_map(|e| [e; 4]).map(|e| random.with_exponent(e)).collect();
    for &range in ranges {
        all.extend((0..250).map(|_| random.between(range)));
    }
    all
}

fn check(name: &str, truth: impl Fn(Big) -> Big, ours: [fn(f64) -> f64; 2], arguments: &[f64]) {
    for &x in arguments {
        let truth = truth(big(x));
        for (y, way) in ours.map(|f| f(x)).into_iter().zip(["fused", "separate"]) {
            let error = ulps(y, &truth);
            assert!(error <= MAX_ULPS, "{way} {name}({x:e}) = {y:e} is {error:.2} ulp off");
        }
    }
}

/// `2/√π · e^−x² · Σ 2ⁿ·x²ⁿ⁺¹ / (2n + 1)!!`: terms of one sign, so nothing cancels.
fn erf(x: Big) -> Big {
    let square = &x * &x;
    let (mut sum, mut term, mut odd) = (x.clone(), x, 1);
    for _ in 0..250 {
        odd += 2;
        term = term * &square * Big::from(2) / Big::from(odd);
        sum += &term;
    }
    Big::from(2) * sum * (-square).exp() / Big::pi(120).sqrt()
}

/// `Φ(x)`: about 0 ½ + the density times a series of terms of one sign, and far below the density times a continued
/// fraction, whose terms have one sign as well.
fn normal(x: Big) -> Big {
    let half = big(0.5);
    let density = (-(&x * &x) * &half).exp() / (Big::from(2) * Big::pi(120)).sqrt();
    if x < big(-5.0) {
        let a = -x;
        let fraction = (1..400).rev().fold(a.clone(), |rest, n| &a + Big::from(n) / rest);
        return density / fraction;
    }
    let square = &x * &x;
    let (mut sum, mut term, mut odd) = (x.clone(), x, 1);
    for _ in 0..400 {
        odd += 2;
        term = term * &square / Big::from(odd);
        sum += &term;
    }
    half + density * sum
}

fn sigmoid(x: Big) -> Big {
    let one = big(1.0);
    &one / (&one + (-x).exp())
}

/// The functions of one argument, under both ways to multiply and add.
macro_rules! ways {
    ($name:ident) => {
        [<f64 as VectorMath>::$name::<Fused>, <f64 as VectorMath>::$name::<Separate>]
    };
}

#[test]
fn exponentials() {
    // To both ends: into the denormals and past them, and over the greatest number.
    let ends = [(-1.0, 1.0), (-750.0, 715.0), (-746.0, -707.0), (709.0, 710.0)];
    let within: Vec<f64> = arguments(&ends).into_iter().filter(|x| x.abs() < 2000.0).collect();
    check("exp", |x| x.exp(), ways!(exp), &within);
    check("expm1", |x| x.exp_m1(), ways!(expm1), &arguments(&[(-40.0, 711.0), (-1.1, 1.1), (0.3, 0.5)]));
    check("sigmoid", sigmoid, ways!(sigmoid), &arguments(&[(-748.0, 40.0), (-3.0, 3.0), (-746.0, -707.0)]));
}

#[test]
fn logarithms() {
    let mut random = Arguments(4);
    let mut sizes: Vec<f64> = (-1074..1024).step_by(7).map(|e| random.with_exponent(e).abs()).collect();
    sizes.extend(arguments(&[(0.7, 1.42), (0.0, 10.0)]).into_iter().map(f64::abs));
    check("ln", |x| x.ln(), ways!(ln), &sizes);
    sizes.extend(arguments(&[(-1.0, 1.0), (0.3, 0.6), (-0.5, -0.25)]).into_iter().filter(|&x| x > -1.0));
    check("log1p", |x| x.ln_1p(), ways!(log1p), &sizes);
}

#[test]
fn other_bases() {
    let ends = [(-1.0, 1.0), (-1080.0, 1030.0), (-1076.0, -1020.0), (1023.0, 1025.0)];
    let within: Vec<f64> = arguments(&ends).into_iter().filter(|x| x.abs() < 2000.0).collect();
    check("exp2", |x| (x * big(2.0).ln()).exp(), ways!(exp2), &within);
    let mut random = Arguments(4);
    let mut sizes: Vec<f64> = (-1074..1024).step_by(7).map(|e| random.with_exponent(e).abs()).collect();
    sizes.extend(arguments(&[(0.7, 1.42), (0.0, 10.0)]).into_iter().map(f64::abs));
    check("log2", |x| x.ln() / big(2.0).ln(), ways!(log2), &sizes);
    check("log10", |x| x.ln() / big(10.0).ln(), ways!(log10), &sizes);
    check("cbrt", |x| (x.ln() / big(3.0)).exp(), ways!(cbrt), &sizes);
}

#[test]
fn hyperbolic_tangent() {
    let within: Vec<f64> =
        arguments(&[(-20.0, 20.0), (0.1, 0.3), (0.3, 0.6)]).into_iter().filter(|x| x.abs() < 30.0).collect();
    check("tanh", |x| x.tanh(), ways!(tanh), &within);
}

#[test]
fn error_function() {
    let within: Vec<f64> =
        arguments(&[(-6.5, 6.5), (0.9, 1.2), (-1.0, 1.0)]).into_iter().filter(|x| x.abs() < 7.0).collect();
    check("erf", erf, ways!(erf), &within);
}

#[test]
fn normal_distribution() {
    let mut within = arguments(&[(-39.0, -37.0), (-38.6, 9.0), (-1.0, 1.0), (-5.0, -3.0), (-20.0, 0.0)]);
    within.retain(|x| -39.0 < *x && *x < 20.0);
    check("normal", normal, ways!(normal), &within);
}

/// `erfc x = 2·Φ(−√2·x)`.
fn erfc(x: Big) -> Big {
    normal(-x * big(2.0).sqrt()) * big(2.0)
}

#[test]
fn complementary_error_function() {
    let mut within = arguments(&[(26.0, 27.3), (-6.0, 27.0), (-1.0, 1.0), (2.0, 4.0), (0.0, 15.0)]);
    within.retain(|x| -14.0 < *x && *x < 27.4);
    check("erfc", erfc, ways!(erfc), &within);
}

/// Numbers at the ends of the range, among them the least and the largest ones, and numbers next to 1 and 2.
fn extremes() -> Vec<f64> {
    let mut all =
        vec![f64::MAX, f64::MAX / 2.0, 1e300, 1e160, 1e16, 4_503_599_627_370_497.0, 1e-8, 1e-160, 1e-300];
    for number in
        [f64::from_bits(1), f64::from_bits(3), f64::MIN_POSITIVE, 0.5, 1.0, 2.0, 709.782_712_893_384]
    {
        all.extend([number.next_down(), number, number.next_up()]);
    }
    all.retain(|&x| x > 0.0);
    let negative: Vec<f64> = all.iter().map(|x| -x).collect();
    all.extend(negative);
    all
}

/// A function of one argument: its name, its value in many digits, our two ways, where it is held to that, where it is
/// defined at all, and whether it may give a number.
type Row = (&'static str, fn(Big) -> Big, [fn(f64) -> f64; 2], [fn(f64) -> bool; 3]);

/// The least and the largest arguments, and those next to corners: right to two units in the last place, and never
/// beyond the range of the function.
#[test]
fn least_and_largest_arguments() {
    let [always, near]: [fn(f64) -> bool; 2] = [|_| true, |x| x.abs() < 5.9];
    let one: fn(f64) -> bool = |y| y.abs() <= 1.0;
    let share: fn(f64) -> bool = |y| (0.0..=1.0).contains(&y);
    let in_reach: fn(f64) -> bool = |x| x.abs() <= <f64 as Real>::TRIG_LIMIT;
    let rows: [Row; 15] = [
        ("exp", |x| x.exp(), ways!(exp), [|x| x.abs() < 2000.0, always, |y| y >= 0.0]),
        ("expm1", |x| x.exp_m1(), ways!(expm1), [|x| x.abs() < 2000.0, always, |y| y >= -1.0]),
        ("tanh", |x| x.tanh(), ways!(tanh), [near, always, one]),
        ("sigmoid", sigmoid, ways!(sigmoid), [|x| -700.0 < x && x < 40.0, always, share]),
        ("erf", erf, ways!(erf), [near, always, one]),
        ("normal", normal, ways!(normal), [near, always, share]),
        ("sin", |x| x.sin(), ways!(sin), [in_reach, in_reach, one]),
        ("cos", |x| x.cos(), ways!(cos), [in_reach, in_reach, one]),
        ("ln", |x| x.ln(), ways!(ln), [|x| x > 0.0, |x| x > 0.0, |y| y.abs() < 746.0]),
        ("log1p", |x| x.ln_1p(), ways!(log1p), [|x| x > -1.0, |x| x > -1.0, |y| -38.0 < y && y < 710.0]),
        ("erfc", erfc, ways!(erfc), [near, always, |y| (0.0..=2.0).contains(&y)]),
        ("exp2", |x| (x * big(2.0).ln()).exp(), ways!(exp2), [|x| x.abs() < 2000.0, always, |y| y >= 0.0]),
        ("log2", |x| x.ln() / big(2.0).ln(), ways!(log2), [|x| x > 0.0, |x| x > 0.0, |y| y.abs() <= 1074.0]),
        ("log10", |x| x.ln() / big(10.0).ln(), ways!(log10), [|x| x > 0.0, |x| x > 0.0, |y| y.abs() < 324.0]),
        ("cbrt", |x| (x.ln() / big(3.0)).exp(), ways!(cbrt), [|x| x > 0.0, always, |y| y.abs() < 1e103]),
    ];
    for (name, truth, ours, [is_judged, is_defined, is_possible]) in rows {
        let (judged, defined): (Vec<f64>, Vec<f64>) = (
            extremes().into_iter().filter(|&x| is_judged(x)).collect(),
            extremes().into_iter().filter(|&x| is_defined(x)).collect(),
        );
        check(name, truth, ours, &judged);
        for x in defined {
            for y in ours.map(|f| f(x)) {
                assert!(is_possible(y), "{name}({x:e}) = {y:e}");
            }
        }
    }
}

/// What is left to the standard library, at all sizes and next to corners.
#[test]
fn functions_of_the_standard_library() {
    type Rest = (&'static str, fn(Big) -> Big, fn(f64) -> f64, fn(f64) -> bool);
    let [always, within_one]: [fn(f64) -> bool; 2] = [|_| true, |x| x.abs() <= 1.0];
    let rows: [Rest; 6] = [
        ("tan", |x| x.tan(), Standard::tan, |x| x.abs() < 1e9),
        ("asin", |x| x.asin(), Standard::asin, within_one),
        ("acos", |x| x.acos(), Standard::acos, |x| x.abs() < 1.0),
        ("atan", |x| x.atan(), Standard::atan, always),
        ("sinh", |x| x.sinh(), Standard::sinh, |x| x.abs() < 710.0),
        ("cosh", |x| x.cosh(), Standard::cosh, |x| x.abs() < 710.0),
    ];
    let mut all = extremes();
    all.extend(arguments(&[(-1.0, 1.0), (-10.0, 10.0)]));
    for (name, truth, ours, is_defined) in rows {
        let defined: Vec<f64> = all.iter().copied().filter(|&x| is_defined(x)).collect();
        check(name, truth, [ours, ours], &defined);
    }
}

/// Pairs for the standard library, of all sizes.
#[test]
fn functions_of_pairs_of_the_standard_library() {
    let mut random = Arguments(6);
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    for exponent in (-1000..1000).step_by(9) {
        for other in [0, 1, -3, 20, -30] {
            pairs.push((random.with_exponent(exponent), random.with_exponent(exponent + other)));
        }
    }
    for (y, x) in pairs {
        let error = ulps(Standard::hypot(y, x), &(big(y) * big(y) + big(x) * big(x)).sqrt());
        assert!(error <= MAX_ULPS, "hypot({y:e}, {x:e}) is {error:.2} ulp off");
        let angle = (big(y.abs()) / big(x.abs())).atan();
        let angle = if x < 0.0 { Big::pi(120) - angle } else { angle };
        let error = ulps(Standard::atan2(y, x).abs(), &angle);
        assert!(
            error <= MAX_ULPS && Standard::atan2(y, x).is_sign_negative() == (y < 0.0),
            "atan2({y:e}, {x:e}): {error:.2}"
        );
    }
}

/// Powers of the least and the largest numbers, by such exponents.
#[test]
fn powers_of_the_least_and_largest_numbers() {
    let all = extremes();
    for &x in all.iter().filter(|&&x| x > 0.0) {
        for &y in &all {
            // The logarithm of the power tells which end it has left the range at, if any.
            let exponent = big(y) * big(x).ln();
            let truth = if exponent > big(720.0) {
                f64::INFINITY
            } else if exponent < big(-760.0) {
                0.0
            } else {
                let truth = exponent.exp();
                for ours in
                    [<f64 as VectorMath>::pow::<Fused>(x, y), <f64 as VectorMath>::pow::<Separate>(x, y)]
                {
                    let error = ulps(ours, &truth);
                    assert!(error <= MAX_ULPS, "pow({x:e}, {y:e}) = {ours:e} is {error:.2} ulp off");
                }
                continue;
            };
            for ours in [<f64 as VectorMath>::pow::<Fused>(x, y), <f64 as VectorMath>::pow::<Separate>(x, y)]
            {
                assert_eq!(ours, truth, "pow({x:e}, {y:e})");
            }
            // Of a negative base it is the same but for the sign, or nothing.
            let (ours, positive) =
                (<f64 as VectorMath>::pow::<Fused>(-x, y), <f64 as VectorMath>::pow::<Fused>(x, y));
            let expected = if y % 2.0 == 0.0 {
                positive
            } else if y % 1.0 == 0.0 {
                -positive
            } else {
                f64::NAN
            };
            assert!(
                ours == expected || ours.is_nan() && expected.is_nan(),
                "pow({:e}, {y:e}) = {ours:e}",
                -x
            );
        }
    }
}

#[test]
fn circular() {
    // Multiples of π/2 too, where a result near 0 shows what the reduction lost.
    let mut points = arguments(&[(-4.0, 4.0), (-1e3, 1e3), (-1_048_576.0, 1_048_576.0)]);
    points.extend((1..660_000).step_by(3001).map(|n| f64::from(n) * std::f64::consts::FRAC_PI_2));
    check("sin", |x| x.sin(), ways!(sin), &points);
    check("cos", |x| x.cos(), ways!(cos), &points);
}

#[test]
fn power() {
    fn check<M: MulAdd>(x: f64, y: f64, truth: &Big) {
        let ours = <f64 as VectorMath>::pow::<M>(x, y);
        let error = ulps(ours, truth);
        assert!(error <= MAX_ULPS, "pow({x:e}, {y:e}) = {ours:e} is {error:.2} ulp off");
    }
    let mut random = Arguments(5);
    for step in 0..1500 {
        // Bases of all sizes, near 1, and at the ends of the range of the logarithm's polynomial; exponents
        // that take the power to anywhere between 0 and ∞.
        let x = match step % 6 {
            0 => random.with_exponent(step % 2098 - 1074).abs(),
            1 => 1.0 + random.with_exponent(-(step % 52) - 1),
            2 => random.between((0.7, 0.72)),
            3 => random.between((1.4, 1.42)),
            _ => random.between((0.0, 20.0)),
        };
        let y = random.between((-750.0, 715.0)) / x.ln();
        let truth = big(x).powf(&big(y));
        check::<Fused>(x, y, &truth);
        check::<Separate>(x, y, &truth);
        // And a negative base: the sign is that of the parity.
        let y = y.round();
        if y.abs() < 2_f64.powi(53) {
            let truth = big(x).powf(&big(y));
            let truth = if y % 2.0 == 0.0 { truth } else { -truth };
            check::<Fused>(-x, y, &truth);
            check::<Separate>(-x, y, &truth);
        }
    }
}
