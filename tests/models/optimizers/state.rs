//! What a step of training does to the state of a session: all or nothing, by the values from before, and going on
//! from saved values as if it had not stopped.

use flowgrad::Value;
use flowgrad::fault::OptimizerFault;
use flowgrad::ndarray::{arr1, arr2};
use flowgrad::optimizer::clip_by_global_norm;
use flowgrad::prelude::*;

/// A model of two layers on fixed data; gives its loss.
fn model<T: Float>(g: &Graph) -> Tensor<'_, T> {
    let number = <T as Numeric>::from_f64;
    let x = arr2(&[[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [1.0, 1.0]]).mapv(number);
    let targets = arr2(&[[1.0], [-0.5], [0.25], [2.0]]).mapv(number);
    let kernel = g.variable("kernel", glorot_uniform([2, 3]));
    let bias = g.variable("bias", zeros([3]));
    let out = g.variable("out", glorot_uniform([3, 1]));
    (g.constant(x).matmul(kernel) + bias).tanh().matmul(out).mean_squared_error(g.constant(targets))
}

/// Every optimizer, with options and a schedule that has something left to do in the middle.
fn optimizers<T: Float>(loss: Tensor<'_, T>) -> Vec<Operation<'_>> {
    let schedule = || Schedule::cosine(0.05, 0.001, 30).after_warm_up(0.0, 5);
    vec![
        Sgd::new(schedule()).clip_by_norm(0.5).minimize(loss),
        Momentum::new(schedule(), 0.9).nesterov().weight_decay(0.01).minimize(loss),
        RmsProp::new(Schedule::exponential(0.01, 0.9, 3)).centered().momentum(0.5).minimize(loss),
        Adagrad::new(Schedule::staircase(0.1, 0.5, 7)).clip_by_value(0.1).minimize(loss),
        Adam::new(Schedule::piecewise(0.1, [(3, 0.05), (15, 0.01)])).minimize(loss),
        AdamW::new(Schedule::of(|step| (step + 1.0).rsqrt() * 0.1)).clip_by_global_norm(0.1).minimize(loss),
    ]
}

fn goes_on_from_saved_values<T: Float>() -> Result<()> {
    for index in 0..optimizers(model::<T>(&Graph::new())).len() {
        let g = Graph::with_seed(5);
        let train = optimizers(model::<T>(&g))[index];
        let whole = Session::builder(&g).threads(1).build()?;
        (0..20).try_for_each(|_| whole.run(train))?;

        let first = Session::builder(&g).threads(2).build()?;
        (0..9).try_for_each(|_| first.run(train))?;
        // Built anew, as by a program that is started again.
        let g = Graph::with_seed(6);
        let train = optimizers(model::<T>(&g))[index];
        let second = Session::new(&g)?;
        second.load(first.variable_values()?)?;
        (9..20).try_for_each(|_| second.run(train))?;
        assert_eq!(second.variable_values()?, whole.variable_values()?, "optimizer {index}");
        assert_ne!(second.variable_values()?, first.variable_values()?, "optimizer {index}");
    }
    Ok(())
}

#[test]
fn training_goes_on_from_saved_values_bit_for_bit() -> Result<()> {
    goes_on_from_saved_values::<f64>()?;
    goes_on_from_saved_values::<f32>()
}

#[test]
fn every_optimizer_learns() -> Result<()> {
    let g = Graph::with_seed(5);
    let loss = model::<f32>(&g);
    for train in optimizers(loss) {
        let session = Session::new(&g)?;
        let before = session.run(loss)?.sum();
        (0..30).try_for_each(|_| session.run(train))?;
        let after = session.run(loss)?.sum();
        assert!(after < before, "{}: {before} {after}", train.name());
    }
    Ok(())
}

#[test]
fn a_run_that_fails_changes_nothing() -> Result<()> {
    let g = Graph::new();
    let train = Adam::new(0.1).minimize(model::<f64>(&g));
    let divisor = g.placeholder::<i64>("divisor", ());
    let failing = g.constant(1_i64).floor_div(divisor);
    let session = Session::new(&g)?;
    session.run(train)?;
    let before = session.variable_values()?;
    assert!(session.feed(divisor, 0).run((train, failing)).is_err());
    assert_eq!(session.variable_values()?, before);
    session.feed(divisor, 1).run((train, failing))?;
    let after = session.variable_values()?;
    assert!(before.iter().all(|(name, value)| after[name] != *value), "everything changes in a step");
    Ok(())
}

#[test]
fn updates_read_what_was_before_the_run() -> Result<()> {
    let g = Graph::new();
    let (a, b) = (g.variable("a", 3.0_f64), g.variable("b", 5.0_f64));
    let train = Sgd::new(Schedule::piecewise(0.1, [(1, 0.0)])).weight_decay(1.0).minimize(a * b);
    let session = Session::new(&g)?;
    // Beside the step, everything is as it was before.
    let (old_a, step, ()) = session.run((a, global_step(&g), train))?;
    assert_eq!((old_a.sum(), step.sum()), (3.0, 0));
    // Each by the old value of the other: 3 - 0.1·(5 + 3) and 5 - 0.1·(3 + 5), at the rate of step 0.
    let [new_a, new_b] = session.run([a, b])?;
    assert_eq!((new_a.sum(), new_b.sum()), (3.0 - 0.8, 5.0 - 0.8));
    // At the rate of step 1, which is 0.
    session.run(train)?;
    assert_eq!(session.run([a, b])?, [new_a, new_b]);
    assert_eq!(session.run(global_step(&g))?.sum(), 2);
    Ok(())
}

#[test]
fn what_is_ordered_after_a_step_sees_what_it_left() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", 3.0_f64);
    let train = Sgd::new(0.25).minimize(w.square());
    let after = g.control_dependencies(&[train], || w.identity());
    assert_eq!(Session::new(&g)?.run(after)?.sum(), 1.5);
    Ok(())
}

