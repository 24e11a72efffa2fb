//! A gradient derived by hand, as a plain program on arrays, against autodiff: first with a mistake, which the report
//! finds, and then without. The picture shows what central differences would have found instead.
//!
//! ```text
//! cargo run --release --example check_gradient
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Result, curves, parsed};
use flowgrad::ndarray::{Array1, Array2, ArrayD, array};
use flowgrad::prelude::*;

/// Check a gradient that was derived by hand
#[derive(Parser)]
struct Args {
    /// Draw how far formulas and central differences lie from autodiff, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// How far a formula may lie from autodiff.
const TOLERANCE: f64 = 1e-12;

/// Logistic regression with a penalty: a row of `x` is of the class with probability 1/(1 + exp(-x·w)).
struct Regression {
    x: Array2<f64>,
    is_of_class: Array1<f64>,
    penalty: f64,
}

impl Regression {
    fn loss<'g>(&self, g: &'g Graph, w: Variable<'g, f64>) -> Tensor<'g, f64> {
        let logits = g.constant(&self.x).matmul(w.reshape([3, 1])).reshape([4]);
        let cross_entropy = logits.sigmoid_cross_entropy(g.constant(&self.is_of_class)).reduce_mean(..);
        cross_entropy + 0.5 * self.penalty * w.square().reduce_sum(..)
    }

    /// The mean over the rows of (probability - label)·x, and what the penalty adds.
    fn gradient(&self, w: &ArrayD<f64>, of_penalty: f64) -> Array1<f64> {
        let w = w.flatten();
        let probability = self.x.dot(&w).mapv(|logit| 1.0 / (1.0 + (-logit).exp()));
        let of_rows = self.x.t().dot(&(probability - &self.is_of_class)) / self.x.nrows() as f64;
        of_rows + &(&w * of_penalty)
    }
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let model = Regression {
        x: array![[1.0, 0.5, -1.2], [1.0, 2.0, 0.3], [1.0, -0.7, 1.1], [1.0, 0.1, 0.4]],
        is_of_class: array![0.0, 1.0, 1.0, 0.0],
        penalty: 0.1,
    };
    let g = Graph::new();
    let w = g.variable("w", array![0.2, -0.4, 0.9]);
    let loss = model.loss(&g, w);

    let forgotten = |at: &[ArrayD<f64>]| model.gradient(&at[0], 0.0);
    let wrong = check_against(&g, loss, &[(w, forgotten)])?;
    let mut out = io::stdout().lock();
    writeln!(out, "without the penalty's part:\n{wrong}\n")?;
    if wrong.largest() <= TOLERANCE {
        return Err("a wrong gradient passed".into());
    }

    let by_hand = |at: &[ArrayD<f64>]| model.gradient(&at[0], model.penalty);
    let right = check_against(&g, loss, &[(w, by_hand)])?;
    writeln!(out, "with it:\n{right}\n")?;
    if right.largest() > TOLERANCE {
        return Err(format!("the gradient is off by {:.1e}", right.largest()).into());
    }
    writeln!(out, "autodiff and the formula agree to {TOLERANCE:e}")?;

    let Some(path) = &args.plot else { return Ok(()) };
    let session = Session::new(&g)?;
    let (start, [gradient]) = session.run((w, loss.gradients([w])))?;
    let mut differences = Vec::new();
    for step in (2..=24).map(|half| -0.5 * f64::from(half)) {
        let mut largest = 0.0_f64;
        for (element, exact) in gradient.iter().enumerate() {
            let loss_at = |change: f64| {
                let mut moved = start.clone();
                moved[element] += change;
                session.feed(w, &moved).run(loss)?.item()
            };
            let step = 10_f64.powf(step);
            largest = largest.max(((loss_at(step)? - loss_at(-step)?) / (2.0 * step) - exact).abs());
        }
        differences.push((step, largest));
    }
    // What agrees in all digits has a place on the logarithmic axis too.
    let level = |error: f64| [-12.0, -1.0].map(|step| (step, error.max(f64::EPSILON / 2.0)));
    let drawn = vec![
        Curve::of("penalty forgotten", level(wrong.largest())),
        Curve::of("central differences", differences),
        Curve::of("by hand", level(right.largest())),
    ];
    let axes = ["step of the difference, as a power of ten", "largest distance from autodiff"];
    curves::save(path, &[Panel::new("a gradient by hand, and by differences", axes, true, drawn)])
}
