//! The kernels of segments: rows are `[rows, inner]`, and places name segments, one for each row.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::element::{ArrayMut, ArrayRef, DType};
use crate::ir::{Kernel, KernelError, Lowering, Reduce, Val, size, unraveled};
use crate::kernel::number::{Number, with_number};
use crate::ops::gather::{AddRows, Given, with_axes};

/// Makes places of ids: each its segment, and behind the last one for an id below 0.
#[derive(Debug)]
pub(super) struct Places {
    count: usize,
    sorted: bool,
    /// The lengths of the ids, for messages.
    lengths: Vec<usize>,
}

impl Places {
    /// The places that ids name, of so many segments.
    pub(super) fn of(ids: Val, count: usize, sorted: bool, to: &mut Lowering<'_>) -> Val {
        let lengths = to.dims(ids).to_vec();
        let rows = size(&lengths);
        let ids = to.cast(ids, DType::I64);
        let ids = to.reshape(ids, [rows]);
        to.kernel(Places { count, sorted, lengths }, &[ids], DType::I64, [rows])
    }
}

impl Kernel for Places {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let ids: ArrayView1<'_, i64> = with_axes(inputs[0].view()?)?;
        let mut before = 0;
        for (position, (to, &id)) in output.into_view::<i64>()?.iter_mut().zip(&ids).enumerate() {
            let place = usize::try_from(id).ok().filter(|&place| place < self.count);
            *to = match place {
                Some(place) => place as i64,
                None if id < 0 && !self.sorted => self.count as i64,
                None => {
                    let at = unraveled(position, &self.lengths);
                    return Err(KernelError::IndexOutOfRangeAt { index: id, length: self.count, at });
                }
            };
            if self.sorted && id < before {
                return Err(KernelError::other(format!(
                    "expected ids in ascending order, got {id} behind {before}, at [{position}] of the ids"
                )));
            }
            before = id;
        }
        Ok(())
    }

    fn must_run(&self) -> bool {
        !self.lengths.contains(&0)
    }
}

/// The sums of the rows at each of so many places.
pub(super) fn added_up(x: Val, places: Val, count: usize, to: &mut Lowering<'_>) -> Val {
    let (dims, dtype) = (to.dims(x).to_vec(), to.dtype(x));
    let zero = to.scalar(0.0, dtype);
    let zeros = to.broadcast(zero, [1, count, dims[1]]);
    let updates = to.reshape(x, [1, dims[0], dims[1]]);
    // Ids have been looked at.
    let given = Given::known(vec![dims[0]]);
    let sums = to.kernel(AddRows(given), &[zeros, places, updates], dtype, [1, count, dims[1]]);
    to.reshape(sums, [count, dims[1]])
}

/// The product of the rows of each segment, or the largest or smallest element of each column.
#[derive(Debug)]
pub(super) struct Combine {
    pub(super) reduce: Reduce,
    pub(super) sorted: bool,
}

impl Kernel for Combine {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(output.dtype(), T => {
            let (combine, nothing): (fn(T, T) -> T, T) = match self.reduce {
                Reduce::Sum => (<T as Number>::add, T::ZERO),
                Reduce::Prod => (<T as Number>::mul, T::ONE),
                // Where ids are in order an extreme of nothing is 0, else the farthest number: as in TensorFlow.
                Reduce::Max => (<T as Number>::maximum, if self.sorted { T::ZERO } else { T::MIN }),
                Reduce::Min => (<T as Number>::minimum, if self.sorted { T::ZERO } else { T::MAX }),
            };
            combine_rows(inputs, with_axes(output.into_view()?)?, combine, nothing)
        }, else Ok(()))
    }
}

fn combine_rows<T: Number>(
    inputs: &[ArrayRef<'_>],
    mut output: ArrayViewMut2<'_, T>,
    combine: fn(T, T) -> T,
    nothing: T,
) -> Result<(), KernelError> {
    let x: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
    let places: ArrayView1<'_, i64> = with_axes(inputs[1].view()?)?;
    let mut is_there: Vec<bool> = Vec::new();
    is_there.try_reserve_exact(output.nrows()).map_err(KernelError::other)?;
    is_there.resize(output.nrows(), false);
    output.fill(nothing);
    for (row, &place) in x.rows().into_iter().zip(&places) {
        let place = place as usize;
        // What is no segment's is left out.
        let Some(is_there) = is_there.get_mut(place) else { continue };
        let mut to = output.row_mut(place);
        if *is_there {
            to.zip_mut_with(&row, |to, &x| *to = combine(*to, x));
        } else {
            to.assign(&row);
        }
        *is_there = true;
    }
    Ok(())
}

/// For each place its row, and zeros behind the last one.
#[derive(Debug)]
pub(super) struct TakeOrZero;

impl Kernel for TakeOrZero {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(output.dtype(), T => {
            let rows: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
            let places: ArrayView1<'_, i64> = with_axes(inputs[1].view()?)?;
            let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
            for (mut to, &place) in output.rows_mut().into_iter().zip(&places) {
                let place = place as usize;
                if place < rows.nrows() { to.assign(&rows.row(place)) } else { to.fill(T::ZERO) }
            }
        }, else ());
        Ok(())
    }
}
