//! The way of a classifier: rows split in two, a model trained on one part, and how often it is right on both.

use std::time::Instant;

use clap::ValueEnum;
use flowgrad::data::{Csv, Dataset, RowType};
use flowgrad::nn::Mode;
use flowgrad::prelude::*;
use flowgrad::train::Trainer;
use serde::Serialize;

use super::curves::Panel;
use super::{Options, Result, data};

/// Which rows to test on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Split {
    /// A fifth of the rows, drawn by the seed
    Random,
    /// The last 360 rows, which other people wrote
    Last,
}

/// What came out of a training.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) train_accuracy: f64,
    pub(crate) test_accuracy: f64,
    /// Of training, the measuring after each epoch included.
    pub(crate) seconds: f64,
    pub(crate) epochs: usize,
    pub(crate) seed: u64,
    pub(crate) split: Split,
}

/// Rows to train on, and rows to test on.
pub(crate) struct Parts<B: RowType> {
    pub(crate) train: Dataset<f32, B>,
    pub(crate) test: Dataset<f32, B>,
    pub(crate) split: Split,
}

impl<B: RowType> Parts<B> {
    pub(crate) fn of(rows: &Dataset<f32, B>, split: Split, seed: u64) -> Result<Self> {
        let (train, test) = match split {
            Split::Random => rows.split(0.8, seed)?,
            Split::Last => rows.split_last(360)?,
        };
        Ok(Parts { train, test, split })
    }
}

/// 1,797 handwritten digits: 64 pixels from 0 to 1, and the digit.
pub(crate) fn digits() -> Result<Dataset<f32, i64>> {
    let rows = Dataset::<f32, i64>::from_csv(data("digits.csv.gz"), &Csv::new(), -1)?;
    Ok(rows.map_inputs(|pixel| pixel / 16.0))
}

/// Minimizes a loss over the training rows. `measure` builds loss and accuracy of the model in a mode, `minimize` a
/// step of training.
pub(crate) fn train<'g, B: Element>(
    options: &Options,
    parts: &Parts<B>,
    (inputs, targets): (Tensor<'g, f32>, Tensor<'g, B>),
    measure: impl Fn(Mode) -> [Tensor<'g, f32>; 2],
    minimize: impl FnOnce(Tensor<'g, f32>) -> Operation<'g>,
    epochs: usize,
) -> Result<()> {
    let g = inputs.graph();
    let [loss, accuracy] = g.name_scope("train", || measure(Mode::Train));
    let [test_loss, test_accuracy] = g.name_scope("predict", || measure(Mode::Predict));
    let trainer = Trainer::new(inputs, targets, loss, minimize(loss)).metric("accuracy", accuracy).validate(
        &parts.test,
        test_loss,
        [("accuracy", test_accuracy)],
    );
    let trainer = options.equip(g, trainer)?;

    let session = Session::new(g)?;
    let start = Instant::now();
    let report = trainer.fit(&session, &parts.train, epochs)?;
    let seconds = start.elapsed().as_secs_f64();
    let accuracy_on = |rows: &Dataset<f32, B>| -> Result<f64> {
        let metrics = trainer.evaluate(&session, rows)?;
        metrics.get("accuracy").ok_or_else(|| "the accuracy is not measured".into())
    };
    let outcome = Outcome {
        train_accuracy: accuracy_on(&parts.train)?,
        test_accuracy: accuracy_on(&parts.test)?,
        seconds,
        epochs: report.history.len(),
        seed: options.seed,
        split: parts.split,
    };
    options.say(format_args!(
        "{} after {} epochs in {seconds:.2} s: {:.2} % right of {} rows trained on, {:.2} % of {} others",
        report.ended,
        outcome.epochs,
        100.0 * outcome.train_accuracy,
        parts.train.len(),
        100.0 * outcome.test_accuracy,
        parts.test.len(),
    ))?;
    options.draw(&Panel::of(&report.history))?;
    options.report(&outcome)
}

/// Loss and accuracy of one logit a class.
pub(crate) fn measures<'g>(logits: Tensor<'g, f32>, labels: Tensor<'g, i64>) -> [Tensor<'g, f32>; 2] {
    let loss = logits.sparse_softmax_cross_entropy(labels).reduce_mean(..);
    let accuracy = logits.argmax(-1).equal(labels).cast::<f32>().reduce_mean(..);
    [loss.named("loss"), accuracy.named("accuracy")]
}
