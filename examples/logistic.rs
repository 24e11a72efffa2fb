//! Logistic regression: is a tumour benign, by 30 measures of its cells?
//!
//! ```text
//! cargo run --release --example logistic -- --epochs 100
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use clap::Parser;
use common::classify::{Parts, Split, train};
use common::{Options, Result, data, parsed};
use flowgrad::data::{Csv, Dataset, Standardiser};
use flowgrad::nn::{Dense, Layer};
use flowgrad::optimizer::Momentum;
use flowgrad::prelude::*;

/// Train a logistic regression to tell benign tumours from malignant ones
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Passes over the training data
    #[arg(long, default_value_t = EPOCHS)]
    epochs: usize,
}

const EPOCHS: usize = 100;

fn main() -> Result<()> {
    let Args { options, epochs } = parsed();
    // The first line counts rows and columns and names the classes.
    let rows = Dataset::<f32, f32>::from_csv(data("breast_cancer.csv"), &Csv::new().skip_lines(1), -1)?;
    let mut parts = Parts::of(&rows, Split::Random, options.seed)?;
    let standardiser = Standardiser::fit(parts.train.inputs())?;
    parts.train = parts.train.standardise(&standardiser)?;
    parts.test = parts.test.standardise(&standardiser)?;

    let g = Graph::with_seed(options.seed);
    let model = Dense::new(&g, "logit", 30, 1);
    let measures = g.placeholder::<f32>("measures", [None, Some(30)]);
    let is_benign = g.placeholder::<f32>("is_benign", [None]);
    let measure = |mode| {
        let logit = model.call(measures, mode).squeeze(-1);
        let loss = logit.sigmoid_cross_entropy(is_benign).reduce_mean(..).named("loss");
        let is_right = logit.greater(0.0).equal(is_benign.greater(0.5)).cast::<f32>();
        [loss, is_right.reduce_mean(..).named("accuracy")]
    };
    let optimizer = Momentum::new(0.05, 0.9).weight_decay(1e-3);
    train(&options, &parts, (measures, is_benign), measure, |loss| optimizer.minimize(loss), epochs)
}
