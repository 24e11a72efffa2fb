//! Lines 20 and 22 for elementwise functions with corners in the middle of the plane or digits to lose: values, slopes
//! and second slopes there.

use flowgrad::ndarray::{Array1, arr1};
use flowgrad::prelude::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

type Unary = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;
type Binary = for<'g> fn(Tensor<'g, f64>, Tensor<'g, f64>) -> Tensor<'g, f64>;

/// Equal, zeros with their sign, or within some units in the last place.
fn is_near(found: f64, expected: f64) -> bool {
    let is_exact = expected == 0.0 || expected.is_infinite();
    found.to_bits() == expected.to_bits()
        || found.is_nan() && expected.is_nan()
        || !is_exact && (found / expected - 1.0).abs() < 1e-15
}

fn check(name: &str, function: Unary, rows: &[(f64, f64)]) -> Result<()> {
    let g = Graph::new();
    let x = g.constant(rows.iter().map(|row| row.0).collect::<Array1<f64>>());
    let y = function(x);
    for optimize in [true, false] {
        let found = Session::builder(&g).optimize(optimize).build()?.run(y)?;
        for (&(x, expected), &found) in rows.iter().zip(&found) {
            assert!(is_near(found, expected), "{name} of {x:e}: {found:e}, not {expected:e}");
        }
    }
    Ok(())
}

/// No digit is lost where values are small or large, and what is exact is found to be.
#[test]
fn line_20_values_at_the_ends() -> Result<()> {
    check(
        "log_sigmoid",
        |x| x.log_sigmoid(),
        &[(-1000.0, -1000.0), (-INF, -INF), (-1e300, -1e300), (NAN, NAN)],
    )?;
    check("log_sigmoid", |x| x.log_sigmoid(), &[(50.0, -(-50.0_f64).exp()), (700.0, -(-700.0_f64).exp())])?;
    check(
        "softsign",
        |x| x.softsign(),
        &[(INF, 1.0), (-INF, -1.0), (1e300, 1.0), (-1e300, -1.0), (NAN, NAN)],
    )?;
    check(
        "mish",
        |x| x.mish(),
        &[(-1000.0, 0.0), (-INF, 0.0), (0.0, 0.0), (INF, INF), (1e300, 1e300), (NAN, NAN)],
    )?;
    check("softsign", |x| x.softsign(), &[(1e-300, 1e-300), (-0.0, -0.0), (3.0, 0.75), (1e20, 1.0)])?;
    let ends = [(INF, 1.0), (-INF, 0.0), (3.0, 1.0), (-3.0, 0.0), (0.0, 0.5), (1e300, 1.0), (NAN, NAN)];
    check("hard_sigmoid", |x| x.hard_sigmoid(), &ends)?;
    let ends = [(INF, INF), (-INF, 0.0), (3.0, 3.0), (-3.0, 0.0), (1.5, 1.125), (-1e300, 0.0), (NAN, NAN)];
    check("hard_swish", |x| x.hard_swish(), &ends)?;
    check(
        "celu",
        |x| x.celu(0.5),
        &[(INF, INF), (-INF, -0.5), (-1e3, -0.5), (-0.0, -0.0), (2.0, 2.0), (NAN, NAN)],
    )?;
    // From tables of the tail; the last is denormal.
    let tail =
        [(6.0, 2.151_973_671_249_891_4e-17), (20.0, 5.395_865_611_607_901e-176), (27.5, 0.0), (INF, 0.0)];
    check("erfc", |x| x.erfc(), &tail)?;
    check("erfc", |x| x.erfc(), &[(-INF, 2.0), (-30.0, 2.0), (0.0, 1.0), (1e-300, 1.0), (NAN, NAN)])?;
    check(
        "cbrt",
        |x| x.cbrt(),
        &[(-8.0, -2.0), (27.0, 3.0), (-0.0, -0.0), (INF, INF), (1e-300, 1e-100), (NAN, NAN)],
    )?;
    check(
        "log2",
        |x| x.log2(),
        &[(8.0, 3.0), (5e-324, -1074.0), (0.0, -INF), (-1.0, NAN), (INF, INF), (1.0, 0.0)],
    )?;
    check(
        "log10",
        |x| x.log10(),
        &[(1000.0, 3.0), (1e-5, -5.0), (0.0, -INF), (-1.0, NAN), (INF, INF), (1.0, 0.0)],
    )?;
    check(
        "exp2",
        |x| x.exp2(),
        &[(10.0, 1024.0), (-1074.0, 5e-324), (-1e4, 0.0), (1024.0, INF), (-INF, 0.0), (NAN, NAN)],
    )
}

