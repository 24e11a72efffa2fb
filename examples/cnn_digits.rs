//! A small convolutional network that reads handwritten digits.
//!
//! ```text
//! cargo run --release --example cnn_digits -- --epochs 30 --split last
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use clap::Parser;
use common::classify::{Parts, Split, digits, measures, train};
use common::{Options, Result, parsed};
use flowgrad::nn::{Conv2d, Dense, Dropout, Flatten, Layer, MaxPool2d, Sequential};
use flowgrad::optimizer::{AdamW, Schedule};
use flowgrad::prelude::*;

/// Train a convolutional network to read handwritten digits
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

const EPOCHS: usize = 30;

fn main() -> Result<()> {
    let Args { options, epochs, split } = parsed();
    let images = digits()?.reshape_inputs(&[8, 8, 1])?;
    let parts = Parts::of(&images, split, options.seed)?;

    let g = Graph::with_seed(options.seed);
    let model = Sequential::new()
        .add(Conv2d::new(&g, "conv1", [3, 3, 1, 32], Convolution::same()))
        .add(Tensor::relu)
        .add(Conv2d::new(&g, "conv2", [3, 3, 32, 64], Convolution::same()))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Flatten)
        .add(Dropout::new("dropout1", 0.4))
        .add(Dense::new(&g, "fc", 4 * 4 * 64, 128))
        .add(Tensor::relu)
        .add(Dropout::new("dropout2", 0.4))
        .add(Dense::new(&g, "logits", 128, 10));

    let pixels = g.placeholder::<f32>("pixels", [None, Some(8), Some(8), Some(1)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    // However many epochs are asked for, so that a training may go on for more of them another day.
    let steps = EPOCHS * parts.train.len().div_ceil(32);
    let optimizer = AdamW::new(Schedule::cosine(2e-3, 1e-4, steps)).weight_decay(0.01);
    let measure = |mode| measures(model.call(pixels, mode), labels);
    train(&options, &parts, (pixels, labels), measure, |loss| optimizer.minimize(loss), epochs)
}
