//! A perceptron of two hidden layers that reads handwritten digits.
//!
//! ```text
//! cargo run --release --example mlp_digits -- --epochs 40 --split last
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use clap::Parser;
use common::classify::{Parts, Split, digits, measures, train};
use common::{Options, Result, parsed};
use flowgrad::nn::{Dense, Dropout, Layer, Sequential};
use flowgrad::optimizer::{AdamW, Schedule};
use flowgrad::prelude::*;

/// Train a perceptron to read handwritten digits
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Passes over the training data
    #[arg(long, default_value_t = EPOCHS)]
    epochs: usize,
    /// Which rows to test on
    #[arg(long, value_enum, default_value_t = Split::Random)]
    split: Split,
}

const EPOCHS: usize = 60;

fn main() -> Result<()> {
    let Args { options, epochs, split } = parsed();
    let parts = Parts::of(&digits()?, split, options.seed)?;

    let g = Graph::with_seed(options.seed);
    let model = Sequential::new()
        .add(Dense::new(&g, "fc1", 64, 256))
        .add(Tensor::relu)
        .add(Dropout::new("dropout1", 0.3))
        .add(Dense::new(&g, "fc2", 256, 128))
        .add(Tensor::relu)
        .add(Dropout::new("dropout2", 0.3))
        .add(Dense::new(&g, "logits", 128, 10));

    let pixels = g.placeholder::<f32>("pixels", [None, Some(64)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    // However many epochs are asked for, so that a training may go on for more of them another day.
    let steps = EPOCHS * parts.train.len().div_ceil(32);
    let optimizer = AdamW::new(Schedule::cosine(2e-3, 1e-4, steps)).weight_decay(0.01);
    let measure = |mode| measures(model.call(pixels, mode), labels);
    train(&options, &parts, (pixels, labels), measure, |loss| optimizer.minimize(loss), epochs)
}
