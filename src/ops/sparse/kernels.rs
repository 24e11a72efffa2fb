//! The kernels of sparse matrices: dense ones are `[rows, inner]`.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::element::{ArrayMut, ArrayRef};
use crate::ir::{Kernel, KernelError};
use crate::kernel::MOST_ADDITIONS;
use crate::kernel::compensated::RunningSum;
use crate::kernel::number::{Number, with_number};
use crate::ops::gather::with_axes;

/// Terms that a sum takes in with a rounding each, as many as of rows that are added up at indices.
const ROUNDED: usize = MOST_ADDITIONS / 8;

/// Where the elements of a sparse matrix stand: those of each lane from its offset on, and for each its index.
struct Places<'a> {
    indices: ArrayView1<'a, i64>,
    offsets: ArrayView1<'a, i64>,
}

/// The elements of a sparse matrix in the order of their indices.
struct ByIndex {
    /// For each index where its own begin, and the number of all behind.
    begins: Vec<usize>,
    /// Each element and its lane.
    elements: Vec<(usize, usize)>,
}

impl<'a> Places<'a> {
    /// The places, once each of them is known to be there.
    fn checked(
        indices: &'a ArrayRef<'_>,
        offsets: &'a ArrayRef<'_>,
        length: usize,
    ) -> Result<Self, KernelError> {
        let places = Places { indices: with_axes(indices.view()?)?, offsets: with_axes(offsets.view()?)? };
        let count = places.indices.len() as i64;
        let mut before = 0;
        for (position, &offset) in places.offsets.iter().enumerate() {
            let is_last = position + 1 == places.offsets.len();
            let fits = (position > 0 || offset == 0) && offset >= before && (!is_last || offset == count);
            if !fits || offset > count {
                return Err(KernelError::other(format!(
                    "expected offsets from 0 to {count}, the number of values, in ascending order, got {offset}, at \
                     [{position}] of the offsets"
                )));
            }
            before = offset;
        }
        let miss = places.indices.iter().position(|&index| !(0..length as i64).contains(&index));
        match miss {
            Some(at) => {
                Err(KernelError::IndexOutOfRangeAt { index: places.indices[at], length, at: vec![at] })
            }
            None => Ok(places),
        }
    }

    fn lanes(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The elements of a lane.
    fn lane(&self, lane: usize) -> std::ops::Range<usize> {
        self.offsets[lane] as usize..self.offsets[lane + 1] as usize
    }

    /// The elements with their lanes by index.
    fn by_index(&self, length: usize) -> Result<ByIndex, KernelError> {
        let (mut begins, mut elements) = (Vec::new(), Vec::new());
        begins.try_reserve_exact(length + 1).map_err(KernelError::other)?;
        elements.try_reserve_exact(self.indices.len()).map_err(KernelError::other)?;
        begins.resize(length + 1, 0);
        elements.resize(self.indices.len(), (0, 0));
        self.indices.iter().for_each(|&index| begins[index as usize + 1] += 1);
        (0..length).for_each(|index| begins[index + 1] += begins[index]);
        let mut next = begins.clone();
        for lane in 0..self.lanes() {
            for element in self.lane(lane) {
                let place = &mut next[self.indices[element] as usize];
                elements[*place] = (element, lane);
                *place += 1;
            }
        }
        Ok(ByIndex { begins, elements })
    }
}

/// Rows of sums over the elements of lanes, or of one index in all lanes, times rows of a dense matrix.
#[derive(Debug)]
pub(super) struct Products {
    length: usize,
    transposed: bool,
}

impl Products {
    pub(super) fn of(length: usize, transposed: bool) -> Self {
        Products { length, transposed }
    }
}

impl Kernel for Products {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let places = Places::checked(&inputs[1], &inputs[2], self.length)?;
        if output.shape().contains(&0) {
            return Ok(());
        }
        with_number!(output.dtype(), T => {
            let values: ArrayView1<'_, T> = with_axes(inputs[0].view()?)?;
            let dense: ArrayView2<'_, T> = with_axes(inputs[3].view()?)?;
            let output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
            if self.transposed {
                let ByIndex { begins, elements } = places.by_index(self.length)?;
                products(&values, &dense, output, |row| elements[begins[row]..begins[row + 1]].iter().copied())
            } else {
                let indexed = |element: usize| (element, places.indices[element] as usize);
                products(&values, &dense, output, |row| places.lane(row).map(indexed))
            }
        }, else Ok(()))
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// For each row the sum over its terms: an element's value times a row of the dense matrix.
fn products<T: Number, I: ExactSizeIterator<Item = (usize, usize)>>(
    values: &ArrayView1<'_, T>,
    dense: &ArrayView2<'_, T>,
    mut output: ArrayViewMut2<'_, T>,
    terms: impl Fn(usize) -> I,
) -> Result<(), KernelError> {
    let mut sums: Vec<RunningSum<T>> = Vec::new();
    sums.try_reserve_exact(dense.ncols()).map_err(KernelError::other)?;
    for (row, to) in output.rows_mut().into_iter().enumerate() {
        let terms = terms(row);
        if terms.len() > ROUNDED {
            compensated(terms, values, dense, &mut sums, to);
        } else {
            plain(terms, values, dense, to);
        }
    }
    Ok(())
}

fn plain<T: Number>(
    terms: impl Iterator<Item = (usize, usize)>,
    values: &ArrayView1<'_, T>,
    dense: &ArrayView2<'_, T>,
    mut to: ArrayViewMut1<'_, T>,
) {
    to.fill(T::ZERO);
    for (element, row) in terms {
        let value = values[element];
        to.zip_mut_with(&dense.row(row), |sum, &x| *sum = sum.add(value.mul(x)));
    }
}

fn compensated<T: Number>(
    terms: impl Iterator<Item = (usize, usize)>,
    values: &ArrayView1<'_, T>,
    dense: &ArrayView2<'_, T>,
    sums: &mut Vec<RunningSum<T>>,
    mut to: ArrayViewMut1<'_, T>,
) {
    sums.clear();
    sums.resize(to.len(), RunningSum::ZERO);
    for (element, row) in terms {
        let value = values[element];
        sums.iter_mut().zip(dense.row(row)).for_each(|(sum, &x)| *sum = sum.and(value.mul(x)));
    }
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum.value());
}

/// For each element the dot product of the rows that belong to its lane and to its index.
#[derive(Debug)]
pub(super) struct Dots {
    pub(super) length: usize,
}

impl Kernel for Dots {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let places = Places::checked(&inputs[2], &inputs[3], self.length)?;
        with_number!(output.dtype(), T => {
            let of_lanes: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
            let of_indices: ArrayView2<'_, T> = with_axes(inputs[1].view()?)?;
            let mut output: ArrayViewMut1<'_, T> = with_axes(output.into_view()?)?;
            for lane in 0..places.lanes() {
                for element in places.lane(lane) {
                    let (a, b) = (of_lanes.row(lane), of_indices.row(places.indices[element] as usize));
                    let products = a.iter().zip(b).map(|(&a, &b)| Number::mul(a, b));
                    output[element] = if a.len() > ROUNDED {
                        products.fold(RunningSum::ZERO, RunningSum::and).value()
                    } else {
                        products.fold(<T as Number>::ZERO, <T as Number>::add)
                    };
                }
            }
        }, else ());
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}
