//! Products of the rows of a tile, which lie in the first-level cache: with a small matrix, and of the transposed tile
//! with another one, added to what there is. Nothing is packed.
//!
//! | product | vectors lie along | order of a sum |
//! |---|---|---|
//! | rows · one column | the columns of the tile | lanes, then their sum |
//! | rows · matrix | the columns of the matrix | one chain along the tile's columns |
//! | transposed · tile | the columns of either, where fewer vectors cover them | chains of up to 256 rows, added up |
//! | the same, one row or column of [few sums](MOST_FEW_SUMS) | the columns | four chains, in turns by row, added up |
//!
//! The invariant: a sum over the rows of a region is made of sums over the rows of its tiles, so its error grows as
//! that of a sum by blocks.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};
use std::marker::PhantomData;

use super::choice::lanes;
use super::operands::Operands;
use super::vector::{Body, Plain, Vector};
use super::{chain, dots};
use crate::element::{DType, Element};
use crate::kernel::isa::Isa;
use crate::kernel::tile::{Args, Kernel};

/// Chains in which few sums are added up: as many additions as are under way at once.
pub(in crate::kernel) const FEW_SUMS_CHAINS: usize = 4;

/// Sums of one row of results that are few, in multiples of [`lanes`]: with AVX-512 two vectors in four chains, which keep
/// the multipliers busy; with AVX2 four, of which two are summed at a time.
const MOST_FEW_SUMS: usize = 2;

/// Gives a kernel that is generic over a vector, for an element type and as many elements along the vectors: of the
/// instruction set's vectors the shorter ones where these are enough, two of which are as fast as one of the longest.
macro_rules! with_vector {
    ($dtype:expr, $isa:expr, $along:expr, $V:ident => $kernel:expr) => {
        match ($dtype, $isa) {
            #[cfg(target_arch = "x86_64")]
            (DType::F32, Isa::Avx512) if $along > __m256::LANES => {
                type $V = __m512;
                Some($kernel)
            }
            #[cfg(target_arch = "x86_64")]
            (DType::F32, Isa::Avx512 | Isa::Avx2) => {
                type $V = __m256;
                Some($kernel)
            }
            #[cfg(target_arch = "x86_64")]
            (DType::F64, Isa::Avx512) if $along > __m256d::LANES => {
                type $V = __m512d;
                Some($kernel)
            }
            #[cfg(target_arch = "x86_64")]
            (DType::F64, Isa::Avx512 | Isa::Avx2) => {
                type $V = __m256d;
                Some($kernel)
            }
            (DType::F32, Isa::Baseline) => {
                type $V = Plain<f32, 4>;
                Some($kernel)
            }
            (DType::F64, Isa::Baseline) => {
                type $V = Plain<f64, 2>;
                Some($kernel)
            }
            (DType::I32 | DType::I64 | DType::Bool, _) => None,
        }
    };
}

/// dst[row, c] = Σ over k of a[row, k]·b[k, c]: `rows·inner` elements of `a`, `inner·width` of `b`, `rows·width` of
/// `dst`. `None` for what is no float.
pub(in crate::kernel) fn project(inner: usize, width: usize, dtype: DType, isa: Isa) -> Option<Kernel> {
    if width == 1 {
        with_vector!(dtype, isa, inner, V => project_column::<V> as Kernel)
    } else {
        with_vector!(dtype, isa, width, V => project_matrix::<V> as Kernel)
    }
}

/// dst[k, c] += Σ over rows of a[row, k]·b[row, c]: `rows·inner` elements of `a`, `rows·width` of `b`, `inner·width` of
/// `dst`. `None` for what is no float.
pub(in crate::kernel) fn accumulate(inner: usize, width: usize, dtype: DType, isa: Isa) -> Option<Kernel> {
    let lanes = lanes(dtype);
    if width * inner.div_ceil(lanes) < inner * width.div_ceil(lanes) {
        with_vector!(dtype, isa, inner, V => accumulate_tile::<V, true> as Kernel)
    } else {
        with_vector!(dtype, isa, width, V => accumulate_tile::<V, false> as Kernel)
    }
}

