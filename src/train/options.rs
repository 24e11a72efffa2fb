//! Options of a trainer that say what it shows, what it keeps, and what else it measures.

use ndarray::ArrayD;

use super::{Every, Figure, Keep, Trainer};
use crate::data::RowType;
use crate::optimizer::Averages;
use crate::{Element, Float, Tensor};

impl<'g, A: RowType, B: RowType, T: Float> Trainer<'g, A, B, T> {
    /// How often a line on stderr tells how the training goes: after so many steps or epochs ([`Every`]), or when a
    /// [`Duration`](std::time::Duration) has passed since the last.
    ///
    /// Without this, each epoch has a line, as long as a person can read them: those of epochs that are over within a
    /// quarter of a second of the last line are left out. The last epoch is told in any case.
    ///
    /// ```
    /// use std::time::Duration;
    /// use flowgrad::train::Every;
    /// # use flowgrad::prelude::*;
    /// # let g = Graph::new();
    /// # let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
    /// # let w = g.variable("w", 0.0);
    /// # let loss = (w * x - y).square().reduce_mean(..);
    /// # let trainer = || Trainer::new(x, y, loss, Sgd::new(0.1).minimize(loss));
    /// let trainers = [
    ///     trainer().report_every(Duration::from_secs(5)),
    ///     trainer().report_every(Every::Epochs(10)),
    ///     trainer().report_every(Every::Steps(1000)),
    /// ];
    /// ```
    pub fn report_every(self, every: impl Into<Every>) -> Self {
        Trainer { report_every: Some(every.into()), ..self }
    }

    /// Keeps several [checkpoints](Trainer::checkpoint) side by side: the last so many, or the [best](Keep::best).
    ///
    /// They have the step in their names: `digits-step00000045.safetensors` for the checkpoint `digits.safetensors`
    /// after step 45; [`checkpoints`](super::checkpoints) lists them. Others of that name are removed after each save,
    /// those of an earlier training too, when this one begins anew and has first saved. A training that is resumed
    /// takes the newest that is whole, so a damaged one costs no more than the steps since the one before; where there
    /// is none, it takes the file without a number.
    ///
    /// ```
    /// use flowgrad::train::{Keep, checkpoints};
    /// # use flowgrad::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("line.safetensors");
    /// # let g = Graph::new();
    /// # let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
    /// # let w = g.variable("w", 0.0);
    /// # let loss = (w * x - y).square().reduce_mean(..);
    /// # let step = Sgd::new(0.1).minimize(loss);
    /// # let data = Dataset::new(ndarray::arr1(&[1.0, 2.0]), ndarray::arr1(&[3.0, 6.0]))?;
    /// # let session = Session::new(&g)?;
    /// let trainer = Trainer::new(x, y, loss, step).checkpoint(&path).keep(3).quiet();
    /// trainer.fit(&session, &data, 10)?;
    /// let expected = [8, 9, 10].map(|step| directory.path().join(format!("line-step{step:08}.safetensors")));
    /// assert_eq!(checkpoints(&path)?, expected);
    /// # let _ = trainer.keep(Keep::best(3).minimize("loss"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep(self, keep: impl Into<Keep>) -> Self {
        Trainer { keep: Some(keep.into()), ..self }
    }

    /// Scores the predictions of all validation data at once after each epoch, by what is no mean over batches: the
    /// area under a curve, precision, recall ([`metrics`](crate::metrics)).
    ///
    /// `predictions` is a tensor of shape `[rows, ..]`, with a row for each row of a batch. The function is given those
    /// of all validation data and all targets, in the same order, and gives a number or a `Result` of one. It is among
    /// the validation metrics by its name, for [`EarlyStopping`](super::EarlyStopping) and [`Keep::best`] too.
    ///
    /// ```
    /// use flowgrad::metrics::{ConfusionMatrix, roc_auc};
    /// # use flowgrad::prelude::*;
    /// # use flowgrad::ndarray::{Array1, Array2};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let x = Array2::from_shape_fn((100, 2), |(row, axis)| (row as f32 * [0.37, 0.73][axis]).fract() - 0.5);
    /// # let labels: Array1<i64> = x.rows().into_iter().map(|row| i64::from(row[0] + row[1] > 0.0)).collect();
    /// # let (train, test) = Dataset::new(x, labels)?.split(0.8, 1)?;
    /// # let g = Graph::new();
    /// # let x = g.placeholder::<f32>("x", [None, Some(2)]);
    /// # let labels = g.placeholder::<i64>("labels", [None]);
    /// # let logits = Dense::new(&g, "logits", 2, 2).call(x, Mode::Train);
    /// # let loss = logits.sparse_softmax_cross_entropy(labels).reduce_mean(..);
    /// # let step = Adam::new(0.05).minimize(loss);
    /// let of_one = logits.softmax(-1).slice((.., 1));
    /// let trainer = Trainer::new(x, labels, loss, step)
    ///     .validate(&test, loss, [])
    ///     .score("auc", of_one, |scores, labels| roc_auc(labels, scores))
    ///     .score("f1", logits.argmax(-1), |found, labels| ConfusionMatrix::of(labels, found).map(|it| it.f1(1)))
    ///     .early_stopping(EarlyStopping::patience(3).maximize("auc"))
    ///     .quiet();
    /// let session = Session::new(&g)?;
    /// trainer.fit(&session, &train, 20)?;
    /// assert!(trainer.evaluate(&session, &test)?.get("auc") > Some(0.95));
    /// # Ok(())
    /// # }
    /// ```
    pub fn score<P: Element, F: Figure>(
        mut self,
        name: &str,
        predictions: Tensor<'g, P>,
        figure: impl Fn(&ArrayD<P>, &B::Arrays) -> F + 'g,
    ) -> Self {
        self.scores.push(name, predictions, figure);
        self
    }

    /// Updates [averages](crate::optimizer::Ema) after each step, and validates and evaluates with them in place of
    /// the variables.
    ///
    /// For that time the variables are exchanged with their averages, which other threads that run the session see.
    /// Callbacks and checkpoints have both as they are in training; to predict, run [`Averages::swap`] or
    /// [`Averages::apply`] when the training is over, or hand a checkpoint's variables to
    /// [`averaged`](crate::optimizer::averaged).
    ///
    /// ```
    /// use flowgrad::optimizer::Ema;
    /// # use flowgrad::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let g = Graph::new();
    /// # let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
    /// # let w = g.variable("w", 0.0);
    /// # let loss = (w * x - y).square().reduce_mean(..);
    /// # let step = Sgd::new(0.1).minimize(loss);
    /// # let data = Dataset::new(ndarray::arr1(&[1.0, 2.0]), ndarray::arr1(&[3.0, 6.0]))?;
    /// let averages = Ema::new(0.9).of(&g, &g.trainable_variables::<f64>());
    /// let trainer = Trainer::new(x, y, loss, step).validate(&data, loss, []).average(&averages).quiet();
    /// let session = Session::new(&g)?;
    /// let report = trainer.fit(&session, &data, 100)?;
    /// session.run(averages.apply())?;
    /// let loss = session.feed(x, data.inputs()).feed(y, data.targets()).run(loss)?;
    /// assert_eq!(report.history[99].validation.as_ref().map(|it| it.loss), Some(loss.sum()));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn average(self, averages: &Averages<'g, T>) -> Self {
        let step = averages.update_after(self.step);
        Trainer { step, swap: Some(averages.swap()), ..self }
    }
}
