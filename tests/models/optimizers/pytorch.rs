//! Every optimizer and option makes of a small perceptron in 100 steps what PyTorch makes of it.
//!
//! `../reference/optimizers.py` makes `../reference/optimizers.json` and tells what the file holds.

use std::collections::BTreeMap;

use flowgrad::ndarray::{Array1, Array2, ArrayD};
use flowgrad::optimizer::Schedule;
use flowgrad::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    problem: Problem,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Problem {
    x: Vec<Vec<f64>>,
    targets: Vec<Vec<f64>>,
    start: Parameters,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// What the loss is multiplied by.
    scale: f64,
    after: BTreeMap<usize, Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    w1: Vec<Vec<f64>>,
    b1: Vec<f64>,
    w2: Vec<Vec<f64>>,
    b2: Vec<f64>,
}

fn matrix<T: Float>(rows: &[Vec<f64>]) -> Array2<T> {
    let columns = rows[0].len();
    Array2::from_shape_fn((rows.len(), columns), |(i, j)| <T as Numeric>::from_f64(rows[i][j]))
}

fn vector<T: Float>(numbers: &[f64]) -> Array1<T> {
    numbers.iter().map(|&x| <T as Numeric>::from_f64(x)).collect()
}

impl Parameters {
    fn arrays<T: Float>(&self) -> [ArrayD<T>; 4] {
        let [w1, w2] = [&self.w1, &self.w2].map(|rows| matrix(rows).into_dyn());
        let [b1, b2] = [&self.b1, &self.b2].map(|numbers| vector(numbers).into_dyn());
        [w1, b1, w2, b2]
    }
}

/// The operation that trains a case.
fn train<'g, T: Float>(case: &str, loss: Tensor<'g, T>) -> Operation<'g> {
    let cosine = |end| Schedule::cosine(0.02, end, 100);
    match case {
        "sgd" => Sgd::new(0.1).minimize(loss),
        "sgd, decay" => Sgd::new(0.1).weight_decay(0.05).minimize(loss),
        "momentum" => Momentum::new(0.05, 0.9).minimize(loss),
        "momentum, decay" => Momentum::new(0.05, 0.9).weight_decay(0.05).minimize(loss),
        "nesterov" => Momentum::new(0.05, 0.9).nesterov().minimize(loss),
        "nesterov, decay" => Momentum::new(0.05, 0.8).nesterov().weight_decay(0.05).minimize(loss),
        "rms_prop" => RmsProp::new(0.001).minimize(loss),
        "rms_prop, alpha, epsilon" => RmsProp::new(0.002).decay(0.9).epsilon(0.01).minimize(loss),
        "rms_prop, momentum" => RmsProp::new(0.001).momentum(0.9).minimize(loss),
        "rms_prop, centered" => RmsProp::new(0.0005).decay(0.95).epsilon(0.01).centered().minimize(loss),
        "rms_prop, all" => {
            let centered = RmsProp::new(0.0005).decay(0.9).epsilon(0.01).centered();
            centered.momentum(0.5).weight_decay(0.05).minimize(loss)
        }
        "adagrad" => Adagrad::new(0.1).minimize(loss),
        "adagrad, all" => Adagrad::new(0.1).initial_sum(0.1).epsilon(0.01).weight_decay(0.05).minimize(loss),
        "adam" => Adam::new(0.01).minimize(loss),
        "adam, betas, epsilon" => Adam::new(0.01).beta1(0.8).beta2(0.95).epsilon(0.001).minimize(loss),
        "adam, decay" => Adam::new(0.01).weight_decay(0.05).minimize(loss),
        "adam_w" => AdamW::new(0.01).minimize(loss),
        "adam_w, all" => {
            AdamW::new(0.005).beta1(0.7).beta2(0.9).epsilon(0.001).weight_decay(0.5).minimize(loss)
        }
        "adam_w, no decay" => AdamW::new(0.01).weight_decay(0.0).minimize(loss),
        "value" => Momentum::new(0.2, 0.5).clip_by_value(0.03).minimize(loss),
        "norm" => Sgd::new(1e-7).clip_by_norm(1e5).minimize(loss),
        "global norm" => Sgd::new(1e-7).clip_by_global_norm(1e5).minimize(loss),
        "global norm, decay" => AdamW::new(0.02).clip_by_global_norm(1e5).minimize(loss),
        "exponential" => Sgd::new(Schedule::exponential(0.2, 0.95, 1)).minimize(loss),
        "staircase" => Momentum::new(Schedule::staircase(0.2, 0.5, 30), 0.5).minimize(loss),
        "piecewise" => {
            Adagrad::new(Schedule::piecewise(0.2, [(1, 0.1), (9, 0.05), (60, 0.025)])).minimize(loss)
        }
        "cosine" => Adam::new(cosine(0.001)).minimize(loss),
        "warm-up" => {
            let schedule = Schedule::cosine(0.02, 0.0, 80).after_warm_up(0.005, 20);
            AdamW::new(schedule).weight_decay(0.1).minimize(loss)
        }
        "warm-up, exponential" => {
            Sgd::new(Schedule::exponential(0.2, 0.99, 1).after_warm_up(0.05, 5)).minimize(loss)
        }
        _ => panic!("no row for the case {case}"),
    }
}

/// The largest difference from PyTorch's parameters in a case, relative to the parameter or to 0.01 if that is larger.
fn difference<T: Float>(problem: &Problem, case: &Case) -> Result<f64> {
    let g = Graph::new();
    let [x, targets] = [&problem.x, &problem.targets].map(|rows| g.constant(matrix::<T>(rows)));
    let [w1, b1, w2, b2] = problem.start.arrays::<T>();
    let names = ["w1", "b1", "w2", "b2"];
    let variables = [(names[0], w1), (names[1], b1), (names[2], w2), (names[3], b2)];
    let variables = variables.map(|(name, start)| g.variable(name, start));
    let [w1, b1, w2, b2] = variables;
    let y = (x.matmul(w1) + b1).tanh().matmul(w2) + b2;
    let loss = y.mean_squared_error(targets) * <T as Numeric>::from_f64(case.scale);
    let train = train(&case.name, loss);

    let session = Session::builder(&g).threads(1).build()?;
    let (mut done, mut largest) = (0, 0.0_f64);
    for (&step, expected) in &case.after {
        (done..step).try_for_each(|_| session.run(train))?;
        done = step;
        for (found, expected) in session.run(variables)?.iter().zip(expected.arrays::<f64>()) {
            for (found, expected) in found.iter().zip(&expected) {
                let difference = (found.as_f64() - expected).abs() / expected.abs().max(0.01);
                largest = if difference.is_nan() { f64::INFINITY } else { largest.max(difference) };
            }
        }
    }
    assert_eq!(done, 100);
    Ok(largest)
}

fn file() -> File {
    serde_json::from_str(include_str!("optimizers.json")).unwrap()
}

#[test]
fn double_precision_gives_pytorchs_numbers() -> Result<()> {
    let File { problem, cases } = file();
    assert_eq!(cases.len(), 29);
    for case in &cases {
        let difference = difference::<f64>(&problem, case)?;
        assert!(difference < 1e-10, "{}: {difference:.1e}", case.name);
    }
    Ok(())
}

#[test]
fn single_precision_stays_near_pytorchs_numbers() -> Result<()> {
    let File { problem, cases } = file();
    for case in &cases {
        let difference = difference::<f32>(&problem, case)?;
        assert!(difference < 1e-4, "{}: {difference:.1e}", case.name);
    }
    Ok(())
}
