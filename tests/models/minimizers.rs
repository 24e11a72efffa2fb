//! Minimizers of whole objectives, and objectives as functions of flat vectors.

use std::ops::ControlFlow;
use std::time::Duration;

use flowgrad::ndarray::{Array1, Array2, ArrayView1, arr1, s};
use flowgrad::optimizer::{End, Lbfgs, MinimizeError, Minimum, NewtonCg};
use flowgrad::prelude::*;
use flowgrad::{Objective, ObjectiveWithHessian, hessian};

/// What both minimizers make of a loss, from a start; they must agree on where they end.
fn both<'g>(graph: &'g Graph, loss: Tensor<'g, f64>, tolerance: f64) -> Result<[Minimum<f64>; 2]> {
    let (session, parameters) = (Session::new(graph)?, Parameters::trainable(graph));
    let objective = parameters.objective_with_hessian(&session, loss)?;
    let start = parameters.pack(&session)?;
    let quasi = Lbfgs::new().gradient_tolerance(tolerance).value_tolerance(0.0);
    let newton = NewtonCg::new().gradient_tolerance(tolerance).value_tolerance(0.0);
    let found =
        [quasi.minimize_from(&objective, start.view())?, newton.minimize_from(&objective, start.view())?];
    assert_eq!(parameters.pack(&session)?, start, "no variable changes");
    for minimum in &found {
        let (value, gradient) = objective.value_and_gradient(minimum.at.view())?;
        assert_eq!((minimum.value, &minimum.gradient), (value, &gradient));
        assert_eq!(minimum.has_converged(), matches!(minimum.end, End::Gradient | End::Value));
    }
    Ok(found)
}

fn largest_difference(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Σ 100·(x₂ᵢ - x₂ᵢ₋₁²)² + (1 - x₂ᵢ₋₁)², which is 0 where all are 1.
fn rosenbrock<T: Float>(graph: &Graph, pairs: usize) -> Tensor<'_, T> {
    let start = Array2::from_shape_fn((pairs, 2), |(_, column)| T::from_f64([-1.2, 1.0][column]));
    let x = graph.variable("x", start);
    let [odd, even] = [0, 1].map(|column| x.slice((.., column)));
    ((even - odd.square()).square() * T::from_f64(100.0) + (odd - T::from_f64(1.0)).square()).reduce_sum(..)
}

#[test]
fn a_curved_valley_is_followed_to_its_end() -> Result<()> {
    for pairs in [1, 50] {
        let g = Graph::new();
        let loss = rosenbrock(&g, pairs);
        for minimum in both(&g, loss, 1e-10)? {
            assert_eq!(minimum.end, End::Gradient);
            assert!(largest_difference(minimum.at.view(), Array1::ones(2 * pairs).view()) < 1e-9);
            // SciPy 1.16 takes 37 of L-BFGS-B and 84 of Newton-CG for one pair.
            assert!(minimum.iterations < 90, "{} steps", minimum.iterations);
        }
    }
    Ok(())
}

#[test]
fn single_precision_goes_as_far_as_its_digits() -> Result<()> {
    let g = Graph::new();
    let loss = rosenbrock::<f32>(&g, 3);
    let (session, parameters) = (Session::new(&g)?, Parameters::trainable(&g));
    let quasi = Lbfgs::new().minimize(&session, loss, &parameters)?;
    let reached = parameters.pack(&session)?;
    assert_eq!(reached, quasi.at);
    assert!(reached.iter().all(|x| (x - 1.0).abs() < 1e-2), "{reached}");
    Ok(())
}

#[test]
fn a_long_valley_takes_newton_few_steps() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", Array1::<f64>::zeros(6));
    let scales = g.constant(Array1::logspace(10.0, 0.0, 5.0, 6));
    let to = arr1(&[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]);
    let loss = (scales * (w - g.constant(to.clone())).square()).reduce_sum(..);
    let [quasi, newton] = both(&g, loss, 1e-7)?;
    assert!(newton.iterations <= 12 && quasi.iterations > newton.iterations, "{} steps", newton.iterations);
    for minimum in [quasi, newton] {
        assert!(largest_difference(minimum.at.view(), to.view()) < 1e-6);
    }
    Ok(())
}

