//! Packing: copies of blocks of a and b in the order in which tiles read them.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _MM_TRANSPOSE4_PS, _mm_loadu_pd, _mm_loadu_ps, _mm_storeu_pd, _mm_storeu_ps, _mm_unpackhi_pd,
    _mm_unpacklo_pd,
};
use std::marker::PhantomData;
use std::ops::Range;

use super::vector::{Body, Vector};
use crate::kernel::number::Number;

/// A block of a matrix, and where its copy goes.
#[derive(Debug)]
pub(super) struct PackArgs<T> {
    pub(super) src: *const T,
    /// Distance of two elements along k in the source.
    pub(super) k_step: usize,
    /// Distance of two rows of a, or columns of b, in the source.
    pub(super) step: usize,
    pub(super) k: usize,
    /// Rows of a, or columns of b.
    pub(super) count: usize,
    /// Rows or columns in a panel.
    pub(super) width: usize,
    pub(super) dst: *mut T,
}

/// Cuts a block into panels of `width` columns of b (or rows of a): `[panel][k][width]`. The last panel is
/// filled up to whole vectors with zeros if it is narrower.
///
/// As a kernel: the source must reach `k` by `count` elements at the steps, `dst` as many with `count`
/// rounded up to `width`.
pub(super) struct Panels<V>(PhantomData<V>);

impl<V: Vector> Body for Panels<V> {
    type Args = PackArgs<V::Element>;

    #[inline(always)]
    unsafe fn run(args: &Self::Args) {
        let PackArgs { src, k_step, step, k, count, width, dst } = *args;
        let mut done = 0;
        while done < count {
            let now = width.min(count - done);
            // SAFETY: panel, k and lane are within the block and its copy, by the kernel's contract.
            unsafe {
                let (src, dst) = (src.add(done * step), dst.add(done * k));
                if step == 1 {
                    side_by_side::<V>(src, k_step, k, now, width, dst);
                } else {
                    let mut l = 0;
                    if k_step == 1 {
                        while l + V::Element::SQUARE <= now {
                            let whole = k / V::Element::SQUARE * V::Element::SQUARE;
                            for p in (0..whole).step_by(V::Element::SQUARE) {
                                let (src, dst) = (src.add(l * step + p), dst.add(p * width + l));
                                V::Element::transpose(src, step, dst, width);
                            }
                            copy(src, step, 1, l..l + V::Element::SQUARE, whole..k, width, dst);
                            l += V::Element::SQUARE;
                        }
                    }
                    copy(src, step, k_step, l..now, 0..k, width, dst);
                    for p in 0..k {
                        for l in now..width {
                            *dst.add(p * width + l) = V::Element::ZERO;
                        }
                    }
                }
            }
            done += now;
        }
    }
}

/// Copies lanes one element after the other.
///
/// # Safety
/// As for the kernel, for the ranges of lanes and of k.
#[inline(always)]
unsafe fn copy<T: Copy>(
    src: *const T,
    step: usize,
    k_step: usize,
    lanes: Range<usize>,
    k: Range<usize>,
    width: usize,
    dst: *mut T,
) {
    for p in k {
        for l in lanes.clone() {
            // SAFETY: the caller's promise.
            unsafe { *dst.add(p * width + l) = *src.add(l * step + p * k_step) };
        }
    }
}

/// An element type of which small squares are transposed in registers.
pub(super) trait Transpose: Number {
    /// Side of the square: the elements of a 128-bit register.
    const SQUARE: usize;

    /// Writes the columns of a square as rows.
    ///
    /// # Safety
    /// `src` and `dst` must reach as many rows of as many elements, at their distances.
    unsafe fn transpose(src: *const Self, src_row: usize, dst: *mut Self, dst_row: usize);
}

impl Transpose for f32 {
    const SQUARE: usize = 4;

    #[inline(always)]
    unsafe fn transpose(src: *const f32, src_row: usize, dst: *mut f32, dst_row: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE is part of x86-64; the rows are the caller's promise.
        unsafe {
            let [mut x, mut y, mut z, mut w] = [0, 1, 2, 3].map(|row| _mm_loadu_ps(src.add(row * src_row)));
            _MM_TRANSPOSE4_PS(&mut x, &mut y, &mut z, &mut w);
            for (row, x) in [x, y, z, w].into_iter().enumerate() {
                _mm_storeu_ps(dst.add(row * dst_row), x);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: the caller's promise.
        unsafe {
            copy(src, src_row, 1, 0..4, 0..4, dst_row, dst);
        }
    }
}

impl Transpose for f64 {
    const SQUARE: usize = 2;

    #[inline(always)]
    unsafe fn transpose(src: *const f64, src_row: usize, dst: *mut f64, dst_row: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE2 is part of x86-64; the rows are the caller's promise.
        unsafe {
            let (x, y) = (_mm_loadu_pd(src), _mm_loadu_pd(src.add(src_row)));
            _mm_storeu_pd(dst, _mm_unpacklo_pd(x, y));
            _mm_storeu_pd(dst.add(dst_row), _mm_unpackhi_pd(x, y));
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: the caller's promise.
        unsafe {
            copy(src, src_row, 1, 0..2, 0..2, dst_row, dst);
        }
    }
}

/// A panel whose lanes lie side by side in the source.
///
/// # Safety
/// The source must reach `k` times `now` elements, `dst` `k` times `width`, where `width` is a number of whole
/// vectors, or below one vector and a panel of a.
#[inline(always)]
unsafe fn side_by_side<V: Vector>(
    src: *const V::Element,
    k_step: usize,
    k: usize,
    now: usize,
    width: usize,
    dst: *mut V::Element,
) {
    // SAFETY: the caller's: `k` times `now` elements of the source, `k` times `width` of the copy.
    unsafe {
        let whole = now / V::LANES * V::LANES;
        let (mask, rest) = (V::mask(now - whole), V::mask((width - whole).min(V::LANES)));
        for p in 0..k {
            let (src, dst) = (src.add(p * k_step), dst.add(p * width));
            let mut lane = 0;
            while lane < whole {
                V::load(src.add(lane)).store(dst.add(lane));
                lane += V::LANES;
            }
            if whole < width {
                V::load_masked(src.add(whole), mask).store_masked(dst.add(whole), rest);
            }
        }
    }
}

/// Copies rows of a, `count` of them with `k` elements side by side, to rows that are `width` apart.
pub(super) struct Rows<V>(PhantomData<V>);

impl<V: Vector> Body for Rows<V> {
    type Args = PackArgs<V::Element>;

    #[inline(always)]
    unsafe fn run(args: &Self::Args) {
        let PackArgs { src, k_step, step, k, count, width, dst } = *args;
        for row in 0..count {
            // SAFETY: by the kernel's contract.
            unsafe {
                let (src, dst) = (src.add(row * step), dst.add(row * width));
                if k_step == 1 {
                    std::ptr::copy_nonoverlapping(src, dst, k);
                } else {
                    for p in 0..k {
                        *dst.add(p) = *src.add(p * k_step);
                    }
                }
            }
        }
    }
}
