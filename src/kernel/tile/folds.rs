//! Folds: one element for all those of a tile, of each row, or of each place in a row.
//!
//! A fold over consecutive elements carries many partial results side by side and joins them pairwise at the
//! end, so its order depends on the length alone.

use std::array;

use super::{Args, Kernel, elements, elements_mut};
use crate::dtype::DType;
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::{Number, with_number};
use crate::kernel::scalar::{self, Combine, with_fold};
use crate::kernel::vector::{Machine, Vector};
use crate::lower::Fold;

/// Vectors of partial results: four additions are under way at once, which keeps the adders busy.
const SIDE_BY_SIDE: usize = 4;

/// Elements of the longest vector.
const MAX_LEN: usize = 16;

/// The four vectors combined, and their elements with each other: halves until one is left.
#[inline(always)]
fn combined<T: Number, F: Combine<T>, V: Vector<T>>(partial: [V; SIDE_BY_SIDE]) -> T {
    let [a, b, c, d] = partial;
    let vector = F::combine_vectors(F::combine_vectors(a, b), F::combine_vectors(c, d));
    let mut elements = [F::IDENTITY; MAX_LEN];
    // SAFETY: no vector has more elements.
    unsafe { vector.store(elements.as_mut_ptr()) };
    let mut half = V::LEN / 2;
    while half > 0 {
        for index in 0..half {
            elements[index] = F::combine(elements[index], elements[index + half]);
        }
        half /= 2;
    }
    elements[0]
}

/// The last elements, fewer than a vector has, filled up with others.
#[inline(always)]
fn filled<T: Number, V: Vector<T>>(rest: &[T], with: T) -> V {
    let mut elements = [with; MAX_LEN];
    elements[..rest.len()].copy_from_slice(rest);
    // SAFETY: no vector has more elements.
    unsafe { V::load(elements.as_ptr()) }
}

/// A slice folded.
#[inline(always)]
fn fold_slice<T: Number, F: Combine<T>, V: Vector<T>>(slice: &[T]) -> T {
    let mut partial = [V::splat(F::IDENTITY); SIDE_BY_SIDE];
    let mut unordered = V::none();
    let mut blocks = slice.chunks_exact(SIDE_BY_SIDE * V::LEN);
    for block in &mut blocks {
        // SAFETY: the block holds four vectors.
        let vectors: [V; SIDE_BY_SIDE] =
            array::from_fn(|i| unsafe { V::load(block.as_ptr().add(i * V::LEN)) });
        for (partial, &vector) in partial.iter_mut().zip(&vectors) {
            *partial = F::combine_vectors(*partial, vector);
        }
        if F::PASSES_NAN {
            unordered = vectors[0].or_unordered(vectors[1], unordered);
            unordered = vectors[2].or_unordered(vectors[3], unordered);
        }
    }
    let mut blocks = blocks.remainder().chunks_exact(V::LEN);
    let mut single = |vector: V| {
        partial[0] = F::combine_vectors(partial[0], vector);
        if F::PASSES_NAN {
            unordered = vector.or_unordered(vector, unordered);
        }
    };
    for block in &mut blocks {
        // SAFETY: the block holds one vector.
        single(unsafe { V::load(block.as_ptr()) });
    }
    if !blocks.remainder().is_empty() {
        single(filled(blocks.remainder(), F::IDENTITY));
    }
    if F::PASSES_NAN && V::any(unordered) {
        return slice.iter().fold(F::IDENTITY, |folded, &x| F::combine(folded, x));
    }
    combined::<T, F, V>(partial)
}