#[test]
fn sgd_gives_the_bits_of_descent_by_hand() -> Result<()> {
    let (g, by_hand) = (Graph::with_seed(1), Graph::with_seed(1));
    let train = Sgd::new(0.1).minimize(model::<f32>(&g));
    let loss = model::<f32>(&by_hand);
    let variables = by_hand.trainable_variables::<f32>();
    let gradients = Gradients::of([loss]).wrt(&variables);
    let steps = variables.iter().zip(gradients).map(|(w, d)| w.assign_sub(d.unwrap() * 0.1).op());
    let step = by_hand.group(steps);
    let (a, b) = (Session::new(&g)?, Session::new(&by_hand)?);
    for _ in 0..50 {
        a.run(train)?;
        b.run(step)?;
    }
    let (mut a, b) = (a.variable_values()?, b.variable_values()?);
    assert_eq!(a.remove("global_step"), Some(Value::from(flowgrad::ndarray::arr0(50_i64))));
    assert_eq!(a, b);
    Ok(())
}

/// Adam's averages start when Adam does, whatever has trained before.
#[test]
fn optimizers_count_their_own_steps() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", 4.0_f64);
    let (sgd, adam) = (Sgd::new(0.0).minimize(w.square()), Adam::new(0.5).minimize(w.square()));
    let session = Session::new(&g)?;
    (0..100).try_for_each(|_| session.run(sgd))?;
    session.run(adam)?;
    assert!((session.run(w)?.sum() - 3.5).abs() < 1e-8);
    let values = session.variable_values()?;
    let count = |name: &str| values[name].clone().into_array::<i64>().unwrap().sum();
    assert_eq!((count("global_step"), count("adam/step")), (101, 1));
    Ok(())
}

#[test]
fn two_optimizers_that_count_do_not_run_together() -> Result<()> {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable(name, 1.0_f64));
    let loss = (a + b * 2.0).square();
    let slow = Sgd::new(0.5).minimize_over(loss, &[a]);
    let fast = Momentum::new(0.25, 0.5);
    let counted = fast.minimize_over(loss, &[b]);
    let uncounted = fast.uncounted().minimize_over(loss, &[b]);
    let session = Session::new(&g)?;
    let error = session.run((slow, counted)).unwrap_err().to_string();
    assert!(
        error.starts_with("variable `global_step`: expected an order between its assignments in one run"),
        "{error}"
    );
    assert_eq!(session.run([a, b])?.map(|x| x.sum()), [1.0, 1.0]);
    session.run((slow, uncounted))?;
    assert_eq!(session.run([a, b])?.map(|x| x.sum()), [-2.0, -2.0]);
    assert_eq!(session.run(global_step(&g))?.sum(), 1);
    session.run(uncounted)?;
    assert_eq!(session.run(global_step(&g))?.sum(), 1);
    Ok(())
}

/// `minimize` is `apply_gradients` of `compute_gradients`, also of changed gradients.
#[test]
fn gradients_can_be_taken_out_and_put_back() -> Result<()> {
    let mut after = Vec::new();
    for apart in [false, true] {
        let g = Graph::with_seed(3);
        let loss = model::<f64>(&g);
        let train = if apart {
            let (gradients, variables): (Vec<_>, Vec<_>) =
                Adam::new(0.1).compute_gradients(loss).into_iter().unzip();
            let clipped = clip_by_global_norm(&gradients, 0.01);
            let pairs: Vec<_> = clipped.into_iter().zip(variables).collect();
            Adam::new(0.1).apply_gradients(&g, &pairs)
        } else {
            Adam::new(0.1).clip_by_global_norm(0.01).minimize(loss)
        };
        let session = Session::new(&g)?;
        (0..5).try_for_each(|_| session.run(train))?;
        after.push(session.variable_values()?);
    }
    assert_eq!(after[0], after[1]);
    Ok(())
}