#[test]
fn a_regression_ends_where_its_gradient_is_zero() -> Result<()> {
    let g = Graph::new();
    let rows = Array2::from_shape_fn((40, 5), |(row, column)| ((row * 7 + column * 13) as f64).sin());
    let labels = Array2::from_shape_fn((40, 1), |(row, _)| f64::from(u8::from((row * row) % 3 == 1)));
    let w = g.variable("w", Array2::<f64>::zeros((5, 1)));
    let b = g.variable("b", 0.0);
    let logits = g.constant(rows).matmul(w) + b;
    let loss =
        logits.sigmoid_cross_entropy(g.constant(labels)).reduce_mean(..) + 0.01 * w.square().reduce_sum(..);
    let [quasi, newton] = both(&g, loss, 1e-9)?;
    assert!(quasi.has_converged() && newton.has_converged());
    assert!(largest_difference(quasi.at.view(), newton.at.view()) < 1e-7);
    assert!(newton.iterations < 12 && quasi.iterations < 40);
    Ok(())
}

#[test]
fn where_the_curvature_is_negative_newton_goes_down() -> Result<()> {
    let g = Graph::new();
    let [x, y] = [("x", 1.0), ("y", 1e-3)].map(|(name, start)| g.variable(name, start));
    let loss = x.square() - y.square() + y.square().square();
    for minimum in both(&g, loss, 1e-10)? {
        assert!((minimum.value + 0.25).abs() < 1e-12, "{}", minimum.value);
    }
    Ok(())
}

#[test]
fn steps_out_of_the_domain_are_shortened() -> Result<()> {
    let g = Graph::new();
    let x = g.variable("x", 80.0_f64);
    // Its first steps lead to where the logarithm has no value.
    for minimum in both(&g, 100.0 * (x - x.ln()), 1e-8)? {
        assert!((minimum.at[0] - 1.0).abs() < 1e-9, "{}", minimum.at);
    }
    Ok(())
}

#[test]
fn a_loss_without_a_minimum_ends_all_the_same() -> Result<()> {
    let g = Graph::new();
    let x = g.variable("x", 1.0_f64);
    let (session, parameters) = (Session::new(&g)?, Parameters::trainable(&g));
    let objective = parameters.objective_with_hessian(&session, -2.0 * x)?;
    let start = arr1(&[1.0]);
    for minimum in [
        Lbfgs::new().max_iterations(50).minimize_from(&objective, start.view())?,
        NewtonCg::new().max_iterations(50).minimize_from(&objective, start.view())?,
    ] {
        assert!(!minimum.has_converged() && minimum.value < -1e6 && minimum.value.is_finite());
    }
    Ok(())
}

#[test]
fn a_kink_ends_the_search_for_a_step() -> Result<()> {
    let g = Graph::new();
    let x = g.variable("x", 0.0_f64);
    // The slope at the kink is taken to be that of one side, where there is nothing to gain.
    let loss = x.greater_equal(0.0).select(-1.0 * x.tensor() + 2.0 * x, -1.0 * x.tensor());
    let (session, parameters) = (Session::new(&g)?, Parameters::trainable(&g));
    let minimum = Lbfgs::new().minimize(&session, loss, &parameters)?;
    assert_eq!((minimum.end, minimum.iterations, minimum.value), (End::LineSearch, 0, 0.0));
    Ok(())
}

