//! The numbers of gradients: against the formula of the regression, and op by op against central
//! differences, also of gradients of gradients.

use flowgrad::ndarray::{Array2, ArrayD, Zip, arr0, arr1, arr2};
use flowgrad::prelude::*;
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};
use proptest::test_runner::RngSeed;

// -- the regression ------------------------------------------------------------------------------

/// A matrix of numbers between -1 and 1.
fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(-1.0..1.0, rows * columns)
        .prop_map(move |numbers| Array2::from_shape_vec((rows, columns), numbers).unwrap())
}

/// Inputs, outputs and weights of a linear model.
fn regression() -> impl Strategy<Value = [Array2<f64>; 3]> {
    (1..60_usize, 1..20_usize, 1..=3_usize).prop_flat_map(|(rows, inputs, outputs)| {
        [(rows, inputs), (rows, outputs), (inputs, outputs)].map(|(rows, columns)| matrix(rows, columns))
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(2),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The gradient of mean((Xw − d)²) is (2/N)·Xᵀ(Xw − d), where N counts the elements of d.
    #[test]
    fn the_regressions_gradient_is_the_formula([x, d, w] in regression()) {
        let formula = x.t().dot(&(x.dot(&w) - &d)) * (2.0 / d.len() as f64);
        let largest = formula.fold(0.0, |most: f64, x| most.max(x.abs()));

        let g = Graph::new();
        let fed = g.placeholder::<f64>("x", [None, None]);
        let weights = g.variable("w", &w);
        for inputs in [g.constant(&x), fed] {
            let loss = (inputs.matmul(weights) - g.constant(&d)).square().reduce_mean(..);
            let [gradient] = loss.gradients([weights]);
            for optimize in [true, false] {
                let session = Session::builder(&g).optimize(optimize).build().unwrap();
                let found = session.feed(fed, &x).run(gradient).unwrap();
                assert_eq!(found.shape(), w.shape());
                for (found, expected) in found.iter().zip(&formula) {
                    assert!((found - expected).abs() <= 1e-12 * largest, "{found} for {expected}");
                }
            }
        }
    }
}

// -- central differences -------------------------------------------------------------------------

/// An expression of some inputs.
type Build = for<'g> fn(&[Tensor<'g, f64>]) -> Tensor<'g, f64>;

/// Half the distance at which a function is sampled. The error of a central difference is about h²
/// from the function and 1e-16/h from rounding: together least where h is near 1e-5.
const STEP: f64 = 1e-5;

/// How far a difference may lie from the gradient, as a part of the function's largest derivative: ten
/// times what the errors above come to in the worst expression here.
const TOLERANCE: f64 = 1e-6;

/// Numbers away from 0 and of both signs, different for each input.
fn numbers(dims: &[usize], input: usize) -> ArrayD<f64> {
    let mut index = 0;
    ArrayD::from_shape_simple_fn(dims, || {
        index += 1;
        let sign = if (index + input).is_multiple_of(3) { -1.0 } else { 1.0 };
        sign * (0.6 + ((index * 7 + input * 3) % 11) as f64 / 10.0)
    })
}

/// Checks the gradient of a scalar by each of the fed tensors against central differences.
fn check_by_differences(
    name: &str,
    session: &Session,
    y: Tensor<f64>,
    gradients: &[Tensor<f64>],
    xs: &[Tensor<f64>],
    values: &[ArrayD<f64>],
) {
    let feed = |values: &[ArrayD<f64>], fetch| {
        let mut feeding = session.feed(xs[0], &values[0]);
        for (x, value) in xs.iter().zip(values).skip(1) {
            feeding = feeding.feed(*x, value);
        }
        feeding.run::<Tensor<f64>>(fetch).unwrap()
    };
    for (input, &gradient) in gradients.iter().enumerate() {
        let found = feed(values, gradient);
        let mut moved = values.to_vec();
        let differences = ArrayD::from_shape_fn(values[input].raw_dim(), |index| {
            let mut at = |x: f64| {
                moved[input][&index] = x;
                feed(&moved, y).sum()
            };
            let x = values[input][&index];
            let difference = (at(x + STEP) - at(x - STEP)) / (2.0 * STEP);
            moved[input][&index] = x;
            difference
        });
        assert_eq!(found.shape(), differences.shape(), "{name}, input {input}");
        let largest = differences.fold(1.0, |most: f64, x| most.max(x.abs()));
        Zip::from(&found).and(&differences).for_each(|found, difference| {
            let apart = (found - difference).abs();
            assert!(
                apart <= TOLERANCE * largest,
                "{name}, input {input}: {found}, but differences give {difference}"
            );
        });
    }
}

