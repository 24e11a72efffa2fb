//! Tiles filled with elements that lie elsewhere.

use std::ops::Range;

use super::{Args, Kernel, elements, elements_mut};
use crate::element::{DType, Element};
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::with_number;
use crate::kernel::transfer::{TransferAxis, copy_run};

/// Elements at strided places: `lead` spans the rows, `tail` the elements of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strided {
    /// Length and stride, in elements, of each axis that makes up the rows.
    pub(crate) lead: Vec<(usize, isize)>,
    /// Length and stride, in elements, of each axis inside a row.
    pub(crate) tail: Vec<(usize, isize)>,
    /// What is at the first place where numbers are counted: at each other place it is as many more as the strides lead
    /// away.
    pub(crate) first: i64,
}

impl Strided {
    /// With axes that follow on each other evenly as one, of those that make up the rows and of those inside a row.
    pub(crate) fn new(lead: &[(usize, isize)], tail: &[(usize, isize)]) -> Self {
        let [lead, tail] = [lead, tail].map(|axes| merged(axes.iter().copied()));
        Strided { lead, tail, first: 0 }
    }

    /// Elements from one row to the next, where the elements of a row lie side by side.
    pub(crate) fn row_stride(&self, width: usize) -> Option<usize> {
        let is_side_by_side = match self.tail[..] {
            [] => width == 1,
            [(length, stride)] => stride == 1 && length == width,
            _ => false,
        };
        match self.lead[..] {
            _ if !is_side_by_side => None,
            [] => Some(0),
            [(_, stride)] => usize::try_from(stride).ok(),
            _ => None,
        }
    }

    /// The axes of the rows, then those inside a row.
    pub(crate) fn axes(&self) -> impl Iterator<Item = (usize, isize)> + Clone {
        self.lead.iter().chain(&self.tail).copied()
    }

    /// Shows the places of some rows' elements in their order, as runs: where each begins, how many elements it has, and
    /// the stride between them.
    #[inline(always)]
    fn runs(&self, rows: Range<usize>, mut visit: impl FnMut(isize, usize, isize)) {
        let Some((&(length, stride), outer)) = self.lead.split_last() else {
            return walk(&self.tail, 0, &mut visit);
        };
        if self.lead.iter().any(|&(length, _)| length == 0) {
            return;
        }
        // Rows lie in blocks along their last axis, and these along the one before. Divisions take longer than moving a
        // short run, so the places of most blocks are found without.
        let (blocks, block_stride) = outer.last().copied().unwrap_or((1, 0));
        let (mut block, mut row) = (rows.start / length, rows.start);
        let (mut along, mut within) = (block % blocks, row % length);
        let mut start = offset_of(outer, block);
        while row < rows.end {
            let count = (length - within).min(rows.end - row);
            let first = start + within as isize * stride;
            match self.tail[..] {
                [] => visit(first, count, stride),
                [(length, step)] => {
                    (0..count as isize).for_each(|index| visit(first + index * stride, length, step));
                }
                ref tail => {
                    (0..count as isize).for_each(|index| walk(tail, first + index * stride, &mut visit));
                }
            }
            (row, within, block, along) = (row + count, 0, block + 1, along + 1);
            start += block_stride;
            if along == blocks {
                (along, start) = (0, offset_of(outer, block));
            }
        }
    }
}

/// Axes along which the same places follow on each other in the same order, as few as there can be.
pub(crate) fn merged(axes: impl Iterator<Item = (usize, isize)>) -> Vec<(usize, isize)> {
    let mut merged: Vec<(usize, isize)> = Vec::new();
    for (length, stride) in axes.filter(|&(length, _)| length != 1) {
        match merged.last_mut() {
            Some(last) if last.1 == length as isize * stride => *last = (last.0 * length, stride),
            _ => merged.push((length, stride)),
        }
    }
    merged
}

/// Where the element of an index lies, as so many in the row-major order of the axes come before it.
fn offset_of(axes: &[(usize, isize)], index: usize) -> isize {
    let (mut rest, mut offset) = (index, 0);
    for &(length, stride) in axes.iter().rev() {
        offset += (rest % length) as isize * stride;
        rest /= length;
    }
    offset
}

