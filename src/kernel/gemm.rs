//! Large matrix products: matrixmultiply's kernels for floats, a plain loop for integers.

use super::math::Fused;
use super::number::Number;
use crate::dtype::DType;

/// A matrix in memory: distance in elements from row to row and from column to column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strides {
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// The product of an [m, k] and a [k, n] matrix of one element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) dtype: DType,
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) a: Strides,
    pub(crate) b: Strides,
}

impl Product {
    /// c = a·b, with `c` in row-major order.
    ///
    /// # Safety
    /// `a` and `b` must reach every element that the strides lead to, `c` m·n elements that overlap
    /// neither; all aligned for the element type, and of one that has numbers.
    pub(crate) unsafe fn run(&self, a: *const u8, b: *const u8, c: *mut u8) {
        let Product { dtype, m, k, n, a: a_strides, b: b_strides } = *self;
        let (ra, ca) = (a_strides.row as isize, a_strides.column as isize);
        let (rb, cb) = (b_strides.row as isize, b_strides.column as isize);
        let rc = n as isize;
        match dtype {
            // SAFETY: the caller's promise; with beta = 0, `c` is written without being read.
            DType::F32 => unsafe {
                let (a, b, c) = (a.cast(), b.cast(), c.cast());
                matrixmultiply::sgemm(m, k, n, 1.0, a, ra, ca, b, rb, cb, 0.0, c, rc, 1);
            },
            // SAFETY: the same.
            DType::F64 => unsafe {
                let (a, b, c) = (a.cast(), b.cast(), c.cast());
                matrixmultiply::dgemm(m, k, n, 1.0, a, ra, ca, b, rb, cb, 0.0, c, rc, 1);
            },
            // SAFETY: the caller's promise.
            DType::I32 => unsafe { self.run_plainly::<i32>(a.cast(), b.cast(), c.cast()) },
            // SAFETY: the caller's promise.
            DType::I64 => unsafe { self.run_plainly::<i64>(a.cast(), b.cast(), c.cast()) },
            DType::Bool => {}
        }
    }

    /// # Safety
    /// As for [`run`](Self::run).
    unsafe fn run_plainly<T: Number>(&self, a: *const T, b: *const T, c: *mut T) {
        for row in 0..self.m {
            for column in 0..self.n {
                let mut total = T::ZERO;
                for k in 0..self.k {
                    // SAFETY: the indices are within the matrices.
                    let (a, b) = unsafe {
                        (
                            *a.add(row * self.a.row + k * self.a.column),
                            *b.add(k * self.b.row + column * self.b.column),
                        )
                    };
                    total = a.mul_add::<Fused>(b, total);
                }
                // SAFETY: the index is within the m·n elements.
                unsafe { *c.add(row * self.n + column) = total };
            }
        }
    }
}