/// Checks the first and second derivatives of an expression, with its shapes known while building and
/// not, optimized and not.
fn check(name: &str, shapes: &[&[usize]], build: Build) {
    let values: Vec<_> = shapes.iter().enumerate().map(|(input, dims)| numbers(dims, input)).collect();
    for known in [true, false] {
        let g = Graph::new();
        let xs: Vec<Tensor<f64>> = shapes
            .iter()
            .map(|dims| {
                let lengths: Vec<_> = dims.iter().map(|&length| known.then_some(length)).collect();
                g.placeholder("x", lengths)
            })
            .collect();
        // Squared, so that the cotangents that reach the expression differ from element to element.
        let y = (build(&xs) + 0.3).square().reduce_sum(..);
        let first: Vec<_> = Gradients::of([y]).wrt(&xs).into_iter().map(Option::unwrap).collect();
        let slopes = first.iter().map(|slope| slope.square().reduce_sum(..));
        let steepness = slopes.reduce(|sum, slope| sum + slope).unwrap();
        let second: Vec<_> = Gradients::of([steepness]).wrt(&xs).into_iter().map(Option::unwrap).collect();
        for (input, (x, slope)) in xs.iter().zip(&first).enumerate() {
            assert_eq!(x.shape().to_string(), slope.shape().to_string(), "{name}, input {input}");
        }
        for optimize in [true, false] {
            let session = Session::builder(&g).threads(1).optimize(optimize).build().unwrap();
            check_by_differences(name, &session, y, &first, &xs, &values);
            check_by_differences(&format!("gradient of {name}"), &session, steepness, &second, &xs, &values);
        }
    }
}

#[test]
fn arithmetic_broadcasts_both_ways() {
    let pairs: [[&[usize]; 2]; 8] = [
        [&[2, 3], &[2, 3]],
        [&[2, 3], &[3]],
        [&[1], &[2, 3]],
        [&[], &[2, 2]],
        [&[2, 1], &[1, 3]],
        [&[2, 1, 2], &[3, 1]],
        [&[1, 1], &[1]],
        [&[3, 1], &[1, 1]],
    ];
    for shapes in pairs {
        check(&format!("a + b, {shapes:?}"), &shapes, |x| x[0] + x[1]);
        check(&format!("a - b, {shapes:?}"), &shapes, |x| x[0] - x[1]);
        check(&format!("a·b, {shapes:?}"), &shapes, |x| x[0] * x[1]);
        check(&format!("a/b, {shapes:?}"), &shapes, |x| x[0] / x[1]);
    }
}

#[test]
fn functions_of_one_tensor() {
    let shapes: [&[usize]; 3] = [&[], &[3], &[2, 3]];
    for shape in shapes {
        check("-x", &[shape], |x| -x[0]);
        check("x²", &[shape], |x| x[0].square());
        check("identity", &[shape], |x| x[0].identity() * x[0]);
        check("scalars", &[shape], |x| 2.0 / (1.5 * x[0] - 4.0) + (x[0] / 3.0 - 1.0));
        check("x·x + x", &[shape], |x| x[0] * x[0] + x[0]);
        check("stop_gradient", &[shape], |x| x[0] + x[0] * (x[0] - x[0]).stop_gradient());
    }
}

#[test]
fn matmul_in_all_forms() {
    check("a·b", &[&[2, 3], &[3, 4]], |x| x[0].matmul(x[1]));
    check("aᵀ·b", &[&[3, 2], &[3, 4]], |x| x[0].matmul_transposed(x[1], true, false));
    check("a·bᵀ", &[&[2, 3], &[4, 3]], |x| x[0].matmul_transposed(x[1], false, true));
    check("aᵀ·bᵀ", &[&[3, 2], &[4, 3]], |x| x[0].matmul_transposed(x[1], true, true));
    check("a·aᵀ", &[&[2, 3]], |x| x[0].matmul_transposed(x[0], false, true));
    check("(a·b)ᵀ·a", &[&[2, 3], &[3, 4]], |x| x[0].matmul(x[1]).transpose().matmul(x[0]));
    // More rows than where a product of few columns starts to be run row by row.
    check("skinny", &[&[40, 2], &[2, 1]], |x| x[0].matmul(x[1]));
    check("skinny transposed", &[&[40, 2], &[40, 1]], |x| x[0].matmul_transposed(x[1], true, false));
}

