//! Slices of sines and cosines, right for arguments of any size.
//!
//! A vector loop cannot call the standard library for the one element that is out of the reduction's range.
//! So the slice is worked off in blocks: the whole block by the branch-free function, with a note whether any
//! argument was out of range, and only then, rarely, those elements again.

use super::VectorMath;
use super::lane::Real;
use super::mul_add::MulAdd;

/// Elements in a block: enough to make its overhead small, few enough to stay in the first-level cache.
const BLOCK: usize = 256;

/// `y[i] = near(x[i])`, or `far(x[i])` where `|x[i]|` is above [`Real::TRIG_LIMIT`].
#[inline(always)]
fn map_blocks<T: Real>(x: &[T], y: &mut [T], near: impl Fn(T) -> T, far: impl Fn(T) -> T) {
    debug_assert_eq!(x.len(), y.len());
    for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
        let mut any = false;
        for (&x, y) in x.iter().zip(y.iter_mut()) {
            *y = near(x);
            any |= T::beyond_trig(x);
        }
        if any {
            for (&x, y) in x.iter().zip(y.iter_mut()).filter(|(x, _)| T::beyond_trig(**x)) {
                *y = far(x);
            }
        }
    }
}

/// `y[i] = sin x[i]` for slices of equal length and arguments of any size.
#[inline(always)]
pub(crate) fn sin_slice<T: Real, M: MulAdd>(x: &[T], y: &mut [T]) {
    map_blocks(x, y, T::sin::<M>, T::sin_far);
}

/// `y[i] = cos x[i]` for slices of equal length and arguments of any size.
#[inline(always)]
pub(crate) fn cos_slice<T: Real, M: MulAdd>(x: &[T], y: &mut [T]) {
    map_blocks(x, y, T::cos::<M>, T::cos_far);
}
