//! Vectors: as many numbers as one instruction works on, where a loop must keep them in registers.
//!
//! Most loops are written for single elements and vectorized by the compiler. Written with these are reductions, which carry
//! several vectors of partial results from block to block that the compiler keeps in memory as often as not, and pairs,
//! of which there are so many that the compiler's loops for what fills no vector would be most of their code.

mod several;

use std::marker::PhantomData;

pub(crate) use several::Several;

use super::math::MulAdd;
use super::number::Number;

/// A machine's vectors, and how it multiplies and adds.
pub(crate) trait Machine: MulAdd {
    type F32: Vector<f32>;
    type F64: Vector<f64>;
    /// As many vectors as have [`LANE_BYTES`].
    type LanesF32: Vector<f32>;
    /// As many vectors as have [`LANE_BYTES`].
    type LanesF64: Vector<f64>;
}

/// Bytes of the lanes that folds work on at a time, on every machine: those of the longest vector there is. Machines with
/// shorter ones take several. How a sum is rounded depends on its lanes, which thus say nothing of the machine.
pub(crate) const LANE_BYTES: usize = 64;

/// Elements of the longest vector.
pub(super) const MAX_LEN: usize = 16;

/// Numbers that one instruction works on.
pub(crate) trait Vector<T: Copy>: Copy {
    /// How many there are.
    const LEN: usize;
    /// Booleans about one vector or several.
    type Mask: Copy;
    fn none() -> Self::Mask;

    /// The same number everywhere.
    fn splat(x: T) -> Self;

    /// # Safety
    /// `from` must reach [`LEN`](Self::LEN) elements.
    unsafe fn load(from: *const T) -> Self;

    /// # Safety
    /// `to` must reach [`LEN`](Self::LEN) elements.
    unsafe fn store(self, to: *mut T);

    /// Loads as many elements as there are left, at most [`LEN`](Self::LEN), and `with` for the others.
    ///
    /// # Safety
    /// `from` must reach `count` elements.
    unsafe fn load_rest(from: *const T, count: usize, with: T) -> Self;

    /// Stores the first elements, at most [`LEN`](Self::LEN).
    ///
    /// # Safety
    /// `to` must reach `count` elements.
    unsafe fn store_rest(self, to: *mut T, count: usize);

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The larger number of each two; that of `other` if one is NaN.
    fn larger(self, other: Self) -> Self;
    /// The smaller number of each two; that of `other` if one is NaN.
    fn smaller(self, other: Self) -> Self;
    /// `self` where it is NaN, else `other`.
    fn nan_or(self, other: Self) -> Self;
    /// Adds to a mask where one of each two is NaN.
    fn or_unordered(self, other: Self, mask: Self::Mask) -> Self::Mask;
    fn any(mask: Self::Mask) -> bool;
}

/// So many elements of an array, and `with` for the others. Written out for each element, as the few that there are take
/// less time than a call to copy them.
///
/// # Safety
/// `from` must reach `count` elements.
#[inline(always)]
unsafe fn few<T: Copy, const N: usize>(from: *const T, count: usize, with: T) -> [T; N] {
    let mut elements = [with; N];
    for (index, element) in elements.iter_mut().enumerate() {
        if index < count {
            // SAFETY: the caller's promise.
            *element = unsafe { *from.add(index) };
        }
    }
    elements
}

/// Stores the first elements of an array.
///
/// # Safety
/// `to` must reach `count` elements.
#[inline(always)]
unsafe fn store_few<T: Copy, const N: usize>(elements: &[T; N], to: *mut T, count: usize) {
    for (index, &element) in elements.iter().enumerate() {
        if index < count {
            // SAFETY: the caller's promise.
            unsafe { *to.add(index) = element };
        }
    }
}

/// Numbers for which there is no vector here: integers, and floats on other machines than x86-64. Arrays, which the
/// compiler may turn into vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<T, M, const N: usize>([T; N], PhantomData<M>);

impl<T: Number, M: MulAdd, const N: usize> Plain<T, M, N> {
    #[inline(always)]
    fn zip(self, other: Self, of: impl Fn(T, T) -> T) -> Self {
        let mut result = self;
        for lane in 0..N {
            result.0[lane] = of(self.0[lane], other.0[lane]);
        }
        result
    }
}

