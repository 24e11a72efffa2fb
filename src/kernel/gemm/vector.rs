//! Vectors of one register, for each instruction set: what the float kernels are written in.
//!
//! Tiles must stay in registers, and columns that fill no vector are read and written under a mask; plain
//! arrays promise neither, so these are the intrinsics. Where there are none, the baseline, a vector is an
//! array. Everything is inlined into [`Vector::compiled`], the one function for which features are enabled.

#[cfg(target_arch = "x86_64")]
#[allow(
    clippy::wildcard_imports,
    reason = "fifty intrinsics, all of which say by their name where they come from"
)]
use std::arch::x86_64::*;

use super::dots::{DotKernel, DotTile, Lanes, SINGLE_CHAINS};
use super::pack::Transpose;
use super::tile::{Tile, TileKernel};
use crate::kernel::isa::BaselineMulAdd;
#[cfg(target_arch = "x86_64")]
use crate::kernel::math::Fused;
use crate::kernel::math::MulAdd;
use crate::kernel::number::Number;
#[cfg(target_arch = "x86_64")]
use crate::kernel::vector::{first_of_4, first_of_8};

/// Lanes of the longest vector.
pub(super) const MOST_LANES: usize = 16;

/// A kernel, to be compiled for the instruction set of a vector.
pub(super) trait Body {
    type Args;

    /// Must be `#[inline(always)]`, and so must be all that it calls.
    ///
    /// # Safety
    /// The machine must have the instruction set; what else, stands at the kernel.
    unsafe fn run(args: &Self::Args);
}

/// A vector register of floats.
///
/// # Safety
/// All functions: the machine must have the instruction set. Loads and stores: the address must be aligned
/// for one element and reach all lanes, or as many as the mask has.
pub(super) trait Vector: Copy + 'static {
    type Element: Transpose;
    /// How its lanes multiply and add.
    type MulAdd: MulAdd;
    /// Which lanes, from the first one on, are read or written.
    type Mask: Copy;
    const LANES: usize;
    /// Most rows of a tile of one or two vectors, and of four: the accumulators, a row of `b` and an
    /// element of `a` fill the registers.
    const ROWS: usize;
    const WIDE_ROWS: usize;
    /// The lanes of a dot product, which are as many on every machine.
    type Lanes: Lanes<Element = Self::Element>;
    /// Most rows and columns of a tile of dot products: the accumulators, an operand of each row and one of a column fill
    /// the registers.
    const DOT_TILE: (usize, usize);

    unsafe fn zero() -> Self;
    /// Asks for the cache line of an address, which need not be valid.
    #[inline(always)]
    fn fetch(at: *const Self::Element) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 has the instruction, and it touches no memory that the program sees.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(at.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }
    unsafe fn mask(count: usize) -> Self::Mask;
    unsafe fn splat(at: *const Self::Element) -> Self;
    unsafe fn load(at: *const Self::Element) -> Self;
    /// Zero in the other lanes, whose memory is not touched.
    unsafe fn load_masked(at: *const Self::Element, mask: Self::Mask) -> Self;
    unsafe fn store(self, at: *mut Self::Element);
    unsafe fn store_masked(self, at: *mut Self::Element, mask: Self::Mask);
    /// self · factor + addend
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// The sum of the lanes, by halves.
    unsafe fn sum(self) -> Self::Element;

    /// Runs a kernel as compiled for the instruction set.
    unsafe fn compiled<B: Body>(args: &B::Args);

    /// The tile of up to [`ROWS`](Self::ROWS) rows by 1, 2 or 4 vectors.
    fn tile(rows: usize, vectors: usize) -> TileKernel<Self::Element>;

    /// The tile of dot products of one row or the most rows by up to the most columns; with chains for a single column.
    fn dot_tile(rows: usize, columns: usize, single: bool) -> DotKernel<Self::Element>;
}

/// Lists the tiles of a vector type: each is a kernel of its own.
macro_rules! tiles {
    ($rows:expr, $vectors:expr; narrow $($narrow:literal)*; wide $($wide:literal)*) => {
        match ($rows, $vectors) {
            $(($narrow, 1) => Self::compiled::<Tile<Self, $narrow, 1>>,)*
            $(($narrow, 2) => Self::compiled::<Tile<Self, $narrow, 2>>,)*
            $(($wide, 4) => Self::compiled::<Tile<Self, $wide, 4>>,)*
            _ => unreachable!("no tile of {} rows by {} vectors", $rows, $vectors),
        }
    };
}

