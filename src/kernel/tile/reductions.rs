//! Reductions: one element for all those of a tile, of each row, or of each place in a row.
//!
//! A reduction over consecutive elements carries many partial results side by side and combines them pairwise at the
//! end, so its order depends on the length alone. What is longer than a block is reduced in blocks, and the blocks in
//! pairs: the error of a sum grows as the logarithm of its length.

use std::array;
use std::ops::Range;

use super::{Args, Kernel, elements, elements_mut};
use crate::element::DType;
use crate::ir::Reduce;
use crate::kernel::MOST_ADDITIONS;
use crate::kernel::isa::{BaselineMulAdd, Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::{INTEGERS, Number, with_number};
use crate::kernel::scalar::{self, Combine, with_reduce};
#[cfg(target_arch = "x86_64")]
use crate::kernel::vector::{Avx2, Avx512};
use crate::kernel::vector::{MAX_LEN, Machine, Vector};

/// Vectors of partial results: four additions are under way at once, which keeps the adders busy.
const SIDE_BY_SIDE: usize = 4;

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

/// Vectors that a partial result takes in before it is put aside: a quarter of [`MOST_ADDITIONS`], as combining the
/// partial results takes no more than a tenth of the time even then.
const IN_A_ROW: usize = MOST_ADDITIONS / 4;

/// Elements of a block, which is reduced into one element at once.
const fn block_len(vector_len: usize) -> usize {
    IN_A_ROW * SIDE_BY_SIDE * vector_len
}

/// The results of blocks, of which neighbors are combined as soon as both are there.
struct Combined<T> {
    /// Like the digits of a binary counter: place p holds 2^p blocks, where that bit of their number is set.
    places: [T; usize::BITS as usize],
    blocks: usize,
}

impl<T: Number> Combined<T> {
    #[inline(always)]
    fn nothing<F: Combine<T>>() -> Self {
        Combined { places: [F::IDENTITY; usize::BITS as usize], blocks: 0 }
    }

    /// Takes in the result of the next block.
    #[inline(always)]
    fn push<F: Combine<T>>(&mut self, block: T) {
        let full = self.blocks.trailing_ones() as usize;
        self.places[full] =
            self.places[..full].iter().fold(block, |carried, &place| F::combine(place, carried));
        self.blocks += 1;
    }

    /// The result of all blocks.
    #[inline(always)]
    fn all<F: Combine<T>>(&self) -> T {
        let set = self.places.iter().enumerate().filter(|&(place, _)| self.blocks >> place & 1 == 1);
        set.fold(F::IDENTITY, |behind, (_, &before)| F::combine(before, behind))
    }
}

/// The results of blocks of a slice of so many elements, combined; of a single block, its own. A block is computed in
/// one place, as it is inlined there.
#[inline(always)]
fn in_blocks<T: Number, F: Combine<T>>(len: usize, block: usize, of: impl Fn(Range<usize>) -> T) -> T {
    // Places for results are cleared only where there are several.
    let mut combined: Option<Combined<T>> = None;
    let mut first = 0;
    loop {
        let end = len.min(first + block);
        let result = of(first..end);
        if len <= block {
            return result;
        }
        let combined = combined.get_or_insert_with(Combined::nothing::<F>);
        combined.push::<F>(result);
        if end == len {
            return combined.all::<F>();
        }
        first = end;
    }
}

/// A slice reduced, in blocks.
#[inline(always)]
fn reduce_slice<T: Number, F: Combine<T>, V: Vector<T>>(slice: &[T]) -> T {
    in_blocks::<T, F>(slice.len(), block_len(V::LEN), |block| reduce_block::<T, F, V>(&slice[block]))
}

/// Takes the elements of a slice into partial results; says whether there is NaN among them, which is not in these.
#[inline(always)]
fn take_in<T: Number, F: Combine<T>, V: Vector<T>>(slice: &[T], partial: &mut [V; SIDE_BY_SIDE]) -> bool {
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
    let rest = blocks.remainder();
    if !rest.is_empty() {
        // SAFETY: they are fewer than a vector has.
        single(unsafe { V::load_rest(rest.as_ptr(), rest.len(), F::IDENTITY) });
    }
    F::PASSES_NAN && V::any(unordered)
}

/// The elements of a block reduced.
#[inline(always)]
fn reduce_block<T: Number, F: Combine<T>, V: Vector<T>>(slice: &[T]) -> T {
    let mut partial = [V::splat(F::IDENTITY); SIDE_BY_SIDE];
    if take_in::<T, F, V>(slice, &mut partial) {
        return slice.iter().fold(F::IDENTITY, |reduced, &x| F::combine(reduced, x));
    }
    combined::<T, F, V>(partial)
}

/// The sum of the products of two slices' elements, in blocks; both must be of one length.
#[inline(always)]
fn dot<T: Number, V: Vector<T>>(a: &[T], b: &[T]) -> T {
    let of = |block: Range<usize>| dot_block::<T, V>(&a[block.clone()], &b[block]);
    in_blocks::<T, scalar::Sum>(a.len(), block_len(V::LEN), of)
}

/// Takes the products of two slices' elements into partial sums; both must be of one length.
#[inline(always)]
fn take_in_products<T: Number, V: Vector<T>>(a: &[T], b: &[T], partial: &mut [V; SIDE_BY_SIDE]) {
    let b = &b[..a.len()];
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
    let (a, b) = (a_blocks.remainder(), b_blocks.remainder());
    if !a.is_empty() {
        // SAFETY: they are as many, fewer than a vector has.
        let [a, b] = [a, b].map(|rest| unsafe { V::load_rest(rest.as_ptr(), rest.len(), T::ZERO) });
        partial[0] = a.mul_add(b, partial[0]);
    }
}

/// The sum of the products of two blocks' elements.
#[inline(always)]
fn dot_block<T: Number, V: Vector<T>>(a: &[T], b: &[T]) -> T {
    let mut partial = [V::splat(T::ZERO); SIDE_BY_SIDE];
    take_in_products(a, b, &mut partial);
    // Products so small that they round to -0 come to 0, as sums of anything else that vanishes do.
    combined::<T, scalar::Sum, V>(partial).add(T::ZERO)
}

/// Lets partial results that lie in memory go on.
///
/// # Safety
/// `lanes` must reach [`SIDE_BY_SIDE`] vectors.
#[inline(always)]
unsafe fn go_on<T: Number, V: Vector<T>>(
    lanes: *mut T,
    take_in: impl FnOnce(&mut [V; SIDE_BY_SIDE]) -> bool,
) -> bool {
    // SAFETY: the caller's promise.
    let mut partial: [V; SIDE_BY_SIDE] = array::from_fn(|i| unsafe { V::load(lanes.add(i * V::LEN)) });
    let is_void = take_in(&mut partial);
    if !is_void {
        for (i, partial) in partial.into_iter().enumerate() {
            // SAFETY: the same.
            unsafe { partial.store(lanes.add(i * V::LEN)) };
        }
    }
    is_void
}

/// Elements of a tile at most that go straight into lanes. More would be too many additions one after the other.
const fn most_onto_lanes(vector_len: usize) -> usize {
    MOST_ADDITIONS * SIDE_BY_SIDE * vector_len
}

/// lanes ∘= a, the elements one after the other onto one lane after the other: `rows·inner` elements of `a`.
#[inline(always)]
unsafe fn reduce_all_loop<T: Number, F: Combine<T>, M: Machine>(args: &Args) {
    // SAFETY: the contract of `Kernel` for these counts.
    let a = unsafe { elements::<T>(args.a, args.rows * args.inner) };
    let lanes = args.dst.cast::<T>();
    // SAFETY: the contract of `Kernel` for the lanes.
    unsafe {
        if a.len() > most_onto_lanes(T::Vector::<M>::LEN) {
            *lanes = F::combine(*lanes, reduce_slice::<T, F, T::Vector<M>>(a));
        } else if go_on::<T, T::Vector<M>>(lanes, |partial| take_in::<T, F, _>(a, partial)) {
            *lanes = a.iter().fold(*lanes, |reduced, &x| F::combine(reduced, x));
        }
    }
}

/// lanes += a·b, the products one after the other onto one lane after the other: `rows·inner` elements of `a` and `b`.
#[inline(always)]
unsafe fn dot_all_loop<T: Number, M: Machine>(args: &Args) {
    let count = args.rows * args.inner;
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the contract of `Kernel` for the lanes.
    unsafe { dot_onto_lanes::<T, M>(args.dst.cast(), a, b) };
}

/// lanes += a·b, as above.
///
/// # Safety
/// `lanes` must reach as many as there are.
#[inline(always)]
pub(super) unsafe fn dot_onto_lanes<T: Number, M: Machine>(lanes: *mut T, a: &[T], b: &[T]) {
    // SAFETY: the caller's promise.
    unsafe {
        if a.len() > most_onto_lanes(T::Vector::<M>::LEN) {
            *lanes = (*lanes).add(dot::<T, T::Vector<M>>(a, b));
        } else {
            go_on::<T, T::Vector<M>>(lanes, |partial| {
                take_in_products(a, b, partial);
                false
            });
        }
    }
}

/// How many lanes a total over a tile has: as many as the widest machine's four vectors, so that a total takes the same
/// memory on each. Those that a machine has no vectors for stay what a reduction of nothing is.
pub(crate) fn lanes(dtype: DType) -> usize {
    match dtype {
        DType::F32 => SIDE_BY_SIDE * 16,
        DType::F64 => SIDE_BY_SIDE * 8,
        DType::I32 | DType::I64 => SIDE_BY_SIDE * INTEGERS,
        DType::Bool => 1,
    }
}

/// How many of a total's lanes a machine's loops use.
pub(crate) fn used_lanes(dtype: DType, isa: Isa) -> usize {
    fn of<T: Number>(isa: Isa) -> usize {
        SIDE_BY_SIDE
            * match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => T::Vector::<Avx512>::LEN,
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => T::Vector::<Avx2>::LEN,
                Isa::Baseline => T::Vector::<BaselineMulAdd>::LEN,
            }
    }
    with_number!(dtype, T => of::<T>(isa), else 1)
}

