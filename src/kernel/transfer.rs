//! Elements copied from strided places to strided places.

use std::ops::Range;
use std::ptr;

/// Where elements of one size are copied from and to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// Bytes of an element.
    element: usize,
    /// The axes along which the elements lie on both sides, those of length 1 left out.
    axes: Vec<TransferAxis>,
}

/// An axis: how many elements, and how many elements lie from one to the next on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransferAxis {
    pub(crate) length: usize,
    pub(crate) from: isize,
    pub(crate) to: isize,
}

/// Elements side by side from which they are copied as bytes, in blocks.
const MIN_COPIED: usize = 16;

/// Bytes of blocks that are copied where they are, and of the runs that are: for more, a call of the function that copies
/// bytes costs little beside the work.
const BLOCK: usize = 64;
const MOST_IN_BLOCKS: usize = 8 * BLOCK;

/// Elements from which a loop on vectors is worth being chosen.
const MIN_VECTORS: usize = 8;

impl Transfer {
    /// The transfer of elements of so many bytes along these axes, as few as there can be.
    pub(crate) fn new(element: usize, axes: impl IntoIterator<Item = TransferAxis>) -> Self {
        let mut merged: Vec<TransferAxis> = Vec::new();
        for axis in axes.into_iter().filter(|axis| axis.length != 1) {
            let length = axis.length as isize;
            match merged.last_mut() {
                Some(last) if last.from == length * axis.from && last.to == length * axis.to => {
                    *last = TransferAxis { length: last.length * axis.length, ..axis };
                }
                _ => merged.push(axis),
            }
        }
        Transfer { element, axes: merged }
    }

    /// How many bytes are copied.
    pub(crate) fn bytes(&self) -> usize {
        self.axes.iter().map(|axis| axis.length).product::<usize>() * self.element
    }

    /// Bytes of an element.
    pub(crate) fn element(&self) -> usize {
        self.element
    }

    /// Length and stride, in elements, of each axis of what is read.
    pub(crate) fn from(&self) -> impl Iterator<Item = (usize, isize)> + Clone {
        self.axes.iter().map(|axis| (axis.length, axis.from))
    }

    /// The same of what is written.
    pub(crate) fn to(&self) -> impl Iterator<Item = (usize, isize)> + Clone {
        self.axes.iter().map(|axis| (axis.length, axis.to))
    }

    /// Indices of the first axis, along which the transfer may be cut.
    pub(crate) fn rows(&self) -> usize {
        self.axes.first().map_or(1, |axis| axis.length)
    }

    /// Copies the elements at some indices of the first axis.
    ///
    /// # Safety
    /// Both sides must be aligned for elements of this size and reach all places that the axes lead to, and those that are
    /// written must be apart from each other and from those that are read.
    pub(crate) unsafe fn run(&self, rows: Range<usize>, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise; elements of one size are copied alike, whatever they are.
        unsafe {
            match self.element {
                1 => copy_rows::<u8>(&self.axes, rows, from.cast(), to.cast()),
                4 => copy_rows::<u32>(&self.axes, rows, from.cast(), to.cast()),
                _ => copy_rows::<u64>(&self.axes, rows, from.cast(), to.cast()),
            }
        }
    }
}

/// # Safety
/// As for [`Transfer::run`].
unsafe fn copy_rows<T: Copy>(axes: &[TransferAxis], rows: Range<usize>, from: *const T, to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        let Some((&first, inner)) = axes.split_first() else { return copy_axes(axes, from, to) };
        let start = rows.start as isize;
        let (from, to) = (from.offset(start * first.from), to.offset(start * first.to));
        let first = TransferAxis { length: rows.len(), ..first };
        match *inner {
            [] => copy_run(first, from, to),
            // Rows side by side on either side: the inner loop of most joins.
            [axis] => {
                for index in 0..first.length as isize {
                    copy_run(axis, from.offset(index * first.from), to.offset(index * first.to));
                }
            }
            _ => {
                for index in 0..first.length as isize {
                    copy_axes(inner, from.offset(index * first.from), to.offset(index * first.to));
                }
            }
        }
    }
}

/// # Safety
/// As for [`Transfer::run`].
unsafe fn copy_axes<T: Copy>(axes: &[TransferAxis], from: *const T, to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        match *axes {
            [] => *to = *from,
            [axis] => copy_run(axis, from, to),
            [TransferAxis { length, from: from_row, to: to_row }, ref inner @ ..] => {
                for index in 0..length as isize {
                    copy_axes(inner, from.offset(index * from_row), to.offset(index * to_row));
                }
            }
        }
    }
}

