//! Jacobians, Hessians, their products with vectors, zeros for unconnected targets, and gradients that users
//! write, against results worked out by hand.

use flowgrad::Fault;
use flowgrad::fault::{CustomGradientFault, GradientFault, NoGradient};
use flowgrad::ndarray::{Array2, ArrayD, Axis, arr0, arr1, arr2, array};
use flowgrad::prelude::*;

fn assert_near(found: &ArrayD<f64>, expected: &ArrayD<f64>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (index, &expected) in expected.indexed_iter() {
        let found = found[&index];
        assert!(
            (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
            "{what}: {found} for {expected}"
        );
    }
}

/// What a graph has been built wrongly.
#[track_caller]
fn fault(g: &Graph) -> (&'static str, Fault) {
    let Error::Build(error) = g.check().unwrap_err() else { panic!("no build error") };
    assert!(
        error.site.location.file().ends_with("derivatives.rs") && !error.site.location.file().contains("src")
    );
    (error.site.op, error.fault)
}

// -- Jacobians -----------------------------------------------------------------------------------

/// y = A·x has the Jacobian A; yᵢⱼ = xᵢ² has ∂yᵢⱼ/∂xₖ = 2xᵢ where i = k, and shape [2, 3, 2].
#[test]
fn jacobians_of_products_and_broadcasts() -> Result<()> {
    let g = Graph::new();
    let a = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let x = g.variable("x", arr2(&[[1.0], [-1.0], [0.5]]));
    let linear = jacobian(g.constant(&a).matmul(x), x);
    let v = g.constant(arr2(&[[3.0], [-2.0]]));
    let spread = jacobian(v.square() + g.constant(Array2::zeros((2, 3))), v);
    let scalar = jacobian(v.square().reduce_sum(..), v);
    let itself = jacobian(v, v);
    let by_scalar = g.constant(2.0);
    let of_many = jacobian(by_scalar * by_scalar * g.constant(arr1(&[1.0, 2.0, 3.0, 4.0, 5.0])), by_scalar);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let found = session.run([linear, spread, scalar, itself, of_many])?;
        assert_eq!(found[0], a.clone().insert_axis(Axis(1)).insert_axis(Axis(3)).into_dyn());
        let expected = ArrayD::from_shape_fn(vec![2, 3, 2, 1], |at| match (at[0], at[2]) {
            (0, 0) => 6.0,
            (1, 1) => -4.0,
            _ => 0.0,
        });
        assert_eq!(found[1], expected);
        assert_eq!(found[2], arr2(&[[6.0], [-4.0]]).into_dyn());
        assert_eq!(found[3], Array2::<f64>::eye(2).into_shape_with_order((2, 1, 2, 1))?.into_dyn());
        assert_eq!(found[4], arr1(&[4.0, 8.0, 12.0, 16.0, 20.0]).into_dyn());
    }
    Ok(())
}

/// Rows and columns: with either shape unknown in part the Jacobian is that of the other direction.
#[test]
fn jacobians_of_unknown_lengths() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let total = x.square().reduce_sum(0);
    let by_rows = jacobian(total, x);
    assert_eq!(by_rows.shape().to_string(), "[2, ?, 2]");
    let w = g.variable("w", arr1(&[2.0, 3.0]));
    let by_columns = jacobian((x * w.square()).reduce_sum(-1), w);
    assert_eq!(by_columns.shape().to_string(), "[?, 2]");
    let again = jacobian(by_columns, w);
    let session = Session::new(&g)?;
    for rows in [0, 1, 3] {
        let fed = Array2::from_shape_fn((rows, 2), |(i, j)| (3 * i + j) as f64 - 2.0);
        let (down, across, again) = session.feed(x, &fed).run((by_rows, by_columns, again))?;
        let expected = ArrayD::from_shape_fn(vec![2, rows, 2], |at| {
            if at[0] == at[2] { 2.0 * fed[[at[1], at[2]]] } else { 0.0 }
        });
        assert_eq!(down, expected, "{rows} rows");
        assert_eq!(across, (&fed * &arr1(&[4.0, 6.0])).into_dyn(), "{rows} rows");
        let expected = ArrayD::from_shape_fn(vec![rows, 2, 2], |at| {
            if at[1] == at[2] { 2.0 * fed[[at[0], at[1]]] } else { 0.0 }
        });
        assert_eq!(again, expected, "{rows} rows");
    }
    Ok(())
}