/// The sum of the products of two slices' elements; both must be of one length.
#[inline(always)]
pub(super) fn dot<T: Number, V: Vector<T>>(a: &[T], b: &[T]) -> T {
    let b = &b[..a.len()];
    let mut partial = [V::splat(T::ZERO); SIDE_BY_SIDE];
    let (mut a_blocks, mut b_blocks) =
        (a.chunks_exact(SIDE_BY_SIDE * V::LEN), b.chunks_exact(SIDE_BY_SIDE * V::LEN));
    for (a, b) in (&mut a_blocks).zip(&mut b_blocks) {
        for (i, partial) in partial.iter_mut().enumerate() {
            // SAFETY: the blocks hold four vectors each.
            let (a, b) =
                unsafe { (V::load(a.as_ptr().add(i * V::LEN)), V::load(b.as_ptr().add(i * V::LEN))) };
            *partial = a.mul_add(b, *partial);
        }
    }
    let (mut a_blocks, mut b_blocks) =
        (a_blocks.remainder().chunks_exact(V::LEN), b_blocks.remainder().chunks_exact(V::LEN));
    for (a, b) in (&mut a_blocks).zip(&mut b_blocks) {
        // SAFETY: the blocks hold a vector each.
        let (a, b) = unsafe { (V::load(a.as_ptr()), V::load(b.as_ptr())) };
        partial[0] = a.mul_add(b, partial[0]);
    }
    if !a_blocks.remainder().is_empty() {
        let (a, b): (V, V) = (filled(a_blocks.remainder(), T::ZERO), filled(b_blocks.remainder(), T::ZERO));
        partial[0] = a.mul_add(b, partial[0]);
    }
    combined::<T, scalar::Sum, V>(partial)
}

/// dst ∘= fold of a: `rows·inner` elements of `a`, one of `dst`.
#[inline(always)]
unsafe fn fold_all_loop<T: Number, F: Combine<T>, M: Machine>(args: &Args) {
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, dst) = unsafe { (elements::<T>(args.a, args.rows * args.inner), elements_mut::<T>(args.dst, 1)) };
    dst[0] = F::combine(dst[0], fold_slice::<T, F, T::Vector<M>>(a));
}

/// dst += Σ a·b: `rows·inner` elements of `a` and `b`, one of `dst`.
#[inline(always)]
unsafe fn dot_all_loop<T: Number, M: Machine>(args: &Args) {
    let count = args.rows * args.inner;
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, 1) };
    dst[0] = dst[0].add(dot::<T, T::Vector<M>>(a, b));
}

/// dst[c] ∘= fold over the rows of a[row, c]: `rows·width` elements of `a`, `width` of `dst`.
#[inline(always)]
unsafe fn fold_across_loop<T: Number, F: Combine<T>, M: MulAdd>(args: &Args) {
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
unsafe fn fold_within_loop<T: Number, F: Combine<T>, M: Machine>(args: &Args) {
    // SAFETY: the contract of `Kernel` for these counts.
    let a = unsafe { elements::<T>(args.a, args.rows * args.inner) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows) };
    for (row, dst) in dst.iter_mut().enumerate() {
        *dst = fold_slice::<T, F, T::Vector<M>>(&a[row * args.inner..(row + 1) * args.inner]);
    }
}

/// dst[row] = Σ a[row, ..]·b[row, ..]: `rows·inner` elements of `a` and `b`, `rows` of `dst`.
#[inline(always)]
unsafe fn dot_within_loop<T: Number, M: Machine>(args: &Args) {
    let count = args.rows * args.inner;
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows) };
    for (row, dst) in dst.iter_mut().enumerate() {
        let row = row * args.inner..(row + 1) * args.inner;
        *dst = dot::<T, T::Vector<M>>(&a[row.clone()], &b[row]);
    }
}

kernels! {
    fn fold_all_kernel<T: Number, F: Combine<T>> = fold_all_loop;
    fn fold_across_kernel<T: Number, F: Combine<T>> = fold_across_loop;
    fn fold_within_kernel<T: Number, F: Combine<T>> = fold_within_loop;
    fn dot_all_kernel<T: Number> = dot_all_loop;
    fn dot_within_kernel<T: Number> = dot_within_loop;
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
pub(super) fn folding(fold: Fold, extent: Extent, dtype: DType, isa: Isa) -> Option<Kernel> {
    with_number!(dtype, T => with_fold!(fold, F => Some(match extent {
        Extent::All => fold_all_kernel::<T, F>(isa),
        Extent::Across => fold_across_kernel::<T, F>(isa),
        Extent::Within => fold_within_kernel::<T, F>(isa),
    })), else None)
}

/// The kernel that sums the products of two tiles' elements; `None` where there is none.
pub(super) fn dotting(extent: Extent, dtype: DType, isa: Isa) -> Option<Kernel> {
    with_number!(dtype, T => match extent {
        Extent::All => Some(dot_all_kernel::<T>(isa)),
        Extent::Within => Some(dot_within_kernel::<T>(isa)),
        Extent::Across => None,
    }, else None)
}
