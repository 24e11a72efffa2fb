//! Rows of row-major arrays, copied block by block.

use ndarray::{ArrayD, IxDyn};

use crate::Element;

/// The elements of the rows at `indices`, in that order. The array is in row-major order, so each row
/// is one contiguous copy.
pub(super) fn gather<T: Element>(array: &ArrayD<T>, indices: &[usize]) -> ArrayD<T> {
    collect(array, indices.len(), |elements, width, gathered| {
        for &index in indices {
            gathered.extend_from_slice(&elements[index * width..][..width]);
        }
    })
}

/// The rows from `start` up to `end`, without it.
pub(super) fn range<T: Element>(array: &ArrayD<T>, start: usize, end: usize) -> ArrayD<T> {
    collect(array, end - start, |elements, width, gathered| {
        gathered.extend_from_slice(&elements[start * width..end * width]);
    })
}

/// The rows of the arrays, one array after the other; each has the shape of the first but for the number of rows.
pub(super) fn concatenated<T: Element>(parts: Vec<ArrayD<T>>) -> ArrayD<T> {
    let mut shape = parts.first().map_or(vec![0], |first| first.shape().to_vec());
    shape[0] = parts.iter().map(|part| part.shape()[0]).sum();
    let mut elements = Vec::with_capacity(shape.iter().product());
    for part in parts {
        elements.extend(part);
    }
    // As many elements were moved as the shape counts.
    ArrayD::from_shape_vec(IxDyn(&shape), elements).unwrap_or_default()
}

fn collect<T: Element>(
    array: &ArrayD<T>,
    count: usize,
    copy: impl FnOnce(&[T], usize, &mut Vec<T>),
) -> ArrayD<T> {
    let width = array.shape()[1..].iter().product::<usize>();
    let mut shape = array.shape().to_vec();
    shape[0] = count;
    let mut gathered = Vec::with_capacity(count * width);
    copy(array.as_slice().unwrap_or_default(), width, &mut gathered);
    // As many elements were copied as the shape counts.
    ArrayD::from_shape_vec(IxDyn(&shape), gathered).unwrap_or_default()
}