/// Elements of a tile at most that go on to a total's lanes one after the other.
pub(crate) fn most_onto_total(dtype: DType, isa: Isa) -> usize {
    MOST_ADDITIONS * used_lanes(dtype, isa)
}

/// Elements of a row at most that are reduced as one block.
pub(crate) fn most_in_a_block(dtype: DType, isa: Isa) -> usize {
    IN_A_ROW * used_lanes(dtype, isa)
}

/// Elements of rows that are reduced side by side, where one row has fewer: some vectors of independent sums.
const NARROW: usize = 128;

/// Rows that are combined with each other before the accumulators take them in, which then are read and written once
/// for all of them.
pub(in crate::kernel) const ROWS_TOGETHER: usize = 4;

/// dst[c] ∘= reduction over the rows of a[row, c]: `rows` rows of `width` elements of `a`, `stride` elements apart or,
/// if that is 0, one behind the other, `width` of `dst`.
#[inline(always)]
unsafe fn reduce_across_loop<T: Number, F: Combine<T>, M: MulAdd>(args: &Args) {
    let width = args.width.max(1);
    // SAFETY: the contract of `Kernel` for these counts.
    let dst = unsafe { elements_mut::<T>(args.dst, args.width) };
    if args.stride == 0 && width < NARROW {
        // SAFETY: the same.
        let a = unsafe { elements::<T>(args.a, args.rows * args.width) };
        return reduce_narrow::<T, F>(a, width, dst);
    }
    let pitch = if args.stride == 0 { args.width } else { args.stride };
    // SAFETY: the same, for rows below `rows`.
    let row = |row: usize| unsafe { elements::<T>(args.a.cast::<T>().add(row * pitch).cast(), args.width) };
    let whole = args.rows / ROWS_TOGETHER * ROWS_TOGETHER;
    for first in (0..whole).step_by(ROWS_TOGETHER) {
        let [a, b, c, d] = array::from_fn(|index| row(first + index));
        for ((((dst, &a), &b), &c), &d) in dst.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *dst = F::combine(*dst, F::combine(F::combine(a, b), F::combine(c, d)));
        }
    }
    for last in whole..args.rows {
        for (dst, &a) in dst.iter_mut().zip(row(last)) {
            *dst = F::combine(*dst, a);
        }
    }
}