/// A function at (a, b): its value, its slopes by a and by b, and its second slopes by aa, ab and bb.
type Row = (f64, f64, f64, [f64; 2], [f64; 3]);

fn check_pairs(name: &str, function: Binary, rows: &[Row]) -> Result<()> {
    let g = Graph::new();
    let a = g.constant(rows.iter().map(|row| row.0).collect::<Array1<f64>>());
    let b = g.constant(rows.iter().map(|row| row.1).collect::<Array1<f64>>());
    let y = function(a, b);
    let [by_a, by_b] = y.gradients([a, b]);
    let zeros = g.constant(Array1::zeros(rows.len()));
    let pairs = [(by_a, a), (by_a, b), (by_b, a), (by_b, b)];
    let [aa, ab, ba, bb] = pairs.map(|(of, by)| Gradients::of([of]).wrt(&[by])[0].unwrap_or(zeros));
    let fetches = [y, by_a, by_b, aa, ab, ba, bb];
    for optimize in [true, false] {
        let found = Session::builder(&g).optimize(optimize).build()?.run(fetches)?;
        for (index, &(a, b, value, [da, db], [aa, ab, bb])) in rows.iter().enumerate() {
            for ((found, expected), what) in found
                .iter()
                .zip([value, da, db, aa, ab, ab, bb])
                .zip(["value", "a", "b", "aa", "ab", "ba", "bb"])
            {
                let found = found[index];
                // The sign of a slope that is 0 is of no account.
                let is_zero = what != "value" && found == 0.0 && expected == 0.0;
                assert!(
                    is_zero || is_near(found, expected) || (found - expected).abs() <= 2e-15 * expected.abs(),
                    "{name} at ({a:e}, {b:e}), {what}: {found:e}, not {expected:e}"
                );
            }
        }
    }
    Ok(())
}

/// Line 20: 0·ln 0 is 0, and all its slopes are; elsewhere they are those of the formula.
#[test]
fn line_20_xlogy() -> Result<()> {
    check_pairs(
        "xlogy",
        |x, y| x.xlogy(y),
        &[
            (0.0, 0.0, 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]),
            (-0.0, 0.0, 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]),
            (0.0, 2.0, 0.0, [2.0_f64.ln(), 0.0], [0.0, 0.5, 0.0]),
            (0.0, INF, 0.0, [INF, 0.0], [0.0, 0.0, 0.0]),
            (3.0, 2.0, 3.0 * 2.0_f64.ln(), [2.0_f64.ln(), 1.5], [0.0, 0.5, -0.75]),
            (-3.0, 4.0, -3.0 * 4.0_f64.ln(), [4.0_f64.ln(), -0.75], [0.0, 0.25, 3.0 / 16.0]),
            (2.0, 0.0, -INF, [-INF, INF], [0.0, INF, -INF]),
        ],
    )?;
    // A NaN is not lost: of the slopes each that depends on it is one.
    let g = Graph::new();
    let (x, y) = (g.constant(arr1(&[0.0, NAN, NAN])), g.constant(arr1(&[NAN, 0.0, NAN])));
    let value = Session::new(&g)?.run(x.xlogy(y))?;
    assert!(value.iter().all(|value| value.is_nan()), "{value}");
    Ok(())
}

