//! Scores: numbers of all predictions at once, which are no means over batches.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ndarray::ArrayD;

use super::TrainError;
use crate::data::RowType;
use crate::{AnyTensor, Element, Tensor, Value};

type Failure = Box<dyn Error + Send + Sync>;

/// What a function that scores predictions may give: a number, or a `Result` of one.
///
/// ```
/// use flowgrad::train::Figure;
/// assert_eq!(0.5.figure().unwrap(), 0.5);
/// assert_eq!(Err::<f64, _>("one class").figure().unwrap_err().to_string(), "one class");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no score",
    label = "expected `f64`, or `Result<f64, E>` of any error"
)]
pub trait Figure {
    /// The number.
    ///
    /// # Errors
    /// What the function failed with, which ends the training.
    fn figure(self) -> Result<f64, Failure>;
}

impl Figure for f64 {
    fn figure(self) -> Result<f64, Failure> {
        Ok(self)
    }
}

impl<E: Into<Failure>> Figure for Result<f64, E> {
    fn figure(self) -> Result<f64, Failure> {
        self.map_err(Into::into)
    }
}

/// Gives the score of the predictions of all batches, in order, and of all targets.
type Of<'g, B> = Box<dyn Fn(Vec<Value>, &<B as RowType>::Arrays) -> Result<f64, Failure> + 'g>;

/// A number of all predictions and targets.
struct Score<'g, B: RowType> {
    name: String,
    predictions: AnyTensor<'g>,
    of: Of<'g, B>,
}

/// The scores of a trainer, in the order in which they were named.
pub(super) struct Scores<'g, B: RowType>(Vec<Score<'g, B>>);

impl<B: RowType> Default for Scores<'_, B> {
    fn default() -> Self {
        Scores(Vec::new())
    }
}

impl<B: RowType> fmt::Debug for Scores<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl<'g, B: RowType> Scores<'g, B> {
    pub(super) fn push<P: Element, F: Figure>(
        &mut self,
        name: &str,
        predictions: Tensor<'g, P>,
        figure: impl Fn(&ArrayD<P>, &B::Arrays) -> F + 'g,
    ) {
        let of = move |batches: Vec<Value>, targets: &B::Arrays| {
            // Each is what the tensor was fetched as.
            let batches = batches.into_iter().filter_map(Value::into_array::<P>).collect();
            figure(&P::concatenated(batches), targets).figure()
        };
        self.0.push(Score { name: name.to_owned(), predictions: predictions.any(), of: Box::new(of) });
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|score| score.name.as_str())
    }

    pub(super) fn tensors(&self) -> Vec<AnyTensor<'g>> {
        self.0.iter().map(|score| score.predictions).collect()
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        match self.0.iter().find(|score| score.predictions.shape().rank() == 0) {
            Some(score) => Err(score.misfit(score.predictions.shape().to_string(), None)),
            None => Ok(()),
        }
    }

    /// The scores of what was predicted batch by batch, for batches of so many rows.
    pub(super) fn figures(
        &self,
        batches: Vec<Vec<Value>>,
        rows: &[usize],
        targets: &B::Arrays,
    ) -> Result<Vec<f64>, TrainError> {
        let mut of_each: Vec<Vec<Value>> = self.0.iter().map(|_| Vec::with_capacity(rows.len())).collect();
        for (batch, &rows) in batches.into_iter().zip(rows) {
            for ((score, values), value) in self.0.iter().zip(&mut of_each).zip(batch) {
                let row = values.first().map_or(&value.shape()[1..], |first: &Value| &first.shape()[1..]);
                if value.shape()[0] != rows || &value.shape()[1..] != row {
                    return Err(score.misfit(format!("{:?}", value.shape()), Some((rows, row))));
                }
                values.push(value);
            }
        }
        let figures = self.0.iter().zip(of_each).map(|(score, values)| {
            (score.of)(values, targets)
                .map_err(|failure| TrainError::Score { name: score.name.clone(), source: Arc::from(failure) })
        });
        figures.collect()
    }
}

impl<B: RowType> Score<'_, B> {
    /// The error of predictions that are not one for each row; of so many rows of this shape.
    fn misfit(&self, found: String, expected: Option<(usize, &[usize])>) -> TrainError {
        let expected = expected.map_or("[rows, ..]".to_owned(), |(rows, row)| {
            let shape: Vec<usize> = [rows].into_iter().chain(row.iter().copied()).collect();
            format!("{shape:?}")
        });
        TrainError::ScoreShape { name: self.name.clone(), node: self.predictions.name(), expected, found }
    }
}
