//! [`Each`]: a kernel that does the same with each matrix of a batch.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayView3, ArrayViewD, Axis};
use smallvec::SmallVec;

use super::dense::{MULTIPLICATION, Real, transpose, zeros};
use super::error::LinalgError;
use super::shapes::lengths;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::ir::{Kernel, KernelError, Lowering, Val, Workers};

/// What is done with one matrix, or with several that belong together. All elements are row by row, one array behind the
/// other in the output.
pub(super) trait MatrixKernel: Clone + fmt::Debug + Send + Sync + 'static {
    /// Whether large matrices are worked on by several threads.
    const IS_SHARED: bool = false;

    /// Fills the output, which holds unspecified elements.
    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError>;

    /// How many multiplications it takes, about, by which the scheduler cuts batches and shares large matrices.
    fn work(&self) -> f64;

    /// Whether matrices that are not accepted end the run.
    fn may_fail(&self) -> bool {
        true
    }
}

/// Nanoseconds that a matrix takes whatever is done with it.
const HANDED: f64 = 150.0;

/// Nanoseconds that each of the first multiplications takes more than those of blocked loops, and how many these are:
/// those of the smallest matrices, with plain loops and calls of faer's for a few numbers each.
const SLOW: [f64; 2] = [0.9, 2000.0];

/// Multiplications from which threads share the work on a matrix: with fewer, most of its parts are too small to hand
/// over.
const SHARED_FROM: f64 = 1e6;

#[derive(Clone, Debug)]
struct Each<M> {
    of: M,
    /// Axes of the batch.
    axes: usize,
}

/// What is made of each entry of a batch: so many elements, in one axis behind those of the batch.
pub(super) fn each<M: MatrixKernel>(
    of: M,
    args: &[Val],
    batch: &[usize],
    elements: usize,
    to: &mut Lowering<'_>,
) -> Val {
    let mut given = SmallVec::<[Val; 3]>::new();
    for &arg in args {
        let (_, rows, columns) = lengths(arg, to);
        given.push(to.broadcast(arg, [batch, &[rows, columns]].concat()));
    }
    let dtype = args.first().map_or(DType::F64, |&first| to.dtype(first));
    to.kernel(Each { of, axes: batch.len() }, &given, dtype, [batch, &[elements]].concat())
}

impl<M: MatrixKernel> Kernel for Each<M> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        self.run_with(inputs, output, Workers::NONE)
    }

    fn run_with(
        &self,
        inputs: &[ArrayRef<'_>],
        output: ArrayMut<'_>,
        workers: Workers<'_>,
    ) -> Result<(), KernelError> {
        match inputs.first().map(ArrayRef::dtype) {
            Some(DType::F32) => self.run_on::<f32>(inputs, output, workers),
            _ => self.run_on::<f64>(inputs, output, workers),
        }
    }

    fn is_shared(&self, _: &[&[usize]], _: &[usize]) -> bool {
        M::IS_SHARED && self.of.work() >= SHARED_FROM
    }

    fn must_run(&self) -> bool {
        self.of.may_fail()
    }

    fn is_batched(&self) -> bool {
        self.axes > 0
    }

    fn nanoseconds(&self, _: &[&[usize]], output: &[usize]) -> Option<f64> {
        let count: usize = output[..self.axes].iter().product();
        let ([slower, first], work) = (SLOW, self.of.work());
        let each = HANDED + work * (MULTIPLICATION + slower / (1.0 + work / first));
        Some(count as f64 * each)
    }
}

impl<M: MatrixKernel> Each<M> {
    fn run_on<T: Real>(
        &self,
        inputs: &[ArrayRef<'_>],
        output: ArrayMut<'_>,
        workers: Workers<'_>,
    ) -> Result<(), KernelError> {
        let mut output = output.into_view::<T>()?;
        let batch = output.shape()[..self.axes].to_vec();
        let count: usize = batch.iter().product();
        let views = inputs.iter().map(ArrayRef::view::<T>).collect::<Result<SmallVec<[_; 3]>, _>>()?;
        let in_rows = |view| in_rows(view, self.axes);
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
            self.of.fill(&entries, output, workers).map_err(|reason| KernelError::InBatch {
                at: place(index, &batch),
                reason: Arc::new(reason),
            })?;
        }
        Ok(())
    }
}

/// The elements row by row, as they lie or as a copy: of all matrices, or of one that is the same for the whole batch.
fn in_rows<'v, T: Real>(view: &'v ArrayViewD<'_, T>, axes: usize) -> Result<Cow<'v, [T]>, KernelError> {
    let mut view = view.view();
    let in_front = view.shape().iter().zip(view.strides()).take(axes);
    if in_front.clone().all(|(&length, &stride)| length == 1 || stride == 0) && !view.is_empty() {
        for _ in 0..axes {
            view.index_axis_inplace(Axis(0), 0);
        }
    }
    if let Some(rows) = view.to_slice() {
        return Ok(Cow::Borrowed(rows));
    }
    let mut rows = zeros(view.len()).map_err(KernelError::other)?;
    copy_rows(view, &mut rows)?;
    Ok(Cow::Owned(rows))
}

/// Writes matrices row by row. Gradients hand over transposed ones, for which the order of ndarray's iterators would take
/// ten times as long as a solution by triangles.
fn copy_rows<T: Real>(from: ArrayViewD<'_, T>, to: &mut [T]) -> Result<(), KernelError> {
    let from = match from.ndim() {
        0..=2 => from.insert_axis(Axis(0)),
        3 => from,
        _ => {
            let each = to.len() / from.len_of(Axis(0)).max(1);
            let mut parts = from.outer_iter().zip(to.chunks_exact_mut(each.max(1)));
            return parts.try_for_each(|(from, to)| copy_rows(from, to));
        }
    };
    let from: ArrayView3<'_, T> = from.into_dimensionality().map_err(KernelError::other)?;
    let (_, rows, columns) = from.dim();
    for (from, to) in from.outer_iter().zip(to.chunks_exact_mut((rows * columns).max(1))) {
        if let Some(columnwise) = from.t().to_slice() {
            transpose(columnwise, columns, rows, to);
            continue;
        }
        for (from, to) in from.outer_iter().zip(to.chunks_exact_mut(columns)) {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        }
    }
    Ok(())
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
