//! [`Trainer`]: what is trained on what, and how; see [`fit`](super::fit) for the training itself.

use std::path::PathBuf;

use super::callback::Callbacks;
use super::fed::Fed;
use super::metrics::Measured;
use super::score::Scores;
use super::{EarlyStopping, Epoch, Every, Keep, TrainError, Verdict};
use crate::data::{Dataset, RowType};
use crate::{Feeds, Float, Operation, Tensor};

/// Trains a model on a [`Dataset`] by running an operation on one batch after the other.
///
/// `A` and `B` are what a row of inputs and of targets holds, an element type or a tuple of such ([`RowType`]); `T` is
/// the element type of the loss and the metrics. A trainer holds
/// no state of a training: that is in the session and in the checkpoint.
///
/// ```
/// use flowgrad::ndarray::{Array1, Array2};
/// use flowgrad::prelude::*;
/// use flowgrad::train::Trainer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Points in the square from -1 to 1, and on which side of a line each lies.
/// let x = Array2::from_shape_fn((200, 2), |(row, axis)| (row as f32 * [0.37, 0.73][axis]).fract() * 2.0 - 1.0);
/// let sides: Array1<i64> = x.rows().into_iter().map(|row| i64::from(row[0] + 2.0 * row[1] > 0.0)).collect();
/// let (train, test) = Dataset::new(x, sides)?.split(0.8, 1)?;
///
/// let g = Graph::with_seed(7);
/// let x = g.placeholder::<f32>("x", [None, Some(2)]);
/// let labels = g.placeholder::<i64>("labels", [None]);
/// let kernel = g.variable("kernel", glorot_uniform([2, 2]));
/// let logits = x.matmul(kernel);
/// let loss = logits.sparse_softmax_cross_entropy(labels).reduce_mean(..);
/// let accuracy = logits.argmax(-1).equal(labels).cast::<f32>().reduce_mean(..);
/// let [gradient] = loss.gradients([kernel]);
///
/// let session = Session::new(&g)?;
/// let trainer = Trainer::new(x, labels, loss, kernel.assign_sub(gradient).op())
///     .metric("accuracy", accuracy)
///     .validate(&test, loss, [("accuracy", accuracy)])
///     .batch_size(16)
///     .quiet();
/// let report = trainer.fit(&session, &train, 20)?;
/// assert_eq!(report.history.len(), 20);
/// assert!(trainer.evaluate(&session, &test)?.get("accuracy") > Some(0.9));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is trained before `fit` is called"]
// Each is an option of its own.
#[allow(clippy::struct_excessive_bools)]
pub struct Trainer<'g, A: RowType, B: RowType, T> {
    pub(super) fed: Fed<'g, A, B>,
    pub(super) step: Operation<'g>,
    pub(super) measured: Measured<'g, T>,
    /// The loss as steps measure it, which fails them where it is not finite.
    pub(super) checked_loss: Tensor<'g, T>,
    pub(super) validation: Option<Validation<'g, A, B, T>>,
    pub(super) batch_size: usize,
    pub(super) drops_last: bool,
    /// The seed of the order of rows; `None` leaves them in the order of the dataset.
    pub(super) seed: Option<u64>,
    pub(super) prefetches: bool,
    pub(super) early_stopping: Option<EarlyStopping>,
    pub(super) callbacks: Callbacks<'g>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) checkpoint_every: usize,
    pub(super) keep: Option<Keep>,
    pub(super) resumes: bool,
    pub(super) listens: bool,
    pub(super) is_quiet: bool,
    pub(super) report_every: Option<Every>,
    pub(super) scores: Scores<'g, B>,
    /// Exchanges variables and averages, where those are validated with.
    pub(super) swap: Option<Operation<'g>>,
}

/// What is measured after each epoch, and on what.
#[derive(Debug)]
pub(super) struct Validation<'g, A: RowType, B: RowType, T> {
    pub(super) data: Dataset<A, B>,
    pub(super) measured: Measured<'g, T>,
}

