//! Lines 20 and 21 for elementwise functions: derivatives at kinks, values and derivatives at the ends of the
//! range, and what a select keeps out of them.

use flowgrad::ndarray::{Array1, Array2, arr1, arr2};
use flowgrad::prelude::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A function of one tensor.
type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;

/// The function and its derivative at each of these, optimized or not.
fn values_and_slopes(function: Function, at: &[f64]) -> Result<[(Vec<f64>, Vec<f64>); 2]> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = function(x);
    let [slope] = y.gradients([x]);
    let fed = Array1::from(at.to_vec());
    let run = |optimize| -> Result<(Vec<f64>, Vec<f64>)> {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let [y, slope] = session.feed(x, &fed).run([y, slope])?;
        Ok((y.into_iter().collect(), slope.into_iter().collect()))
    };
    Ok([run(true)?, run(false)?])
}

/// Holds a function to rows of argument, value and derivative; zeros must have the sign that is given.
fn check(name: &str, function: Function, rows: &[(f64, f64, f64)]) -> Result<()> {
    let at: Vec<f64> = rows.iter().map(|row| row.0).collect();
    let near = |found: f64, expected: f64| {
        let is_exact = expected == 0.0 || expected.is_infinite();
        let same = found == expected && found.is_sign_negative() == expected.is_sign_negative();
        same || found.is_nan() && expected.is_nan() || !is_exact && (found / expected - 1.0).abs() < 1e-14
    };
    for (values, slopes) in values_and_slopes(function, &at)? {
        for (index, &(x, value, slope)) in rows.iter().enumerate() {
            let found = (values[index], slopes[index]);
            assert!(near(found.0, value) && near(found.1, slope), "{name} of {x}: {found:?}");
        }
    }
    Ok(())
}

/// Line 20: at a kink the derivative is 0, or that from below.
#[test]
fn line_20_kinks() -> Result<()> {
    check(
        "relu",
        |x| x.relu(),
        &[(0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (1e-300, 1e-300, 1.0), (NAN, NAN, 1.0)],
    )?;
    check("abs", |x| x.abs(), &[(0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (-INF, INF, -1.0), (NAN, NAN, NAN)])?;
    check("relu6", |x| x.relu6(), &[(0.0, 0.0, 0.0), (6.0, 6.0, 0.0), (5.5, 5.5, 1.0), (INF, 6.0, 0.0)])?;
    let slope = 0.25;
    check(
        "leaky_relu",
        |x| x.leaky_relu(0.25),
        &[(0.0, 0.0, slope), (-0.0, -0.0, slope), (-INF, -INF, slope), (INF, INF, 1.0), (NAN, NAN, 1.0)],
    )?;
    let (scale, floor) = (1.050_700_987_355_480_5, 1.758_099_340_847_376_6);
    check("elu", |x| x.elu(), &[(0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (-INF, -1.0, 0.0), (800.0, 800.0, 1.0)])?;
    check(
        "selu",
        |x| x.selu(),
        &[(0.0, 0.0, floor), (-0.0, -0.0, floor), (-INF, -floor, 0.0), (1e3, 1e3 * scale, scale)],
    )?;
    // What `clip` leaves as it is has the derivative 1, at the bounds as well.
    let clip: Function = |x| x.clip(-1.0, 2.0);
    check("clip", clip, &[(-1.0, -1.0, 1.0), (2.0, 2.0, 1.0), (2.5, 2.0, 0.0), (-INF, -1.0, 0.0)])?;
    check("sqrt", |x| x.sqrt(), &[(0.0, 0.0, INF), (4.0, 2.0, 0.25), (INF, INF, 0.0)])
}

/// Line 20: of a clip the bounds get the rest of the cotangent, `high` all of it where the bounds are in the
/// wrong order.
#[test]
fn line_20_bounds_of_clip() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[-3.0, -1.0, 0.0, 2.0, 3.0, 0.0, 7.0]));
    let low = g.constant(arr1(&[-1.0, -1.0, -1.0, -1.0, -1.0, 5.0, 5.0]));
    let high = g.constant(arr1(&[2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0]));
    let y = x.clip(low, high);
    let [dx, dlow, dhigh] = y.gradients([x, low, high]);
    let [y, dx, dlow, dhigh] = Session::new(&g)?.run([y, dx, dlow, dhigh])?;
    assert_eq!(y, arr1(&[-1.0, -1.0, 0.0, 2.0, 2.0, 1.0, 1.0]).into_dyn());
    assert_eq!(dx, arr1(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]).into_dyn());
    assert_eq!(dlow, arr1(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).into_dyn());
    assert_eq!(dhigh, arr1(&[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).into_dyn());
    Ok(())
}

