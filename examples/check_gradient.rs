//! A gradient derived by hand, as a plain program on arrays, against autodiff: first with a mistake, which the report
//! finds, and then without.
//!
//! ```text
//! cargo run --release --example check_gradient
//! ```

use std::error::Error;
use std::io::{self, Write};

use flowgrad::ndarray::{Array1, Array2, ArrayD, array};
use flowgrad::prelude::*;

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

fn main() -> Result<(), Box<dyn Error>> {
    let model = Regression {
        x: array![[1.0, 0.5, -1.2], [1.0, 2.0, 0.3], [1.0, -0.7, 1.1], [1.0, 0.1, 0.4]],
        is_of_class: array![0.0, 1.0, 1.0, 0.0],
        penalty: 0.1,
    };
    let g = Graph::new();
    let w = g.variable("w", array![0.2, -0.4, 0.9]);
    let loss = model.loss(&g, w);

    let forgotten = |at: &[ArrayD<f64>]| model.gradient(&at[0], 0.0);
    let report = check_against(&g, loss, &[(w, forgotten)])?;
    let mut out = io::stdout().lock();
    writeln!(out, "without the penalty's part:\n{report}\n")?;
    if report.largest() <= TOLERANCE {
        return Err("a wrong gradient passed".into());
    }

    let by_hand = |at: &[ArrayD<f64>]| model.gradient(&at[0], model.penalty);
    let report = check_against(&g, loss, &[(w, by_hand)])?;
    writeln!(out, "with it:\n{report}\n")?;
    if report.largest() > TOLERANCE {
        return Err(format!("the gradient is off by {:.1e}", report.largest()).into());
    }
    writeln!(out, "autodiff and the formula agree to {TOLERANCE:e}")?;
    Ok(())
}
