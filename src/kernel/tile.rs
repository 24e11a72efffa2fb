//! The steps of the tile interpreter: loops over a tile, a few kilobytes of consecutive rows.
//!
//! A kernel is chosen when a plan is made, for an operation, an element type and an instruction set;
//! all have one signature, so running one is an indirect call. A *tile value* holds `width` elements
//! for each of `rows` rows, row after row.

use std::cell::Cell;
use std::{iter, slice};

use super::isa::{Isa, kernels};
use super::math::{MulAdd, VectorMath};
use super::number::{Number, with_number};
use super::scalar::{self, Binary, CastTo, Combine, Unary, with_fold};
use crate::dtype::{DType, Element};
use crate::lower::{Fold, Scalar};

/// What a kernel works on. Which fields it reads, and how many elements each pointer must reach,
/// stands at the loop.
pub(crate) struct Args<'a> {
    pub(crate) dst: *mut u8,
    pub(crate) a: *const u8,
    pub(crate) b: *const u8,
    pub(crate) c: *const u8,
    /// Rows of the tile.
    pub(crate) rows: usize,
    /// Elements in a row of the result.
    pub(crate) width: usize,
    /// Elements in a row of the first operand, where that differs.
    pub(crate) inner: usize,
    /// Index of the tile's first row in the region.
    pub(crate) first_row: usize,
    /// Where the elements of a strided operand lie.
    pub(crate) strided: Option<&'a Strided>,
    /// Set when a function had no value; the result is then unspecified but initialised.
    pub(crate) fault: &'a Cell<bool>,
}

/// A step over one tile.
///
/// # Safety
/// The pointers must be aligned for their element types, reach as many initialised elements as the
/// loop says, and `dst` must not overlap what is read.
pub(crate) type Kernel = unsafe fn(&Args<'_>);

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

/// The elements that `pointer` reaches.
///
/// # Safety
/// As for [`slice::from_raw_parts`].
#[inline(always)]
unsafe fn elements<'a, T>(pointer: *const u8, count: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(pointer.cast(), count) }
}

/// The elements that `pointer` reaches, to be written.
///
/// # Safety
/// As for [`slice::from_raw_parts_mut`].
#[inline(always)]
unsafe fn elements_mut<'a, T>(pointer: *mut u8, count: usize) -> &'a mut [T] {
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts_mut(pointer.cast(), count) }
}

/// dst = f(a): `rows·width` elements of each.
#[inline(always)]
unsafe fn unary_loop<T: Number, F: Unary<T>, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, dst) = unsafe { (elements::<T>(args.a, count), elements_mut::<T>(args.dst, count)) };
    F::map::<M>(a, dst);
}

/// dst = f(a, b), where each iterator gives as many operands as `dst` has elements.
#[inline(always)]
fn zip_binary<'a, T: Number, F: Binary<T>, M: MulAdd>(
    dst: &mut [F::Output],
    a: impl Iterator<Item = &'a T>,
    b: impl Iterator<Item = &'a T>,
    fault: &Cell<bool>,
) {
    let mut none = false;
    for (dst, (&a, &b)) in dst.iter_mut().zip(a.zip(b)) {
        // Vanishes for functions that always have a value.
        *dst = F::apply::<M>(a, b).unwrap_or_else(|| {
            none = true;
            F::Output::default()
        });
    }
    fault.set(fault.get() | none);
}

/// dst = f(a, b): `rows·width` elements of each.
#[inline(always)]
unsafe fn binary_loop<T: Number, F: Binary<T>, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    zip_binary::<T, F, M>(dst, a.iter(), b.iter(), args.fault);
}

/// dst = f(a, b): `rows·width` elements of `a` and `dst`, one of `b`.
#[inline(always)]
unsafe fn binary_right_scalar_loop<T: Number, F: Binary<T>, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements of `a` and one of `b`.
    let (a, b) = unsafe { (elements::<T>(args.a, count), *args.b.cast::<T>()) };
    // SAFETY: the contract of `Kernel` for `count` elements.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    zip_binary::<T, F, M>(dst, a.iter(), iter::repeat(&b), args.fault);
}