/// A derivative that is not finite stays in its row, and a branch that was not taken stays out.
#[test]
fn jacobians_keep_rows_apart() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 4.0]));
    let roots = jacobian(x.sqrt(), x);
    let chosen = jacobian(x.greater(0.0).select(x.sqrt() * x, 3.0 * x), x);
    let wide = g.placeholder::<f64>("wide", [None]);
    let k = g.constant(0.0);
    let by_columns = jacobian(wide.greater(0.0).select((k / wide).exp(), k * 2.0), k);
    let session = Session::new(&g)?;
    let fed = arr1(&[0.0, 0.5]);
    let (roots, chosen, by_columns) = session.feed(wide, &fed).run((roots, chosen, by_columns))?;
    assert_eq!(roots, arr2(&[[f64::INFINITY, 0.0], [0.0, 0.25]]).into_dyn());
    assert_eq!(chosen, arr2(&[[3.0, 0.0], [0.0, 3.0]]).into_dyn());
    assert_eq!(by_columns, arr1(&[2.0, 2.0]).into_dyn());
    Ok(())
}

/// The Jacobian of tanh is diag(1 - y²), its own gradient -2y·(1 - y²); lengths of 0 leave it empty.
#[test]
fn jacobians_are_differentiated_again() -> Result<()> {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[0.3, -1.2, 2.0]));
    let j = jacobian(x.tanh(), x);
    let [dj] = j.gradients([x]);
    let third = jacobian(dj, x);
    let none = g.constant(ArrayD::<f64>::zeros(vec![0, 2]));
    let empty = [jacobian(none.square(), none), jacobian(none.reduce_sum(1), none)];
    let filled = jacobian(none.reduce_sum(0) + 1.0, none);
    let session = Session::new(&g)?;
    let (x, j, dj, third) = session.run((x, j, dj, third))?;
    let y = x.mapv(f64::tanh);
    let slope = y.mapv(|y| 1.0 - y * y);
    let diagonal = |d: &ArrayD<f64>| {
        Array2::from_diag(&d.view().into_dimensionality::<flowgrad::ndarray::Ix1>().unwrap()).into_dyn()
    };
    assert_near(&j, &diagonal(&slope), "tanh'");
    assert_near(&dj, &(-2.0 * &y * &slope), "tanh''");
    assert_near(&third, &diagonal(&(&slope * (6.0 * &y * &y - 2.0))), "tanh'''");
    let [a, b] = session.run(empty)?;
    assert_eq!((a.shape(), b.shape()), (&[0, 2, 0, 2][..], &[0, 0, 2][..]));
    assert_eq!(session.run(filled)?.shape(), [2, 0, 2]);
    Ok(())
}

#[test]
fn jacobians_in_single_precision() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0_f32, 2.0]));
    assert_eq!(Session::new(&g)?.run(jacobian(x * x, x))?, arr2(&[[2.0_f32, 0.0], [0.0, 4.0]]).into_dyn());
    Ok(())
}

#[test]
fn jacobians_that_cannot_be() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(3)]);
    jacobian((x * x).named("squares"), x);
    let (op, wrong) = fault(&g);
    assert_eq!(op, "jacobian");
    assert_eq!(
        wrong,
        Fault::op(GradientFault::UnknownSize { tensor: "squares".into(), shape: [None, Some(3)].into() })
    );

    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let cut = x.cast::<i64>().named("whole").cast::<f64>().named("y");
    jacobian(cut, x);
    let (op, wrong) = fault(&g);
    let reason = NoGradient::NotContinuous { node: "whole".into(), dtype: DType::I64 };
    assert_eq!(
        (op, wrong),
        ("jacobian", Fault::op(GradientFault::Unconnected { y: "y".into(), x: "constant".into(), reason }))
    );

    let (g, other) = (Graph::new(), Graph::new());
    let x = g.constant(1.0);
    jacobian(x * x, other.constant(1.0));
    assert_eq!(fault(&g), ("jacobian", Fault::OtherGraph { operand: 1 }));
}