#[test]
fn what_observes_may_end_it() -> Result<()> {
    let g = Graph::new();
    let loss = rosenbrock::<f64>(&g, 1);
    let (session, parameters) = (Session::new(&g)?, Parameters::trainable(&g));
    let objective = parameters.objective(&session, loss)?;
    let mut values = vec![f64::INFINITY];
    let minimum = Lbfgs::new().minimize_observed(&objective, parameters.pack(&session)?.view(), |step| {
        assert!(step.value < values[step.iteration - 1] && step.at.len() == 2 && step.gradient_norm > 0.0);
        values.push(step.value);
        if step.iteration == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    assert_eq!((minimum.end, minimum.iterations, Some(&minimum.value)), (End::Stopped, 4, values.last()));
    let minimum = Lbfgs::new().max_iterations(2).minimize_from(&objective, arr1(&[-1.2, 1.0]).view())?;
    assert_eq!((minimum.end, minimum.iterations), (End::Iterations, 2));
    Ok(())
}

#[test]
fn what_cannot_be_minimized_changes_nothing() -> Result<()> {
    let g = Graph::new();
    let x = g.variable("x", -1.0_f64);
    let parameters = Parameters::trainable(&g);
    let session = Session::new(&g)?;
    let minimized = |loss: Tensor<'_, f64>, with: &Lbfgs| {
        let error = with.minimize(&session, loss, &parameters).unwrap_err();
        let Error::Other(error) = error else { panic!("expected an error of minimizers, got {error}") };
        error.to_string()
    };
    assert_eq!(
        minimized(x.ln(), &Lbfgs::new()),
        "expected a finite value and gradient at the start, got a value of NaN"
    );
    assert_eq!(
        minimized((x + 1.0).sqrt(), &Lbfgs::new()),
        "expected a finite value and gradient at the start, got a value of 0 and inf as element 0 of the gradient"
    );
    assert_eq!(
        minimized(x.square(), &Lbfgs::new().history(0)),
        "history: expected a whole number from 1 on, got 0"
    );
    assert_eq!(
        minimized(x.square(), &Lbfgs::new().gradient_tolerance(f64::NAN)),
        "gradient_tolerance: expected a number from 0 on, got NaN"
    );
    assert_eq!(
        minimized(x.square(), &Lbfgs::new().value_tolerance(-1.0)),
        "value_tolerance: expected a number from 0 on, got -1"
    );
    let endless = g.while_loop(|_| g.constant(true), |x| x + 1.0, x * 1.0);
    let hasty = session.with_timeout(Duration::from_millis(1));
    let parameters = Parameters::trainable(&g);
    let error = Lbfgs::new().minimize(&hasty, endless, &parameters).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded), "{error}");
    assert_eq!(session.run(x)?.item()?, -1.0);
    assert!(matches!(
        MinimizeError::NotFinite { value: 0.0, element: None },
        MinimizeError::NotFinite { .. }
    ));
    Ok(())
}

#[test]
fn an_objective_is_the_loss_as_a_function_of_a_vector() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", Array2::from_shape_fn((2, 3), |(row, column)| (row + 2 * column) as f64));
    let b = g.variable("b", 0.5_f64);
    let fixed = g.variable("fixed", 3.0_f64);
    let x = g.placeholder::<f64>("x", [None, Some(3)]);
    let loss = (x.matmul(w.transpose()).tanh() * b + fixed).square().reduce_mean(..);
    let session = Session::new(&g)?;
    let wide = Array2::from_shape_fn((4, 6), |(row, column)| ((row * 6 + column) as f64).cos());
    // Neither what is fed nor the vector lies in one piece.
    let data = wide.slice(s![.., ..;2]);
    let parameters = Parameters::of(&g, [w, b]);
    let objective: ObjectiveWithHessian<'_, f64> =
        parameters.objective_with_hessian(session.feed(x, data), loss)?;
    assert_eq!((objective.len(), objective.is_empty()), (7, false));
    let apart = Array1::from_shape_fn(14, |index| (index as f64 * 0.7).sin());
    let at = apart.slice(s![..;2]);
    let along = Array1::from_shape_fn(7, |index| 1.0 / (1.0 + index as f64));

    let (value, gradient) = objective.value_and_gradient(at)?;
    let mut written = [0.0; 7];
    assert_eq!(objective.evaluate(&at.to_vec(), &mut written)?, value);
    assert_eq!((arr1(&written), objective.value(at)?), (gradient.clone(), value));
    let product = objective.hessian_vector_product(at, along.view())?;

    // The same with the variables set.
    session.run(fixed.assign(3.0))?;
    parameters.unpack(&session, at)?;
    let matrix = hessian(loss, w);
    let fed = session.feed(x, data);
    let (expected, slope, matrix) = fed.run((loss, parameters.gradient(loss), matrix))?;
    assert_eq!((expected.item()?, slope), (value, gradient.into_dyn()));
    let matrix = matrix.into_shape_with_order((6, 6))?;
    // The first six parts of the vector alone are of `w`.
    let mut of_w = along.clone();
    of_w[6] = 0.0;
    let by_matrix = matrix.dot(&of_w.slice(s![..6]));
    let found = objective.hessian_vector_product(at, of_w.view())?;
    assert!(largest_difference(found.slice(s![..6]), by_matrix.view()) < 1e-12);
    assert!(largest_difference(found.view(), product.view()) > 0.0);

    // Other variables have the values that the session has.
    session.run(fixed.assign(0.0))?;
    assert!(objective.value(at)? < value);
    Ok(())
}