/// Lists the tiles of dot products of a vector type.
macro_rules! dot_tiles {
    ($kernel:expr; $most_rows:literal by $($columns:literal)*) => {
        match $kernel {
            (1, _, true) => Self::compiled::<DotTile<Self::Lanes, 1, 1, SINGLE_CHAINS>>,
            (_, _, true) => Self::compiled::<DotTile<Self::Lanes, $most_rows, 1, SINGLE_CHAINS>>,
            $((1, $columns, false) => Self::compiled::<DotTile<Self::Lanes, 1, $columns, 1>>,)*
            $((_, $columns, false) => Self::compiled::<DotTile<Self::Lanes, $most_rows, $columns, 1>>,)*
            (rows, columns, _) => unreachable!("no tile of {rows} rows by {columns} dot products"),
        }
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! x86_vectors {
    ($(
        $vector:ident of $lanes:literal $element:ident, $features:literal, rows $rows:literal $wide_rows:literal;
        dots in $together:literal, $dot_rows:literal by $($dot_columns:literal)*;
        $zero:ident $splat:ident $load:ident $store:ident $fma:ident $add:ident $sum:ident;
        mask $mask:ident, $load_masked:ident $store_masked:ident, $count:ident => $make_mask:expr;
        tiles narrow $($narrow:literal)*; wide $($wide:literal)*;
    )*) => {$(
        impl Vector for $vector {
            type Element = $element;
            type MulAdd = Fused;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const ROWS: usize = $rows;
            const WIDE_ROWS: usize = $wide_rows;
            type Lanes = [Self; $together];
            const DOT_TILE: (usize, usize) = ($dot_rows, [$($dot_columns),*].len());

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: the machine has the set.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn mask($count: usize) -> $mask {
                // SAFETY: the machine has the set.
                #[allow(unused_unsafe, reason = "not every mask takes an instruction")]
                unsafe { $make_mask }
            }
            #[inline(always)]
            unsafe fn splat(at: *const $element) -> Self {
                // SAFETY: the address holds an element.
                unsafe { $splat(*at) }
            }
            #[inline(always)]
            unsafe fn load(at: *const $element) -> Self {
                // SAFETY: the address reaches all lanes; no alignment is asked for.
                unsafe { $load(at) }
            }
            #[inline(always)]
            unsafe fn load_masked(at: *const $element, mask: $mask) -> Self {
                // SAFETY: the address reaches the lanes of the mask, others are not touched.
                unsafe { $load_masked!(at, mask) }
            }
            #[inline(always)]
            unsafe fn store(self, at: *mut $element) {
                // SAFETY: the address reaches all lanes; no alignment is asked for.
                unsafe { $store(at, self) }
            }
            #[inline(always)]
            unsafe fn store_masked(self, at: *mut $element, mask: $mask) {
                // SAFETY: the address reaches the lanes of the mask, others are not touched.
                unsafe { $store_masked(at, mask, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the machine has the set.
                unsafe { $fma(self, factor, addend) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the machine has the set.
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            unsafe fn sum(self) -> $element {
                // SAFETY: the machine has the set.
                unsafe { $sum(self) }
            }
            #[inline(always)]
            unsafe fn compiled<B: Body>(args: &B::Args) {
                #[target_feature(enable = $features)]
                unsafe fn enabled<B: Body>(args: &B::Args) {
                    // SAFETY: the caller's promise.
                    unsafe { B::run(args) }
                }
                // SAFETY: the caller's promise.
                unsafe { enabled::<B>(args) }
            }
            fn tile(rows: usize, vectors: usize) -> TileKernel<$element> {
                tiles!(rows, vectors; narrow $($narrow)*; wide $($wide)*)
            }
            fn dot_tile(rows: usize, columns: usize, single: bool) -> DotKernel<$element> {
                dot_tiles!((rows, columns, single); $dot_rows by $($dot_columns)*)
            }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
macro_rules! maskz_ps512 {
    ($at:expr, $mask:expr) => {
        _mm512_maskz_loadu_ps($mask, $at)
    };
}
#[cfg(target_arch = "x86_64")]
macro_rules! maskz_pd512 {
    ($at:expr, $mask:expr) => {
        _mm512_maskz_loadu_pd($mask, $at)
    };
}
#[cfg(target_arch = "x86_64")]
macro_rules! maskload_ps256 {
    ($at:expr, $mask:expr) => {
        _mm256_maskload_ps($at, $mask)
    };
}
#[cfg(target_arch = "x86_64")]
macro_rules! maskload_pd256 {
    ($at:expr, $mask:expr) => {
        _mm256_maskload_pd($at, $mask)
    };
}

#[cfg(target_arch = "x86_64")]
x86_vectors! {
    __m512 of 16 f32, "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma", rows 14 6;
    dots in 1, 4 by 1 2 3 4;
    _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps sum_512_ps;
    mask __mmask16, maskz_ps512 _mm512_mask_storeu_ps, count => ((1_u32 << count) - 1) as __mmask16;
    tiles narrow 1 2 3 4 5 6 7 8 9 10 11 12 13 14; wide 1 2 3 4 5 6;

    __m512d of 8 f64, "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma", rows 14 6;
    dots in 1, 4 by 1 2 3 4;
    _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd sum_512_pd;
    mask __mmask8, maskz_pd512 _mm512_mask_storeu_pd, count => ((1_u32 << count) - 1) as __mmask8;
    tiles narrow 1 2 3 4 5 6 7 8 9 10 11 12 13 14; wide 1 2 3 4 5 6;

    __m256 of 8 f32, "avx2,fma", rows 6 3;
    dots in 2, 2 by 1 2;
    _mm256_setzero_ps _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps sum_256_ps;
    mask __m256i, maskload_ps256 _mm256_maskstore_ps, count => first_of_8(count);
    tiles narrow 1 2 3 4 5 6; wide 1 2 3;

    __m256d of 4 f64, "avx2,fma", rows 6 3;
    dots in 2, 2 by 1 2;
    _mm256_setzero_pd _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd sum_256_pd;
    mask __m256i, maskload_pd256 _mm256_maskstore_pd, count => first_of_4(count);
    tiles narrow 1 2 3 4 5 6; wide 1 2 3;
}

/// The sum of the lanes, by halves.
///
/// # Safety
/// These functions: the machine must have the instruction set.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_512_ps(x: __m512) -> f32 {
    // SAFETY: the caller's promise.
    unsafe { sum_256_ps(_mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x))) }
}
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_256_ps(x: __m256) -> f32 {
    // SAFETY: the caller's promise.
    unsafe {
        let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps::<1>(x, x)))
    }
}
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_512_pd(x: __m512d) -> f64 {
    // SAFETY: the caller's promise.
    unsafe { sum_256_pd(_mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd::<1>(x))) }
}
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum_256_pd(x: __m256d) -> f64 {
    // SAFETY: the caller's promise.
    unsafe {
        let x = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
        _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)))
    }
}

/// 16 bytes of floats: a register of SSE2 and of NEON.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Plain<T, const LANES: usize>([T; LANES]);

macro_rules! plain_vectors {
    ($($lanes:literal $element:ident),*) => {$(
        impl Vector for Plain<$element, $lanes> {
            type Element = $element;
            type MulAdd = BaselineMulAdd;
            type Mask = usize;
            const LANES: usize = $lanes;
            const ROWS: usize = 4;
            const WIDE_ROWS: usize = 2;
            type Lanes = [Self; 4];
            const DOT_TILE: (usize, usize) = (1, 2);

            #[inline(always)]
            unsafe fn zero() -> Self {
                Plain([0.0; $lanes])
            }
            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count
            }
            #[inline(always)]
            unsafe fn splat(at: *const $element) -> Self {
                // SAFETY: the address holds an element.
                Plain([unsafe { *at }; $lanes])
            }
            #[inline(always)]
            unsafe fn load(at: *const $element) -> Self {
                // SAFETY: the address reaches all lanes, and is aligned for an element.
                unsafe { at.cast::<Self>().read() }
            }
            #[inline(always)]
            unsafe fn load_masked(at: *const $element, mask: usize) -> Self {
                if mask == $lanes {
                    // SAFETY: the address reaches all lanes.
                    return unsafe { Self::load(at) };
                }
                let mut lanes = [0.0; $lanes];
                for lane in 0..$lanes {
                    if lane < mask {
                        // SAFETY: only lanes of the mask are read.
                        lanes[lane] = unsafe { *at.add(lane) };
                    }
                }
                Plain(lanes)
            }
            #[inline(always)]
            unsafe fn store(self, at: *mut $element) {
                // SAFETY: the address reaches all lanes, and is aligned for an element.
                unsafe { at.cast::<Self>().write(self) };
            }
            #[inline(always)]
            unsafe fn store_masked(self, at: *mut $element, mask: usize) {
                for (lane, &x) in self.0.iter().enumerate() {
                    if lane < mask {
                        // SAFETY: only lanes of the mask are written.
                        unsafe { *at.add(lane) = x };
                    }
                }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
                let mut sum = addend;
                for lane in 0..$lanes {
                    sum.0[lane] =
                        <BaselineMulAdd as MulAdd>::mul_add(self.0[lane], factor.0[lane], addend.0[lane]);
                }
                sum
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                let mut sum = self;
                for lane in 0..$lanes {
                    sum.0[lane] += other.0[lane];
                }
                sum
            }
            #[inline(always)]
            unsafe fn sum(self) -> $element {
                sum_by_halves(self.0)
            }
            #[inline(always)]
            unsafe fn compiled<B: Body>(args: &B::Args) {
                // A function of its own, as for the other sets.
                #[inline(never)]
                unsafe fn enabled<B: Body>(args: &B::Args) {
                    // SAFETY: the caller's promise.
                    unsafe { B::run(args) }
                }
                // SAFETY: the caller's promise.
                unsafe { enabled::<B>(args) }
            }
            fn tile(rows: usize, vectors: usize) -> TileKernel<$element> {
                tiles!(rows, vectors; narrow 1 2 3 4; wide 1 2)
            }
            #[allow(unreachable_patterns, reason = "one row is the most")]
            fn dot_tile(rows: usize, columns: usize, single: bool) -> DotKernel<$element> {
                dot_tiles!((rows, columns, single); 1 by 1 2)
            }
        }
    )*};
}
plain_vectors!(4 f32, 2 f64);

#[inline(always)]
fn sum_by_halves<T: Number, const LANES: usize>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = lanes[lane].add(lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}
