//! Rates and other numbers of training: numbers, tensors, variables and schedules alike.

use flowgrad::Fault;
use flowgrad::fault::OptimizerFault;
use flowgrad::ndarray::{ArrayD, arr1};
use flowgrad::optimizer::{Optimizer, UpdateRule, clip_by_global_norm, clip_by_norm};
use flowgrad::prelude::*;

/// What three steps down a small loss leave of its variable.
fn trained<R: UpdateRule>(of: impl for<'g> Fn(&'g Graph) -> Optimizer<R>) -> ArrayD<f32> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.5_f32, -0.25, 3.0]));
    let train = of(&g).minimize((w * w * 0.5 + w).reduce_sum(..));
    let session = Session::new(&g).unwrap();
    (0..3).for_each(|_| session.run(train).unwrap());
    session.run(w).unwrap()
}

/// A number as a constant of single and of double precision, as a variable, and as a schedule.
macro_rules! alike {
    ($number:expr, |$rate:ident| $optimizer:expr) => {
        let expected = trained(|_| {
            let $rate = $number;
            $optimizer
        });
        let others = [
            trained(|g| {
                let $rate = g.constant($number);
                $optimizer
            }),
            trained(|g| {
                let $rate = g.constant($number as f32);
                $optimizer
            }),
            trained(|g| {
                let $rate = g.non_trainable_variable("rate", $number);
                $optimizer
            }),
            trained(|_| {
                let $rate = Schedule::of(|step| step * 0.0 + $number);
                $optimizer
            }),
        ];
        for found in others {
            assert!(
                (&found - &expected).iter().all(|e| e.abs() < 1e-6),
                "{}: {found} is not {expected}",
                stringify!($optimizer)
            );
        }
    };
}

#[test]
fn numbers_tensors_variables_and_schedules_are_alike() {
    alike!(0.25, |rate| Sgd::new(rate));
    alike!(0.25, |rate| Momentum::new(rate, 0.5));
    alike!(0.75, |momentum| Momentum::new(0.25, momentum));
    alike!(0.75, |momentum| Momentum::new(0.25, momentum).nesterov());
    alike!(0.125, |rate| Adam::new(rate));
    alike!(0.5, |beta| Adam::new(0.125).beta1(beta));
    alike!(0.5, |beta| Adam::new(0.125).beta2(beta));
    alike!(0.5, |epsilon| Adam::new(0.125).epsilon(epsilon));
    alike!(0.25, |lambda| AdamW::new(0.125).weight_decay(lambda));
    alike!(0.25, |lambda| Sgd::new(0.125).weight_decay(lambda));
    alike!(0.25, |decay| RmsProp::new(0.125).decay(decay));
    alike!(0.25, |momentum| RmsProp::new(0.125).momentum(momentum));
    alike!(0.25, |epsilon| RmsProp::new(0.125).epsilon(epsilon).centered());
    alike!(0.25, |epsilon| Adagrad::new(0.125).epsilon(epsilon));
    alike!(0.5, |limit| Sgd::new(0.125).clip_by_value(limit));
    alike!(0.5, |limit| Sgd::new(0.125).clip_by_norm(limit));
    alike!(0.5, |limit| Sgd::new(0.125).clip_by_global_norm(limit));
}

#[test]
fn a_tensor_as_a_rate_changes_from_run_to_run() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", 0.0_f64);
    let rate = g.placeholder::<f64>("rate", ());
    let train = Sgd::new(Schedule::from(rate).after_warm_up(0.0, 2)).minimize(w * 1.0);
    let session = Session::new(&g)?;
    for (fed, expected) in [(8.0, 0.0), (8.0, -4.0), (1.0, -5.0), (0.5, -5.5)] {
        session.feed(rate, fed).run(train)?;
        assert_eq!(session.run(w)?.sum(), expected);
    }
    Ok(())
}

fn fault(g: &Graph) -> Fault {
    let Error::Build(error) = g.check().unwrap_err() else { panic!("no build error") };
    error.fault
}