/// Rows of less than [`NARROW`] elements, one behind the other, onto `dst`: several are taken as one row that is long
/// enough for vectors, and its parts combined in the end.
#[inline(always)]
fn reduce_narrow<T: Number, F: Combine<T>>(a: &[T], width: usize, dst: &mut [T]) {
    // Never fewer than wide rows combine, so that no accumulator takes in more of them one after the other.
    let together = (NARROW / width).next_power_of_two().max(ROWS_TOGETHER);
    let mut partial = [F::IDENTITY; ROWS_TOGETHER * NARROW];
    let partial = &mut partial[..together * width];
    // The last rows may be fewer than are taken together.
    for rows in a.chunks(together * width) {
        for (partial, &a) in partial.iter_mut().zip(rows) {
            *partial = F::combine(*partial, a);
        }
    }
    let mut half = together / 2 * width;
    while half >= width {
        let (kept, other) = partial.split_at_mut(half);
        for (kept, &other) in kept.iter_mut().zip(&*other) {
            *kept = F::combine(*kept, other);
        }
        half /= 2;
    }
    for (dst, &partial) in dst.iter_mut().zip(&*partial) {
        *dst = F::combine(*dst, partial);
    }
}

/// dst[row] = reduction of a[row, ..]: `rows·inner` elements of `a`, `rows` of `dst`.
#[inline(always)]
unsafe fn reduce_within_loop<T: Number, F: Combine<T>, M: Machine>(args: &Args) {
    // SAFETY: the contract of `Kernel` for these counts.
    let a = unsafe { elements::<T>(args.a, args.rows * args.inner) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows) };
    for (row, dst) in dst.iter_mut().enumerate() {
        *dst = reduce_slice::<T, F, T::Vector<M>>(&a[row * args.inner..(row + 1) * args.inner]);
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
    fn reduce_all_kernel<T: Number, F: Combine<T>> = reduce_all_loop;
    fn reduce_across_kernel<T: Number, F: Combine<T>> = reduce_across_loop;
    fn reduce_within_kernel<T: Number, F: Combine<T>> = reduce_within_loop;
    fn dot_all_kernel<T: Number> = dot_all_loop;
    fn dot_within_kernel<T: Number> = dot_within_loop;
}

/// Which elements of a tile are reduced into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of them, onto one accumulator of several lanes.
    All,
    /// Over the rows, onto an accumulator for each place in a row.
    Across,
    /// Those of each row.
    Within,
}

/// The kernel that reduces a tile; `None` for booleans.
pub(super) fn reducing(reduce: Reduce, extent: Extent, dtype: DType, isa: Isa) -> Option<Kernel> {
    with_number!(dtype, T => with_reduce!(reduce, F => Some(match extent {
        Extent::All => reduce_all_kernel::<T, F>(isa),
        Extent::Across => reduce_across_kernel::<T, F>(isa),
        Extent::Within => reduce_within_kernel::<T, F>(isa),
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
