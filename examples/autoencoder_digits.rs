//! An autoencoder that squeezes handwritten digits of 64 pixels through 8 numbers, and an image of what it makes of
//! digits that it has not seen.
//!
//! ```text
//! cargo run --release --example autoencoder_digits -- --png digits.png
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use common::classify::digits;
use common::curves::Panel;
use common::{Options, Result, parsed};
use flowgrad::data::Dataset;
use flowgrad::ndarray::{Array2, ArrayViewD, Axis, s};
use flowgrad::nn::{Dense, Layer, Mode, Sequential};
use flowgrad::optimizer::{Adam, Schedule};
use flowgrad::prelude::*;
use flowgrad::train::Trainer;
use serde::Serialize;

/// Train an autoencoder of handwritten digits, and draw what it makes of them
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Passes over the training data
    #[arg(long, default_value_t = EPOCHS)]
    epochs: usize,
    /// Where to write the image: pairs of rows, digits above and what became of them below
    #[arg(long, value_name = "FILE", default_value = "autoencoder_digits.png")]
    png: PathBuf,
}

const EPOCHS: usize = 60;

/// What came out of a training; losses are mean squared differences of pixels from 0 to 1.
#[derive(Serialize)]
struct Outcome {
    train_loss: f64,
    test_loss: f64,
    seconds: f64,
    epochs: usize,
    seed: u64,
}

fn main() -> Result<()> {
    let Args { options, epochs, png } = parsed();
    let rows = digits()?;
    // The targets are the inputs.
    let rows = Dataset::new(rows.inputs().clone(), rows.inputs().clone())?;
    let (train, test) = rows.split(0.8, options.seed)?;

    let g = Graph::with_seed(options.seed);
    let encoder = Sequential::new()
        .add(Dense::new(&g, "encoder1", 64, 64))
        .add(Tensor::relu)
        .add(Dense::new(&g, "encoder2", 64, 8));
    let decoder = Sequential::new()
        .add(Dense::new(&g, "decoder1", 8, 64))
        .add(Tensor::relu)
        .add(Dense::new(&g, "decoder2", 64, 64))
        .add(Tensor::sigmoid);
    let pixels = g.placeholder::<f32>("pixels", [None, Some(64)]);
    let target = g.placeholder::<f32>("target", [None, Some(64)]);
    let decoded = decoder.call(encoder.call(pixels, Mode::Train), Mode::Train);
    let loss = decoded.mean_squared_error(target).named("loss");
    // However many epochs are asked for, so that a training may go on for more of them another day.
    let steps = EPOCHS * train.len().div_ceil(32);
    let step = Adam::new(Schedule::cosine(3e-3, 1e-4, steps)).minimize(loss);
    let trainer = options.equip(&g, Trainer::new(pixels, target, loss, step).validate(&test, loss, []))?;

    let session = Session::new(&g)?;
    let start = Instant::now();
    let report = trainer.fit(&session, &train, epochs)?;
    let outcome = Outcome {
        seconds: start.elapsed().as_secs_f64(),
        train_loss: trainer.evaluate(&session, &train)?.loss,
        test_loss: trainer.evaluate(&session, &test)?.loss,
        epochs: report.history.len(),
        seed: options.seed,
    };
    let decoded = session.feed(pixels, test.inputs()).run(decoded)?;
    write_grid(&png, test.inputs().view(), decoded.view())?;
    options.say(format_args!(
        "{} after {} epochs in {:.2} s: mean squared difference {:.5}, {:.5} on other digits; see {}",
        report.ended,
        outcome.epochs,
        outcome.seconds,
        outcome.train_loss,
        outcome.test_loss,
        png.display()
    ))?;
    options.draw(&Panel::of(&report.history))?;
    options.report(&outcome)
}

/// Digits in a row of the image, and pairs of rows.
const GRID: (usize, usize) = (16, 4);

/// Writes digits of 8×8 pixels and what became of them as a grey image, each pixel 4×4 large.
fn write_grid(path: &Path, digits: ArrayViewD<'_, f32>, decoded: ArrayViewD<'_, f32>) -> Result<()> {
    const SIZE: usize = 10;
    const SCALE: usize = 4;
    let (columns, pairs) = GRID;
    let mut image = Array2::<f32>::zeros((2 * pairs * SIZE, columns * SIZE));
    for index in 0..(columns * pairs).min(digits.len_of(Axis(0))) {
        for (below, images) in [&digits, &decoded].into_iter().enumerate() {
            let digit = images.index_axis(Axis(0), index).into_shape_with_order((8, 8))?;
            let (y, x) = ((2 * (index / columns) + below) * SIZE + 1, index % columns * SIZE + 1);
            image.slice_mut(s![y..y + 8, x..x + 8]).assign(&digit);
        }
    }
    let (height, width) = (image.nrows() * SCALE, image.ncols() * SCALE);
    let grey = |at: usize| {
        let (y, x) = (at / width / SCALE, at % width / SCALE);
        (image[[y, x]] * 255.0).round().clamp(0.0, 255.0) as u8
    };
    let bytes: Vec<u8> = (0..height * width).map(grey).collect();
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&bytes)?;
    Ok(())
}
