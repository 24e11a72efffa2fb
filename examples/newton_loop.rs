//! Kepler's equation, M = E - e·sin E, solved for E by Newton's method: a loop that runs until it has converged, however
//! often that is. Its gradient is compared with the one by the implicit function theorem.
//!
//! ```text
//! cargo run --release --example newton_loop
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Result, curves, parsed};
use flowgrad::prelude::*;

/// Solve Kepler's equation in a loop, and differentiate the loop
#[derive(Parser)]
struct Args {
    /// Draw the solution and its slope over the mean anomaly, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

type Scalar<'g> = Tensor<'g, f64>;

/// The eccentric anomaly E for a mean anomaly M and an eccentricity e, and how many iterations it took.
fn kepler<'g>(g: &'g Graph, mean: Scalar<'g>, e: Scalar<'g>) -> (Scalar<'g>, Tensor<'g, i64>) {
    let residual = |anomaly: Scalar<'g>| anomaly - e * anomaly.sin() - mean;
    let at_most = While::new().maximum_iterations(50);
    let (anomaly, iterations) = g.while_with(
        at_most,
        |(anomaly, _)| residual(anomaly).abs().greater(1e-13),
        |(anomaly, iterations)| {
            let slope = 1.0 - e * anomaly.cos();
            (anomaly - residual(anomaly) / slope, iterations + 1)
        },
        (mean + e, g.constant(0_i64)),
    );
    // One more step, through which the gradient is exact although the last residual was 0.
    (anomaly - residual(anomaly) / (1.0 - e * anomaly.cos()), iterations)
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let g = Graph::new();
    let (mean, e) = (g.placeholder::<f64>("mean", []), g.placeholder::<f64>("eccentricity", []));
    let (anomaly, iterations) = kepler(&g, mean, e);
    let [by_mean, by_e] = anomaly.gradients([mean, e]);
    // dE/dM = 1/(1 - e·cos E), dE/de = sin E/(1 - e·cos E).
    let slope = (1.0 - e * anomaly.cos()).reciprocal();
    let expected = [slope, anomaly.sin() * slope];
    let session = Session::new(&g)?;
    let solve = session.make_callable((mean, e), (anomaly, iterations, [by_mean, by_e], expected))?;

    let mut out = io::stdout().lock();
    writeln!(out, "eccentricity  mean anomaly  iterations  E        dE/dM    dE/de    largest error")?;
    let (mut solutions, mut slopes) = (Vec::new(), Vec::new());
    for eccentricity in [0.1, 0.6, 0.9] {
        let (mut solution, mut slope) = (Vec::new(), Vec::new());
        for index in 0..=60 {
            let mean = f64::from(index) * std::f64::consts::PI / 60.0;
            let (anomaly, iterations, found, expected) = solve.call((mean, eccentricity))?;
            let (anomaly, iterations) = (anomaly.item()?, iterations.item()?);
            let [by_mean, by_e] = [found[0].item()?, found[1].item()?];
            let error = (by_mean - expected[0].item()?).abs().max((by_e - expected[1].item()?).abs());
            if index % 20 == 0 {
                write!(out, "{eccentricity:12.1}  {mean:12.3}  {iterations:10}  {anomaly:.5}  ")?;
                writeln!(out, "{by_mean:7.4}  {by_e:7.4}  {error:.1e}")?;
            }
            solution.push((mean, anomaly));
            slope.push((mean, by_mean));
        }
        let name = format!("e = {eccentricity}");
        solutions.push(Curve::of(&name, solution));
        slopes.push(Curve::of(&name, slope));
    }
    let Some(path) = &args.plot else { return Ok(()) };
    let panels = [
        Panel::new("eccentric anomaly", ["mean anomaly in rad", "E in rad"], false, solutions),
        Panel::new("its slope", ["mean anomaly in rad", "dE/dM"], true, slopes),
    ];
    curves::save(path, &panels)
}
