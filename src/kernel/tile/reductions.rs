//! Reductions: one element for all those of a tile, of each row, or of each place in a row.
//!
//! A reduction over consecutive elements carries partial results in lanes, as many on every machine: element i goes on to
//! lane i modulo their number, and the lanes are combined pairwise at the end. So the order depends on the length alone.
//! What is longer than a block is reduced in blocks, and the blocks in pairs: the error of a sum grows as the logarithm of
//! its length.

use std::array;
use std::marker::PhantomData;
use std::ops::Range;

use super::{Args, Kernel, elements, elements_mut};
use crate::element::DType;
use crate::ir::Reduce;
use crate::kernel::MOST_ADDITIONS;
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::{INTEGERS, Number, with_number};
use crate::kernel::scalar::{self, Combine, with_reduce};
use crate::kernel::vector::{LANE_BYTES, MAX_LEN, Machine, Vector};

/// Vectors of partial results, of [`LANE_BYTES`] each: with AVX2 four registers, and four additions under way at once,
/// which keeps the adders busy. With four, several folds in one loop of machine code would not fit its sixteen registers.
const SIDE_BY_SIDE: usize = 2;

/// Bytes of the lanes of a fold of floats.
pub(crate) const FOLD_BYTES: usize = SIDE_BY_SIDE * LANE_BYTES;

/// The vectors combined, and their elements with each other: halves until one is left.
#[inline(always)]
fn combined<T: Number, F: Combine<T>, V: Vector<T>>(partial: [V; SIDE_BY_SIDE]) -> T {
    let [a, b] = partial;
    let vector = F::combine_vectors(a, b);
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

/// Vectors that a partial result takes in before it is put aside: half of [`MOST_ADDITIONS`], as combining the partial
/// results takes no more than a tenth of the time even then.
const IN_A_ROW: usize = MOST_ADDITIONS / 2;

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

/// What is reduced in blocks. Not a closure, which where it is not inlined is compiled without the machine's instructions,
/// each of which is a call then: ten times slower.
trait Blocks<T> {
    /// What a block comes to.
    fn reduced(&self, block: Range<usize>) -> T;
}

/// The results of blocks of a slice of so many elements, combined; of a single block, its own. A block is computed in
/// one place, as it is inlined there.
#[inline(always)]
fn in_blocks<T: Number, F: Combine<T>>(len: usize, block: usize, of: &impl Blocks<T>) -> T {
    // Places for results are cleared only where there are several.
    let mut combined: Option<Combined<T>> = None;
    let mut first = 0;
    loop {
        let end = len.min(first + block);
        let result = of.reduced(first..end);
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

/// The elements of a slice.
struct Elements<'a, T, F, V>(&'a [T], PhantomData<(F, V)>);

impl<T: Number, F: Combine<T>, V: Vector<T>> Blocks<T> for Elements<'_, T, F, V> {
    #[inline(always)]
    fn reduced(&self, block: Range<usize>) -> T {
        reduce_block::<T, F, V>(&self.0[block])
    }
}

/// A slice reduced, in blocks.
#[inline(always)]
fn reduce_slice<T: Number, F: Combine<T>, V: Vector<T>>(slice: &[T]) -> T {
    in_blocks::<T, F>(slice.len(), block_len(V::LEN), &Elements::<T, F, V>(slice, PhantomData))
}

/// The elements of a slice, and `with` for what it lacks to a vector.
///
/// # Safety
/// It must not have more than a vector.
#[inline(always)]
unsafe fn load<T: Number, V: Vector<T>>(slice: &[T], with: T) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        if slice.len() == V::LEN {
            V::load(slice.as_ptr())
        } else {
            V::load_rest(slice.as_ptr(), slice.len(), with)
        }
    }
}

/// Takes the elements of a slice into partial results; says whether there is NaN among them, which is not in these.
#[inline(always)]
fn take_in<T: Number, F: Combine<T>, V: Vector<T>>(slice: &[T], partial: &mut [V; SIDE_BY_SIDE]) -> bool {
    let mut unordered = V::none();
    let mut blocks = slice.chunks_exact(SIDE_BY_SIDE * V::LEN);
    for block in &mut blocks {
        // SAFETY: the block holds as many vectors.
        let vectors: [V; SIDE_BY_SIDE] = unsafe { load_all(block.as_ptr()) };
        for (partial, &vector) in partial.iter_mut().zip(&vectors) {
            *partial = F::combine_vectors(*partial, vector);
        }
        if F::PASSES_NAN {
            unordered = vectors[0].or_unordered(vectors[1], unordered);
        }
    }
    for (partial, rest) in partial.iter_mut().zip(blocks.remainder().chunks(V::LEN)) {
        // SAFETY: the rest has so many elements, as many as a vector at most.
        let vector = unsafe { load::<T, V>(rest, F::IDENTITY) };
        *partial = F::combine_vectors(*partial, vector);
        if F::PASSES_NAN {
            unordered = vector.or_unordered(vector, unordered);
        }
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

/// The products of two slices' elements.
struct Products<'a, T, V>([&'a [T]; 2], PhantomData<V>);

