//! Matrix products c = a·b of one element type, for operands of any strides.
//!
//! A [`Product`] says what is multiplied. [`Product::kernel`] decides how, once and from the whole shape:
//!
//! | family | for | vectors lie along | order of a sum |
//! |---|---|---|---|
//! | [`chain`] | all that is not below | columns of c (rows if swapped) | chains of 256 along k, added up |
//! | [`dots`] | few columns or rows, long k | k | lanes, then their sum, per up to 4096 of k |
//! | matrixmultiply | large products on the baseline | | its own |
//! | [`integers`] | integers | columns of c | wrapping: any |
//!
//! [`Product::split`] proposes panels that may be computed at once; a panel is a `Product` with fewer rows or
//! columns, run with the kernel of the whole. **Invariant.** The bits of an element of c depend on its row of a,
//! its column of b, k and the kernel, not on the panels. No product is skipped, so NaN and infinity
//! spread as IEEE 754 says; a sum over nothing is zero.
//!
//! Sums over a long k are cut into [`spans`], each of which the kernel sums in that order.
//!
//! Chains come in four forms that give the same bits: [`tile`]s, mostly; [`stream`] for a single row; [`flat`] for
//! short rows of a; a loop of constant length for up to four columns of a times one of b.
//!
//! [`rows`] has the products of a region's tiles, which are in the cache: chains and dot products without packing.
//!
//! Blocks of operands are packed into scratch memory that the caller gives; matrixmultiply alone allocates.
//!
//! **Speed** on AVX-512, one thread (`cargo bench --bench matmul` compares with matrixmultiply): tiles of 14 rows by
//! two vectors reach 160 of about 180 GFLOP/s in `f32`.

mod chain;
mod choice;
mod dots;
mod flat;
mod integers;
mod operands;
mod pack;
mod rows;
mod spans;
mod split;
mod stream;
#[cfg(test)]
mod tests;
mod tile;
mod vector;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

pub(super) use self::chain::K_BLOCK as CHAIN;
use self::choice::Family;
pub(crate) use self::choice::GemmKernel;
use self::operands::Operands;
pub(super) use self::rows::{FEW_SUMS_CHAINS, accumulate, project};
pub(crate) use self::split::{Split, multiply_add_nanoseconds};
use self::vector::{Plain, Vector};
use super::isa::Isa;
use crate::element::DType;

/// A matrix in memory: distance in elements from row to row and from column to column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strides {
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl Strides {
    fn transposed(self) -> Self {
        Strides { row: self.column, column: self.row }
    }
}

/// The product of an [m, k] and a [k, n] matrix of one element type, or a panel of such a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) dtype: DType,
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) a: Strides,
    pub(crate) b: Strides,
    /// Elements from one row of c to the next: n, or more in a panel of columns.
    pub(crate) c_row: usize,
}

impl Product {
    /// Bytes of scratch memory that [`run`](Self::run) needs; panels need no more than the whole. At most
    /// 1.25 MB, and for each doubling of a k of more than 16,384 as much again.
    pub(crate) fn scratch_bytes(&self, kernel: GemmKernel) -> usize {
        self.span().kernel_bytes(kernel) + self.sums_bytes()
    }

    /// Bytes of scratch memory of the kernel, a multiple of 64.
    fn kernel_bytes(&self, kernel: GemmKernel) -> usize {
        let (m, n) = match kernel.family {
            Family::Chain { swapped: true } | Family::Dots { swapped: true, .. } => (self.n, self.m),
            _ => (self.m, self.n),
        };
        let elements = match (kernel.family, self.dtype) {
            (Family::Chain { .. }, DType::F32) => chain::scratch_elements::<f32>(m, self.k, n).1,
            (Family::Chain { .. }, _) => chain::scratch_elements::<f64>(m, self.k, n).1,
            (Family::Dots { .. }, _) => dots::scratch_elements(self.k, n),
            (Family::Library | Family::Integers, _) => 0,
        };
        (elements * self.dtype.size()).next_multiple_of(64)
    }