#[test]
fn an_objective_refuses_what_is_no_function_of_its_vector() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    let n = g.placeholder::<f64>("n", [None]);
    let session = Session::new(&g)?;
    let parameters = Parameters::trainable(&g);
    let error = parameters.objective(&session, w * 2.0).unwrap_err();
    assert_eq!(error.to_string(), "expected an array of one element, got shape [2]");
    let three = arr1(&[0.0, 0.0, 0.0]);
    let objective: Objective<'_, f64> =
        parameters.objective(session.feed(n, &three), (w.reduce_sum(..) + n).square())?;
    let error = objective.value(arr1(&[1.0, 2.0]).view()).unwrap_err();
    assert_eq!(error.to_string(), "expected an array of one element, got shape [3]");
    let loss = w.square().reduce_sum(..);
    let objective = parameters.objective(&session, loss)?;
    let mut gradient = [7.0; 3];
    let error = objective.evaluate(&[1.0, 2.0], &mut gradient).unwrap_err();
    assert_eq!(error.to_string(), "expected 2 elements, one for each of the parameters, got 3");
    assert_eq!(gradient, [7.0; 3]);
    assert!(objective.value(three.view()).is_err());
    assert!(matches!(Parameters::of(&g, [w, w]).objective(&session, loss).unwrap_err(), Error::FedTwice(_)));
    let other = Graph::new();
    let v = other.variable("v", 1.0_f64);
    assert!(Parameters::of(&other, [v]).objective(&session, v.square()).is_err());
    let unfed = parameters.objective(&session, n.reduce_sum(..) * loss);
    assert!(matches!(unfed, Err(Error::NotFed { .. })));
    Ok(())
}

#[test]
fn a_loss_of_none_of_the_parameters_is_an_error() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", 2.0);
    let session = Session::new(&g)?;
    let loss = w.tensor().stop_gradient().square();
    let error = Lbfgs::new().minimize(&session, loss, &Parameters::of(&g, [w])).unwrap_err();
    assert!(matches!(error, Error::Build(_)), "{error}");
    Ok(())
}

#[test]
fn threads_share_an_objective() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    let x = g.placeholder::<f64>("x", [2]);
    let session = Session::new(&g)?;
    let data = arr1(&[3.0, 4.0]);
    let loss = (w * x).reduce_sum(..).square();
    let objective = Parameters::trainable(&g).objective(session.feed(x, &data), loss)?;
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|thread| {
                let objective = &objective;
                scope.spawn(move || objective.value(arr1(&[f64::from(thread), 1.0]).view()))
            })
            .collect();
        for (thread, run) in (0..).zip(runs) {
            assert_eq!(run.join().unwrap()?, (3.0 * f64::from(thread) + 4.0).powi(2));
        }
        Ok(())
    })
}

/// Steep losses in single precision, whose curvature is beyond what the numbers resolve.
#[test]
fn the_scale_of_a_loss_does_not_matter() -> Result<()> {
    for scale in [1e-6_f32, 1.0, 1e8] {
        let g = Graph::new();
        let w = g.variable("w", arr1(&[3.0_f32, -2.0]));
        let loss = ((w - 1.0).square() * g.constant(arr1(&[scale, 100.0 * scale]))).reduce_sum(..);
        let (session, parameters) = (Session::new(&g)?, Parameters::trainable(&g));
        let objective = parameters.objective_with_hessian(&session, loss)?;
        let (start, tolerance) = (parameters.pack(&session)?, f64::from(scale) * 1e-5);
        for minimum in [
            Lbfgs::new().gradient_tolerance(tolerance).minimize_from(&objective, start.view())?,
            NewtonCg::new().gradient_tolerance(tolerance).minimize_from(&objective, start.view())?,
        ] {
            assert!(minimum.at.iter().all(|x| (x - 1.0).abs() < 1e-4), "{scale}: {minimum:?}");
            assert!(minimum.iterations < 20, "{scale}: {minimum:?}");
        }
    }
    Ok(())
}