/// Line 20: activations and their derivatives have the limits of their formulas at the ends of the range.
#[test]
fn line_20_ends_of_activations() -> Result<()> {
    let ends = [(-INF, 0.0, 0.0), (-1e200, 0.0, 0.0), (1e200, 1e200, 1.0), (INF, INF, 1.0), (NAN, NAN, NAN)];
    check("softplus", |x| x.softplus(), &ends)?;
    check("softplus", |x| x.softplus(), &[(-700.0, (-700_f64).exp(), (-700_f64).exp()), (50.0, 50.0, 1.0)])?;
    check("silu", |x| x.silu(), &ends)?;
    check("gelu", |x| x.gelu(), &ends)?;
    check("gelu_tanh", |x| x.gelu_tanh(), &ends)?;
    Ok(())
}

/// Line 20: also in second derivatives there is no NaN at the ends.
#[test]
fn line_20_second_derivatives_at_the_ends() -> Result<()> {
    let functions: [(&str, Function); 6] = [
        ("softplus", |x| x.softplus()),
        ("silu", |x| x.silu()),
        ("gelu", |x| x.gelu()),
        ("gelu_tanh", |x| x.gelu_tanh()),
        ("elu", |x| x.elu()),
        ("selu", |x| x.selu()),
    ];
    for (name, function) in functions {
        let g = Graph::new();
        let x = g.constant(arr1(&[-1e4, -800.0, 800.0, 1e4]));
        let [first] = function(x).gradients([x]);
        let [second] = first.gradients([x]);
        assert_eq!(Session::new(&g)?.run(second)?, Array1::zeros(4).into_dyn(), "{name}");
    }
    Ok(())
}