    /// c = a·b, where c has its columns side by side and its rows `c_row` elements apart; what lies between
    /// them is left alone. `kernel` is that of the product of which this is a panel.
    ///
    /// Allocates nothing, but that matrixmultiply packs into memory of its own.
    ///
    /// # Safety
    /// `a` and `b` must reach every element that the strides lead to, `c` all rows of n elements; these must
    /// overlap neither. All must be aligned for the element type. `scratch` must start at a multiple of 64 and
    /// reach [`scratch_bytes`](Self::scratch_bytes) that nobody else uses meanwhile. The kernel's
    /// instruction set must be one that this machine has.
    pub(crate) unsafe fn run(
        &self,
        kernel: GemmKernel,
        a: *const u8,
        b: *const u8,
        c: *mut u8,
        scratch: *mut u8,
    ) {
        if self.has_spans() {
            let sums = scratch.wrapping_add(self.span().kernel_bytes(kernel));
            // SAFETY: the caller's promise; the sums lie behind what a span needs.
            return unsafe { self.run_spans(kernel, [a, b], c, sums, scratch) };
        }
        // SAFETY: the caller's promise; the vectors are those of the instruction set.
        unsafe {
            match (self.dtype, kernel.isa) {
                #[cfg(target_arch = "x86_64")]
                (DType::F32, Isa::Avx512) => self.run_floats::<__m512>(kernel, a, b, c, scratch),
                #[cfg(target_arch = "x86_64")]
                (DType::F64, Isa::Avx512) => self.run_floats::<__m512d>(kernel, a, b, c, scratch),
                #[cfg(target_arch = "x86_64")]
                (DType::F32, Isa::Avx2) => self.run_floats::<__m256>(kernel, a, b, c, scratch),
                #[cfg(target_arch = "x86_64")]
                (DType::F64, Isa::Avx2) => self.run_floats::<__m256d>(kernel, a, b, c, scratch),
                (DType::F32, Isa::Baseline) => self.run_floats::<Plain<f32, 4>>(kernel, a, b, c, scratch),
                (DType::F64, Isa::Baseline) => self.run_floats::<Plain<f64, 2>>(kernel, a, b, c, scratch),
                (DType::I32, _) => integers::run::<i32>(&self.operands(a, b, c)),
                (DType::I64, _) => integers::run::<i64>(&self.operands(a, b, c)),
                (DType::Bool, _) => {}
            }
        }
    }

    fn operands<T>(&self, a: *const u8, b: *const u8, c: *mut u8) -> Operands<T> {
        Operands {
            m: self.m,
            k: self.k,
            n: self.n,
            a: a.cast(),
            a_row: self.a.row,
            a_column: self.a.column,
            b: b.cast(),
            b_row: self.b.row,
            b_column: self.b.column,
            c: c.cast(),
            c_row: self.c_row,
            c_column: 1,
        }
    }

    /// # Safety
    /// As for [`run`](Self::run), where `V` is the vector of the element type and the instruction set.
    unsafe fn run_floats<V: Vector>(
        &self,
        kernel: GemmKernel,
        a: *const u8,
        b: *const u8,
        c: *mut u8,
        scratch: *mut u8,
    ) {
        let operands = self.operands::<V::Element>(a, b, c);
        let scratch = scratch.cast();
        // SAFETY: the caller's promise.
        unsafe {
            match kernel.family {
                _ if self.m == 0 || self.n == 0 => {}
                _ if self.k == 0 => operands.clear(),
                Family::Chain { swapped: false } => chain::run::<V>(&operands, scratch),
                Family::Chain { swapped: true } => chain::run::<V>(&operands.swapped(), scratch),
                Family::Dots { swapped: false, single } => dots::run::<V>(&operands, single, scratch),
                Family::Dots { swapped: true, single } => {
                    dots::run::<V>(&operands.swapped(), single, scratch);
                }
                Family::Library => self.run_library(a, b, c),
                Family::Integers => {}
            }
        }
    }

    /// # Safety
    /// As for [`run`](Self::run).
    unsafe fn run_library(&self, a: *const u8, b: *const u8, c: *mut u8) {
        let Product { dtype, m, k, n, a: a_strides, b: b_strides, c_row } = *self;
        let (ra, ca) = (a_strides.row as isize, a_strides.column as isize);
        let (rb, cb) = (b_strides.row as isize, b_strides.column as isize);
        let rc = c_row as isize;
        if dtype == DType::F32 {
            let (a, b, c) = (a.cast(), b.cast(), c.cast());
            // SAFETY: the caller's promise; with beta = 0, `c` is written without being read.
            unsafe { matrixmultiply::sgemm(m, k, n, 1.0, a, ra, ca, b, rb, cb, 0.0, c, rc, 1) };
        } else {
            let (a, b, c) = (a.cast(), b.cast(), c.cast());
            // SAFETY: the same.
            unsafe { matrixmultiply::dgemm(m, k, n, 1.0, a, ra, ca, b, rb, cb, 0.0, c, rc, 1) };
        }
    }
}