/// dst = f(a, b): one element of `a`, `rows·width` of `b` and `dst`.
#[inline(always)]
unsafe fn binary_left_scalar_loop<T: Number, F: Binary<T>, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for one element of `a` and `count` of `b`.
    let (a, b) = unsafe { (*args.a.cast::<T>(), elements::<T>(args.b, count)) };
    // SAFETY: the contract of `Kernel` for `count` elements.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    zip_binary::<T, F, M>(dst, iter::repeat(&a), b.iter(), args.fault);
}

/// dst[row, ..] = f(a[row, ..], b[row]): `rows·width` elements of `a` and `dst`, `rows` of `b`.
#[inline(always)]
unsafe fn binary_right_per_row_loop<T: Number, F: Binary<T>, M: MulAdd>(args: &Args<'_>) {
    let (count, width) = (args.rows * args.width, args.width.max(1));
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, args.rows)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    for ((dst, a), b) in dst.chunks_exact_mut(width).zip(a.chunks_exact(width)).zip(b) {
        zip_binary::<T, F, M>(dst, a.iter(), iter::repeat(b), args.fault);
    }
}

/// dst = b where a, else c: `rows·width` elements of each, those of `a` being truth values.
#[inline(always)]
unsafe fn select_loop<T: Element, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, b) = unsafe { (elements::<bool>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the same.
    let (c, dst) = unsafe { (elements::<T>(args.c, count), elements_mut::<T>(args.dst, count)) };
    for ((dst, &a), (&b, &c)) in dst.iter_mut().zip(a).zip(b.iter().zip(c)) {
        *dst = if a { b } else { c };
    }
}

/// dst = a as another type: `rows·width` elements of each.
#[inline(always)]
unsafe fn cast_loop<T: CastTo<U>, U: Element, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, dst) = unsafe { (elements::<T>(args.a, count), elements_mut::<U>(args.dst, count)) };
    for (dst, &a) in dst.iter_mut().zip(a) {
        *dst = a.cast();
    }
}

/// dst = a: `rows·width` elements of each.
#[inline(always)]
unsafe fn copy_loop<T: Element, M: MulAdd>(args: &Args<'_>) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, dst) = unsafe { (elements::<T>(args.a, count), elements_mut::<T>(args.dst, count)) };
    dst.copy_from_slice(a);
}

