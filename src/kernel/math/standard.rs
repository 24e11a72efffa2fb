//! Functions that the standard library computes: roundings to integers, which are an instruction each where the
//! machine has it and vectorize there, and functions rare enough to be called for one element at a time.

/// Functions of `f32` and `f64` by the standard library. Those of `f32` that round go by way of `f64`, and are
/// nearly always the nearest number.
pub(crate) trait Standard: Copy {
    /// The largest integer that is not above.
    fn floor(self) -> Self;
    /// The least integer that is not below.
    fn ceil(self) -> Self;
    /// The nearest integer; of two the even one.
    fn round(self) -> Self;
    fn tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    /// The angle of a point whose second coordinate this is and whose first the other.
    fn atan2(self, other: Self) -> Self;
    /// The distance of such a point from the origin.
    fn hypot(self, other: Self) -> Self;
}

macro_rules! implement {
    ($type:ident: $($integer:ident = $rounding:ident)*; $($name:ident)*; $($pair:ident)*) => {
        impl Standard for $type {
            $(
                #[inline(always)]
                fn $integer(self) -> Self {
                    $type::$rounding(self)
                }
            )*
            $(
                #[inline(always)]
                fn $name(self) -> Self {
                    f64::from(self).$name() as Self
                }
            )*
            $(
                #[inline(always)]
                fn $pair(self, other: Self) -> Self {
                    f64::from(self).$pair(f64::from(other)) as Self
                }
            )*
        }
    };
}
implement! { f32: floor = floor ceil = ceil round = round_ties_even; tan asin acos atan sinh cosh; atan2 hypot }
implement! { f64: floor = floor ceil = ceil round = round_ties_even; tan asin acos atan sinh cosh; atan2 hypot }
