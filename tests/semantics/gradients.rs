//! Lines 16 to 22: what gradients are. `tests/numerics/gradients.rs` checks their numbers op by op.

use flowgrad::ndarray::{Array1, Array2, ArrayD, arr1, arr2};
use flowgrad::prelude::*;

/// Line 16: a gradient is that of the sum of all elements; dx/dx is ones; contributions of several
/// paths add; the same target listed twice gets the same gradient.
#[test]
fn line_16_gradients_are_of_the_sum() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, -2.0, 3.0]));
    let y = x * x + x;
    let [dx, again] = y.gradients([x, x]);
    let [self_x] = x.gradients([x]);
    let [total] = y.reduce_sum(..).gradients([x]);
    let both = Gradients::of([y, x * 10.0, y]).wrt(&[x, x]);
    let session = Session::new(&g)?;
    let expected = arr1(&[3.0, -3.0, 7.0]).into_dyn();
    for gradient in session.run([dx, again, total])? {
        assert_eq!(gradient, expected);
    }
    assert_eq!(session.run(self_x)?, ArrayD::ones(vec![3]));
    for gradient in session.run([both[0].unwrap(), both[1].unwrap()])? {
        assert_eq!(gradient, &expected * 2.0 + 10.0);
    }
    Ok(())
}

/// Line 17: integers and `stop_gradient` cut the path, and `stop_gradients` takes targets for
/// constants: with a = 0 and b = 2a, a + b has gradients [3, 1], and [1, 1] when both are stopped.
#[test]
fn line_17_what_cuts_the_path() -> Result<()> {
    let g = Graph::new();
    let a = g.constant(0.0_f64);
    let b = a * 2.0;
    let y = a + b;
    let [da, db] = y.gradients([a, b]);
    let stopped = Gradients::of([y]).stop_gradients([a, b]).wrt(&[a, b]);
    let [cut] = (a * 3.0 + (a * 5.0).stop_gradient()).gradients([a]);
    let through_integer = Gradients::of([(a * 2.0).cast::<i64>().cast::<f64>()]).wrt(&[a]);
    let session = Session::new(&g)?;
    assert_eq!(session.run([da, db, cut])?.map(|a| a.sum()), [3.0, 1.0, 3.0]);
    let stopped = session.run([stopped[0].unwrap(), stopped[1].unwrap()])?;
    assert_eq!(stopped.map(|a| a.sum()), [1.0, 1.0]);
    assert!(through_integer[0].is_none());
    Ok(())
}

/// Line 18: the gradient of an operand that broadcasts has the operand's own shape, also when that
/// is known only at run time: unknown lengths fed as 1 and as more, and lengths of 0 and 1.
#[test]
fn line_18_gradients_have_the_operands_shape() -> Result<()> {
    let g = Graph::new();
    let a = g.placeholder::<f64>("a", [None, Some(1)]);
    let b = g.placeholder::<f64>("b", [None, None]);
    let c = g.placeholder::<f64>("c", [None]);
    let y = a * b + c;
    let [da, db, dc] = y.gradients([a, b, c]);
    let [dd] = da.square().gradients([b]);
    assert_eq!(da.shape().to_string(), "[?, 1]");
    let cases: [([usize; 2], [usize; 2], usize); 9] = [
        ([1, 1], [3, 4], 4),
        ([3, 1], [3, 4], 4),
        ([3, 1], [1, 1], 1),
        ([1, 1], [1, 1], 1),
        ([2, 1], [2, 1], 5),
        ([0, 1], [0, 4], 4),
        ([1, 1], [0, 4], 1),
        ([1, 1], [3, 0], 0),
        ([0, 1], [1, 0], 1),
    ];
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        for (a_dims, b_dims, c_length) in cases {
            let fill = |dims: [usize; 2]| Array2::from_shape_fn(dims, |(i, j)| (i * 3 + j + 1) as f64);
            let (a_fed, b_fed, c_fed) = (fill(a_dims), fill(b_dims), Array1::ones(c_length));
            let fed = session.feed(a, &a_fed).feed(b, &b_fed).feed(c, &c_fed);
            let [y, da, db, dc, dd] = fed.run([y, da, db, dc, dd])?;
            assert_eq!(
                [da.shape(), db.shape(), dc.shape(), dd.shape()],
                [&a_dims[..], &b_dims, &[c_length], &b_dims]
            );
            let total = |x: &Array2<f64>| x.broadcast(y.raw_dim()).unwrap().sum();
            // Each element of `a` meets those of `b` in its row, as often as the result repeats them.
            let sums = [total(&b_fed), total(&a_fed), y.len() as f64];
            assert_eq!([da.sum(), db.sum(), dc.sum()], sums, "{a_dims:?} {b_dims:?} {c_length}");
        }
    }
    Ok(())
}

