//! The operands of one call: addresses, lengths and the distances of rows and columns of all three matrices.

use crate::kernel::number::Number;

/// c = a·b for an m×k and a k×n matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<T> {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) a: *const T,
    pub(super) a_row: usize,
    pub(super) a_column: usize,
    pub(super) b: *const T,
    pub(super) b_row: usize,
    pub(super) b_column: usize,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    pub(super) c_column: usize,
}

impl<T: Number> Operands<T> {
    /// The same product as cᵀ = bᵀ·aᵀ.
    pub(super) fn swapped(self) -> Self {
        Operands {
            m: self.n,
            k: self.k,
            n: self.m,
            a: self.b,
            a_row: self.b_column,
            a_column: self.b_row,
            b: self.a,
            b_row: self.a_column,
            b_column: self.a_row,
            c: self.c,
            c_row: self.c_column,
            c_column: self.c_row,
        }
    }

    /// c = 0, what a sum over nothing is.
    ///
    /// # Safety
    /// c must reach what the lengths and distances say.
    pub(super) unsafe fn clear(&self) {
        for row in 0..self.m {
            for column in 0..self.n {
                // SAFETY: the index is within c.
                unsafe { *self.c.add(row * self.c_row + column * self.c_column) = T::ZERO };
            }
        }
    }
}
