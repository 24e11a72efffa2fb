//! Sums over the middle axis of [outer, axis, inner], for shapes that no region of tiles takes.

use super::number::{Number, with_number};
use super::tile;
use crate::dtype::DType;

/// The lengths of a sum over the middle of three axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) dtype: DType,
    pub(crate) outer: usize,
    pub(crate) axis: usize,
    pub(crate) inner: usize,
}

impl Fold {
    /// Sums the outer index `index`: `inner` elements of `dst` from `axis·inner` elements of `src`.
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
            fold(src, dst);
        }, else {});
    }
}

/// dst[i] = Σ over the axis of src[axis, i].
fn fold<T: Number>(src: &[T], dst: &mut [T]) {
    if let [dst] = dst {
        *dst = tile::sum(src);
        return;
    }
    dst.fill(T::ZERO);
    for row in src.chunks_exact(dst.len().max(1)) {
        for (dst, &x) in dst.iter_mut().zip(row) {
            *dst = dst.add(x);
        }
    }
}

/// dst += src, elementwise.
///
/// # Safety
/// `dst` and `src` must reach `count` elements each, aligned for the type, which do not overlap.
pub(crate) unsafe fn add_onto(dtype: DType, dst: *mut u8, src: *const u8, count: usize) {
    with_number!(dtype, T => {
        // SAFETY: the caller's promise.
        let (dst, src) = unsafe {
            (std::slice::from_raw_parts_mut(dst.cast::<T>(), count), std::slice::from_raw_parts(src.cast::<T>(), count))
        };
        for (dst, &x) in dst.iter_mut().zip(src) {
            *dst = dst.add(x);
        }
    }, else {});
}
