//! Bounds that let a NaN through.

/// `x`, or `bound` where `x` is above it; a NaN stays. (`f32::min` would lose it, at two instructions more.)
#[inline(always)]
pub(super) fn at_most<T: PartialOrd>(x: T, bound: T) -> T {
    if bound < x { bound } else { x }
}

/// `x`, or `bound` where `x` is below it; a NaN stays.
#[inline(always)]
pub(super) fn at_least<T: PartialOrd>(x: T, bound: T) -> T {
    if x < bound { bound } else { x }
}