/// Rows of a batch unless told otherwise: few enough for many steps an epoch, enough for products of matrices to pay.
const BATCH_SIZE: usize = 32;

impl<'g, A: RowType, B: RowType, T: Float> Trainer<'g, A, B, T> {
    /// A trainer that feeds batches of inputs and targets to these tensors and runs `step`, which changes the
    /// variables so that `loss`, a single number, becomes less.
    ///
    /// Inputs and targets are a tensor each, or a tuple of such in the structure of the dataset:
    ///
    /// ```
    /// # use flowgrad::prelude::*;
    /// # use flowgrad::ndarray::{Array1, Array2};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let g = Graph::new();
    /// let ids = g.placeholder::<i64>("ids", [None]);
    /// let facts = g.placeholder::<f32>("facts", [None, Some(3)]);
    /// let price = g.placeholder::<f32>("price", [None]);
    /// let (table, w) = (g.variable::<f32>("table", zeros([10])), g.variable::<f32>("w", zeros([3])));
    /// let loss = (table.gather(ids, 0) + (facts * w).reduce_sum(-1)).mean_squared_error(price);
    ///
    /// let data = Dataset::new((Array1::<i64>::ones(8), Array2::<f32>::ones((8, 3))), Array1::<f32>::ones(8))?;
    /// let trainer = Trainer::new((ids, facts), price, loss, Sgd::new(0.1).minimize(loss)).quiet();
    /// let report = trainer.fit(&Session::new(&g)?, &data, 20)?;
    /// assert!(report.history[19].train.loss < 0.01);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without further words it shuffles rows by the graph's seed into batches of 32, checks that each loss is finite,
    /// and tells on stderr how it goes.
    #[track_caller]
    pub fn new(
        inputs: impl Feeds<'g, Types = A>,
        targets: impl Feeds<'g, Types = B>,
        loss: Tensor<'g, T>,
        step: Operation<'g>,
    ) -> Self {
        Trainer {
            fed: Fed::new(inputs, targets),
            step,
            measured: Measured::new(loss),
            checked_loss: loss.check_numerics(),
            validation: None,
            batch_size: BATCH_SIZE,
            drops_last: false,
            seed: Some(loss.graph().seed()),
            prefetches: false,
            early_stopping: None,
            callbacks: Callbacks::default(),
            checkpoint: None,
            checkpoint_every: 0,
            keep: None,
            resumes: false,
            listens: false,
            is_quiet: false,
            report_every: None,
            scores: Scores::default(),
            swap: None,
        }
    }

    /// Measures one more number on each batch that is trained on: a mean over its rows, so that means of batches,
    /// weighted by their rows, are the mean over all.
    pub fn metric(mut self, name: &str, metric: Tensor<'g, T>) -> Self {
        self.measured.push(name, metric);
        self
    }

