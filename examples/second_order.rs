//! Newton's method by Hessian-vector products: a Poisson regression of how diabetes went on, by ten measures a year
//! before. No Hessian is made; each step solves H·p = -∇ by conjugate gradients, which ask for products of H only.
//!
//! ```text
//! cargo run --release --example second_order
//! ```
//!
//! Source: Nocedal and Wright, *Numerical optimization*, 2006, algorithm 7.1 (line search Newton-CG).

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::time::Instant;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Options, Result, data, parsed};
use flowgrad::data::{Csv, Standardiser, read_csv};
use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::ndarray::{Array2, ArrayD, Axis, concatenate};
use flowgrad::prelude::*;
use serde::Serialize;

/// Fit a Poisson regression by Newton's method
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Newton steps; they end earlier where the gradient vanishes
    #[arg(long, default_value_t = STEPS)]
    epochs: usize,
}

/// Newton steps; they end earlier where the gradient vanishes.
const STEPS: usize = 20;

/// Largest entry of a gradient that counts as none: what rounding leaves of sums over some hundred rows.
const VANISHED: f64 = 1e-10;

#[derive(Serialize)]
struct Outcome {
    loss: f64,
    /// Largest entry of the gradient.
    gradient: f64,
    /// The part of the deviance that the measures explain.
    explained: f64,
    seconds: f64,
    epochs: usize,
    products: usize,
    seed: u64,
}

fn main() -> Result<()> {
    let Args { options, epochs: steps } = parsed();
    let separated = Csv::new().whitespace();
    let measures = read_csv::<f64>(data("diabetes_data_raw.csv.gz"), &separated)?.into_dyn();
    let progress = read_csv::<f64>(data("diabetes_target.csv.gz"), &separated)?;
    let measures = Standardiser::fit(&measures)?.apply(&measures)?.into_dimensionality()?;
    let rows = concatenate![Axis(1), measures, Array2::ones((measures.nrows(), 1))];
    // The fit starts from the mean of all.
    let mut start = Array2::<f64>::zeros((rows.ncols(), 1));
    start[[rows.ncols() - 1, 0]] = (progress.sum() / progress.len() as f64).ln();

    let g = Graph::with_seed(options.seed);
    let direction = g.placeholder::<f64>("direction", start.shape());
    let w = g.variable("w", start);
    let iteration = g.non_trainable_variable("iteration", 0_i64);
    let link = g.constant(rows).matmul(w);
    // -ln of the Poisson likelihood of e^(x·w), but for a constant.
    let loss = (link.exp() - g.constant(progress.view()) * link).reduce_mean(..).named("loss");
    let [gradient] = loss.gradients([w]);
    let product = hessian_vector_product(loss, &[w], &[direction]);
    let step = (w.assign_add(direction).op(), iteration.assign_add(1).op());

    let session = Session::new(&g)?;
    let curvature = session.make_callable(direction, product)?;
    let advance = session.make_callable(direction, step)?;
    if let (Some(file), true) = (&options.checkpoint, options.resume)
        && file.exists()
    {
        Checkpoint::load(file)?.restore(&session)?;
    }
    let mut writer = options.writer(&g)?;
    let (started, mut products) = (Instant::now(), 0);
    let (mut losses, mut slopes) = (Vec::new(), Vec::new());
    let outcome = loop {
        let (height, slope, at, done) = session.run((loss, gradient, w, iteration))?;
        let (height, steepest, done) = (height.sum(), largest(&slope), done.sum());
        options.say(format_args!("step {done:2}: loss {height:.12}, largest slope {steepest:.1e}"))?;
        if let Some(writer) = &mut writer {
            writer.scalar("loss", done, height)?;
            writer.scalar("slope", done, steepest)?;
        }
        losses.push((done as f64, height));
        slopes.push((done as f64, steepest));
        let epochs = done as usize;
        if steepest < VANISHED || epochs >= steps {
            let explained =
                1.0 - deviance(&progress, &session.run(link.exp())?) / deviance_of_mean(&progress);
            let (loss, seconds, seed) = (height, started.elapsed().as_secs_f64(), options.seed);
            break Outcome { loss, gradient: steepest, explained, seconds, epochs, products, seed };
        }
        let mut newton = conjugate_gradients(&slope, |p| {
            products += 1;
            curvature.call(p).map(|mut products| products.remove(0))
        })?;
        // Half the step, and half of that, until the loss falls by a part of what the slope promises.
        let promised = (&slope * &newton).sum();
        let mut part = 1.0;
        while session.feed(w, &(&at + &newton)).run(loss)?.sum() > height + 1e-4 * part * promised {
            newton *= 0.5;
            part *= 0.5;
            if part < 1e-9 {
                return Err("the loss does not fall along Newton's step".into());
            }
        }
        advance.call(&newton)?;
        if let Some(file) = &options.checkpoint {
            Checkpoint::of(&session)?.save(file)?;
        }
    };
    options.say(format_args!(
        "{} Newton steps and {} Hessian-vector products in {:.3} s explain {:.1} % of the deviance",
        outcome.epochs,
        outcome.products,
        outcome.seconds,
        100.0 * outcome.explained
    ))?;
    let panel = |title: &str, y: &str, is_logarithmic, points: Vec<_>| {
        Panel::new(title, ["Newton step", y], is_logarithmic, vec![Curve::of(title, points)])
    };
    options.draw(&[
        panel("loss", "-ln likelihood of a row, but for a constant", false, losses),
        panel("largest slope", "largest entry of the gradient", true, slopes),
    ])?;
    options.report(&outcome)
}

fn largest(x: &ArrayD<f64>) -> f64 {
    x.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

/// Solves H·p = -slope, for products with a positive definite H, until what is left has an 1e-12th of the norm; on n
/// unknowns n steps do but for rounding.
fn conjugate_gradients(
    slope: &ArrayD<f64>,
    mut product: impl FnMut(&ArrayD<f64>) -> flowgrad::Result<ArrayD<f64>>,
) -> Result<ArrayD<f64>> {
    let dot = |a: &ArrayD<f64>, b: &ArrayD<f64>| (a * b).sum();
    let mut solution = ArrayD::zeros(slope.raw_dim());
    let mut left = -slope;
    let mut direction = left.clone();
    let (first, mut norm) = (dot(&left, &left), dot(&left, &left));
    for _ in 0..2 * slope.len() {
        if norm <= 1e-24 * first {
            break;
        }
        let curved = product(&direction)?;
        let length = norm / dot(&direction, &curved);
        solution.scaled_add(length, &direction);
        left.scaled_add(-length, &curved);
        let before = std::mem::replace(&mut norm, dot(&left, &left));
        direction = &left + &(norm / before * direction);
    }
    Ok(solution)
}

/// Twice the logarithm of how much likelier the counts themselves are than the means, for Poisson distributions.
fn deviance(counts: &Array2<f64>, means: &ArrayD<f64>) -> f64 {
    counts.iter().zip(means).map(|(y, mean)| 2.0 * (y * (y / mean).ln() - (y - mean))).sum()
}

fn deviance_of_mean(counts: &Array2<f64>) -> f64 {
    deviance(counts, &ArrayD::from_elem(counts.shape(), counts.sum() / counts.len() as f64))
}