/// Each row of dst = a: `width` elements of `a`, `rows·width` of `dst`.
#[inline(always)]
unsafe fn repeat_row_loop<T: Element, M: MulAdd>(args: &Args<'_>) {
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
unsafe fn repeat_element_loop<T: Element, M: MulAdd>(args: &Args<'_>) {
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
unsafe fn gather_loop<T: Element, M: MulAdd>(args: &Args<'_>) {
    let Some(strided) = args.strided else { return };
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

/// A slice folded: in lanes, which are then folded pairwise. The order depends on the length only.
#[inline(always)]
pub(crate) fn fold_slice<T: Number, F: Combine<T>>(elements: &[T]) -> T {
    let mut lanes = T::ZERO_LANES;
    let width = lanes.as_ref().len();
    lanes.as_mut().fill(F::IDENTITY);
    let mut blocks = elements.chunks_exact(width);
    for block in &mut blocks {
        for (lane, &x) in lanes.as_mut().iter_mut().zip(block) {
            *lane = F::combine(*lane, x);
        }
    }
    for (lane, &x) in lanes.as_mut().iter_mut().zip(blocks.remainder()) {
        *lane = F::combine(*lane, x);
    }
    fold_lanes::<T, F>(lanes)
}

/// The lanes folded: halves with each other until one is left.
#[inline(always)]
fn fold_lanes<T: Number, F: Combine<T>>(mut lanes: T::Lanes) -> T {
    let lanes = lanes.as_mut();
    let mut half = lanes.len() / 2;
    while half > 0 {
        for index in 0..half {
            lanes[index] = F::combine(lanes[index], lanes[index + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// dst ∘= fold of a: `rows·inner` elements of `a`, one of `dst`.
#[inline(always)]
unsafe fn fold_all_loop<T: Number, F: Combine<T>, M: MulAdd>(args: &Args<'_>) {
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, dst) = unsafe { (elements::<T>(args.a, args.rows * args.inner), elements_mut::<T>(args.dst, 1)) };
    dst[0] = F::combine(dst[0], fold_slice::<T, F>(a));
}

/// dst[c] ∘= fold over the rows of a[row, c]: `rows·width` elements of `a`, `width` of `dst`.
#[inline(always)]
unsafe fn fold_across_loop<T: Number, F: Combine<T>, M: MulAdd>(args: &Args<'_>) {
    // SAFETY: the contract of `Kernel` for these counts.
    let a = unsafe { elements::<T>(args.a, args.rows * args.width) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.width) };
    for row in a.chunks_exact(args.width.max(1)) {
        for (dst, &a) in dst.iter_mut().zip(row) {
            *dst = F::combine(*dst, a);
        }
    }
}

/// dst[row] = fold of a[row, ..]: `rows·inner` elements of `a`, `rows` of `dst`.
#[inline(always)]
unsafe fn fold_within_loop<T: Number, F: Combine<T>, M: MulAdd>(args: &Args<'_>) {
    // SAFETY: the contract of `Kernel` for these counts.
    let a = unsafe { elements::<T>(args.a, args.rows * args.inner) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows) };
    for (row, dst) in dst.iter_mut().enumerate() {
        *dst = fold_slice::<T, F>(&a[row * args.inner..(row + 1) * args.inner]);
    }
}

/// dst[row, c] = Σ over k of a[row, k]·b[k, c]: `rows·inner` elements of `a`, `inner·width` of `b`,
/// `rows·width` of `dst`.
#[inline(always)]
unsafe fn project_loop<T: Number, M: MulAdd>(args: &Args<'_>) {
    let (inner, width) = (args.inner, args.width);
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, args.rows * inner), elements::<T>(args.b, inner * width)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows * width) };
    for (row, dst) in dst.chunks_exact_mut(width.max(1)).enumerate() {
        let a = &a[row * inner..(row + 1) * inner];
        dst.fill(T::ZERO);
        for (k, &a) in a.iter().enumerate() {
            for (dst, &b) in dst.iter_mut().zip(&b[k * width..(k + 1) * width]) {
                *dst = a.mul_add::<M>(b, *dst);
            }
        }
    }
}

/// The same for `width` 1 and `inner` K: the few columns are known to the compiler.
#[inline(always)]
unsafe fn project_column_loop<T: Number, M: MulAdd, const K: usize>(args: &Args<'_>) {
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<[T; K]>(args.a, args.rows), elements::<T>(args.b, K)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows) };
    let mut weights = [T::ZERO; K];
    weights.copy_from_slice(b);
    for (dst, row) in dst.iter_mut().zip(a) {
        let mut total = T::ZERO;
        for k in 0..K {
            total = row[k].mul_add::<M>(weights[k], total);
        }
        *dst = total;
    }
}

/// dst[k, c] += Σ over rows of a[row, k]·b[row, c]: `rows·inner` elements of `a`, `rows·width` of
/// `b`, `inner·width` of `dst`.
#[inline(always)]
unsafe fn accumulate_loop<T: Number, M: MulAdd>(args: &Args<'_>) {
    let (inner, width) = (args.inner, args.width);
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) =
        unsafe { (elements::<T>(args.a, args.rows * inner), elements::<T>(args.b, args.rows * width)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, inner * width) };
    for (a, b) in a.chunks_exact(inner.max(1)).zip(b.chunks_exact(width.max(1))) {
        for (k, &a) in a.iter().enumerate() {
            for (dst, &b) in dst[k * width..(k + 1) * width].iter_mut().zip(b) {
                *dst = a.mul_add::<M>(b, *dst);
            }
        }
    }
}

/// Rows of which an accumulation with a single column keeps partial sums apart. At 64 the loop over them
/// compiles to full vectors whose columns are parted by shuffles; at 16 and below it stays scalar.
const APART: usize = 64;