    /// Measures loss and metrics on these data after each epoch, by tensors that may be other than those of the
    /// training, as when the model is called a second time to predict. Those of a model that was called to train would
    /// drop what dropout drops, and move the statistics of batch norm by these data.
    pub fn validate<'n>(
        mut self,
        data: &Dataset<A, B>,
        loss: Tensor<'g, T>,
        metrics: impl IntoIterator<Item = (&'n str, Tensor<'g, T>)>,
    ) -> Self {
        let mut measured = Measured::new(loss);
        metrics.into_iter().for_each(|(name, metric)| measured.push(name, metric));
        self.validation = Some(Validation { data: data.clone(), measured });
        self
    }

    /// Rows of a batch; the last batch of an epoch may have fewer.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Trainer { batch_size, ..self }
    }

    /// Leaves out the last batch of an epoch if it is smaller: for models of a fixed batch size. Those of the
    /// validation are all used.
    pub fn drop_last(self) -> Self {
        Trainer { drops_last: true, ..self }
    }

    /// Shuffles rows by this seed instead of the graph's. Each epoch has an order of its own.
    pub fn seed(self, seed: u64) -> Self {
        Trainer { seed: Some(seed), ..self }
    }

    /// Takes rows in the order in which they are.
    pub fn in_order(self) -> Self {
        Trainer { seed: None, ..self }
    }

    /// Prepares the next batch on another thread while a step runs. It helps where gathering the rows of a batch takes
    /// long beside a step, as of large rows; for small ones the threads' talk costs more than it saves.
    pub fn prefetched(self) -> Self {
        Trainer { prefetches: true, ..self }
    }

    /// Goes on when a loss is not finite.
    ///
    /// Without this, such a step fails and changes no variable: what was learned is still in the session and in the
    /// checkpoint, where the step would have made it NaN, all later steps in vain, and the checkpoint worthless. The
    /// error names the node that made the number:
    ///
    /// ```
    /// # use flowgrad::prelude::*;
    /// # use flowgrad::train::Trainer;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let g = Graph::new();
    /// # let (x, y) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("y", [None]));
    /// let v = g.variable("v", 1.5_f64);
    /// let loss = (v.ln() + 0.0 * (x - y).reduce_sum(..)).named("loss");
    /// # let data = Dataset::new(ndarray::arr1(&[0.0]), ndarray::arr1(&[0.0]))?;
    /// let session = Session::new(&g)?;
    /// let trainer = Trainer::new(x, y, loss, v.assign_sub(1.0).op()).quiet();
    /// let error = trainer.fit(&session, &data, 10).unwrap_err().to_string();
    /// assert!(error.starts_with("step 3 (epoch 3) failed and changed no variable: NaN in `ln` (ln) built at "));
    /// assert_eq!(session.run(v)?.sum(), -0.5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept_any_loss(self) -> Self {
        Trainer { checked_loss: self.measured.loss, ..self }
    }

    /// Ends the training when a metric no longer improves; see [`EarlyStopping`].
    pub fn early_stopping(self, early_stopping: EarlyStopping) -> Self {
        Trainer { early_stopping: Some(early_stopping), ..self }
    }

    /// Calls a function after each epoch. It may give `()`, or `ControlFlow::Break(())` to end the training, or a
    /// `Result` of either.
    ///
    /// It is called before the end of the epoch is saved: should the process die between the two, a training that is
    /// resumed calls it again for the same epoch. One that it has ended stays so when it is resumed.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// # use flowgrad::prelude::*;
    /// # use flowgrad::train::{Ended, Trainer};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let g = Graph::new();
    /// # let (x, d) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("d", [None]));
    /// # let w = g.variable("w", 0.0_f64);
    /// # let loss = (w * x - d).square().reduce_mean(..);
    /// # let [gradient] = loss.gradients([w]);
    /// # let train = w.assign_sub(0.1 * gradient).op();
    /// # let session = Session::new(&g)?;
    /// # let data = Dataset::new(ndarray::arr1(&[1.0, 2.0]), ndarray::arr1(&[3.0, 6.0]))?;
    /// let trainer = Trainer::new(x, d, loss, train).quiet().after_epoch(|epoch| {
    ///     if epoch.train.loss < 1e-6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// });
    /// assert_eq!(trainer.fit(&session, &data, 1000)?.ended, Ended::ByCallback);
    /// # Ok(())
    /// # }
    /// ```
    pub fn after_epoch<V: Verdict>(mut self, callback: impl FnMut(&Epoch) -> V + 'g) -> Self {
        self.callbacks.push(callback);
        self
    }

    /// Saves the variables and where the training stands to this file after each epoch; see
    /// [`Checkpoint::save`](crate::io::checkpoint::Checkpoint::save). A file that is there is replaced.
    pub fn checkpoint(self, path: impl Into<PathBuf>) -> Self {
        Trainer { checkpoint: Some(path.into()), ..self }
    }

    /// Saves after so many steps as well; 0, the default, is after epochs only.
    pub fn checkpoint_every(self, steps: usize) -> Self {
        Trainer { checkpoint_every: steps, ..self }
    }

    /// Whether to go on from the checkpoint, if the file is there, as if the training had never stopped.
    ///
    /// The bits are the same on the machine where the training began, and on others with the same vector instructions
    /// (AVX-512, AVX2 with FMA, or neither); on others it goes on from the same numbers and rounds otherwise from
    /// there.
    ///
    /// Data, batches and metrics must be as they were. To go on with others, load the checkpoint into the session
    /// ([`Checkpoint::restore`](crate::io::checkpoint::Checkpoint::restore)) and begin a training from there.
    ///
    /// ```
    /// # use flowgrad::prelude::*;
    /// # use flowgrad::train::Trainer;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// # let g = Graph::new();
    /// # let (x, d) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("d", [None]));
    /// # let w = g.variable("w", 0.0_f64);
    /// # let loss = (w * x.bernoulli_like(0.5).select(0.0, x) - d).square().reduce_mean(..);
    /// # let [gradient] = loss.gradients([w]);
    /// # let step = w.assign_sub(0.1 * gradient).op();
    /// # let data = Dataset::new(ndarray::Array1::linspace(-1.0, 1.0, 50), ndarray::Array1::linspace(2.0, 3.0, 50))?;
    /// let trainer = Trainer::new(x, d, loss, step).batch_size(16).checkpoint(&path).resume(true).quiet();
    /// let [today, tomorrow, at_once] = [Session::new(&g)?, Session::new(&g)?, Session::new(&g)?];
    /// trainer.fit(&today, &data, 3)?;
    /// let report = trainer.fit(&tomorrow, &data, 5)?;
    ///
    /// assert_eq!(report, trainer.resume(false).fit(&at_once, &data, 5)?);
    /// assert_eq!(tomorrow.run(w)?, at_once.run(w)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(self, resume: bool) -> Self {
        Trainer { resumes: resume, ..self }
    }

    /// Ends the training on ctrl-c, when the step that is being done is done, and saves it if there is a checkpoint.
    /// A second ctrl-c kills the process, and so does the first while nothing is being trained.
    ///
    /// A process has one handler of ctrl-c. This one is set by the first training that listens, and stays.
    pub fn stop_on_ctrl_c(self) -> Self {
        Trainer { listens: true, ..self }
    }

    /// Tells nothing on stderr.
    pub fn quiet(self) -> Self {
        Trainer { is_quiet: true, ..self }
    }

    /// Whether all that the trainer was told makes sense, whatever the data.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        self.measured.loss.graph().check()?;
        self.measured.check()?;
        if let Some(validation) = &self.validation {
            validation.measured.check()?;
            self.check_batches("validation", &validation.data, false)?;
        }
        self.scores.check()?;
        if let (None, Some(name)) = (&self.validation, self.scores.names().next()) {
            return Err(TrainError::NoValidation { name: name.to_owned() });
        }
        let names = self.evaluated_names();
        let is_twice = |(index, name): &(usize, &String)| names[..*index].contains(name);
        if let Some((_, name)) = names.iter().enumerate().find(is_twice) {
            return Err(TrainError::MetricTwice { name: name.clone() });
        }
        if let Some(stopping) = &self.early_stopping {
            stopping.check(&names)?;
        }
        if let Some(keep) = &self.keep {
            keep.check(&names)?;
        }
        if self.keep.is_some() && self.checkpoint.is_none() {
            return Err(TrainError::KeepsNothing);
        }
        if self.resumes && self.checkpoint.is_none() {
            return Err(TrainError::NoCheckpoint);
        }
        Ok(())
    }

    /// The names of what tells how well the model does: loss, metrics and scores.
    pub(super) fn evaluated_names(&self) -> Vec<String> {
        let scores = self.scores.names().map(str::to_owned);
        self.evaluated().names.iter().cloned().chain(scores).collect()
    }

    /// What tells how well the model does.
    pub(super) fn evaluated(&self) -> &Measured<'g, T> {
        self.validation.as_ref().map_or(&self.measured, |validation| &validation.measured)
    }
}