#[test]
fn transpositions() {
    check("transpose", &[&[2, 3], &[3, 2]], |x| x[0].transpose() * x[1]);
    let permutations: [(Build, &[usize]); 6] = [
        (|x| x[0].transpose_perm([0, 1, 2]) * x[1], &[2, 3, 4]),
        (|x| x[0].transpose_perm([0, 2, 1]) * x[1], &[2, 4, 3]),
        (|x| x[0].transpose_perm([1, 0, 2]) * x[1], &[3, 2, 4]),
        (|x| x[0].transpose_perm([1, 2, 0]) * x[1], &[3, 4, 2]),
        (|x| x[0].transpose_perm([2, 0, 1]) * x[1], &[4, 2, 3]),
        (|x| x[0].transpose_perm([-1, -2, -3]) * x[1], &[4, 3, 2]),
    ];
    for (build, permuted) in permutations {
        check(&format!("transpose_perm to {permuted:?}"), &[&[2, 3, 4], permuted], build);
    }
}

/// The same reductions with different lists of axes, each a function of its own.
macro_rules! reductions {
    ($($axes:expr),* $(,)?) => {
        [$(
            (stringify!($axes), [
                |x| x[0].reduce_sum($axes),
                |x| x[0].reduce_mean($axes),
                |x| x[0].reduce_sum(Axes::from($axes).keep_dims()) * x[0],
                |x| x[0].reduce_mean(Axes::from($axes).keep_dims()) * x[0],
            ]),
        )*]
    };
}

#[test]
fn reductions_over_every_choice_of_axes() {
    let table: [(&str, [Build; 4]); 9] =
        reductions!(.., [], [0], [1], [-1], [0, 1], [0, -1], [-2, 2], [2, 0, 1]);
    for (axes, builds) in table {
        for (build, form) in builds.into_iter().zip(["sum", "mean", "sum, kept", "mean, kept"]) {
            check(&format!("{form} over {axes}"), &[&[2, 3, 2]], build);
            check(&format!("{form} over {axes} of length 1"), &[&[1, 2, 1]], build);
        }
    }
}

/// Expressions in which the ops meet, as optimization would like to have them.
#[test]
fn compositions() {
    check("a line", &[&[5, 2], &[2, 1], &[5, 1]], |x| (x[0].matmul(x[1]) - x[2]).square().reduce_mean(..));
    check("two layers", &[&[3, 2], &[2, 4], &[4], &[4, 1]], |x| {
        let hidden = (x[0].matmul(x[1]) + x[2]).square();
        2.0 * hidden.matmul(x[3]).reduce_mean(0)
    });
    check("a variance", &[&[4, 3]], |x| {
        let centred = x[0] - x[0].reduce_mean(Axes::of([0]).keep_dims());
        centred.square().reduce_mean(0)
    });
    check("a quotient of sums", &[&[4], &[4]], |x| {
        (x[0] * x[1]).reduce_sum(..) / (x[1].square().reduce_sum(..) + 1.0)
    });
    check("factors inside", &[&[3, 2], &[2, 2]], |x| {
        let scale = x[1].reduce_sum(..);
        (3.0 * (scale * x[0])).matmul(x[1].transpose() * -0.5).reduce_sum(0)
    });
}

// -- other ways to ask ---------------------------------------------------------------------------

/// Between floats of different length a cotangent is cast back; it is only as exact as the shorter.
#[test]
fn casts_between_floats() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.1_f64, -2.0, 3.5]));
    let y = x.cast::<f32>().square().cast::<f64>() * x;
    let [dx] = y.gradients([x]);
    let [ddx] = dx.gradients([x]);
    // The gradient of an f64 by an f32, and the other way round.
    let single = x.cast::<f32>();
    let [by_single]: [Tensor<f32>; 1] = (single.cast::<f64>() * x).gradients([single]);
    let session = Session::new(&g)?;
    let (x, dx, ddx, by_single) = session.run((x, dx, ddx, by_single))?;
    let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * expected.abs();
    for (index, &x) in x.indexed_iter() {
        assert!(near(dx[&index], 3.0 * x * x), "{} at {x}", dx[&index]);
        assert!(near(ddx[&index], 6.0 * x), "{} at {x}", ddx[&index]);
        assert_eq!(by_single[&index], x as f32);
    }
    Ok(())
}

/// The gradient of what an assignment gives: by the assigned value, and by the old one where that counts.
#[test]
fn assignments_have_gradients() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[2.0_f64, 3.0]));
    let v = g.variable("v", arr1(&[10.0_f64, 20.0]));
    let assigned = Gradients::of([v.assign(x * x)]).wrt(&[x, v.tensor()]);
    assert!(assigned[1].is_none(), "the old value is gone");
    let added = v.assign_add(x * x).gradients([x, v.tensor()]);
    let subtracted = v.assign_sub(x.reduce_sum(..)).gradients([x, v.tensor()]);
    for (name, gradient, expected) in [
        ("v ← x² by x", assigned[0].unwrap(), [4.0, 6.0]),
        ("v ← v + x² by x", added[0], [4.0, 6.0]),
        ("v ← v + x² by v", added[1], [1.0, 1.0]),
        ("v ← v - Σx by x", subtracted[0], [-2.0, -2.0]),
        ("v ← v - Σx by v", subtracted[1], [1.0, 1.0]),
    ] {
        assert_eq!(Session::new(&g)?.run(gradient)?, arr1(&expected).into_dyn(), "{name}");
    }
    Ok(())
}

