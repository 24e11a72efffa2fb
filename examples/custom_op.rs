//! Custom ops, each with its shape rule, its lowering and its gradient, for both float types; held to the laws that the
//! crate's own ops keep.
//!
//! - One output: the Mexican hat ψ(x) = (1 - x²)·exp(-x²/2), which is then fitted to data like any other function.
//! - Two outputs: the real and the imaginary part of the Morlet wavelet exp(i·ω·x - x²/2), one node.
//!
//! ```text
//! cargo run --release --example custom_op
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::time::Instant;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Options, Result, parsed};
use flowgrad::Float;
use flowgrad::data::Dataset;
use flowgrad::ndarray::{Array1, ArrayD};
use flowgrad::op::{Fault, Lowering, MultiOp, Op, Outputs, Pullback, Scalar, TensorType, Val};
use flowgrad::optimizer::Momentum;
use flowgrad::prelude::*;
use flowgrad::testing::{GradientCheck, OpCheck};
use flowgrad::train::Trainer;
use serde::Serialize;

/// (1 - x²)·exp(-x²/2).
#[derive(Debug)]
struct MexicanHat;

impl Op for MexicanHat {
    fn name(&self) -> &'static str {
        "mexican_hat"
    }

    /// Any float tensor; the result has its type and shape.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        match inputs {
            [x] if x.dtype.is_float() => Ok((*x).clone()),
            _ => Err(Fault::Custom { reason: "expected one float tensor".to_owned() }),
        }
    }

    /// Four scalar functions, which run tile by tile with whatever stands around them.
    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let number = |to: &mut Lowering<'_>, number: f64| to.scalar(number, to.dtype(inputs[0]));
        let (one, minus_half) = (number(to, 1.0), number(to, -0.5));
        let square = to.map(Scalar::Square, inputs);
        let exponent = to.map(Scalar::Mul, &[minus_half, square]);
        let (exponential, rest) = (to.map(Scalar::Exp, &[exponent]), to.map(Scalar::Sub, &[one, square]));
        to.map(Scalar::Mul, &[rest, exponential])
    }

    /// ψ'(x) = (x³ - 3·x)·exp(-x²/2), of whatever elements x has.
    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        let number = |number| x.scalar_like(number);
        at.scale(0, || (x * x.square() - number(3.0) * x) * (number(-0.5) * x.square()).exp());
    }
}

fn mexican_hat<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.graph().custom(MexicanHat, &[x.any()])
}

/// The real and the imaginary part of exp(i·ω·x - x²/2).
#[derive(Debug)]
struct Morlet {
    omega: f64,
}

impl MultiOp for Morlet {
    fn name(&self) -> &'static str {
        "morlet"
    }

    /// Any float tensor; both results have its type and shape.
    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        match inputs {
            [x] if x.dtype.is_float() => Ok([(*x).clone(), (*x).clone()].into()),
            _ => Err(Fault::Custom { reason: "morlet takes one float tensor".to_owned() }),
        }
    }

    /// What only one of the outputs needs does not run where the other alone is asked for.
    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let number = |to: &mut Lowering<'_>, number: f64| to.scalar(number, to.dtype(inputs[0]));
        let (omega, minus_half) = (number(to, self.omega), number(to, -0.5));
        let square = to.map(Scalar::Square, inputs);
        let exponent = to.map(Scalar::Mul, &[minus_half, square]);
        let envelope = to.map(Scalar::Exp, &[exponent]);
        let phase = to.map(Scalar::Mul, &[omega, inputs[0]]);
        [Scalar::Cos, Scalar::Sin]
            .map(|function| {
                let wave = to.map(function, &[phase]);
                to.map(Scalar::Mul, &[envelope, wave])
            })
            .into()
    }

    /// The derivative of the whole is (i·ω - x) times the whole.
    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, real, imaginary) = (at.input(0), at.outputs()[0], at.outputs()[1]);
        let omega = x.scalar_like(self.omega);
        at.give_from(0, 0, |dy| dy * -(x * real + omega * imaginary));
        at.give_from(1, 0, |dy| dy * (omega * real - x * imaginary));
    }
}