/// The same for `width` 1 and `inner` K.
#[inline(always)]
unsafe fn accumulate_column_loop<T: Number, M: MulAdd, const K: usize>(args: &Args<'_>) {
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<[T; K]>(args.a, args.rows), elements::<T>(args.b, args.rows)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, K) };
    let mut sums = [[T::ZERO; APART]; K];
    let (mut rows, mut factors) = (a.chunks_exact(APART), b.chunks_exact(APART));
    for (rows, factors) in (&mut rows).zip(&mut factors) {
        for lane in 0..APART {
            for k in 0..K {
                sums[k][lane] = rows[lane][k].mul_add::<M>(factors[lane], sums[k][lane]);
            }
        }
    }
    for (lane, (row, &factor)) in rows.remainder().iter().zip(factors.remainder()).enumerate() {
        for k in 0..K {
            sums[k][lane] = row[k].mul_add::<M>(factor, sums[k][lane]);
        }
    }
    for (dst, sums) in dst.iter_mut().zip(&sums) {
        *dst = dst.add(fold_slice::<T, scalar::Sum>(sums));
    }
}

kernels! {
    fn unary_kernel<T: Number, F: Unary<T>> = unary_loop;
    fn binary_kernel<T: Number, F: Binary<T>> = binary_loop;
    fn binary_left_scalar_kernel<T: Number, F: Binary<T>> = binary_left_scalar_loop;
    fn binary_right_scalar_kernel<T: Number, F: Binary<T>> = binary_right_scalar_loop;
    fn binary_right_per_row_kernel<T: Number, F: Binary<T>> = binary_right_per_row_loop;
    fn select_kernel<T: Element> = select_loop;
    fn cast_kernel<T: CastTo<U>, U: Element> = cast_loop;
    fn copy_kernel<T: Element> = copy_loop;
    fn repeat_row_kernel<T: Element> = repeat_row_loop;
    fn repeat_element_kernel<T: Element> = repeat_element_loop;
    fn gather_kernel<T: Element> = gather_loop;
    fn fold_all_kernel<T: Number, F: Combine<T>> = fold_all_loop;
    fn fold_across_kernel<T: Number, F: Combine<T>> = fold_across_loop;
    fn fold_within_kernel<T: Number, F: Combine<T>> = fold_within_loop;
    fn project_kernel<T: Number> = project_loop;
    fn project_column_kernel<T: Number; const K> = project_column_loop;
    fn accumulate_kernel<T: Number> = accumulate_loop;
    fn accumulate_column_kernel<T: Number; const K> = accumulate_column_loop;
}

/// What the operands of an elementwise function are where they are not tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forms {
    /// All are tiles.
    Tiles,
    /// The left one of two is a single element.
    LeftScalar,
    /// The right one of two is a single element.
    RightScalar,
    /// The right one of two is one element for each row.
    RightPerRow,
}

/// The kernel of an elementwise function; `from` is the operands' element type (of those selected
/// from, for a selection), `to` the result's. `None` for a function that the type does not have, which
/// no op asks for.
pub(crate) fn map(function: Scalar, forms: Forms, from: DType, to: DType, isa: Isa) -> Option<Kernel> {
    fn binary<T: Number, F: Binary<T>>(forms: Forms, isa: Isa) -> Kernel {
        match forms {
            Forms::Tiles => binary_kernel::<T, F>(isa),
            Forms::LeftScalar => binary_left_scalar_kernel::<T, F>(isa),
            Forms::RightScalar => binary_right_scalar_kernel::<T, F>(isa),
            Forms::RightPerRow => binary_right_per_row_kernel::<T, F>(isa),
        }
    }
    fn transcendental<T: Number + crate::dtype::Float + VectorMath>(
        function: Scalar,
        forms: Forms,
        isa: Isa,
    ) -> Option<Kernel> {
        Some(match function {
            Scalar::Exp => unary_kernel::<T, scalar::Exp>(isa),
            Scalar::Expm1 => unary_kernel::<T, scalar::Expm1>(isa),
            Scalar::Ln => unary_kernel::<T, scalar::Ln>(isa),
            Scalar::Log1p => unary_kernel::<T, scalar::Log1p>(isa),
            Scalar::Tanh => unary_kernel::<T, scalar::Tanh>(isa),
            Scalar::Sigmoid => unary_kernel::<T, scalar::Sigmoid>(isa),
            Scalar::Erf => unary_kernel::<T, scalar::Erf>(isa),
            Scalar::Sin => unary_kernel::<T, scalar::Sin>(isa),
            Scalar::Cos => unary_kernel::<T, scalar::Cos>(isa),
            Scalar::Sqrt => unary_kernel::<T, scalar::Sqrt>(isa),
            Scalar::Pow => binary::<T, scalar::Pow>(forms, isa),
            _ => return None,
        })
    }
    match function {
        Scalar::Cast => return Some(cast(from, to, isa)),
        Scalar::Select => {
            return Some(with_number!(from, T => select_kernel::<T>(isa), else select_kernel::<bool>(isa)));
        }
        _ => {}
    }
    with_number!(from, T => Some(match function {
        Scalar::Neg => unary_kernel::<T, scalar::Neg>(isa),
        Scalar::Square => unary_kernel::<T, scalar::Square>(isa),
        Scalar::Add => binary::<T, scalar::Add>(forms, isa),
        Scalar::Sub => binary::<T, scalar::Sub>(forms, isa),
        Scalar::Mul => binary::<T, scalar::Mul>(forms, isa),
        Scalar::Div => binary::<T, scalar::Div>(forms, isa),
        Scalar::Maximum => binary::<T, scalar::Maximum>(forms, isa),
        Scalar::Minimum => binary::<T, scalar::Minimum>(forms, isa),
        Scalar::Checked => binary::<T, scalar::Checked>(forms, isa),
        Scalar::Equal => binary::<T, scalar::Equal>(forms, isa),
        Scalar::NotEqual => binary::<T, scalar::NotEqual>(forms, isa),
        Scalar::Less => binary::<T, scalar::Less>(forms, isa),
        Scalar::LessEqual => binary::<T, scalar::LessEqual>(forms, isa),
        _ => return match from {
            DType::F32 => transcendental::<f32>(function, forms, isa),
            DType::F64 => transcendental::<f64>(function, forms, isa),
            DType::I32 | DType::I64 | DType::Bool => None,
        },
    }), else None)
}