/// The operands of a projection.
fn projection<T>(args: &Args) -> Operands<T> {
    Operands {
        m: args.rows,
        k: args.inner,
        n: args.width,
        a: args.a.cast(),
        a_row: args.inner,
        a_column: 1,
        b: args.b.cast(),
        b_row: args.width,
        b_column: 1,
        c: args.dst.cast(),
        c_row: args.width,
        c_column: 1,
    }
}

/// # Safety
/// The contract of `Kernel`, for one column.
unsafe fn project_column<V: Vector>(args: &Args) {
    let product: Operands<V::Element> = projection(args);
    // SAFETY: the caller's promise; a column that lies in one piece is not packed.
    unsafe {
        match product.k {
            0 => product.clear(),
            _ => dots::run::<V>(&product, false, std::ptr::null_mut()),
        }
    }
}

/// # Safety
/// The contract of `Kernel`.
unsafe fn project_matrix<V: Vector>(args: &Args) {
    let product: Operands<V::Element> = projection(args);
    // SAFETY: the caller's promise.
    unsafe {
        match product.k {
            0 => product.clear(),
            _ => chain::run_unpacked::<V>(&product, false),
        }
    }
}

/// # Safety
/// The contract of `Kernel`.
unsafe fn accumulate_tile<V: Vector, const SWAPPED: bool>(args: &Args) {
    let product: Operands<V::Element> = Operands {
        m: args.inner,
        k: args.rows,
        n: args.width,
        a: args.a.cast(),
        a_row: 1,
        a_column: args.inner,
        b: args.b.cast(),
        b_row: args.width,
        b_column: 1,
        c: args.dst.cast(),
        c_row: args.width,
        c_column: 1,
    };
    let product = if SWAPPED { product.swapped() } else { product };
    if product.m != 1 || product.n > MOST_FEW_SUMS * lanes(V::Element::DTYPE) {
        // SAFETY: the caller's promise.
        return unsafe { chain::run_unpacked::<V>(&product, true) };
    }
    for first in (0..product.n).step_by(2 * V::LANES) {
        let columns = Operands {
            n: product.n.min(first + 2 * V::LANES) - first,
            b: product.b.wrapping_add(first * product.b_column),
            c: product.c.wrapping_add(first * product.c_column),
            ..product
        };
        // SAFETY: the caller's promise, of which these columns are a part.
        unsafe {
            match columns.n.div_ceil(V::LANES) {
                1 => V::compiled::<FewSums<V, 1>>(&columns),
                _ => V::compiled::<FewSums<V, 2>>(&columns),
            }
        }
    }
}

/// c += a·b for one row of c, of `N` vectors of which the last may be partly used.
///
/// As a kernel: the operands must reach what their lengths and distances say, and the columns of b and c lie side by
/// side.
struct FewSums<V, const N: usize>(PhantomData<V>);

impl<V: Vector, const N: usize> Body for FewSums<V, N> {
    type Args = Operands<V::Element>;

    #[inline(always)]
    unsafe fn run(p: &Self::Args) {
        let whole = p.k / FEW_SUMS_CHAINS * FEW_SUMS_CHAINS;
        // SAFETY: k below its length and lanes of the mask are within the operands.
        unsafe {
            let mask = V::mask(p.n - (N - 1) * V::LANES);
            let load = |at: *const V::Element, vector: usize| {
                let at = at.add(vector * V::LANES);
                if vector + 1 == N { V::load_masked(at, mask) } else { V::load(at) }
            };
            let mut sums = [[V::zero(); N]; FEW_SUMS_CHAINS];
            let add = |sums: &mut [V; N], k: usize| {
                let factor = V::splat(p.a.add(k * p.a_column));
                for (vector, sum) in sums.iter_mut().enumerate() {
                    *sum = factor.mul_add(load(p.b.add(k * p.b_row), vector), *sum);
                }
            };
            for k in (0..whole).step_by(FEW_SUMS_CHAINS) {
                for (chain, sums) in sums.iter_mut().enumerate() {
                    add(sums, k + chain);
                }
            }
            for k in whole..p.k {
                add(&mut sums[k - whole], k);
            }
            for vector in 0..N {
                let [x, y, z, w] = sums.map(|sums| sums[vector]);
                let sum = load(p.c, vector).add(x.add(y).add(z.add(w)));
                let at = p.c.add(vector * V::LANES);
                if vector + 1 == N { sum.store_masked(at, mask) } else { sum.store(at) }
            }
        }
    }
}