/// The two parts, for waves 5 times as fast as the envelope is wide.
fn morlet<T: Float>(x: Tensor<'_, T>) -> [Tensor<'_, T>; 2] {
    let parts = x.graph().custom_outputs(Morlet { omega: 5.0 }, &[x.any()]);
    [parts[0].typed(), parts[1].typed()]
}

/// The power of the wavelet in two directions, which differ: a value for both parts together.
fn power<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    let [real, imaginary] = morlet(x);
    real.square() + (imaginary.square() * T::from_f64(2.0))
}

/// Passes over the signal.
const EPOCHS: usize = 400;

/// Check custom ops and fit one of them
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Passes over the training data
    #[arg(long, default_value_t = EPOCHS)]
    epochs: usize,
}

/// What came out of the fit: the loss, and what was found of the wavelet.
#[derive(Serialize)]
struct Outcome {
    loss: f64,
    centre: f64,
    width: f64,
    seconds: f64,
    epochs: usize,
    seed: u64,
}

fn main() -> Result<()> {
    let Args { options, epochs } = parsed();
    // The signal is the wavelet at 0.7, 1.3 times as wide; the fit starts at 0 and 1.
    let places = Array1::linspace(-4.0, 4.0, 801);
    let signal = places.mapv(|x: f64| {
        let u = (x - 0.7) / 1.3;
        (1.0 - u * u) * (-0.5 * u * u).exp()
    });
    let rows = Dataset::new(places, signal)?;

    let report = OpCheck::shapes(&[&[3, 4]])
        .reference(|x| x[0].mapv(|x| (1.0 - x * x) * (-0.5 * x * x).exp()))
        .single_precision(|_, x| mexican_hat(x[0]))
        .check(|_, x| mexican_hat(x[0]));
    options.say(&report)?;
    report.assert_holds();
    let report = OpCheck::shapes(&[&[3, 4]])
        .reference(|x| x[0].mapv(|x| (-x * x).exp() * (1.0 + (5.0 * x).sin().powi(2))))
        .single_precision(|_, x| power(x[0]))
        .check(|_, x| power(x[0]));
    options.say(&report)?;
    report.assert_holds();

    let g = Graph::with_seed(options.seed);
    let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
    let (centre, width) = (g.variable("centre", 0.0_f64), g.variable("width", 1.0_f64));
    let fit = mexican_hat((x - centre) / width);
    let loss = fit.mean_squared_error(y).named("loss");

    let fed = [(x, rows.inputs()), (y, rows.targets())];
    let report = GradientCheck::of(&g, loss)
        .feed(fed[0].0, fed[0].1)
        .feed(fed[1].0, fed[1].1)
        .wrt(&[centre, width])?;
    options.say(&report)?;
    report.assert_close(1e-6);

    let step = Momentum::new(0.1, 0.8).minimize(loss);
    let trainer = Trainer::new(x, y, loss, step).batch_size(rows.len());
    let trainer = options.equip(&g, trainer)?;
    let session = Session::new(&g)?;
    let before = session.feed(x, rows.inputs()).run(fit)?;
    let start = Instant::now();
    let report = trainer.fit(&session, &rows, epochs)?;
    let seconds = start.elapsed().as_secs_f64();
    let [centre, width] = session.run([centre, width])?;
    let outcome = Outcome {
        loss: trainer.evaluate(&session, &rows)?.loss,
        centre: centre.sum(),
        width: width.sum(),
        seconds,
        epochs: report.history.len(),
        seed: options.seed,
    };
    options.say(format_args!(
        "{} after {} epochs in {seconds:.2} s: loss {:.1e}, centre {:.6} (0.7), width {:.6} (1.3)",
        report.ended, outcome.epochs, outcome.loss, outcome.centre, outcome.width
    ))?;
    let after = session.feed(x, rows.inputs()).run(fit)?;
    let curve = |name: &str, values: &ArrayD<f64>| {
        Curve::of(name, rows.inputs().iter().copied().zip(values.iter().copied()).step_by(8))
    };
    let curves = vec![curve("signal", rows.targets()), curve("start", &before), curve("fit", &after)];
    let wavelets = Panel::new("Mexican hats", ["x", "ψ((x - centre)/width)"], false, curves);
    let panels = Panel::of(&report.history).into_iter().chain([wavelets]);
    options.draw(&panels.collect::<Vec<_>>())?;
    options.report(&outcome)
}