/// Shows the runs along the last of the axes.
fn walk(axes: &[(usize, isize)], start: isize, visit: &mut impl FnMut(isize, usize, isize)) {
    match axes {
        [] => visit(start, 1, 1),
        &[(length, stride)] => visit(start, length, stride),
        [(length, stride), inner @ ..] => {
            (0..*length as isize).for_each(|index| walk(inner, start + index * stride, visit));
        }
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

/// dst = the elements of `a` at the places that `strided` names: `rows·width` of `dst`, and `a` as far as the strides
/// lead, in either direction.
#[inline(always)]
unsafe fn gather_loop<T: Element, M: MulAdd>(args: &Args) {
    // SAFETY: the contract of `Kernel`: null, or a description that outlives the call.
    let Some(strided) = (unsafe { args.strided.as_ref() }) else { return };
    let (from, mut to) = (args.a.cast::<T>(), args.dst.cast::<T>());
    strided.runs(args.first_row..args.first_row + args.rows, |first, count, stride| {
        // SAFETY: the contract of `Kernel`: the strides stay within `a`, and all runs together have as many elements as
        // `dst`.
        unsafe {
            copy_run(TransferAxis { length: count, from: stride, to: 1 }, from.offset(first), to);
            to = to.add(count);
        }
    });
}

/// The places of `dst` that `strided` names = the elements of `a`: `rows·width` of these, and `dst` as far as the strides
/// lead. Nothing between the places is touched.
#[inline(always)]
unsafe fn scatter_loop<T: Element, M: MulAdd>(args: &Args) {
    // SAFETY: the contract of `Kernel`: null, or a description that outlives the call.
    let Some(strided) = (unsafe { args.strided.as_ref() }) else { return };
    let (mut from, to) = (args.a.cast::<T>(), args.dst.cast::<T>());
    strided.runs(args.first_row..args.first_row + args.rows, |first, count, stride| {
        // SAFETY: the contract of `Kernel`: the strides stay within `dst`, and all runs together have as many elements as
        // `a`.
        unsafe {
            copy_run(TransferAxis { length: count, from: 1, to: stride }, from, to.offset(first));
            from = from.add(count);
        }
    });
}

/// dst = the numbers that `strided` counts, as `i64`: `rows·width` of them.
#[inline(always)]
unsafe fn count_loop<M: MulAdd>(args: &Args) {
    // SAFETY: the contract of `Kernel`: null, or a description that outlives the call.
    let Some(strided) = (unsafe { args.strided.as_ref() }) else { return };
    let mut to = args.dst.cast::<i64>();
    strided.runs(args.first_row..args.first_row + args.rows, |first, count, stride| {
        let first = strided.first + first as i64;
        // SAFETY: the contract of `Kernel`: all runs together have as many elements as `dst`.
        let numbers = unsafe { elements_mut::<i64>(to.cast(), count) };
        for (index, number) in (0..).zip(numbers) {
            *number = first + index * stride as i64;
        }
        to = to.wrapping_add(count);
    });
}

kernels! {
    fn copy_kernel<T: Element> = copy_loop;
    fn repeat_row_kernel<T: Element> = repeat_row_loop;
    fn repeat_element_kernel<T: Element> = repeat_element_loop;
    fn gather_kernel<T: Element> = gather_loop;
    fn scatter_kernel<T: Element> = scatter_loop;
    fn count_kernel<> = count_loop;
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
    /// Consecutive elements, to strided places.
    Scatter,
    /// Numbers counted up, at strided places.
    Count,
}

impl Move {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Move::Copy => "copy",
            Move::RepeatRow => "repeat_row",
            Move::RepeatElement => "repeat_element",
            Move::Gather => "gather",
            Move::Scatter => "scatter",
            Move::Count => "count",
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
            Move::Scatter => scatter_kernel::<T>(isa),
            Move::Count => count_kernel(isa),
        }
    }
    with_number!(dtype, T => of::<T>(how, isa), else of::<bool>(how, isa))
}