// A comparison with itself is false for NaN alone.
#[allow(clippy::eq_op)]
impl<T: Number, M: MulAdd, const N: usize> Vector<T> for Plain<T, M, N> {
    const LEN: usize = N;
    type Mask = bool;

    #[inline(always)]
    fn none() -> bool {
        false
    }
    #[inline(always)]
    fn splat(x: T) -> Self {
        Plain([x; N], PhantomData)
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's promise; elements need no more than their own alignment in an array.
        Plain(unsafe { from.cast::<[T; N]>().read_unaligned() }, PhantomData)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[T; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn load_rest(from: *const T, count: usize, with: T) -> Self {
        // SAFETY: the caller's promise.
        Plain(unsafe { few(from, count, with) }, PhantomData)
    }
    #[inline(always)]
    unsafe fn store_rest(self, to: *mut T, count: usize) {
        // SAFETY: the caller's promise.
        unsafe { store_few(&self.0, to, count) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, T::add)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, T::sub)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, T::mul)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let mut result = addend;
        for lane in 0..N {
            result.0[lane] = self.0[lane].mul_add::<M>(factor.0[lane], addend.0[lane]);
        }
        result
    }
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn nan_or(self, other: Self) -> Self {
        self.zip(other, |a, b| if a == a { b } else { a })
    }
    #[inline(always)]
    fn or_unordered(self, other: Self, mut mask: bool) -> bool {
        for lane in 0..N {
            mask |= self.0[lane] != self.0[lane] || other.0[lane] != other.0[lane];
        }
        mask
    }
    #[inline(always)]
    fn any(mask: bool) -> bool {
        mask
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Machine for super::isa::BaselineMulAdd {
    type F32 = Plain<f32, Self, 4>;
    type F64 = Plain<f64, Self, 2>;
    type LanesF32 = Several<Self::F32, 4>;
    type LanesF64 = Several<Self::F64, 4>;
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512, first_of_4, first_of_8};

#[cfg(target_arch = "x86_64")]
mod x86 {
    #[allow(clippy::wildcard_imports, reason = "the intrinsics carry their prefix in every name")]
    use std::arch::x86_64::*;
    use std::mem;

    use super::{Machine, MulAdd, Several, Vector, few, store_few};
    use crate::kernel::math::{Fused, Lane, Separate};

    /// A machine with AVX-512. Named only within functions compiled for it, which run only where it is.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Avx512;

    /// A machine with AVX2 and FMA. Named only within functions compiled for it, which run only where it is.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Avx2;

    // SSE2, which every x86-64 has.
    impl Machine for Separate {
        type F32 = __m128;
        type F64 = __m128d;
        type LanesF32 = Several<__m128, 4>;
        type LanesF64 = Several<__m128d, 4>;
    }

    macro_rules! machines {
        ($($name:ident $f32:ident $f64:ident, $lanes_f32:ty, $lanes_f64:ty;)*) => {$(
            impl Machine for $name {
                type F32 = $f32;
                type F64 = $f64;
                type LanesF32 = $lanes_f32;
                type LanesF64 = $lanes_f64;
            }
            impl MulAdd for $name {
                const FUSED: bool = true;
                #[inline(always)]
                fn mul_add<L: Lane>(a: L, b: L, c: L) -> L {
                    Fused::mul_add(a, b, c)
                }
                #[inline(always)]
                fn product<L: Lane>(a: L, b: L) -> (L, L) {
                    Fused::product(a, b)
                }
            }
        )*};
    }
    machines! {
        Avx512 __m512 __m512d, __m512, __m512d;
        Avx2   __m256 __m256d, Several<__m256, 2>, Several<__m256d, 2>;
    }

    macro_rules! vectors {
        ($($vector:ident $type:ident $len:literal
           rest ($from:ident, $count:ident, $with:ident) => $load_rest:expr, ($to:ident, $n:ident, $rest:ident) => $store_rest:expr;
           $mask:ty, $none:expr, $splat:ident $load:ident $store:ident
           $add:ident $sub:ident $mul:ident $mul_add:ident $max:ident $min:ident ($x:ident, $y:ident) => $nan_or:expr,
           ($a:ident, $b:ident, $m:ident) => $unordered:expr, $any:expr;)*) => {$(
            impl Vector<$type> for $vector {
                const LEN: usize = $len;
                type Mask = $mask;

                #[allow(unused_unsafe, reason = "the masks of AVX-512 are numbers")]
                #[inline(always)]
                fn none() -> $mask {
                    // SAFETY: the machine that this vector belongs to has the instruction.
                    unsafe { $none }
                }
                #[inline(always)]
                fn splat(x: $type) -> Self {
                    // SAFETY: the machine that this vector belongs to has the instruction.
                    unsafe { $splat(x) }
                }
                #[inline(always)]
                unsafe fn load(from: *const $type) -> Self {
                    // SAFETY: the caller's promise, on a machine that has the instruction.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $type) {
                    // SAFETY: the caller's promise, on a machine that has the instruction.
                    unsafe { $store(to, self) }
                }
                #[inline(always)]
                unsafe fn load_rest($from: *const $type, $count: usize, $with: $type) -> Self {
                    // SAFETY: the caller's promise, on a machine that has the instructions.
                    unsafe { $load_rest }
                }
                #[inline(always)]
                unsafe fn store_rest(self, $to: *mut $type, $n: usize) {
                    let $rest = self;
                    // SAFETY: the caller's promise, on a machine that has the instructions.
                    unsafe { $store_rest }
                }
                #[inline(always)]
                fn add(self, other: Self) -> Self {
                    // SAFETY: the machine that this vector belongs to has the instruction.
                    unsafe { $add(self, other) }
                }
                #[inline(always)]
                fn sub(self, other: Self) -> Self {
                    // SAFETY: the same.
                    unsafe { $sub(self, other) }
                }
                #[inline(always)]
                fn mul(self, other: Self) -> Self {
                    // SAFETY: the same.
                    unsafe { $mul(self, other) }
                }
                #[inline(always)]
                fn nan_or(self, other: Self) -> Self {
                    let ($x, $y) = (self, other);
                    // SAFETY: the same.
                    unsafe { $nan_or }
                }
                #[inline(always)]
                fn mul_add(self, factor: Self, addend: Self) -> Self {
                    // SAFETY: the same.
                    unsafe { $mul_add(self, factor, addend) }
                }
                #[inline(always)]
                fn larger(self, other: Self) -> Self {
                    // SAFETY: the same.
                    unsafe { $max(self, other) }
                }
                #[inline(always)]
                fn smaller(self, other: Self) -> Self {
                    // SAFETY: the same.
                    unsafe { $min(self, other) }
                }
                #[inline(always)]
                fn or_unordered(self, other: Self, $m: $mask) -> $mask {
                    let ($a, $b) = (self, other);
                    // SAFETY: the same.
                    unsafe { $unordered }
                }
                #[allow(unused_unsafe, reason = "the masks of AVX-512 are numbers")]
                #[inline(always)]
                fn any($m: $mask) -> bool {
                    // SAFETY: the same.
                    unsafe { $any }
                }
            }
        )*};
    }
    /// a · factor + addend, rounded twice.
    ///
    /// # Safety
    /// As for the intrinsics beside which it stands in the table; every x86-64 has these.
    #[inline(always)]
    unsafe fn mul_then_add_ps(a: __m128, factor: __m128, addend: __m128) -> __m128 {
        // SAFETY: the same.
        unsafe { _mm_add_ps(_mm_mul_ps(a, factor), addend) }
    }

    /// a · factor + addend, rounded twice.
    ///
    /// # Safety
    /// As for the intrinsics beside which it stands in the table; every x86-64 has these.
    #[inline(always)]
    unsafe fn mul_then_add_pd(a: __m128d, factor: __m128d, addend: __m128d) -> __m128d {
        // SAFETY: the same.
        unsafe { _mm_add_pd(_mm_mul_pd(a, factor), addend) }
    }

    /// The mask of the first lanes.
    ///
    /// # Safety
    /// The machine must have AVX2.
    #[inline(always)]
    pub(crate) unsafe fn first_of_8(count: usize) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe {
            _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
        }
    }

    /// The mask of the first lanes.
    ///
    /// # Safety
    /// The machine must have AVX2.
    #[inline(always)]
    pub(crate) unsafe fn first_of_4(count: usize) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), _mm256_setr_epi64x(0, 1, 2, 3)) }
    }

    vectors! {
        __m128 f32 4
            rest (from, count, with) => _mm_loadu_ps(few::<f32, 4>(from, count, with).as_ptr()),
            (to, count, x) => store_few(&mem::transmute::<__m128, [f32; 4]>(x), to, count);
            __m128, _mm_setzero_ps(),
            _mm_set1_ps _mm_loadu_ps _mm_storeu_ps _mm_add_ps _mm_sub_ps _mm_mul_ps mul_then_add_ps _mm_max_ps _mm_min_ps
            (x, y) => {
                let nan = _mm_cmpunord_ps(x, x);
                _mm_or_ps(_mm_and_ps(nan, x), _mm_andnot_ps(nan, y))
            },
            (a, b, m) => _mm_or_ps(m, _mm_cmpunord_ps(a, b)), _mm_movemask_ps(m) != 0;
        __m128d f64 2
            rest (from, count, with) => _mm_loadu_pd(few::<f64, 2>(from, count, with).as_ptr()),
            (to, count, x) => store_few(&mem::transmute::<__m128d, [f64; 2]>(x), to, count);
            __m128d, _mm_setzero_pd(),
            _mm_set1_pd _mm_loadu_pd _mm_storeu_pd _mm_add_pd _mm_sub_pd _mm_mul_pd mul_then_add_pd _mm_max_pd _mm_min_pd
            (x, y) => {
                let nan = _mm_cmpunord_pd(x, x);
                _mm_or_pd(_mm_and_pd(nan, x), _mm_andnot_pd(nan, y))
            },
            (a, b, m) => _mm_or_pd(m, _mm_cmpunord_pd(a, b)), _mm_movemask_pd(m) != 0;
        __m512 f32 16
            rest (from, count, with) => _mm512_mask_loadu_ps(_mm512_set1_ps(with), ((1_u32 << count) - 1) as __mmask16, from),
            (to, count, x) => _mm512_mask_storeu_ps(to, ((1_u32 << count) - 1) as __mmask16, x);
            __mmask16, 0,
            _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_fmadd_ps _mm512_max_ps _mm512_min_ps
            (x, y) => _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x), x),
            (a, b, m) => m | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, b), m != 0;
        __m512d f64 8
            rest (from, count, with) => _mm512_mask_loadu_pd(_mm512_set1_pd(with), ((1_u32 << count) - 1) as __mmask8, from),
            (to, count, x) => _mm512_mask_storeu_pd(to, ((1_u32 << count) - 1) as __mmask8, x);
            __mmask8, 0,
            _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_fmadd_pd _mm512_max_pd _mm512_min_pd
            (x, y) => _mm512_mask_mov_pd(y, _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, x), x),
            (a, b, m) => m | _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(a, b), m != 0;
        __m256 f32 8
            rest (from, count, with) => {
                let first = first_of_8(count);
                _mm256_blendv_ps(_mm256_set1_ps(with), _mm256_maskload_ps(from, first), _mm256_castsi256_ps(first))
            },
            (to, count, x) => _mm256_maskstore_ps(to, first_of_8(count), x);
            __m256, _mm256_setzero_ps(),
            _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_fmadd_ps _mm256_max_ps _mm256_min_ps
            (x, y) => _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x)),
            (a, b, m) => _mm256_or_ps(m, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, b)), _mm256_movemask_ps(m) != 0;
        __m256d f64 4
            rest (from, count, with) => {
                let first = first_of_4(count);
                _mm256_blendv_pd(_mm256_set1_pd(with), _mm256_maskload_pd(from, first), _mm256_castsi256_pd(first))
            },
            (to, count, x) => _mm256_maskstore_pd(to, first_of_4(count), x);
            __m256d, _mm256_setzero_pd(),
            _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_fmadd_pd _mm256_max_pd _mm256_min_pd
            (x, y) => _mm256_blendv_pd(y, x, _mm256_cmp_pd::<_CMP_UNORD_Q>(x, x)),
            (a, b, m) => _mm256_or_pd(m, _mm256_cmp_pd::<_CMP_UNORD_Q>(a, b)), _mm256_movemask_pd(m) != 0;
    }
}