/// Copies bytes.
///
/// # Safety
/// Both sides must reach so far and not overlap.
#[inline(always)]
unsafe fn copy_bytes(from: *const u8, to: *mut u8, bytes: usize) {
    if !(BLOCK..=MOST_IN_BLOCKS).contains(&bytes) {
        // SAFETY: the caller's promise.
        return unsafe { ptr::copy_nonoverlapping(from, to, bytes) };
    }
    let copy = |first: usize| {
        // SAFETY: the caller's promise, for a block that ends within the bytes; bytes need no alignment.
        unsafe {
            let block = from.add(first).cast::<[u8; BLOCK]>().read_unaligned();
            to.add(first).cast::<[u8; BLOCK]>().write_unaligned(block);
        }
    };
    for block in 0..bytes / BLOCK {
        copy(block * BLOCK);
    }
    // What fills no block is the end of one that overlaps the one before.
    if !bytes.is_multiple_of(BLOCK) {
        copy(bytes - BLOCK);
    }
}

/// Copies elements along a single axis.
///
/// # Safety
/// As for [`Transfer::run`].
#[inline(always)]
pub(super) unsafe fn copy_run<T: Copy>(
    TransferAxis { length, from: step, to: to_step }: TransferAxis,
    from: *const T,
    to: *mut T,
) {
    // Strides that are known let the loop work on vectors.
    let copy = |step: isize, to_step: isize| {
        for index in 0..length as isize {
            // SAFETY: the caller's promise.
            unsafe { *to.offset(index * to_step) = *from.offset(index * step) };
        }
    };
    match (step, to_step) {
        _ if length < MIN_VECTORS => copy(step, to_step),
        // SAFETY: the caller's promise.
        (1, 1) if length >= MIN_COPIED => unsafe {
            copy_bytes(from.cast(), to.cast(), length * size_of::<T>());
        },
        (0, 1) => copy(0, 1),
        (2, 1) => copy(2, 1),
        (-1, 1) => copy(-1, 1),
        (_, 1) => copy(step, 1),
        (1, _) => copy(1, to_step),
        _ => copy(step, to_step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is copied of the numbers from 0 to 23, from place `first` on, to the places of 24 others from place `to` on.
    fn copied(axes: &[(usize, isize, isize)], first: usize, to: usize, most: usize) -> Vec<u32> {
        let axes = axes.iter().map(|&(length, from, to)| TransferAxis { length, from, to });
        let (from, mut copy): (Vec<u32>, _) = ((0..24).collect(), vec![99; 24]);
        let transfer = Transfer::new(4, axes);
        for start in (0..transfer.rows()).step_by(most) {
            let (from, to) = (from[first..].as_ptr().cast(), copy[to..].as_mut_ptr().cast());
            // SAFETY: the axes of the tests stay within the arrays.
            unsafe { transfer.run(start..transfer.rows().min(start + most), from, to) };
        }
        copy
    }

    #[test]
    fn parts_copy_the_same_as_the_whole() {
        type Case = (&'static [(usize, isize, isize)], usize, usize);
        let cases: [Case; 6] = [
            (&[], 3, 5),
            (&[(24, 1, 1)], 0, 0),
            (&[(4, 6, 6), (2, 1, 1)], 1, 3),
            (&[(3, 0, 8), (5, -2, 1)], 20, 2),
            (&[(2, 12, 2), (1, 7, 7), (2, 3, 12), (2, 1, 1)], 0, 4),
            (&[(4, 1, 6), (3, 8, 2)], 0, 0),
        ];
        for (axes, first, to) in cases {
            let mut expected = vec![99; 24];
            let mut places = vec![(first as isize, to as isize)];
            for &(length, from_step, to_step) in axes {
                let along =
                    |(from, to)| (0..length as isize).map(move |i| (from + i * from_step, to + i * to_step));
                places = places.into_iter().flat_map(along).collect();
            }
            for &(from, to) in &places {
                expected[to as usize] = from as u32;
            }
            for most in [1, 2, 5, 1000] {
                assert_eq!(copied(axes, first, to, most), expected, "{axes:?} by {most} rows");
            }
        }
    }
}
