//! Tiles filled with elements that lie elsewhere.

use super::{Args, Kernel, elements, elements_mut};
use crate::element::{DType, Element};
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::with_number;

/// Elements at strided places: `lead` spans the rows, `tail` the elements of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strided {
    /// Length and stride, in elements, of each axis that makes up the rows.
    pub(crate) lead: Vec<(usize, usize)>,
    /// Length and stride, in elements, of each axis inside a row.
    pub(crate) tail: Vec<(usize, usize)>,
}

impl Strided {
    /// Where row `row` starts, and how many rows from it on follow at the stride of the last row axis.
    fn run_from(&self, row: usize) -> (usize, usize) {
        let mut rest = row;
        let mut offset = 0;
        for &(length, stride) in self.lead.iter().rev() {
            offset += rest % length * stride;
            rest /= length;
        }
        let run = self.lead.last().map_or(1, |&(length, _)| length - row % length);
        (offset, run)
    }

    /// How many elements from the first one on must be there for all the places to be among them.
    pub(crate) fn reach(&self) -> usize {
        let axes = || self.lead.iter().chain(&self.tail);
        if axes().any(|&(length, _)| length == 0) {
            return 0;
        }
        axes().map(|&(length, stride)| (length - 1) * stride).sum::<usize>() + 1
    }
}

/// dst = a: `rows·width` elements of each.
#[inline(always)]
unsafe fn copy_loop<T: Element, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, dst) = unsafe { (elements::<T>(args.a, count), elements_mut::<T>(args.dst, count)) };
    dst.copy_from_slice(a);
}

/// Each row of dst = a: `width` elements of `a`, `rows·width` of `dst`.
#[inline(always)]
unsafe fn repeat_row_loop<T: Element, M: MulAdd>(args: &Args) {
    // SAFETY: the contract of `Kernel` for `width` elements of `a`.
    let a = unsafe { elements::<T>(args.a, args.width) };
    // SAFETY: the contract of `Kernel` for `rows·width` elements.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows * args.width) };
    for row in dst.chunks_exact_mut(args.width.max(1)) {
        row.copy_from_slice(a);
    }
}

/// Each element of row r of dst = a[r]: `rows` elements of `a`, `rows·width` of `dst`.
#[inline(always)]
unsafe fn repeat_element_loop<T: Element, M: MulAdd>(args: &Args) {
    // SAFETY: the contract of `Kernel` for `rows` elements of `a`.
    let a = unsafe { elements::<T>(args.a, args.rows) };
    // SAFETY: the contract of `Kernel` for `rows·width` elements.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows * args.width) };
    for (row, &a) in dst.chunks_exact_mut(args.width.max(1)).zip(a) {
        row.fill(a);
    }
}

/// dst = the elements of `a` at the places that `strided` names: `rows·width` of `dst`, and `a`
/// from its start as far as the strides lead.
#[inline(always)]
unsafe fn gather_loop<T: Element, M: MulAdd>(args: &Args) {
    // SAFETY: the contract of `Kernel`: null, or a description that outlives the call.
    let Some(strided) = (unsafe { args.strided.as_ref() }) else { return };
    let mut dst = args.dst.cast::<T>();
    let row_stride = strided.lead.last().map_or(0, |&(_, stride)| stride);
    let mut row = args.first_row;
    let end = args.first_row + args.rows;
    while row < end {
        let (offset, run) = strided.run_from(row);
        let run = run.min(end - row);
        // SAFETY: the strides stay within `a`, and each call writes `width` elements after the last.
        unsafe {
            let from = args.a.cast::<T>().add(offset);
            if strided.tail.is_empty() {
                dst = gather_axes(from, &[(run, row_stride)], dst);
            } else {
                for index in 0..run {
                    dst = gather_axes(from.add(index * row_stride), &strided.tail, dst);
                }
            }
        }
        row += run;
    }
}

/// Copies the elements along the axes to consecutive places; gives the place after the last.
///
/// # Safety
/// `from` must reach every element that the axes lead to, `to` as many as there are.
unsafe fn gather_axes<T: Copy>(from: *const T, axes: &[(usize, usize)], mut to: *mut T) -> *mut T {
    match axes {
        [] => {
            // SAFETY: the caller's promise for one element.
            unsafe { *to = *from };
            to.wrapping_add(1)
        }
        &[(length, stride)] => {
            for index in 0..length {
                // SAFETY: the caller's promise for the elements of the last axis.
                unsafe { *to.add(index) = *from.add(index * stride) };
            }
            to.wrapping_add(length)
        }
        [(length, stride), inner @ ..] => {
            for index in 0..*length {
                // SAFETY: the caller's promise for each index of the first axis.
                to = unsafe { gather_axes(from.add(index * stride), inner, to) };
            }
            to
        }
    }
}

kernels! {
    fn copy_kernel<T: Element> = copy_loop;
    fn repeat_row_kernel<T: Element> = repeat_row_loop;
    fn repeat_element_kernel<T: Element> = repeat_element_loop;
    fn gather_kernel<T: Element> = gather_loop;
}

/// The ways in which a tile is filled with elements that lie elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Consecutive elements.
    Copy,
    /// One row for all rows.
    RepeatRow,
    /// One element for each row.
    RepeatElement,
    /// Elements at strided places.
    Gather,
}

impl Move {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Move::Copy => "copy",
            Move::RepeatRow => "repeat_row",
            Move::RepeatElement => "repeat_element",
            Move::Gather => "gather",
        }
    }
}

/// The kernel that fills a tile.
pub(super) fn moving(how: Move, dtype: DType, isa: Isa) -> Kernel {
    fn of<T: Element>(how: Move, isa: Isa) -> Kernel {
        match how {
            Move::Copy => copy_kernel::<T>(isa),
            Move::RepeatRow => repeat_row_kernel::<T>(isa),
            Move::RepeatElement => repeat_element_kernel::<T>(isa),
            Move::Gather => gather_kernel::<T>(isa),
        }
    }
    with_number!(dtype, T => of::<T>(how, isa), else of::<bool>(how, isa))
}
