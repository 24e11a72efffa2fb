//! The batches of a trainer, and the measuring of a model on them.

use super::metrics::Sums;
use super::{Metrics, TrainError, Trainer};
use crate::data::{Batches, Dataset, Prefetch as _, RowType, row_count};
use crate::{AnyTensor, Float, Operation, Session};

/// One batch after the other: inputs and targets.
pub(super) type Pairs<A, B> = Box<dyn Iterator<Item = (<A as RowType>::Arrays, <B as RowType>::Arrays)>>;

impl<A: RowType, B: RowType, T: Float> Trainer<'_, A, B, T> {
    /// The loss and metrics on a dataset: those of the validation ([`validate`](Trainer::validate)) if there is one,
    /// or else those that are trained by.
    ///
    /// Means over all rows, each counted once, however many rows its batch has. The session's count of runs is left
    /// as it was, so a training goes on with the same random numbers whether or not it was evaluated in between. Other
    /// threads' runs in the meantime are not counted.
    ///
    /// Tensors of a model that was called to train do here what they do in training: dropout drops, and moving statistics
    /// take up these data. Measure one that was called to predict.
    ///
    /// # Errors
    /// [`TrainError::BatchShape`], [`TrainError::NotScalar`], [`TrainError::Score`], and what can fail in a run.
    pub fn evaluate(&self, session: &Session, data: &Dataset<A, B>) -> Result<Metrics, TrainError> {
        self.check()?;
        self.check_batches("evaluated", data, false)?;
        let values = self.measure(session, data, || false)?;
        Ok(Metrics::of(&self.evaluated_names(), &values.unwrap_or_default()))
    }

    /// What tells how well the model does on a dataset, unless asked to stop before the end.
    pub(super) fn measure(
        &self,
        session: &Session,
        data: &Dataset<A, B>,
        is_asked: impl Fn() -> bool,
    ) -> Result<Option<Vec<f64>>, TrainError> {
        let _aside = Aside::of(session);
        let swapped = self.swap.map(|swap| Swapped::by(session, swap)).transpose()?;
        let measured = self.evaluated();
        let fetches = (measured.tensors(measured.loss), self.scores.tensors());
        let call = session.make_callable(&self.fed, fetches)?;
        let mut sums = Sums::none(measured.names.len());
        let (mut predicted, mut predicted_rows) = (Vec::new(), Vec::new());
        for (inputs, targets) in self.pairs(data.batches(self.batch_size)?, 0)? {
            if is_asked() {
                return swapped.map_or(Ok(()), Swapped::back).map(|()| None);
            }
            let rows = row_count::<A, B>(&inputs, &targets);
            let (means, predictions) = call.call((A::views(&inputs), B::views(&targets)))?;
            sums.add(rows, &means);
            predicted.push(predictions);
            predicted_rows.push(rows);
        }
        swapped.map_or(Ok(()), Swapped::back)?;
        let mut values = sums.means();
        values.extend(self.scores.figures(predicted, &predicted_rows, data.targets())?);
        Ok(Some(values))
    }

    /// The batches of an epoch, counted from 0.
    pub(super) fn epoch(&self, data: &Dataset<A, B>, epoch: usize) -> Result<Batches<A, B>, TrainError> {
        let mut batches = data.batches(self.batch_size)?;
        if let Some(seed) = self.seed {
            batches = batches.shuffled(seed, epoch as u64);
        }
        Ok(if self.drops_last { batches.drop_last() } else { batches })
    }

    /// Batches but for the first so many.
    pub(super) fn pairs(&self, batches: Batches<A, B>, done: usize) -> Result<Pairs<A, B>, TrainError> {
        let batches = batches.skip(done);
        Ok(if self.prefetches { Box::new(batches.prefetched()?) } else { Box::new(batches) })
    }

    /// The number of batches of the data, all of which can be fed.
    pub(super) fn check_batches(
        &self,
        name: &'static str,
        data: &Dataset<A, B>,
        drops_last: bool,
    ) -> Result<usize, TrainError> {
        let (rows, size) = (data.len(), self.batch_size);
        let batches = data.batches(size)?;
        let batches = if drops_last { batches.drop_last() } else { batches }.len();
        if batches == 0 {
            return Err(TrainError::NoBatches { rows, batch_size: size });
        }
        let last = rows - (batches - 1) * size;
        for rows in [size.min(rows), size.min(last)] {
            check_fed::<A>(&self.fed.inputs, data.inputs(), rows, name, "inputs")?;
            check_fed::<B>(&self.fed.targets, data.targets(), rows, name, "targets")?;
        }
        Ok(batches)
    }
}

/// Runs that do not count: when this is dropped, the session has the count of runs that it had.
pub(super) struct Aside<'s> {
    session: &'s Session,
    runs: u64,
}

impl<'s> Aside<'s> {
    pub(super) fn of(session: &'s Session) -> Self {
        Aside { session, runs: session.run_count() }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.session.set_run_count(self.runs);
    }
}

/// Variables that are exchanged with their averages until this is put back or dropped.
struct Swapped<'s, 'g> {
    session: &'s Session,
    swap: Operation<'g>,
    is_back: bool,
}

impl<'s, 'g> Swapped<'s, 'g> {
    fn by(session: &'s Session, swap: Operation<'g>) -> Result<Self, TrainError> {
        session.run(swap)?;
        Ok(Swapped { session, swap, is_back: false })
    }

    fn back(mut self) -> Result<(), TrainError> {
        self.is_back = true;
        Ok(self.session.run(self.swap)?)
    }
}

impl Drop for Swapped<'_, '_> {
    fn drop(&mut self) {
        if !self.is_back {
            // Another error is told already.
            let _ = self.session.run(self.swap);
        }
    }
}

/// Refuses rows of arrays, so many at once, that cannot be fed for these tensors.
fn check_fed<R: RowType>(
    tensors: &[AnyTensor<'_>],
    arrays: &R::Arrays,
    rows: usize,
    data: &'static str,
    what: &'static str,
) -> Result<(), TrainError> {
    let mut shapes = Vec::new();
    R::shapes(arrays, &mut shapes);
    for (tensor, shape) in tensors.iter().zip(shapes) {
        let found: Box<[usize]> = [rows].into_iter().chain(shape.iter().copied().skip(1)).collect();
        let expected = tensor.shape();
        let mut axes = expected.dims().iter().zip(&*found);
        let fits = expected.rank() == found.len()
            && axes.all(|(length, &found)| length.is_none_or(|length| length == found));
        if !fits {
            return Err(TrainError::BatchShape { node: tensor.name(), expected, data, what, found });
        }
    }
    Ok(())
}
