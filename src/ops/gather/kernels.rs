//! The kernels of computed indices. Indices are checked before anything else is done, in their order.

use ndarray::{
    ArrayBase, ArrayView1, ArrayView2, ArrayView3, ArrayViewMut3, Axis, Dimension, IxDyn, RawData,
};

use crate::element::{ArrayMut, ArrayRef, Element, with_element};
use crate::ir::{Kernel, KernelError, unraveled};
use crate::kernel::MOST_ADDITIONS;
use crate::kernel::compensated::RunningSum;
use crate::kernel::number::{Number, with_number};

/// An array with the number of axes that lowering gave it.
pub(in crate::ops) fn with_axes<S: RawData, D: Dimension>(
    array: ArrayBase<S, IxDyn>,
) -> Result<ArrayBase<S, D>, KernelError> {
    array.into_dimensionality().map_err(KernelError::other)
}

/// The lengths of the indices that an op was given, for messages: kernels see them in other shapes, in the same order.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Given {
    pub(super) lengths: Vec<usize>,
    /// Whether an index may be one that the axis does not have, so that all are looked at, whatever comes of them.
    pub(in crate::ops) may_miss: bool,
}

impl Given {
    /// Indices of which each is known to be one that the axis has.
    pub(in crate::ops) fn known(lengths: Vec<usize>) -> Self {
        Given { lengths, may_miss: false }
    }

    /// An index as a place on an axis, if the axis has it; it is so many indices behind the first.
    fn place(&self, index: i64, length: usize, position: usize) -> Result<usize, KernelError> {
        let place = usize::try_from(index).ok().filter(|&place| place < length);
        place.ok_or_else(|| KernelError::IndexOutOfRangeAt {
            index,
            length,
            at: unraveled(position, &self.lengths),
        })
    }

    /// The rows that row numbers name, once each of them is known to be one.
    pub(in crate::ops) fn checked<'a>(
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
    /// Of each row of indices, one for each of the first lengths; so many rows of indices in turn are of one batch.
    Rows { first: Vec<usize>, each: usize, given: Given },
    /// Of each index of each of the batches, once for each of so many slices, in each of which are rows of this number.
    Batches { between: usize, length: usize, given: Given },
    /// Of each index along the middle one of three axes, which has this length, and where it stands.
    Along(usize, Given),
}