/// Far below 0 `gelu` is nearly 0, with all its digits, and so is its slope.
#[test]
fn gelu_of_large_negative_arguments() -> Result<()> {
    // Φ(x), by the continued fraction of the normal distribution's tail, and the density.
    fn share(x: f64) -> [f64; 2] {
        let tail = (1..200).rev().fold(-x, |rest, n| -x + f64::from(n) / rest);
        let density = (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        [density / tail, density]
    }
    // Halves, whose squares are exact.
    let at: Vec<f64> = (6..75).map(|n| f64::from(n) / -2.0).collect();
    for (values, slopes) in values_and_slopes(|x| x.gelu(), &at)? {
        for ((&x, value), slope) in at.iter().zip(values).zip(slopes) {
            let [share, density] = share(x);
            assert!((value / (x * share) - 1.0).abs() < 2e-15, "gelu of {x}: {value}, not {}", x * share);
            assert!((slope / (share + x * density) - 1.0).abs() < 1e-14, "the slope of gelu at {x}: {slope}");
        }
    }
    let g = Graph::new();
    let x: Vec<f32> = (6..28).map(|n| n as f32 / -2.0).collect();
    let values = Session::new(&g)?.run(g.constant(Array1::from(x.clone())).gelu())?;
    for (&x, &value) in x.iter().zip(&values) {
        let expected = f64::from(x) * share(x.into())[0];
        // The least of them are denormal, with fewer digits.
        let tolerance = 4e-7 * expected.abs() + f64::from(f32::from_bits(1)) * (1.0 - f64::from(x));
        assert!((f64::from(value) - expected).abs() < tolerance, "gelu of {x}: {value:e}, not {expected:e}");
    }
    Ok(())
}

/// Line 20: functions with poles and ends, at these.
#[test]
fn line_20_poles_and_ends() -> Result<()> {
    check(
        "reciprocal",
        |x| x.reciprocal(),
        &[(0.0, INF, -INF), (-0.0, -INF, -INF), (INF, 0.0, -0.0), (-INF, -0.0, -0.0), (-0.5, -2.0, -4.0)],
    )?;
    check(
        "rsqrt",
        |x| x.rsqrt(),
        &[(0.0, INF, -INF), (INF, 0.0, -0.0), (4.0, 0.5, -1.0 / 16.0), (-1.0, NAN, NAN)],
    )?;
    let quarter = std::f64::consts::FRAC_PI_2;
    check(
        "asin",
        |x| x.asin(),
        &[(-0.0, -0.0, 1.0), (1.0, quarter, INF), (-1.0, -quarter, INF), (1.5, NAN, NAN)],
    )?;
    check("acos", |x| x.acos(), &[(1.0, 0.0, -INF), (-1.0, 2.0 * quarter, -INF), (0.0, quarter, -1.0)])?;
    check("atan", |x| x.atan(), &[(-0.0, -0.0, 1.0), (INF, quarter, 0.0), (-1e300, -quarter, 0.0)])?;
    check(
        "tan",
        |x| x.tan(),
        &[(-0.0, -0.0, 1.0), (INF, NAN, NAN), (1e22, 1e22_f64.tan(), 1.0 + 1e22_f64.tan().powi(2))],
    )?;
    check(
        "sinh",
        |x| x.sinh(),
        &[(-0.0, -0.0, 1.0), (-INF, -INF, INF), (1e3, INF, INF), (1e-300, 1e-300, 1.0)],
    )?;
    check("cosh", |x| x.cosh(), &[(0.0, 1.0, 0.0), (-INF, INF, -INF), (1e3, INF, INF)])?;
    check("modulo", |x| x.modulo(3.0), &[(-1.0, 2.0, 1.0), (-0.0, 0.0, 1.0), (INF, NAN, 1.0)])
}

/// Line 21, for each function with a slope that can be infinite or NaN.
#[test]
fn line_21_no_slope_of_the_branch_not_taken() -> Result<()> {
    // Arguments at which the slope is infinite or NaN, which a select does not take.
    let functions: [(&str, Function, f64); 30] = [
        ("reciprocal", |x| x.reciprocal(), 0.0),
        ("rsqrt", |x| x.rsqrt(), -1.0),
        ("tan", |x| x.tan(), INF),
        ("asin", |x| x.asin(), 1.0),
        ("acos", |x| x.acos(), 2.0),
        ("atan", |x| x.atan(), NAN),
        ("sinh", |x| x.sinh(), 1e3),
        ("cosh", |x| x.cosh(), -1e3),
        ("abs", |x| x.abs(), NAN),
        ("squared_difference", |x| x.squared_difference(1.0), INF),
        ("elu", |x| x.elu(), NAN),
        ("selu", |x| x.selu(), NAN),
        ("softplus", |x| x.softplus(), NAN),
        ("silu", |x| x.silu(), NAN),
        ("gelu", |x| x.gelu(), NAN),
        ("gelu_tanh", |x| x.gelu_tanh(), NAN),
        ("modulo", |x| (x * 0.0 + 1.0).modulo(x), 0.0),
        ("exp2", |x| x.exp2(), 1e4),
        ("log2", |x| x.log2(), 0.0),
        ("log10", |x| x.log10(), 0.0),
        ("cbrt", |x| x.cbrt(), 0.0),
        ("erfc", |x| x.erfc(), NAN),
        ("celu", |x| x.celu(0.5), NAN),
        ("log_sigmoid", |x| x.log_sigmoid(), NAN),
        ("softsign", |x| x.softsign(), NAN),
        ("hard_swish", |x| x.hard_swish(), NAN),
        ("hypot", |x| x.hypot(1.0), NAN),
        ("atan2", |x| x.atan2(1.0), NAN),
        ("xlogy", |x| x.graph().constant(2.0).xlogy(x), 0.0),
        ("divide_no_nan", |x| x.divide_no_nan(x + 1.0), NAN),
    ];
    for (name, function, at) in functions {
        let g = Graph::new();
        let x = g.constant(arr1(&[at, at]));
        let taken = g.constant(arr1(&[false, true]));
        let [first] = taken.select(function(x), x).gradients([x]);
        // None where the slope is constant between jumps.
        let second = Gradients::of([first.square()]).wrt(&[x])[0].unwrap_or(g.constant(Array1::zeros(2)));
        let [first, second] = Session::new(&g)?.run([first, second])?;
        assert!(!first[1].is_finite(), "{name} of {at} has the slope {}", first[1]);
        assert_eq!((first[0], second[0]), (1.0, 0.0), "{name} of {at}");
    }
    Ok(())
}

/// Line 17: what is constant between jumps cuts the path, and says so.
#[test]
fn line_17_steps_cut_the_path() {
    let steps: [(&str, Function); 5] = [
        ("sign", |x| x.sign()),
        ("floor", |x| x.floor()),
        ("ceil", |x| x.ceil()),
        ("round", |x| x.round()),
        ("floor_div", |x| x.floor_div(2.0)),
    ];
    for (name, step) in steps {
        let g = Graph::new();
        let x = g.constant(1.5_f64);
        let _ = (step(x) * 2.0).gradients([x]);
        let error = g.check().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}` ({name}), which passes no gradient")), "{error}");
    }
}

/// Line 20: log-sum-exp of -∞ alone is -∞ and has no slope, of any order; next to others -∞ counts for nothing.
#[test]
fn line_20_log_sum_exp_of_minus_infinity() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[-INF, -INF], [-INF, 2.0], [0.0, 0.0], [-1e300, -INF]]));
    let y = x.reduce_log_sum_exp(-1);
    let [first] = y.gradients([x]);
    let weights = g.constant(arr1(&[1.0, -2.0]));
    let [second] = (first * weights).gradients([x]);
    let alone = g.constant(-INF);
    let [of_alone] = alone.reduce_log_sum_exp(..).gradients([alone]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let ([y, first], [second, of_alone]) = session.run(([y, first], [second, of_alone]))?;
        assert_eq!(y, arr1(&[-INF, 2.0, 2.0_f64.ln(), -1e300]).into_dyn());
        assert_eq!(first, arr2(&[[0.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]).into_dyn());
        assert_eq!(second, arr2(&[[0.0, 0.0], [0.0, 0.0], [0.75, -0.75], [0.0, 0.0]]).into_dyn());
        assert_eq!(of_alone.sum(), 0.0);
    }
    Ok(())
}

/// Line 20: sigmoid cross-entropy of infinite logits has the limits 0 and ∞, and the slopes σ(x) - z; so has that
/// of others.
#[test]
fn line_20_sigmoid_cross_entropy_at_the_ends() -> Result<()> {
    // Logit, label, loss, slope by the logit, second slope.
    let rows = [
        (INF, 1.0, 0.0, 0.0, 0.0),
        (-INF, 0.0, 0.0, 0.0, 0.0),
        (INF, 0.0, INF, 1.0, 0.0),
        (-INF, 1.0, INF, -1.0, 0.0),
        (INF, 0.9, INF, 1.0 - 0.9, 0.0),
        (-INF, 0.25, INF, -0.25, 0.0),
        (1e300, 1.0, 0.0, 0.0, 0.0),
        (-1e300, 0.5, 5e299, -0.5, 0.0),
        (0.0, 0.25, 2.0_f64.ln(), 0.25, 0.25),
        (-0.0, 1.0, 2.0_f64.ln(), -0.5, 0.25),
        (0.0, 0.0, 2.0_f64.ln(), 0.5, 0.25),
    ];
    let g = Graph::new();
    let x = g.constant(rows.iter().map(|row| row.0).collect::<Array1<f64>>());
    let z = g.constant(rows.iter().map(|row| row.1).collect::<Array1<f64>>());
    let loss = x.sigmoid_cross_entropy(z);
    let [by_logit, by_label] = loss.gradients([x, z]);
    let [second] = by_logit.gradients([x]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let [loss, by_logit, by_label, second] = session.run([loss, by_logit, by_label, second])?;
        for (index, (x, z, expected, slope, bend)) in rows.into_iter().enumerate() {
            let found = [loss[index], by_logit[index], second[index]];
            let near =
                |(found, expected): (f64, f64)| found == expected || (found / expected - 1.0).abs() < 1e-14;
            assert!(found.into_iter().zip([expected, slope, bend]).all(near), "({x}, {z}): {found:?}");
            assert_eq!(by_label[index], -x, "({x}, {z})");
        }
    }
    Ok(())
}

/// Line 20: labels that do not sum to 1 have the derivative of the loss, not softmax less the labels; logits of
/// -∞ alone are no distribution, which does not matter where no label names one.
#[test]
fn line_20_softmax_cross_entropy_of_any_labels() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[0.0, 0.0], [0.0, -INF], [-INF, -INF], [-INF, -INF]]));
    let labels = g.constant(arr2(&[[2.0, 1.0], [3.0, 0.0], [0.0, 0.0], [1.0, 0.0]]));
    let loss = x.softmax_cross_entropy(labels);
    let [slopes] = loss.gradients([x]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let [loss, slopes] = session.run([loss, slopes])?;
        assert!((loss[0] / (3.0 * 2.0_f64.ln()) - 1.0).abs() < 1e-15);
        assert_eq!((loss[1], loss[2]), (0.0, 0.0));
        assert!(loss[3].is_nan());
        for (row, expected) in [[-0.5, 0.5], [0.0, 0.0], [0.0, 0.0]].into_iter().enumerate() {
            assert_eq!([slopes[[row, 0]], slopes[[row, 1]]], expected, "row {row}");
        }
    }
    Ok(())
}

/// Line 20: nothing moves the mean of nothing, whichever mode asks.
#[test]
fn line_20_means_of_nothing_do_not_move() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let v = g.placeholder::<f64>("v", [None, None]);
    let functions: [Function; 3] =
        [|x| x.reduce_mean(..), |x| x.reduce_mean(0), |x| x.square().reduce_mean(0)];
    let forward = functions.map(|function| jvp(function(x), &[x], &[v]));
    let twice = forward.map(|forward| jvp(forward, &[v], &[v]));
    let nothing = Array2::<f64>::zeros((0, 2));
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        assert!(session.feed(x, &nothing).run(x.reduce_mean(0))?.iter().all(|mean| mean.is_nan()));
        for found in session.feed(x, &nothing).feed(v, &nothing).run([forward, twice])?.into_iter().flatten()
        {
            assert!(found.iter().all(|&moved| moved == 0.0), "{found}");
        }
    }
    Ok(())
}