// -- Hessians ------------------------------------------------------------------------------------

/// Line 22: the Hessian of Σc³ is diag(6c), and t⁴ has the fourth derivative 24.
#[test]
fn hessians_of_powers() -> Result<()> {
    let g = Graph::new();
    let c = g.placeholder::<f64>("c", [3]);
    let h = hessian(c * c * c, c);
    let along = hessian_vector_product(c * c * c, &[c], &[g.constant(arr1(&[1.0, -1.0, 2.0]))]);
    let t = g.constant(2.0);
    let second = hessian(t * t * t * t, t);
    let fourth = hessian(second, t);
    let session = Session::new(&g)?;
    let fed = arr1(&[1.0, -2.0, 0.5]);
    let (h, along) = session.feed(c, &fed).run((h, along))?;
    assert_eq!(h, Array2::from_diag(&(6.0 * &fed)).into_dyn());
    assert_eq!(along, [arr1(&[6.0, 12.0, 6.0]).into_dyn()]);
    assert_eq!(session.run([second, fourth])?.map(|a| a.sum()), [48.0, 24.0]);
    Ok(())
}

/// ½·xᵀ·A·x has the Hessian (A + Aᵀ)/2, of a matrix x with four axes, and its product with V is (A + Aᵀ)/2·V.
#[test]
fn hessians_of_quadratic_forms() -> Result<()> {
    let g = Graph::new();
    let a = arr2(&[[2.0, -1.0, 0.5], [3.0, 4.0, 1.0], [0.0, -2.0, 5.0]]);
    let x = g.variable("x", arr2(&[[1.0, 2.0], [3.0, -4.0], [0.5, 6.0]]));
    let form = (x * g.constant(&a).matmul(x)).reduce_sum(..) / 2.0;
    let h = hessian(form, x);
    let v = arr2(&[[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]]);
    let product = hessian_vector_product(form, &[x], &[g.constant(&v)]);
    let session = Session::new(&g)?;
    let symmetric = (&a + &a.t()) / 2.0;
    let expected =
        ArrayD::from_shape_fn(
            vec![3, 2, 3, 2],
            |at| {
                if at[1] == at[3] { symmetric[[at[0], at[2]]] } else { 0.0 }
            },
        );
    let (h, product) = session.run((h, product))?;
    assert_near(&h, &expected, "the Hessian");
    assert_near(&product[0], &symmetric.dot(&v).into_dyn(), "its product with V");
    Ok(())
}

/// Where the gradient does not depend on the target, second derivatives are zeros; `y` alone must depend on it.
#[test]
fn what_is_linear_has_no_second_derivative() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let n = g.placeholder::<f64>("n", [None]);
    let flat = hessian(3.0 * x, x);
    let y = x.reduce_sum(..) * n.reduce_sum(..);
    let mixed = hessian_vector_product(y, &[x, n], &[x, n]);
    let alone = hessian_vector_product(x.square(), &[n, x], &[n, x]);
    let session = Session::new(&g)?;
    assert_eq!(session.run(flat)?, Array2::zeros((2, 2)).into_dyn());
    let fed = arr1(&[1.0, 10.0, 100.0]);
    let (mixed, alone) = session.feed(n, &fed).run((mixed, alone))?;
    assert_eq!(mixed, [arr1(&[111.0, 111.0]).into_dyn(), arr1(&[3.0, 3.0, 3.0]).into_dyn()]);
    assert_eq!(alone, [ArrayD::zeros(vec![3]), arr1(&[2.0, 4.0]).into_dyn()]);

    hessian(x.stop_gradient(), x);
    assert!(matches!(fault(&g).1.downcast_ref(), Some(GradientFault::Unconnected { .. })));
    let g = Graph::new();
    let n = g.placeholder::<f64>("n", [None]);
    hessian(n * n, n);
    let expected = Fault::op(GradientFault::UnknownSize { tensor: "n".into(), shape: [None].into() });
    assert_eq!(fault(&g), ("hessian", expected));
    Ok(())
}

