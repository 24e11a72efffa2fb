//! Line 22: second and third derivatives at points where formulas by quotients or logarithms break.

use flowgrad::ndarray::{Array2, ArrayD, arr1};
use flowgrad::prelude::*;

/// What is fetched, optimized and not, must be this, to some roundings.
fn check(name: &str, g: &Graph, fetches: &[Tensor<'_, f64>], expected: &[f64]) -> Result<()> {
    for optimize in [true, false] {
        let session = Session::builder(g).optimize(optimize).build()?;
        let found: Vec<f64> =
            session.run(fetches.to_vec())?.iter().map(|found: &ArrayD<f64>| found.sum()).collect();
        let near = |(found, expected): (&f64, &f64)| (found - expected).abs() <= 1e-14 * expected.abs();
        assert!(found.iter().zip(expected).all(near), "{name}: {found:?}, not {expected:?}");
    }
    Ok(())
}

/// At exponent 0 the slope by the base is 0, but it moves with the exponent.
#[test]
fn line_22_powers_at_exponent_zero() -> Result<()> {
    for base in [2.0_f64, 0.5, 1.0, 1e100] {
        let g = Graph::new();
        let (x, y) = (g.constant(base), g.constant(0.0));
        let [by_x, by_y] = x.pow(y).gradients([x, y]);
        let [xx, xy] = by_x.gradients([x, y]);
        let [yx, yy] = by_y.gradients([x, y]);
        let [xxx, xxy] = xx.gradients([x, y]);
        let [xyx, xyy] = xy.gradients([x, y]);
        let ln = base.ln();
        let expected = [
            (0.0, by_x),
            (ln, by_y),
            (0.0, xx),
            (1.0 / base, xy),
            (1.0 / base, yx),
            (ln * ln, yy),
            (0.0, xxx),
            (-1.0 / (base * base), xxy),
            (-1.0 / (base * base), xyx),
            (2.0 * ln / base, xyy),
        ];
        check(&format!("{base}"), &g, &expected.map(|row| row.1), &expected.map(|row| row.0))?;
    }
    // By a negative base, and by 0, where the limits are taken.
    let g = Graph::new();
    let x = g.constant(-3.0);
    let [first] = x.pow(0.0).gradients([x]);
    let [second] = x.pow(2.0).gradients([x])[0].gradients([x]);
    let zero = g.constant(0.0);
    let [at_zero] = zero.pow(0.0).gradients([zero]);
    let [curved] = zero.pow(2.0).gradients([zero])[0].gradients([zero]);
    check("limits", &g, &[first, second, at_zero, curved], &[0.0, 2.0, 0.0, 2.0])
}

/// Products with one, two and three factors of 0, to the third order, which is all there is.
#[test]
fn line_22_products_with_zeros() -> Result<()> {
    for factors in [[2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [2.0, -1.0, 3.0]] {
        let g = Graph::new();
        let x = g.constant(arr1(&factors));
        let hessian = hessian(x.reduce_prod(..), x);
        // ∂²/∂i∂j is the product of the others.
        let entry = |(i, j): (usize, usize)| if i == j { 0.0 } else { factors[3 - i - j] };
        let third = jvp(hessian, &[x], &[g.constant(arr1(&[1.0, 10.0, 100.0]))]);
        let along = |(i, j): (usize, usize)| if i == j { 0.0 } else { [1.0, 10.0, 100.0][3 - i - j] };
        for optimize in [true, false] {
            let session = Session::builder(&g).optimize(optimize).build()?;
            let [hessian, third] = session.run([hessian, third])?;
            assert_eq!(hessian, Array2::from_shape_fn((3, 3), entry).into_dyn(), "{factors:?}");
            assert_eq!(third, Array2::from_shape_fn((3, 3), along).into_dyn(), "{factors:?}");
        }
    }
    Ok(())
}

/// A slope that is infinite, times a cotangent of 0, is NaN, unless the branch was not taken: then 0.
#[test]
fn line_20_infinite_slopes_and_cotangents_of_zero() -> Result<()> {
    type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;
    let functions: [(&str, Function); 5] = [
        ("sqrt", |x| x.sqrt()),
        ("rsqrt", |x| x.rsqrt()),
        ("reciprocal", |x| x.reciprocal()),
        ("ln", |x| x.ln()),
        ("asin", |x| (x + 1.0).asin()),
    ];
    for (name, function) in functions {
        let g = Graph::new();
        let x = g.constant(arr1(&[0.0]));
        let start = g.constant(arr1(&[0.0]));
        let weighed = Gradients::of([function(x)]).grad_ys([start]).wrt(&[x])[0].unwrap();
        let [not_taken] = x.greater(0.0).select(function(x), x).gradients([x]);
        let (weighed, not_taken) = Session::new(&g)?.run((weighed, not_taken))?;
        assert!(weighed[0].is_nan(), "{name}: {weighed}");
        assert_eq!(not_taken[0], 1.0, "{name}");
    }
    Ok(())
}

/// Values of single precision that other libraries flush to 0 or round to 1.
#[test]
fn single_precision_keeps_small_exponentials_and_tangents_near_one() -> Result<()> {
    let g = Graph::new();
    let exponential = g.constant(arr1(&[-100.0_f32, -103.0])).exp();
    let tangent = g.constant(arr1(&[8.0_f32, -8.0])).tanh();
    let [exponential, tangent] = Session::new(&g)?.run([exponential, tangent])?;
    let least = f32::from_bits(1);
    for (found, x) in exponential.iter().zip([-100.0_f64, -103.0]) {
        assert!((f64::from(*found) - x.exp()).abs() <= f64::from(least), "{found:e} of {x}");
    }
    for (found, x) in tangent.iter().zip([8.0_f64, -8.0]) {
        assert!(found.abs() < 1.0 && (f64::from(*found) - x.tanh()).abs() <= 2e-7, "{found} of {x}");
    }
    Ok(())
}
