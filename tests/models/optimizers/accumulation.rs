//! Gradients accumulated over micro-batches: the step of the large batch, and nothing else in between.

use std::collections::BTreeMap;

use flowgrad::Value;
use flowgrad::ndarray::{Array1, Array2, ArrayD, s};
use flowgrad::optimizer::{Optimizer, UpdateRule};
use flowgrad::prelude::*;

const ROWS: usize = 12;

fn data() -> (Array2<f64>, Array1<f64>) {
    let number = |at: usize| ((at * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x = Array2::from_shape_fn((ROWS, 3), |(row, axis)| number(row * 3 + axis));
    (x, (0..ROWS).map(|row| number(row * 31)).collect())
}

/// A session of a linear model that `optimizer` trains, and what feeds rows of the data to a step.
fn trained<R: UpdateRule>(optimizer: &Optimizer<R>, runs: usize, steps: usize) -> BTreeMap<String, Value> {
    let g = Graph::with_seed(3);
    let x = g.placeholder::<f64>("x", [None, Some(3)]);
    let y = g.placeholder::<f64>("y", [None]);
    let (w, bias) = (g.variable("w", glorot_uniform([3])), g.variable("bias", 0.1));
    let loss = ((x * w).reduce_sum(-1) + bias).tanh().mean_squared_error(y);
    let train = optimizer.minimize(loss);
    let session = Session::new(&g).unwrap();
    let (inputs, targets) = data();
    let step = session.make_callable((x, y), train).unwrap();
    for _ in 0..steps {
        let before = own(&session.variable_values().unwrap());
        for run in 0..runs {
            assert_eq!(own(&session.variable_values().unwrap()), before, "run {run} of a step");
            let rows = ROWS / runs * run..ROWS / runs * (run + 1);
            step.call((inputs.slice(s![rows.clone(), ..]), targets.slice(s![rows]))).unwrap();
        }
        assert_ne!(own(&session.variable_values().unwrap()), before);
    }
    session.variable_values().unwrap()
}

/// The variables but for the sums of gradients.
fn own(values: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let own = values.iter().filter(|(name, _)| !name.contains("_accumulator"));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn elements(value: &Value) -> Vec<f64> {
    match value.clone() {
        Value::F64(array) => array.into_iter().collect(),
        Value::I64(array) => array.into_iter().map(|x| x as f64).collect(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_the_same<R: UpdateRule>(make: impl Fn() -> Optimizer<R>) {
    let whole = trained(&make(), 1, 7);
    for runs in [2, 3, 4] {
        let accumulated = trained(&make().accumulate(runs), runs, 7);
        assert_eq!(own(&accumulated).keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
        for (name, value) in &whole {
            for (expected, found) in elements(value).into_iter().zip(elements(&accumulated[name])) {
                let near = (expected - found).abs() <= 1e-12 * expected.abs().max(1.0);
                assert!(near, "{name} over {runs} runs: expected {expected}, got {found}");
            }
        }
        // A step is done, so nothing waits.
        for (name, value) in accumulated.iter().filter(|(name, _)| name.contains("_accumulator")) {
            assert!(elements(value).iter().all(|&sum| sum == 0.0), "{name}");
        }
    }
}

/// Everything that they keep too, to 12 digits: moments, the optimizer's own count, and the global step.
#[test]
fn a_step_of_micro_batches_is_that_of_the_large_batch() {
    assert_the_same(|| Sgd::new(Schedule::exponential(0.3, 0.9, 2)).clip_by_global_norm(0.2));
    assert_the_same(|| Momentum::new(0.1, 0.9).nesterov().weight_decay(0.1));
    assert_the_same(|| RmsProp::new(0.01).centered().momentum(0.5));
    assert_the_same(|| Adagrad::new(0.1).clip_by_value(0.05));
    assert_the_same(|| Adam::new(Schedule::from(0.1).after_warm_up(0.0, 3)).clip_by_norm(0.1));
    assert_the_same(|| AdamW::new(0.1));
}

#[test]
fn accumulation_goes_on_from_saved_values_between_two_runs() {
    let g = Graph::with_seed(1);
    let w = g.variable("w", 0.5_f32);
    let train = Adam::new(0.1).accumulate(3).minimize((w - g.random_normal([], 0.0_f32, 1.0)).square());
    let whole = Session::new(&g).unwrap();
    (0..10).for_each(|_| whole.run(train).unwrap());
    for stopped in 1..9 {
        let [first, second] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
        (0..stopped).for_each(|_| first.run(train).unwrap());
        second.load(first.variable_values().unwrap()).unwrap();
        second.set_run_count(first.run_count());
        (stopped..10).for_each(|_| second.run(train).unwrap());
        assert_eq!(second.variable_values().unwrap(), whole.variable_values().unwrap(), "after {stopped}");
    }
}

/// What would be infinite before the first step, 1/(1 - β⁰), is not even computed.
#[test]
fn nothing_is_infinite_between_steps() {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f32);
    let train = Adam::new(0.1).accumulate(4).minimize(w.square());
    let session = Session::builder(&g).check_numerics(true).build().unwrap();
    (0..9).for_each(|_| session.run(train).unwrap());
    assert_eq!(session.run(global_step(&g)).unwrap().sum(), 2);
    assert_eq!(session.variable_values().unwrap()["adam/step"], ArrayD::from_elem(vec![], 2_i64).into());
}

#[test]
fn a_step_of_one_run_keeps_no_sums_and_one_of_none_is_refused() {
    let names = |runs: usize| {
        let g = Graph::new();
        Sgd::new(0.1).accumulate(runs).minimize(g.variable("w", 1.0_f64).square());
        let checked = g.check().map_err(|error| error.to_string());
        checked.map(|()| Session::new(&g).unwrap().variable_values().unwrap().into_keys().collect::<Vec<_>>())
    };
    assert_eq!(names(1).unwrap(), ["global_step", "w"]);
    let several = ["global_step", "sgd_accumulator/count", "w", "w/sgd_accumulator/sum"];
    assert_eq!(names(2).unwrap(), several);
    let error = names(0).unwrap_err();
    assert!(error.starts_with("accumulate: expected a finite number above 0, got 0, in `sgd`"), "{error}");
}

#[test]
fn two_optimizers_accumulate_each_for_themselves() {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable(name, 1.0_f64));
    let slow = Sgd::new(0.5).accumulate(2).minimize_over(a * 2.0, &[a]);
    let fast = Sgd::new(0.5).uncounted().minimize_over(b * 2.0, &[b]);
    let again = Sgd::new(0.5).accumulate(3).uncounted().minimize_over(a * 4.0, &[a]);
    let session = Session::new(&g).unwrap();
    let both = g.group([slow, fast]);
    for expected in [[1.0, 0.0], [0.0, -1.0], [0.0, -2.0], [-1.0, -3.0]] {
        session.run(both).unwrap();
        assert_eq!(session.run([a, b]).unwrap().map(|x| x.sum()), expected);
    }
    for expected in [-1.0, -1.0, -3.0] {
        session.run(again).unwrap();
        assert_eq!(session.run(a).unwrap().sum(), expected);
    }
    assert_eq!(session.run(global_step(&g)).unwrap().sum(), 2);
}