/// Starting gradients make the result a product of the Jacobian and a vector: for y = A·x it is Aᵀ·v.
#[test]
fn starting_gradients_weigh_the_outputs() -> Result<()> {
    let g = Graph::new();
    let a = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let x = g.placeholder::<f64>("x", [3, 1]);
    let start = g.placeholder::<f64>("start", [None, Some(1)]);
    let y = g.constant(&a).matmul(x);
    let by_start = Gradients::of([y]).grad_ys([start]).wrt(&[x, x]);
    let session = Session::new(&g)?;
    let v = arr2(&[[10.0], [-1.0]]);
    let found = session.feed(start, &v).run([by_start[0].unwrap(), by_start[1].unwrap()])?;
    assert_eq!(found, [a.t().dot(&v).into_dyn(), a.t().dot(&v).into_dyn()]);

    // The Jacobian of the product with the starting gradient is A itself: forward mode by reverse mode twice.
    let direction = g.constant(arr2(&[[1.0], [0.0], [2.0]]));
    let forward = Gradients::of([by_start[0].unwrap()]).grad_ys([direction]).wrt(&[start]);
    let forward = session.feed(start, &v).run(forward[0].unwrap())?;
    assert_eq!(forward, arr2(&[[7.0], [16.0]]).into_dyn());
    Ok(())
}

/// Targets may be listed twice, lie on each other's path, and be the differentiated tensor itself.
#[test]
fn targets_of_all_kinds() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(3.0_f64);
    let y = x * 2.0;
    let z = y * y + x;
    let found = z.gradients([x, y, z, x, y]);
    assert_eq!(Session::new(&g)?.run(found)?.map(|a| a.sum()), [25.0, 12.0, 1.0, 25.0, 12.0]);
    let through_the_second = z.gradients([y, x]);
    assert_eq!(Session::new(&g)?.run(through_the_second)?.map(|a| a.sum()), [12.0, 25.0]);
    Ok(())
}

/// Rosenbrock's valley f = (1 - a)² + 100·(b - a²)²: its gradient, and its Hessian row by row.
#[test]
fn the_hessian_of_a_valley() -> Result<()> {
    let g = Graph::new();
    let (a, b) = (g.constant(1.5_f64), g.constant(-0.5_f64));
    let f = (1.0 - a).square() + 100.0 * (b - a * a).square();
    let [da, db] = f.gradients([a, b]);
    let (row_a, row_b) = (da.gradients([a, b]), db.gradients([a, b]));
    let [third] = row_a[0].gradients([a]);
    let found = Session::new(&g)?.run(([da, db], row_a, row_b, third))?;
    let ([da, db], row_a, row_b, third) = found;
    let (a, b) = (1.5_f64, -0.5_f64);
    let near = |found: &ArrayD<f64>, expected: f64| {
        assert!((found.sum() - expected).abs() < 1e-9 * expected.abs(), "{found} for {expected}");
    };
    near(&da, -2.0 * (1.0 - a) - 400.0 * a * (b - a * a));
    near(&db, 200.0 * (b - a * a));
    near(&row_a[0], 2.0 - 400.0 * (b - 3.0 * a * a));
    near(&row_a[1], -400.0 * a);
    near(&row_b[0], -400.0 * a);
    near(&row_b[1], 200.0);
    near(&third, 2400.0 * a);
    Ok(())
}

/// A value that is used twice on each of forty levels has 2⁴⁰ paths; the sweep adds them up level by level.
#[test]
fn shared_values_are_swept_once() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr0(1.0_f64));
    let y = (0..40).fold(x, |y, _| y + y);
    let before = g.len();
    let [dx] = y.gradients([x]);
    assert!(g.len() - before < 200, "{} nodes", g.len() - before);
    assert_eq!(Session::new(&g)?.run(dx)?.sum(), 2_f64.powi(40));
    Ok(())
}

/// Nothing is built for gradients that no target needs.
#[test]
fn only_the_way_to_the_targets_is_built() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [64, 32]);
    let w = g.variable("w", zeros([32, 8]));
    let loss = x.matmul(w).square().reduce_sum(..);
    let before = g.to_string();
    let [dw] = loss.gradients([w]);
    let after = g.to_string();
    let products = |text: &str| text.matches("= matmul(").count();
    assert_eq!(products(&after) - products(&before), 1, "{after}");
    assert_eq!(dw.shape().to_string(), "[32, 8]");
    g.check()
}