#[test]
fn tensors_that_give_no_number() {
    let (g, elsewhere) = (Graph::new(), Graph::new());
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    let loss = || w.square().reduce_sum(..);
    Adam::new(0.1).beta1(elsewhere.constant(0.5)).minimize(loss());
    assert_eq!(fault(&g), Fault::op(OptimizerFault::OtherGraph { name: "beta1" }));
    assert!(g.nodes().iter().all(|node| !node.name.contains("adam/")), "nothing is kept for what is refused");

    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    Sgd::new(w).minimize(w.square().reduce_sum(..));
    let expected = OptimizerFault::NotANumber { name: "the rate", found: [2].into() };
    assert_eq!(fault(&g), Fault::op(expected));
    assert!(
        g.check()
            .unwrap_err()
            .to_string()
            .starts_with("the rate: expected a single number, got a tensor of shape [2]")
    );

    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    clip_by_norm(x, x);
    assert!(fault(&g).is::<OptimizerFault>());

    // The numbers of a schedule must lie in the range of what it is for.
    let g = Graph::new();
    let w = g.variable("w", 1.0);
    Momentum::new(0.1, Schedule::cosine(0.5, 1.5, 10)).minimize(w.square());
    let words = g.check().unwrap_err().to_string();
    assert!(words.starts_with("momentum: expected a number in [0, 1), got 1.5"), "{words}");
}

#[test]
fn limits_that_are_tensors_clip_as_numbers_do() -> Result<()> {
    let g = Graph::new();
    let limit = g.placeholder::<f64>("limit", ());
    let x = g.placeholder::<f64>("x", [None]);
    let y = x * 0.5;
    let (alone, together) = (clip_by_norm(x, limit), clip_by_global_norm(&[x, y], limit));
    let session = Session::new(&g)?;
    let arrays = [vec![3.0, 4.0], vec![0.0, 0.0], vec![1e300, 1e300], vec![1e-3, 0.0], vec![1e308, 1e308]];
    for elements in arrays {
        let elements = arr1(&elements);
        for number in [1e-250, 1e-3, 2.5, 5.0, 100.0, 1e100, 1e308] {
            let (x_now, limit_now) = (g.constant(elements.clone()), number);
            let (found, all) =
                session.feed(x, &elements).feed(limit, number).run((alone, together.clone()))?;
            let expected = session.run(clip_by_norm(x_now, limit_now))?;
            let expected_all = session.run(clip_by_global_norm(&[x_now, x_now * 0.5], limit_now))?;
            let close = |a: &ArrayD<f64>, b: &ArrayD<f64>| {
                a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-13 * b.abs())
            };
            assert!(close(&found, &expected), "{found} is not {expected} for {number}");
            assert!(all.iter().zip(&expected_all).all(|(a, b)| close(a, b)), "{all:?} for {number}");
        }
    }
    Ok(())
}

#[test]
fn dropout_at_a_rate_that_is_computed() -> Result<()> {
    let g = Graph::with_seed(3);
    let rate = g.non_trainable_variable("rate", 0.75_f64);
    let x = g.constant(ArrayD::<f64>::ones(vec![20_000]));
    let layer = Dropout::new("drop1", rate);
    let (train, predict) = (layer.call(x, Mode::Train), layer.call(x, Mode::Predict));
    let dx = train.gradients([x]);
    let session = Session::new(&g)?;
    let (y, same, [dx]) = session.run((train, predict, dx))?;
    assert_eq!(same, ArrayD::<f64>::ones(vec![20_000]));
    assert!(y.iter().all(|&y| y == 0.0 || y == 4.0) && (y.sum() / 2e4 - 1.0).abs() < 0.05);
    assert_eq!(y, dx, "the gradient goes where the elements went");
    assert_eq!(Gradients::of([train]).wrt(&[rate.tensor()]).len(), 1);
    assert!(Gradients::of([train]).wrt(&[rate.tensor()])[0].is_none());
    for (number, expected) in [(0.0, 1.0), (1.0, 0.0)] {
        session.run(rate.assign(g.constant(number)))?;
        assert!(session.run(train)?.iter().all(|&y| y == expected), "at a rate of {number}");
    }
    Ok(())
}