// -- products with vectors -----------------------------------------------------------------------

/// The directional derivative through a product, a function and a reduction is what the chain rule says.
#[test]
fn directional_derivatives() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let v = g.placeholder::<f64>("v", [None, None]);
    let w = g.variable("w", arr2(&[[1.0], [-2.0]]));
    let along_w = g.constant(arr2(&[[0.5], [3.0]]));
    let y = x.matmul(w).sin();
    let both = jvp(y, &[x, w.tensor()], &[v, along_w]);
    let unused = g.constant(arr1(&[7.0]));
    let same = jvp(y, &[unused, x], &[unused, v]);
    let itself = jvp(x, &[x], &[v]);
    let none: [Tensor<f64>; 0] = [];
    let nowhere = jvp(y, &none, &none);
    assert_eq!(both.shape().to_string(), "[?, 1]");
    let (fed, along) =
        (arr2(&[[1.0, 0.5], [-0.2, 2.0], [3.0, 1.5]]), arr2(&[[1.0, 0.0], [2.0, -1.0], [0.5, 4.0]]));
    let (weights, along_weights) = (arr2(&[[1.0], [-2.0]]), arr2(&[[0.5], [3.0]]));
    let slope = fed.dot(&weights).mapv(f64::cos);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let found = session.feed(x, &fed).feed(v, &along).run([both, same, itself, nowhere])?;
        let by_x = &slope * &along.dot(&weights);
        assert_near(&found[0], &(&by_x + &slope * &fed.dot(&along_weights)).into_dyn(), "both");
        assert_near(&found[1], &by_x.into_dyn(), "by x");
        assert_eq!(found[2], along.clone().into_dyn());
        assert_eq!(found[3], ArrayD::zeros(vec![3, 1]));
    }
    // A vector of unknown shape that turns out to be another.
    let session = Session::new(&g)?;
    let error = session.feed(x, &fed).feed(v, &arr2(&[[1.0, 2.0]])).run(both).unwrap_err();
    assert!(error.to_string().starts_with("expected shape [3, 2], got [1, 2]"), "{error}");
    // What a derivative gives may be a node of the user's, which keeps its name.
    let scalar = g.constant(1.0).named("scalar");
    let own = custom_gradient([scalar], |[x]| x * x, |at| [at.input(0)]);
    assert_eq!([jacobian(own, scalar), itself].map(Tensor::name), ["jacobian", "jvp_2"]);
    assert_eq!([v, scalar].map(Tensor::name), ["v", "scalar"]);
    Ok(())
}

/// A vector that is computed from the target counts as a constant.
#[test]
fn vectors_are_constants() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let product = hessian_vector_product(x * x * x, &[x], &[x]);
    // Line 17: stopped and integer paths do not count.
    let y = x * x + (x * 5.0).stop_gradient() * x.cast::<i32>().cast::<f64>();
    let cut = jvp(y, &[x], &[x]);
    let session = Session::new(&g)?;
    assert_eq!(session.run(product)?[0], arr1(&[6.0, 24.0]).into_dyn());
    assert_eq!(session.run(cut)?, arr1(&[2.0, 8.0]).into_dyn());
    Ok(())
}

/// Line 21: what a select did not take stays out of forward mode and of second derivatives as well.
#[test]
fn branches_not_taken() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 4.0, -1.0]));
    let y = x.greater(0.0).select(x.sqrt() + x.ln(), x * x);
    let v = g.constant(arr1(&[1.0, 1.0, 1.0]));
    let dy = jvp(y, &[x], &[v]);
    let ddy = hessian_vector_product(y, &[x], &[v]);
    let session = Session::new(&g)?;
    assert_near(&session.run(dy)?, &arr1(&[0.0, 0.5, -2.0]).into_dyn(), "first");
    assert_near(&session.run(ddy)?[0], &arr1(&[2.0, -0.03125 - 0.0625, 2.0]).into_dyn(), "second");
    Ok(())
}