#[test]
fn elements_whose_gradient_is_always_0_stay() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.5_f32, -2.5]));
    let loss = w * g.constant(arr1(&[0.0, 1.0]));
    let trains = [
        Momentum::new(0.1, 0.9).minimize(loss),
        RmsProp::new(0.1).centered().minimize(loss),
        Adagrad::new(0.1).minimize(loss),
        Adam::new(0.1).clip_by_norm(0.5).clip_by_global_norm(0.5).minimize(loss),
    ];
    let session = Session::new(&g)?;
    for train in trains {
        (0..3).try_for_each(|_| session.run(train))?;
    }
    let w = session.run(w)?;
    assert_eq!(w[[0]], 1.5);
    assert!(w[[1]] < -2.5);
    Ok(())
}

/// s - m² of a gradient that does not change is 0 but for rounding, of which there is no root.
#[test]
fn the_deviation_of_a_constant_gradient_is_a_number() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0_f32; 64]));
    let slopes = flowgrad::ndarray::Array1::from_shape_fn(64, |i| 0.1 + 0.37 * i as f32);
    let train = RmsProp::new(1e-4).decay(0.5).epsilon(1e-3).centered().minimize(w * g.constant(slopes));
    let session = Session::new(&g)?;
    (0..60).try_for_each(|_| session.run(train))?;
    assert!(session.run(w)?.iter().all(|w| w.is_finite()));
    Ok(())
}

#[test]
fn build_errors_of_optimizers_are_values() {
    let g = Graph::new();
    Sgd::new(-1.0).minimize(g.variable("w", 1.0_f64).square());
    let Err(Error::Build(error)) = g.check() else { panic!("a build error") };
    assert_eq!((error.site.op, error.fault.is::<OptimizerFault>()), ("sgd", true));
}

/// A square that overflows makes a slot infinite, and the weight stands still; `check_numerics` refuses the step, names
/// where the infinity came from, and leaves everything as it was.
#[test]
fn gradients_whose_squares_overflow_are_seen_by_check_numerics() -> Result<()> {
    let trained: [fn(Tensor<'_, f32>) -> Operation<'_>; 3] = [
        |loss| Adam::new(0.1).minimize(loss),
        |loss| RmsProp::new(0.1).minimize(loss),
        |loss| Adagrad::new(0.1).minimize(loss),
    ];
    for train in trained {
        let g = Graph::new();
        let w = g.variable("w", arr1(&[1.0_f32, 1.0]));
        let slopes = g.placeholder::<f32>("slopes", [2]);
        let step = train((w * slopes).reduce_sum(..));
        let (steep, gentle) = (arr1(&[1e20_f32, 1.0]), arr1(&[1.0_f32, 1.0]));

        let session = Session::new(&g)?;
        session.feed(slopes, &steep).run(step)?;
        let before = session.run(w)?;
        session.feed(slopes, &gentle).run(step)?;
        let after = session.run(w)?;
        assert!(after[0] == before[0] && after[1] < before[1], "from {before} to {after}");

        let checked = Session::builder(&g).check_numerics(true).build()?;
        checked.feed(slopes, &gentle).run(step)?;
        let before = checked.variable_values()?;
        let error = checked.feed(slopes, &steep).run(step).unwrap_err().to_string();
        assert!(error.contains("inf in `") && error.contains("square"), "{error}");
        assert_eq!(checked.variable_values()?, before);
        checked.feed(slopes, &gentle).run(step)?;
    }
    Ok(())
}

/// Zero gradients are clipped without a quotient by 0, also where every number is checked.
#[test]
fn clipping_of_nothing_makes_no_infinity() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0_f64, 1.0]));
    let loss = (w * 0.0).reduce_sum(..);
    let steps = [
        Sgd::new(0.1).clip_by_norm(1.0).minimize(loss),
        Sgd::new(0.1).clip_by_global_norm(1.0).minimize(loss),
    ];
    let session = Session::builder(&g).check_numerics(true).build()?;
    for step in steps {
        session.run(step)?;
    }
    assert_eq!(session.run(w)?, arr1(&[1.0, 1.0]).into_dyn());
    Ok(())
}