fn cast(from: DType, to: DType, isa: Isa) -> Kernel {
    fn onto<T>(to: DType, isa: Isa) -> Kernel
    where
        T: CastTo<f32> + CastTo<f64> + CastTo<i32> + CastTo<i64> + CastTo<bool>,
    {
        with_number!(to, U => cast_kernel::<T, U>(isa), else cast_kernel::<T, bool>(isa))
    }
    with_number!(from, T => onto::<T>(to, isa), else onto::<bool>(to, isa))
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

/// The kernel that fills a tile.
pub(crate) fn moving(how: Move, dtype: DType, isa: Isa) -> Kernel {
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

/// Which elements of a tile are folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of them, onto one accumulator.
    All,
    /// Over the rows, onto an accumulator for each place in a row.
    Across,
    /// Those of each row.
    Within,
}

/// The kernel that folds a tile; `None` for truth values.
pub(crate) fn folding(fold: Fold, extent: Extent, dtype: DType, isa: Isa) -> Option<Kernel> {
    with_number!(dtype, T => with_fold!(fold, F => Some(match extent {
        Extent::All => fold_all_kernel::<T, F>(isa),
        Extent::Across => fold_across_kernel::<T, F>(isa),
        Extent::Within => fold_within_kernel::<T, F>(isa),
    })), else None)
}

/// The kernel of a product of rows with a small matrix; `None` for truth values.
pub(crate) fn project(inner: usize, width: usize, dtype: DType, isa: Isa) -> Option<Kernel> {
    with_number!(dtype, T => Some(match (inner, width) {
        (1, 1) => project_column_kernel::<T, 1>(isa),
        (2, 1) => project_column_kernel::<T, 2>(isa),
        (3, 1) => project_column_kernel::<T, 3>(isa),
        (4, 1) => project_column_kernel::<T, 4>(isa),
        _ => project_kernel::<T>(isa),
    }), else None)
}

/// The kernel that accumulates the product of a transposed tile with another; `None` for truth values.
pub(crate) fn accumulate(inner: usize, width: usize, dtype: DType, isa: Isa) -> Option<Kernel> {
    with_number!(dtype, T => Some(match (inner, width) {
        (1, 1) => accumulate_column_kernel::<T, 1>(isa),
        (2, 1) => accumulate_column_kernel::<T, 2>(isa),
        (3, 1) => accumulate_column_kernel::<T, 3>(isa),
        (4, 1) => accumulate_column_kernel::<T, 4>(isa),
        _ => accumulate_kernel::<T>(isa),
    }), else None)
}