#[track_caller]
fn product<'g>(
    op: &str,
    y: Tensor<'g, f64>,
    x: Tensor<'g, f64>,
    vs: &[Tensor<'g, f64>],
) -> Vec<Tensor<'g, f64>> {
    if op == "jvp" { vec![jvp(y, &[x], vs)] } else { hessian_vector_product(y, &[x], vs) }
}

#[test]
fn vectors_that_do_not_fit() {
    for op in ["jvp", "hessian_vector_product"] {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [2]);
        assert_eq!(product(op, x * x, x, &[x, x]).len(), 1);
        assert_eq!(fault(&g), (op, Fault::op(GradientFault::VectorCount { xs: 1, vectors: 2 })));

        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [2]);
        product(op, x * x, x, &[g.constant(arr1(&[1.0, 2.0, 3.0]))]);
        let expected =
            Fault::op(GradientFault::VectorShape { x: "x".into(), expected: [2].into(), found: [3].into() });
        assert_eq!(fault(&g), (op, expected));

        let g = Graph::new();
        let [x, y] = [g.constant(arr0(1.0)).named("x"), g.constant(arr0(2.0)).named("y")];
        product(op, y, x, &[x]);
        let expected = Fault::op(GradientFault::Unconnected {
            y: "y".into(),
            x: "x".into(),
            reason: NoGradient::NoPath,
        });
        assert_eq!(fault(&g), (op, expected));
    }
    let messages = [
        (
            Fault::op(GradientFault::VectorCount { xs: 1, vectors: 2 }),
            "expected a vector for each of 1 targets, got 2",
        ),
        (
            Fault::op(GradientFault::VectorShape { x: "x".into(), expected: [2].into(), found: [3].into() }),
            "vector of `x`: expected shape [2], got [3]",
        ),
        (
            Fault::op(GradientFault::UnknownSize { tensor: "y".into(), shape: [None, Some(3)].into() }),
            "`y`: expected a shape that is known while building, for one part is built for each element, got [?, 3]",
        ),
    ];
    for (fault, words) in messages {
        assert_eq!(fault.to_string(), words);
    }
}

// -- unconnected targets -------------------------------------------------------------------------

/// Zeros in the target's own shape, also where that is known only at run time.
#[test]
fn zeros_for_unconnected_targets() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let other = g.placeholder::<f64>("other", [None, None]);
    let y = x * x;
    let grads = Gradients::of([y]).wrt_or_zeros(&[x, other]);
    assert_eq!(grads[1].shape().to_string(), "[?, ?]");
    let single: Vec<Tensor<f32>> = Gradients::of([y]).wrt_or_zeros(&[g.constant(arr1(&[1.0_f32]))]);
    let session = Session::new(&g)?;
    let (x_fed, other_fed) = (arr2(&[[1.0, 2.0]]), Array2::from_elem((3, 1), f64::NAN));
    let (grads, single) = session.feed(x, &x_fed).feed(other, &other_fed).run((grads, single))?;
    assert_eq!(grads, [arr2(&[[2.0, 4.0]]).into_dyn(), ArrayD::zeros(vec![3, 1])]);
    assert_eq!(single, [arr1(&[0.0_f32]).into_dyn()]);
    Ok(())
}

// -- gradients that users write ------------------------------------------------------------------

/// ln(1 + eˣ) with the gradient that holds for large x, as TensorFlow's documentation has it.
fn log1pexp(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    custom_gradient(
        [x],
        |[x]| (x.exp() + 1.0).ln(),
        |at| [at.cotangent() * (1.0 - 1.0 / (at.input(0).exp() + 1.0))],
    )
}