/// Line 19: all four transposed forms of matmul, and the gradients of each, agree with ndarray.
#[test]
fn line_19_all_forms_of_matmul_are_right() -> Result<()> {
    // Lengths on both sides of where a product stops being skinny, and of a panel of rows.
    for [m, k, n] in [
        [1, 1, 1],
        [2, 3, 4],
        [40, 3, 2],
        [3, 50, 2],
        [70, 65, 90],
        [0, 3, 2],
        [3, 0, 2],
        [200, 33, 9],
        [40, 0, 2],
        [40, 50, 1],
        [50, 40, 0],
    ] {
        for form in 0..4 {
            let (transpose_a, transpose_b) = (form & 1 == 1, form & 2 == 2);
            let oriented = |rows, columns, transposed, seed: usize| {
                let dims = if transposed { (columns, rows) } else { (rows, columns) };
                Array2::from_shape_fn(dims, |(i, j)| ((i * 31 + j * 17 + seed) % 23) as f64 - 11.0)
            };
            let a = oriented(m, k, transpose_a, 1);
            let b = oriented(k, n, transpose_b, 2);
            let seed = oriented(m, n, false, 3);
            let plain = |x: &Array2<f64>, transposed| if transposed { x.t().to_owned() } else { x.clone() };
            let (a_plain, b_plain) = (plain(&a, transpose_a), plain(&b, transpose_b));
            let da_expected = plain(&seed.dot(&b_plain.t()), transpose_a);
            let db_expected = plain(&a_plain.t().dot(&seed), transpose_b);

            let g = Graph::new();
            let (a, b, seed) = (g.constant(a), g.constant(b), g.constant(seed));
            let y = a.matmul_transposed(b, transpose_a, transpose_b);
            let grads = Gradients::of([y]).grad_ys([seed]).wrt(&[a, b]);
            for optimize in [true, false] {
                let session = Session::builder(&g).optimize(optimize).build()?;
                let [y, da, db] = session.run([y, grads[0].unwrap(), grads[1].unwrap()])?;
                // Sums of small integers are exact in any order.
                let what = format!("{m}×{k}·{k}×{n}, form {form}, optimize {optimize}");
                assert_eq!(y, a_plain.dot(&b_plain).into_dyn(), "{what}");
                assert_eq!(da, da_expected.clone().into_dyn(), "{what}");
                assert_eq!(db, db_expected.clone().into_dyn(), "{what}");
            }
        }
    }
    Ok(())
}

/// Line 19: the gradients of large products materialize no transpose: what runs is one product for
/// each gradient and nothing that moves elements.
#[test]
fn line_19_no_transpose_is_materialised() -> Result<()> {
    for form in 0..4 {
        let g = Graph::new();
        let [a, b, seed] = ["a", "b", "seed"].map(|name| g.placeholder::<f32>(name, [None, None]));
        let y = a.matmul_transposed(b, form & 1 == 1, form & 2 == 2);
        let grads = Gradients::of([y]).grad_ys([seed]).wrt(&[a, b]);
        let by_hand = a.transpose().matmul(b.transpose().transpose());
        let square = Array2::<f32>::zeros((256, 256));
        let session = Session::new(&g)?;
        let feed = || session.feed(a, &square).feed(b, &square).feed(seed, &square);
        for (fetches, products) in [(vec![grads[0].unwrap(), grads[1].unwrap()], 2), (vec![by_hand], 1)] {
            let text = feed().explain(fetches)?;
            let (_, plan) = text.split_once("plan:").unwrap();
            assert_eq!(plan.matches("step ").count(), products, "form {form}:\n{plan}");
            assert_eq!(plan.matches('·').count(), products, "form {form}:\n{plan}");
            for moving in ["copy", "gather"] {
                assert!(!plan.contains(moving), "form {form}:\n{plan}");
            }
        }
    }
    Ok(())
}

