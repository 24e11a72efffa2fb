//! Folds over the middle axis of [outer, axis, inner], for shapes that no region of tiles takes, and
//! the accumulators of those that do.

use super::isa::BaselineMulAdd;
use super::number::{Number, with_number};
use super::scalar::{Combine, with_fold};
use super::tile;
use crate::dtype::DType;
use crate::lower::Fold;

/// The lengths of a fold over the middle of three axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MiddleFold {
    pub(crate) fold: Fold,
    pub(crate) dtype: DType,
    pub(crate) outer: usize,
    pub(crate) axis: usize,
    pub(crate) inner: usize,
}

impl MiddleFold {
    /// Folds the outer index `index`: `inner` elements of `dst` from `axis·inner` elements of `src`.
    ///
    /// # Safety
    /// `src` must reach outer·axis·inner elements, `dst` outer·inner that do not overlap them; both
    /// aligned for the element type. No two calls at once may have the same `index`.
    pub(crate) unsafe fn run(&self, index: usize, src: *const u8, dst: *mut u8) {
        with_number!(self.dtype, T => {
            let (from, to) = (index * self.axis * self.inner, index * self.inner);
            // SAFETY: the caller's promise; each index has its own part of either.
            let (src, dst) = unsafe {
                (
                    std::slice::from_raw_parts(src.cast::<T>().add(from), self.axis * self.inner),
                    std::slice::from_raw_parts_mut(dst.cast::<T>().add(to), self.inner),
                )
            };
            with_fold!(self.fold, F => fold_rows::<T, F>(src, dst));
        }, else {});
    }
}

/// dst[i] = fold over the axis of src[axis, i].
fn fold_rows<T: Number, F: Combine<T>>(src: &[T], dst: &mut [T]) {
    if let [dst] = dst {
        *dst = tile::fold_slice::<T, F, T::Vector<BaselineMulAdd>>(src);
        return;
    }
    dst.fill(F::IDENTITY);
    for row in src.chunks_exact(dst.len().max(1)) {
        for (dst, &x) in dst.iter_mut().zip(row) {
            *dst = F::combine(*dst, x);
        }
    }
}

/// Sets accumulators to what a fold over nothing gives.
///
/// # Safety
/// `dst` must reach `count` elements, aligned for the type.
pub(crate) unsafe fn clear(fold: Fold, dtype: DType, dst: *mut u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        dst.fill(with_fold!(fold, F => <F as Combine<T>>::IDENTITY));
    }, else {});
}

/// Folds accumulators into others: dst ∘= src, elementwise.
///
/// # Safety
/// `dst` and `src` must reach `count` elements each, aligned for the type, which do not overlap.
pub(crate) unsafe fn join(fold: Fold, dtype: DType, dst: *mut u8, src: *const u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast::<T>(), count) };
        // SAFETY: the same.
        let src = unsafe { std::slice::from_raw_parts(src.cast::<T>(), count) };
        with_fold!(fold, F => for (dst, &x) in dst.iter_mut().zip(src) {
            *dst = <F as Combine<T>>::combine(*dst, x);
        });
    }, else {});
}