impl<T: Number, V: Vector<T>> Blocks<T> for Products<'_, T, V> {
    #[inline(always)]
    fn reduced(&self, block: Range<usize>) -> T {
        let [a, b] = self.0;
        dot_block::<T, V>(&a[block.clone()], &b[block])
    }
}

/// The sum of the products of two slices' elements, in blocks; both must be of one length.
#[inline(always)]
fn dot<T: Number, V: Vector<T>>(a: &[T], b: &[T]) -> T {
    in_blocks::<T, scalar::Sum>(a.len(), block_len(V::LEN), &Products::<T, V>([a, b], PhantomData))
}

/// Takes the products of two slices' elements into partial sums; both must be of one length.
#[inline(always)]
fn take_in_products<T: Number, V: Vector<T>>(a: &[T], b: &[T], partial: &mut [V; SIDE_BY_SIDE]) {
    let b = &b[..a.len()];
    let (mut a_blocks, mut b_blocks) =
        (a.chunks_exact(SIDE_BY_SIDE * V::LEN), b.chunks_exact(SIDE_BY_SIDE * V::LEN));
    for (a, b) in (&mut a_blocks).zip(&mut b_blocks) {
        for (i, partial) in partial.iter_mut().enumerate() {
            // SAFETY: the blocks hold as many vectors each.
            let (a, b) =
                unsafe { (V::load(a.as_ptr().add(i * V::LEN)), V::load(b.as_ptr().add(i * V::LEN))) };
            *partial = a.mul_add(b, *partial);
        }
    }
    let rests = a_blocks.remainder().chunks(V::LEN).zip(b_blocks.remainder().chunks(V::LEN));
    for (partial, (a, b)) in partial.iter_mut().zip(rests) {
        // SAFETY: the rests have so many elements, as many as a vector at most.
        let (a, b) = unsafe { (load::<T, V>(a, T::ZERO), load::<T, V>(b, T::ZERO)) };
        *partial = a.mul_add(b, *partial);
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

/// Vectors that lie one behind the other.
///
/// # Safety
/// `from` must reach [`SIDE_BY_SIDE`] vectors.
#[inline(always)]
unsafe fn load_all<T: Number, V: Vector<T>>(from: *const T) -> [V; SIDE_BY_SIDE] {
    // SAFETY: the caller's promise.
    unsafe { [V::load(from), V::load(from.add(V::LEN))] }
}

/// Puts vectors where they lie one behind the other.
///
/// # Safety
/// `to` must reach [`SIDE_BY_SIDE`] vectors.
#[inline(always)]
unsafe fn store_all<T: Number, V: Vector<T>>([first, second]: [V; SIDE_BY_SIDE], to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        first.store(to);
        second.store(to.add(V::LEN));
    }
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
        if a.len() > most_onto_lanes(T::Lanes::<M>::LEN) {
            *lanes = F::combine(*lanes, reduce_slice::<T, F, T::Lanes<M>>(a));
            return;
        }
        let mut partial = load_all::<T, T::Lanes<M>>(lanes);
        if take_in::<T, F, _>(a, &mut partial) {
            *lanes = a.iter().fold(*lanes, |reduced, &x| F::combine(reduced, x));
        } else {
            store_all(partial, lanes);
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
        if a.len() > most_onto_lanes(T::Lanes::<M>::LEN) {
            *lanes = (*lanes).add(dot::<T, T::Lanes<M>>(a, b));
        } else {
            let mut partial = load_all::<T, T::Lanes<M>>(lanes);
            take_in_products(a, b, &mut partial);
            store_all(partial, lanes);
        }
    }
}

/// How many lanes folds have: of the elements of a row, and of a tile on to a total.
pub(crate) fn lanes(dtype: DType) -> usize {
    match dtype {
        DType::F32 | DType::F64 => FOLD_BYTES / dtype.size(),
        DType::I32 | DType::I64 => SIDE_BY_SIDE * INTEGERS,
        DType::Bool => 1,
    }
}

/// Elements of a tile at most that go on to a total's lanes one after the other.
pub(crate) fn most_onto_total(dtype: DType) -> usize {
    MOST_ADDITIONS * lanes(dtype)
}

/// Elements of a row at most that are reduced as one block.
pub(crate) fn most_in_a_block(dtype: DType) -> usize {
    IN_A_ROW * lanes(dtype)
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
        *dst = reduce_slice::<T, F, T::Lanes<M>>(&a[row * args.inner..(row + 1) * args.inner]);
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
        *dst = dot::<T, T::Lanes<M>>(&a[row.clone()], &b[row]);
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