/// Line 20, as far as its ops exist: the mean of nothing is NaN, and the gradient over an empty axis
/// is 0.
#[test]
fn line_20_reductions_of_nothing() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let w = g.variable("w", arr2(&[[1.0], [2.0]]));
    let mean = x.matmul(w).square().reduce_mean(..);
    let [dw] = mean.gradients([w]);
    let [of_sum] = x.matmul(w).reduce_sum(..).gradients([w]);
    let [by_columns, of_columns] = [x.reduce_mean(0), x.reduce_mean(1)];
    let session = Session::new(&g)?;
    let nothing = Array2::zeros((0, 2));
    let (mean, dw, of_sum, columns) =
        session.feed(x, &nothing).run((mean, dw, of_sum, (by_columns, of_columns)))?;
    assert!(mean.sum().is_nan());
    assert_eq!(dw.shape(), [2, 1]);
    assert_eq!(of_sum, ArrayD::zeros(vec![2, 1]));
    assert!(columns.0.len() == 2 && columns.0.iter().all(|x| x.is_nan()));
    assert_eq!(columns.1.len(), 0);
    Ok(())
}

/// Line 22: third and higher derivatives: t⁴ has 48 at t = 2, and the Hessian of Σc³ is diag(6c).
#[test]
fn line_22_higher_derivatives() -> Result<()> {
    let g = Graph::new();
    let t = g.constant(2.0_f64);
    let mut derivatives = vec![t.square().square()];
    for _ in 0..4 {
        let [next] = derivatives[derivatives.len() - 1].gradients([t]);
        derivatives.push(next);
    }
    let c = g.constant(arr1(&[1.0, -2.0, 0.5]));
    let [slope] = (c * c * c).gradients([c]);
    // A row of the Hessian for each unit vector, all through one placeholder.
    let direction = g.placeholder::<f64>("direction", [3]);
    let row = Gradients::of([slope]).grad_ys([direction]).wrt(&[c])[0].unwrap();
    let session = Session::new(&g)?;
    let values: Vec<f64> = session.run(derivatives)?.iter().map(|x| x.sum()).collect();
    assert_eq!(values, [16.0, 32.0, 48.0, 48.0, 24.0]);
    let unit = Array2::<f64>::eye(3);
    for (axis, value) in [1.0, -2.0, 0.5].into_iter().enumerate() {
        let row = session.feed(direction, unit.row(axis)).run(row)?;
        assert_eq!(row, (&unit.row(axis) * 6.0 * value).into_dyn());
    }
    Ok(())
}

#[test]
fn line_21_select_passes_nothing_from_the_branch_not_taken() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[-1.0, 0.0, 4.0, 1000.0]));
    let positive = x.greater(0.0);
    let branches = [
        ("sqrt", x.sqrt(), [0.0, 0.0, 0.25, 0.5 / 1000_f64.sqrt()]),
        ("ln", x.ln(), [0.0, 0.0, 0.25, 0.001]),
        ("1/x", 1.0 / x, [0.0, 0.0, -1.0 / 16.0, -1e-6]),
        ("chain", (x.ln().sqrt() * x).ln() - x.ln().sqrt().ln() + x.pow(0.5) * 0.0, [0.0, 0.0, 0.25, 0.001]),
    ];
    let session = Session::new(&g)?;
    for (name, branch, expected) in branches {
        for taken in [positive.select(branch, 0.0), x.less_equal(0.0).select(0.0, branch)] {
            let [first] = taken.gradients([x]);
            let first = session.run(first)?;
            for (found, expected) in first.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{name}: {first}");
            }
        }
    }
    // Also behind a reduction, and in second derivatives: that of ln is -1/x².
    let some = g.constant(false).select(x.ln().reduce_sum(..), x.reduce_sum(..));
    let [ones] = some.gradients([x]);
    assert_eq!(session.run(ones)?, arr1(&[1.0; 4]).into_dyn());
    let [first] = positive.select(x.ln(), x).gradients([x]);
    let [second] = first.gradients([x]);
    assert_eq!(session.run(second)?, arr1(&[0.0, 0.0, -1.0 / 16.0, -1e-6]).into_dyn());
    // A cotangent that is 0 by chance has a slope all the same: ln² has the second derivative 2 at 1.
    let one = g.constant(1.0_f64);
    let [first] = one.greater(0.0).select(one.ln(), 0.0).square().gradients([one]);
    let [second] = first.gradients([one]);
    assert_eq!(session.run(second)?.sum(), 2.0);
    Ok(())
}