impl Kernel for Flatten {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (indices, mut numbers) = (inputs[0].view::<i64>()?, output.into_view::<i64>()?);
        match self {
            Flatten::Rows { first: lengths, each, given } => {
                let indices: ArrayView2<'_, i64> = with_axes(indices)?;
                for (first, (number, indices)) in numbers.iter_mut().zip(indices.rows()).enumerate() {
                    let mut positions = first * lengths.len()..;
                    let mut place = |index, length| given.place(index, length, positions.next().unwrap_or(0));
                    let row = indices.iter().zip(lengths).try_fold(first / each, |row, (&index, &length)| {
                        Ok::<_, KernelError>(row * length + place(index, length)?)
                    });
                    *number = row? as i64;
                }
            }
            Flatten::Batches { between, length, given } => {
                let indices: ArrayView2<'_, i64> = with_axes(indices)?;
                let each = indices.len_of(Axis(1));
                for (position, ((batch, place), &index)) in indices.indexed_iter().enumerate() {
                    let row = given.place(index, *length, position)?;
                    for slice in batch * between..(batch + 1) * between {
                        numbers[slice * each + place] = (slice * length + row) as i64;
                    }
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
        let (Flatten::Rows { given, .. } | Flatten::Batches { given, .. } | Flatten::Along(_, given)) = self;
        given.may_miss
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
            if output.is_empty() {
                return Ok(());
            }
            let block = output.len_of(Axis(1)) * inner;
            match (x.as_slice(), output.as_slice_mut()) {
                (Some(from), Some(to)) => {
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
        self.0.may_miss
    }
}

/// Copies the first input, and adds the rows of the third to those that the second names, in their order.
#[derive(Debug)]
pub(in crate::ops) struct AddRows(pub(in crate::ops) Given);

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
            let named = given.checked(&numbers, rows)?;
            if output.is_empty() {
                return Ok(());
            }
            output.assign(&x);
            let mut crowded = Crowded::of(numbers.len(), named.clone(), rows, inner)?;
            // The output is in row-major order, so its elements are there as a slice.
            let sums = output.as_slice_mut().unwrap_or_default();
            for (sums, updates) in sums.chunks_exact_mut(rows * inner).zip(updates.outer_iter()) {
                match updates.as_slice() {
                    Some(updates) => crowded.add(sums, updates.chunks_exact(inner).zip(named.clone())),
                    None => crowded.add(sums, updates.outer_iter().zip(named.clone())),
                }
            }
            Ok(())
        }
        with_number!(output.dtype(), T => add::<T>(&self.0, inputs, output), else Ok(()))
    }

    fn must_run(&self) -> bool {
        self.0.may_miss
    }
}

/// Updates that a row takes in with a rounding each: an eighth of [`MOST_ADDITIONS`], which is as many as the sums of a
/// region's tiles take in before they are put aside.
const ROUNDED: u32 = MOST_ADDITIONS as u32 / 8;

/// Rows of many updates, whose sums keep what rounding takes.
struct Crowded<T: Number> {
    inner: usize,
    /// For each row the place of its sums, counted from 1, or 0; empty, if no row is crowded.
    places: Vec<u32>,
    /// The crowded rows, in the order of their places.
    rows: Vec<usize>,
    sums: Vec<RunningSum<T>>,
}

impl<T: Number> Crowded<T> {
    /// Those of `rows` rows of `inner` elements that are named more often than rounding allows.
    fn of(
        count: usize,
        named: impl Iterator<Item = usize> + Clone,
        rows: usize,
        inner: usize,
    ) -> Result<Self, KernelError> {
        let mut crowded = Crowded { inner, places: Vec::new(), rows: Vec::new(), sums: Vec::new() };
        if count <= ROUNDED as usize {
            return Ok(crowded);
        }
        let mut places: Vec<u32> = Vec::new();
        places.try_reserve_exact(rows).map_err(KernelError::other)?;
        places.resize(rows, 0);
        crowded.rows.try_reserve_exact(rows.min(count / ROUNDED as usize)).map_err(KernelError::other)?;
        // How often each is named, at first.
        for row in named.clone() {
            places[row] = places[row].saturating_add(1);
            if places[row] == ROUNDED + 1 {
                crowded.rows.push(row);
            }
        }
        if !crowded.rows.is_empty() {
            named.for_each(|row| places[row] = 0);
            crowded.rows.iter().zip(1..).for_each(|(&row, place)| places[row] = place);
            crowded.places = places;
            crowded.sums.try_reserve_exact(crowded.rows.len() * inner).map_err(KernelError::other)?;
        }
        Ok(crowded)
    }

    /// Adds updates to the rows that they are given with.
    fn add<'a, U: IntoIterator<Item = &'a T>>(
        &mut self,
        rows: &mut [T],
        updates: impl Iterator<Item = (U, usize)>,
    ) {
        let inner = self.inner;
        self.sums.clear();
        let crowded = self.rows.iter().flat_map(|&row| &rows[row * inner..][..inner]);
        self.sums.extend(crowded.map(|&x| RunningSum::starting_with(x)));
        for (update, row) in updates {
            match self.places.get(row) {
                None | Some(0) => {
                    let sums = rows[row * inner..][..inner].iter_mut();
                    sums.zip(update).for_each(|(sum, &update)| *sum = sum.add(update));
                }
                Some(&place) => {
                    let sums = self.sums[(place as usize - 1) * inner..][..inner].iter_mut();
                    sums.zip(update).for_each(|(sum, &update)| *sum = sum.and(update));
                }
            }
        }
        for (sums, row) in self.sums.chunks_exact(inner).zip(&self.rows) {
            let to = rows[row * inner..][..inner].iter_mut();
            to.zip(sums).for_each(|(to, sum)| *to = sum.value());
        }
    }
}
