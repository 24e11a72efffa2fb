//! A Gaussian process: the parameters of its kernel are those that make noisy points the most likely, and it says how
//! sure it is between them.
//!
//! ```text
//! cargo run --release --features linalg --example gaussian_process
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::f64::consts::TAU;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Result, curves, parsed};
use flowgrad::ndarray::{Array1, ArrayD};
use flowgrad::optimizer::Lbfgs;
use flowgrad::prelude::*;

/// Fit a Gaussian process to noisy points of a curve
#[derive(Parser)]
struct Args {
    /// How many points there are
    #[arg(long, default_value_t = 30)]
    points: usize,
    /// Seed of the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Draw the points, what the process makes of them, and the falling loss, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Standard deviation of the noise.
const NOISE: f64 = 0.15;
/// How many standard deviations the band is wide, to each side.
const BAND: f64 = 2.0;

/// What the points are drawn from.
fn curve(x: f64) -> f64 {
    (1.3 * x).sin() + 0.25 * x
}

/// exp(-(a - b)²/(2·l²))·s², for each a and b.
fn kernel<'g>(
    [a, b]: [Tensor<'g, f64>; 2],
    length: Tensor<'g, f64>,
    scale: Tensor<'g, f64>,
) -> Tensor<'g, f64> {
    let apart = (a.expand_dims(1) - b.expand_dims(0)) / length;
    (-0.5 * apart.square()).exp() * scale.square()
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let g = Graph::with_seed(args.seed);
    // Points everywhere but in the middle, where the process must say that it does not know.
    let x: Array1<f64> = Array1::linspace(-4.0, 4.0, args.points).mapv(|x: f64| x + 0.8 * x.signum());
    let noise = Session::new(&g)?.run(g.random_normal::<f64>([args.points], 0.0, NOISE))?;
    let noise: Array1<f64> = noise.into_dimensionality()?;
    let y = x.mapv(curve) + noise;

    // Logarithms, so that the parameters stay positive.
    let [length, scale, sigma] =
        [("length", 0.0), ("scale", 0.0), ("sigma", -1.0)].map(|(name, start)| g.variable(name, start));
    let [length, scale, sigma] = [length, scale, sigma].map(|logarithm| logarithm.exp());
    let (at, measured) = (g.constant(x.clone()), g.constant(y.clone()));
    let covariance = kernel([at, at], length, scale) + sigma.square() * g.eye(args.points);
    let factor = covariance.cholesky();
    // -ln p(y) = ½·|L⁻¹·y|² + Σ ln Lᵢᵢ + n/2·ln 2π
    let white = factor.triangular_solve(measured);
    let loss = 0.5 * white.square().reduce_sum(..)
        + factor.diag_part().ln().reduce_sum(..)
        + 0.5 * args.points as f64 * TAU.ln();

    let session = Session::new(&g)?;
    let parameters = Parameters::trainable(&g);
    let objective = parameters.objective(&session, loss)?;
    let mut losses = vec![(0.0, session.run(loss)?.item()?)];
    let minimum =
        Lbfgs::new().minimize_observed(&objective, parameters.pack(&session)?.view(), |progress| {
            losses.push((progress.iteration as f64, progress.value));
            std::ops::ControlFlow::Continue(())
        })?;
    parameters.unpack(&session, minimum.at.view())?;

    // What is known elsewhere: the mean, and the deviation of the curve without noise.
    let elsewhere = Array1::linspace(-6.0, 6.0, 121);
    let to = g.constant(elsewhere.clone());
    let between = factor.triangular_solve(kernel([at, to], length, scale));
    let mean = between.transpose().matmul(white.expand_dims(1)).squeeze(1);
    let deviation = (scale.square() - between.square().reduce_sum(0)).maximum(0.0).sqrt();
    let (mean, deviation) = session.run((mean, deviation))?;
    let [length, scale, sigma] = session.run([length, scale, sigma])?;

    let mut out = io::stdout().lock();
    writeln!(out, "log likelihood  {:.3}, after {} steps", -minimum.value, minimum.iterations)?;
    writeln!(out, "length scale    {:.3}", length.item()?)?;
    writeln!(out, "scale           {:.3}", scale.item()?)?;
    writeln!(out, "noise           {:.3}, in truth {NOISE}", sigma.item()?)?;
    let inside = |(&x, (&mean, &deviation)): (&f64, (&f64, &f64))| (curve(x) - mean).abs() < BAND * deviation;
    let share = elsewhere.iter().zip(mean.iter().zip(&deviation)).filter(|point| inside(*point)).count();
    writeln!(out, "inside the band {:.0} % of the curve", 100.0 * share as f64 / elsewhere.len() as f64)?;
    let Some(path) = &args.plot else { return Ok(()) };
    let points = |heights: &ArrayD<f64>| -> Vec<(f64, f64)> {
        elsewhere.iter().copied().zip(heights.iter().copied()).collect()
    };
    let band: Vec<(f64, [f64; 2])> = points(&mean)
        .into_iter()
        .zip(&deviation)
        .map(|((x, mean), deviation)| (x, [mean - BAND * deviation, mean + BAND * deviation]))
        .collect();
    let dots = x.iter().copied().zip(y.iter().copied()).collect();
    let panels = [
        Panel::new(
            "a curve from noisy points",
            ["x", "y"],
            false,
            vec![
                Curve { dots, ..Curve::band("two deviations", &band) },
                Curve::of("mean", points(&mean)),
                Curve::of("truth", elsewhere.iter().map(|&x| (x, curve(x)))),
            ],
        ),
        Panel::new("minus log likelihood", ["step", "loss"], false, vec![Curve::of("loss", losses)]),
    ];
    curves::save(path, &panels)
}