#[test]
fn custom_gradients_to_second_order() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = log1pexp(x * 2.0);
    let [by_x] = y.gradients([x]);
    let [by_x_twice] = by_x.gradients([x]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let fed = arr1(&[0.0, -1.5, 0.7]);
        let (y, dx, ddx) = session.feed(x, &fed).run((y, by_x, by_x_twice))?;
        let sigmoid = fed.mapv(|x| 1.0 / (1.0 + (-2.0 * x).exp())).into_dyn();
        assert_near(&y, &fed.mapv(|x| (2.0 * x).exp().ln_1p()).into_dyn(), "y");
        assert_near(&dx, &(2.0 * &sigmoid), "y'");
        assert_near(&ddx, &(4.0 * &sigmoid * (1.0 - &sigmoid)), "y''");
        let far = arr1(&[500.0]);
        assert_eq!(session.feed(x, &far).run(by_x)?, arr1(&[2.0]).into_dyn());
    }
    Ok(())
}

/// The user's rule alone counts: what it says, for the inputs it names, even where it is wrong.
#[test]
fn custom_gradients_replace_those_of_the_parts() -> Result<()> {
    let g = Graph::new();
    let a = g.variable("a", arr1(&[1.0, 2.0]));
    let b = g.constant(3.0);
    let captured = g.constant(10.0);
    let y = custom_gradient(
        [a.tensor(), b],
        |[a, b]| a * b * captured,
        |at| {
            let [a, b] = at.inputs();
            [at.cotangent() * b * 100.0, (at.cotangent() * at.output() / a).reduce_sum(..)]
        },
    );
    let [da, db] = y.gradients([a.tensor(), b]);
    let straight = custom_gradient([a], |[a]| a.cast::<i64>().cast(), |at| [at.cotangent()]);
    let [through] = straight.gradients([a]);
    let unused = Gradients::of([y]).wrt(&[captured]);
    assert!(unused[0].is_none());
    let session = Session::new(&g)?;
    let (y, da, db, through) = session.run((y, da, db, through))?;
    assert_eq!(y, arr1(&[30.0, 60.0]).into_dyn());
    assert_eq!((da, db.sum()), (arr1(&[300.0, 300.0]).into_dyn(), 60.0));
    assert_eq!(through, arr1(&[1.0, 1.0]).into_dyn());
    Ok(())
}

#[test]
fn custom_gradients_that_do_not_fit() -> Result<()> {
    let g = Graph::new();
    let x = g.variable("x", array![[1.0, 2.0]]);
    let line = line!() + 1;
    let y = custom_gradient([x], |[x]| x.reduce_sum(..), |at| [at.cotangent()]);
    g.check()?;
    let _ = y.gradients([x]);
    let Error::Build(error) = g.check().unwrap_err() else { panic!("no build error") };
    let (expected, found) = ([1, 2].into(), Shape::scalar());
    assert_eq!(error.fault, Fault::op(CustomGradientFault::Shape { x: "x".into(), expected, found }));
    assert_eq!((error.site.op, error.site.location.line()), ("custom_gradient", line));
    let words = "the custom gradient of `x`: expected shape [1, 2], got [], in `";
    assert!(error.to_string().starts_with(words), "{error}");

    let g = Graph::new();
    let x = g.constant(1.0);
    let _ = custom_gradient([x], |[x]| x, |at| [at.input(1)]).gradients([x]);
    assert_eq!(fault(&g), ("custom_gradient", Fault::op(GradientFault::NoSuchInput { input: 1, inputs: 1 })));

    // Lengths that turn out to differ.
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let other = g.placeholder::<f64>("other", [None]);
    let y = custom_gradient([x, other], |[x, _]| x.reduce_sum(..), |at| [at.input(1), at.input(1)]);
    let [dx] = y.gradients([x]);
    let session = Session::new(&g)?;
    let fed = |n: usize| ArrayD::<f64>::ones(vec![n]);
    assert_eq!(session.feed(x, &fed(2)).feed(other, &fed(2)).run(dx)?, fed(2));
    let error = session.feed(x, &fed(2)).feed(other, &fed(3)).run(dx).unwrap_err();
    assert!(error.to_string().starts_with("expected shape [2], got [3]"), "{error}");
    Ok(())
}
