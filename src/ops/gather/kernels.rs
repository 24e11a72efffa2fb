//! The kernels of computed places. Indices are checked before anything else is done, in their order.

use ndarray::{
    ArrayBase, ArrayView1, ArrayView2, ArrayView3, ArrayViewMut3, Axis, Dimension, IxDyn, RawData,
};

use crate::dtype::Element;
use crate::kernel::number::{Number, with_number};
use crate::lower::unraveled;
use crate::op::{ArrayMut, ArrayRef, Kernel, KernelError, with_element};

/// An array with the number of axes that lowering gave it.
fn with_axes<S: RawData, D: Dimension>(array: ArrayBase<S, IxDyn>) -> Result<ArrayBase<S, D>, KernelError> {
    array.into_dimensionality().map_err(KernelError::other)
}

/// The lengths of the indices that an op was given, for messages: kernels see them in other shapes, in the same order.
#[derive(Clone, Debug)]
pub(super) struct Given(pub(super) Vec<usize>);

impl Given {
    /// An index as a place on an axis, if the axis has it; it is so many indices behind the first.
    fn place(&self, index: i64, length: usize, position: usize) -> Result<usize, KernelError> {
        let place = usize::try_from(index).ok().filter(|&place| place < length);
        place.ok_or_else(|| KernelError::IndexOutOfRangeAt { index, length, at: unraveled(position, &self.0) })
    }

    /// The rows that row numbers name, once each of them is known to be one.
    fn checked<'a>(
        &self,
        numbers: &'a ArrayView1<'_, i64>,
        rows: usize,
    ) -> Result<impl Iterator<Item = usize> + Clone + 'a, KernelError> {
        let mut numbered = numbers.iter().enumerate();
        numbered.try_for_each(|(position, &number)| self.place(number, rows, position).map(drop))?;
        Ok(numbers.iter().map(|&number| number as usize))
    }
}

/// Makes row numbers of indices.
#[derive(Debug)]
pub(super) enum Flatten {
    /// Of each row of indices, one for each of these lengths.
    Rows(Vec<usize>, Given),
    /// Of each index along the middle one of three axes, which has this length, and where it stands.
    Along(usize, Given),
}

impl Kernel for Flatten {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (indices, mut numbers) = (inputs[0].view::<i64>()?, output.into_view::<i64>()?);
        match self {
            Flatten::Rows(lengths, given) => {
                let indices: ArrayView2<'_, i64> = with_axes(indices)?;
                for (first, (number, indices)) in numbers.iter_mut().zip(indices.rows()).enumerate() {
                    let mut positions = first * lengths.len()..;
                    let mut place = |index, length| given.place(index, length, positions.next().unwrap_or(0));
                    let row = indices.iter().zip(lengths).try_fold(0, |row, (&index, &length)| {
                        Ok::<_, KernelError>(row * length + place(index, length)?)
                    });
                    *number = row? as i64;
                }
            }
            Flatten::Along(length, given) => {
                let indices: ArrayView3<'_, i64> = with_axes(indices)?;
                let inner = indices.len_of(Axis(2));
                let each = numbers.iter_mut().zip(indices.indexed_iter()).enumerate();
                for (position, (number, ((outer, _, behind), &index))) in each {
                    let place = given.place(index, *length, position)?;
                    *number = ((outer * length + place) * inner + behind) as i64;
                }
            }
        }
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// Copies the rows of the first input that the second one names.
#[derive(Debug)]
pub(super) struct TakeRows(pub(super) Given);

impl Kernel for TakeRows {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        fn take<T: Element>(
            given: &Given,
            inputs: &[ArrayRef<'_>],
            output: ArrayMut<'_>,
        ) -> Result<(), KernelError> {
            let x: ArrayView3<'_, T> = with_axes(inputs[0].view()?)?;
            let numbers: ArrayView1<'_, i64> = with_axes(inputs[1].view()?)?;
            let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
            let (_, rows, inner) = x.dim();
            let numbers = given.checked(&numbers, rows)?;
            let block = output.len_of(Axis(1)) * inner;
            match (x.as_slice(), output.as_slice_mut()) {
                (Some(from), Some(to)) if !to.is_empty() => {
                    for (from, to) in from.chunks_exact(rows * inner).zip(to.chunks_exact_mut(block)) {
                        if inner == 1 {
                            to.iter_mut().zip(numbers.clone()).for_each(|(to, row)| *to = from[row]);
                        } else {
                            for (to, row) in to.chunks_exact_mut(inner).zip(numbers.clone()) {
                                to.copy_from_slice(&from[row * inner..][..inner]);
                            }
                        }
                    }
                }
                _ => {
                    for (mut to, row) in output.axis_iter_mut(Axis(1)).zip(numbers) {
                        to.assign(&x.index_axis(Axis(1), row));
                    }
                }
            }
            Ok(())
        }
        with_element!(output.dtype(), T => take::<T>(&self.0, inputs, output))
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// Copies the first input, and adds the rows of the third to those that the second names, in their order.
#[derive(Debug)]
pub(super) struct AddRows(pub(super) Given);

impl Kernel for AddRows {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        fn add<T: Number>(
            given: &Given,
            inputs: &[ArrayRef<'_>],
            output: ArrayMut<'_>,
        ) -> Result<(), KernelError> {
            let x: ArrayView3<'_, T> = with_axes(inputs[0].view()?)?;
            let numbers: ArrayView1<'_, i64> = with_axes(inputs[1].view()?)?;
            let updates: ArrayView3<'_, T> = with_axes(inputs[2].view()?)?;
            let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
            let (_, rows, inner) = output.dim();
            let numbers = given.checked(&numbers, rows)?;
            let block = updates.len_of(Axis(1)) * inner;
            output.assign(&x);
            match (updates.as_slice(), output.as_slice_mut()) {
                (Some(updates), Some(sums)) if !updates.is_empty() => {
                    for (updates, sums) in
                        updates.chunks_exact(block).zip(sums.chunks_exact_mut(rows * inner))
                    {
                        for (update, row) in updates.chunks_exact(inner).zip(numbers.clone()) {
                            let sums = &mut sums[row * inner..][..inner];
                            sums.iter_mut().zip(update).for_each(|(sum, &update)| *sum = sum.add(update));
                        }
                    }
                }
                _ => {
                    for (update, row) in updates.axis_iter(Axis(1)).zip(numbers) {
                        let mut sum = output.index_axis_mut(Axis(1), row);
                        sum.zip_mut_with(&update, |sum, &update| *sum = sum.add(update));
                    }
                }
            }
            Ok(())
        }
        with_number!(output.dtype(), T => add::<T>(&self.0, inputs, output), else Ok(()))
    }

    fn must_run(&self) -> bool {
        true
    }
}
