//! Running sums that keep what rounding takes away, for loops that cannot add up in blocks.

use super::number::Number;

/// A sum of numbers that come one after the other: in [`Wide`](Number::Wide) numbers, with what rounding takes from
/// these kept beside. It is as good as if it alone had been rounded, for any number of elements up to the inverse of
/// the wide type's precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunningSum<T: Number> {
    sum: T::Wide,
    lost: T::Wide,
}

impl<T: Number> RunningSum<T> {
    /// The sum of nothing.
    pub(crate) const ZERO: Self =
        RunningSum { sum: <T::Wide as Number>::ZERO, lost: <T::Wide as Number>::ZERO };

    #[inline(always)]
    pub(crate) fn starting_with(x: T) -> Self {
        RunningSum { sum: x.widened(), lost: <T::Wide as Number>::ZERO }
    }

    /// The sum with one more number.
    ///
    /// The rounding error of an addition is computed exactly. Source: Knuth, *The Art of Computer Programming*, volume
    /// 2, theorem 4.2.2B.
    #[inline(always)]
    pub(crate) fn and(self, x: T) -> Self {
        let (before, x) = (self.sum, x.widened());
        let sum = before.add(x);
        let of_x = sum.sub(before);
        let of_before = sum.sub(of_x);
        RunningSum { sum, lost: self.lost.add(before.sub(of_before).add(x.sub(of_x))) }
    }

    #[inline(always)]
    pub(crate) fn value(self) -> T {
        // Behind an infinity nothing is known of what was lost.
        let is_finite = self.sum.sub(self.sum) == <T::Wide as Number>::ZERO;
        T::narrowed(if is_finite { self.sum.add(self.lost) } else { self.sum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum<T: Number>(numbers: impl IntoIterator<Item = T>) -> T {
        numbers.into_iter().fold(RunningSum::starting_with(T::ZERO), RunningSum::and).value()
    }

    #[test]
    fn nothing_is_lost() {
        assert_eq!(sum([1e30_f64, 1.0, -1e30, 3.0]), 4.0);
        assert_eq!(sum(std::iter::repeat_n(0.1_f32, 3_000_000)), (3e6 * f64::from(0.1_f32)) as f32);
        assert_eq!(sum([i32::MAX, 3, -5]), i32::MAX - 2);
    }

    #[test]
    fn infinities_and_nan_stay() {
        assert_eq!(sum([1.0, f32::INFINITY, 1.0]), f32::INFINITY);
        assert_eq!(sum([f32::MAX, f32::MAX]), f32::INFINITY);
        assert_eq!(sum([f64::MAX, f64::MAX]), f64::INFINITY);
        assert!(sum([f64::NAN, 1.0]).is_nan());
        assert!(sum([f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }
}
