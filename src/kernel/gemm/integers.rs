//! Products of integers: rows of b times elements of a, added to a row of c.

use std::slice;

use super::operands::Operands;
use crate::kernel::math::Fused;
use crate::kernel::number::Number;

/// c = a·b, wrapping.
///
/// # Safety
/// The operands must reach what their lengths and distances say; c must overlap neither of the others, and
/// have its columns side by side.
pub(super) unsafe fn run<T: Number>(p: &Operands<T>) {
    if p.n == 0 {
        return;
    }
    for row in 0..p.m {
        // SAFETY: the row lies within c, which nothing else refers to.
        let c = unsafe { slice::from_raw_parts_mut(p.c.add(row * p.c_row), p.n) };
        c.fill(T::ZERO);
        for k in 0..p.k {
            // SAFETY: the index is within a.
            let x = unsafe { *p.a.add(row * p.a_row + k * p.a_column) };
            let b = p.b.wrapping_add(k * p.b_row);
            if p.b_column == 1 {
                // SAFETY: the row lies within b.
                let b = unsafe { slice::from_raw_parts(b, p.n) };
                for (c, &b) in c.iter_mut().zip(b) {
                    *c = x.mul_add::<Fused>(b, *c);
                }
            } else {
                for (column, c) in c.iter_mut().enumerate() {
                    // SAFETY: the index is within b.
                    *c = x.mul_add::<Fused>(unsafe { *b.add(column * p.b_column) }, *c);
                }
            }
        }
    }
}
