//! The parameters of the Lorenz system, found from a few noisy points of one orbit: the gradient goes through the ODE
//! solver, which is a loop of the graph.
//!
//! ```text
//! cargo run --release --example lorenz
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Result, curves, parsed};
use flowgrad::ndarray::{Array2, ArrayD, Axis};
use flowgrad::prelude::*;

/// Fit the parameters of the Lorenz system to an orbit
#[derive(Parser)]
struct Args {
    /// Steps of the optimizer
    #[arg(long, default_value_t = 400)]
    epochs: usize,
    /// Seed of the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Draw the orbit and the loss, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Seconds of a step of the solver, and how many steps there are.
const STEP: f64 = 0.01;
const STEPS: usize = 150;
/// The parameters that are to be found: σ, ρ, β.
const TRUE: [f64; 3] = [10.0, 28.0, 8.0 / 3.0];
/// Standard deviation of the noise.
const NOISE: f64 = 0.2;

type Scalar<'g> = Tensor<'g, f64>;
type State<'g> = [Scalar<'g>; 3];

/// How fast the state changes.
fn slope<'g>([x, y, z]: State<'g>, [sigma, rho, beta]: [Scalar<'g>; 3]) -> State<'g> {
    [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]
}

/// A step of the classical Runge-Kutta method.
fn step<'g>(state: State<'g>, parameters: [Scalar<'g>; 3]) -> State<'g> {
    let moved = |by: State<'g>, time: f64| std::array::from_fn(|axis| state[axis] + by[axis] * time);
    let first = slope(state, parameters);
    let second = slope(moved(first, STEP / 2.0), parameters);
    let third = slope(moved(second, STEP / 2.0), parameters);
    let fourth = slope(moved(third, STEP), parameters);
    std::array::from_fn(|axis| {
        let middle = (second[axis] + third[axis]) * 2.0;
        state[axis] + (first[axis] + middle + fourth[axis]) * (STEP / 6.0)
    })
}

/// The orbit from a start: a row for each step.
fn orbit<'g>(g: &'g Graph, parameters: [Scalar<'g>; 3]) -> Tensor<'g, f64> {
    let start = [1.0, 1.0, 1.0].map(|number| g.constant(number));
    let (_, rows) = g.scan(start, g.zeros::<f64>([STEPS]), |state, _| {
        let next = step(state, parameters);
        (next, g.stack(&next, 0))
    });
    rows
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let g = Graph::with_seed(args.seed);
    let exact = Session::new(&g)?.run(orbit(&g, TRUE.map(|number| g.constant(number))))?;
    let noise = Session::new(&g)?.run(g.random_normal::<f64>([STEPS, 3], 0.0, NOISE))?;
    let measured = &exact + &noise;

    let names = ["sigma", "rho", "beta"];
    let guess = [8.0, 24.0, 2.0];
    let found: [Variable<'_, f64>; 3] = std::array::from_fn(|index| g.variable(names[index], guess[index]));
    let fitted = orbit(&g, found.map(Variable::tensor));
    let loss = fitted.mean_squared_error(g.constant(measured.clone()));
    let train = Adam::new(0.05).minimize(loss);
    let session = Session::new(&g)?;
    let before = session.run(fitted)?;
    let epoch = session.make_callable((), (loss, train))?;
    let mut losses = Vec::with_capacity(args.epochs);
    for index in 0..args.epochs {
        losses.push((index as f64, epoch.call(())?.0.item()?));
    }

    let mut out = io::stdout().lock();
    writeln!(out, "parameter  true    found")?;
    let values = session.run(found)?;
    for ((name, expected), value) in names.iter().zip(TRUE).zip(&values) {
        writeln!(out, "{name:9}  {expected:6.3}  {:6.3}", value.item()?)?;
    }
    let Some(path) = &args.plot else { return Ok(()) };
    let after = session.run(fitted)?;
    let panels = [
        Panel::new(
            "x of the orbit",
            ["time in s", "x"],
            false,
            vec![
                Curve::of("found", points(&after)),
                Curve::of("guess", points(&before)),
                Curve { dots: points(&measured).step_by(5).collect(), ..Curve::of("measured", []) },
            ],
        ),
        Panel::new("mean squared error", ["epoch", "loss"], true, vec![Curve::of("loss", losses)]),
    ];
    curves::save(path, &panels)
}

/// The first coordinate over time.
fn points(orbit: &ArrayD<f64>) -> impl Iterator<Item = (f64, f64)> {
    let rows: Array2<f64> = orbit.clone().into_dimensionality().unwrap_or_default();
    let column = rows.index_axis_move(Axis(1), 0);
    column.into_iter().enumerate().map(|(index, x)| ((index + 1) as f64 * STEP, x))
}
