//! [`Each`]: a kernel that does the same with each matrix of a batch.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ndarray::ArrayViewD;
use smallvec::SmallVec;

use super::dense::Real;
use super::error::LinalgError;
use super::shapes::lengths;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::ir::{Kernel, KernelError, Lowering, Val};

/// What is done with one matrix, or with several that belong together. All elements are row by row, one array behind the
/// other in the output.
pub(super) trait OfMatrix: Clone + fmt::Debug + Send + Sync + 'static {
    /// Fills the output, which holds unspecified elements.
    fn fill<T: Real>(&self, inputs: &[&[T]], output: &mut [T]) -> Result<(), LinalgError>;

    /// How many multiplications it takes, about: of blocked ones, a nanosecond has a few.
    fn work(&self) -> f64;

    /// Whether matrices that are not accepted end the run.
    fn may_fail(&self) -> bool {
        true
    }
}

/// Nanoseconds that an array takes which is handed over, and a multiplication.
const NANOSECONDS: [f64; 2] = [60.0, 0.25];

#[derive(Clone, Debug)]
struct Each<M> {
    of: M,
    /// Axes of the batch.
    axes: usize,
    /// Whether all inputs have these axes; one that lacks them is the same for all.
    is_batched: bool,
}

/// What is made of each entry of a batch: so many elements, in one axis behind those of the batch.
pub(super) fn each<M: OfMatrix>(
    of: M,
    args: &[Val],
    batch: &[usize],
    elements: usize,
    to: &mut Lowering<'_>,
) -> Val {
    let mut is_batched = !batch.is_empty();
    let mut given = SmallVec::<[Val; 3]>::new();
    for &arg in args {
        let (own, rows, columns) = lengths(arg, to);
        is_batched &= !own.is_empty();
        given.push(if own.is_empty() { arg } else { to.broadcast(arg, [batch, &[rows, columns]].concat()) });
    }
    let dtype = args.first().map_or(DType::F64, |&first| to.dtype(first));
    to.kernel(Each { of, axes: batch.len(), is_batched }, &given, dtype, [batch, &[elements]].concat())
}

impl<M: OfMatrix> Kernel for Each<M> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match inputs.first().map(ArrayRef::dtype) {
            Some(DType::F32) => self.run_on::<f32>(inputs, output),
            _ => self.run_on::<f64>(inputs, output),
        }
    }

    fn must_run(&self) -> bool {
        self.of.may_fail()
    }

    fn is_batched(&self) -> bool {
        self.is_batched
    }

    fn nanoseconds(&self, _: &[&[usize]], output: &[usize]) -> Option<f64> {
        let count: usize = output[..self.axes].iter().product();
        let [handed, multiplied] = NANOSECONDS;
        Some(count as f64 * (handed + multiplied * self.of.work()))
    }
}

impl<M: OfMatrix> Each<M> {
    fn run_on<T: Real>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output = output.into_view::<T>()?;
        let batch = output.shape()[..self.axes].to_vec();
        let count: usize = batch.iter().product();
        let views = inputs.iter().map(ArrayRef::view::<T>).collect::<Result<SmallVec<[_; 3]>, _>>()?;
        let rows = views.iter().map(in_rows).collect::<Result<SmallVec<[Cow<'_, [T]>; 3]>, _>>()?;
        let lengths: SmallVec<[usize; 3]> =
            views.iter().map(|view| view.shape().iter().rev().take(2).product()).collect();
        // The output is in row-major order.
        let elements = output.as_slice_mut().unwrap_or_default();
        let Some(each) = elements.len().checked_div(count).filter(|&each| each > 0) else { return Ok(()) };
        for (index, output) in elements.chunks_exact_mut(each).enumerate() {
            let entry = |(rows, &length): (&'_ Cow<'_, [T]>, &usize)| {
                let first = if rows.len() > length { index * length } else { 0 };
                first..first + length
            };
            let entries: SmallVec<[&[T]; 3]> =
                rows.iter().zip(&lengths).map(|given| &given.0[entry(given)]).collect();
            self.of.fill(&entries, output).map_err(|reason| KernelError::InBatch {
                at: place(index, &batch),
                reason: Arc::new(reason),
            })?;
        }
        Ok(())
    }
}

/// The elements row by row: as they lie, or a copy.
fn in_rows<'v, T: Real>(view: &'v ArrayViewD<'_, T>) -> Result<Cow<'v, [T]>, KernelError> {
    if let Some(rows) = view.as_slice() {
        return Ok(Cow::Borrowed(rows));
    }
    let mut rows = Vec::new();
    rows.try_reserve_exact(view.len()).map_err(KernelError::other)?;
    rows.extend(view.iter().copied());
    Ok(Cow::Owned(rows))
}

/// The index of an entry along each axis.
fn place(mut index: usize, batch: &[usize]) -> Vec<usize> {
    let mut at = vec![0; batch.len()];
    for (at, &length) in at.iter_mut().zip(batch).rev() {
        *at = index % length;
        index /= length;
    }
    at
}