/// Line 20: a quotient by 0 is 0, and so are its slopes.
#[test]
fn line_20_divide_no_nan() -> Result<()> {
    check_pairs(
        "divide_no_nan",
        |a, b| a.divide_no_nan(b),
        &[
            (0.0, 0.0, 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]),
            (3.0, -0.0, 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]),
            (INF, 0.0, 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]),
            (3.0, 2.0, 1.5, [0.5, -0.75], [0.0, -0.25, 0.75]),
            (0.0, 2.0, 0.0, [0.5, 0.0], [0.0, -0.25, 0.0]),
            (3.0, INF, 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]),
        ],
    )?;
    let g = Graph::new();
    let (a, b) = (g.constant(arr1(&[NAN, 1.0, INF])), g.constant(arr1(&[2.0, NAN, INF])));
    assert!(Session::new(&g)?.run(a.divide_no_nan(b))?.iter().all(|value| value.is_nan()));
    Ok(())
}

/// Line 20: at the origin the slopes of a distance and an angle are 0, and at the ends of the range they are limits.
#[test]
fn line_20_distances_and_angles() -> Result<()> {
    let (half, root) = (std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2);
    let zeros = ([0.0, 0.0], [0.0, 0.0, 0.0]);
    check_pairs(
        "hypot",
        |a, b| a.hypot(b),
        &[
            (0.0, 0.0, 0.0, zeros.0, zeros.1),
            (-0.0, 0.0, 0.0, zeros.0, zeros.1),
            (3.0, 4.0, 5.0, [0.6, 0.8], [16.0 / 125.0, -12.0 / 125.0, 9.0 / 125.0]),
            (0.0, -2.0, 2.0, [0.0, -1.0], [0.5, 0.0, 0.0]),
            (1e200, 1e200, root * 1e200, [half, half], [half * 0.5e-200, -half * 0.5e-200, half * 0.5e-200]),
            (1e-200, -1e-200, root * 1e-200, [half, -half], [half * 0.5e200, half * 0.5e200, half * 0.5e200]),
            (-INF, 1.0, INF, [-1.0, 0.0], zeros.1),
            (2.0, INF, INF, [0.0, 1.0], zeros.1),
            (INF, INF, INF, [half, half], zeros.1),
            (NAN, 1.0, NAN, [NAN, NAN], [NAN, NAN, NAN]),
        ],
    )?;
    let pi = std::f64::consts::PI;
    check_pairs(
        "atan2",
        |y, x| y.atan2(x),
        &[
            (0.0, 0.0, 0.0, zeros.0, zeros.1),
            (-0.0, 0.0, -0.0, zeros.0, zeros.1),
            (0.0, -0.0, pi, zeros.0, zeros.1),
            (-0.0, -2.0, -pi, [-0.5, 0.0], [0.0, -0.25, 0.0]),
            (2.0, 0.0, pi / 2.0, [0.0, -0.5], [0.0, 0.25, 0.0]),
            (3.0, 4.0, 0.75_f64.atan(), [0.16, -0.12], [-24.0 / 625.0, -7.0 / 625.0, 24.0 / 625.0]),
            (1e200, 1e200, pi / 4.0, [0.5e-200, -0.5e-200], zeros.1),
            (1e-100, -1e-100, 0.75 * pi, [-0.5e100, -0.5e100], [0.5e200, 0.0, -0.5e200]),
            (1.0, INF, 0.0, zeros.0, zeros.1),
            (1.0, -INF, pi, zeros.0, zeros.1),
            (-INF, 5.0, -pi / 2.0, zeros.0, zeros.1),
            (INF, INF, pi / 4.0, zeros.0, zeros.1),
            (NAN, 1.0, NAN, [NAN, NAN], [NAN, NAN, NAN]),
        ],
    )
}
