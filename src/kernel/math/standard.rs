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
}

macro_rules! implement {
    ($type:ident: $($integer:ident = $rounding:ident)*; $($name:ident)*) => {
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
        }
    };
}
implement! { f32: floor = floor ceil = ceil round = round_ties_even; tan asin acos atan sinh cosh }
implement! { f64: floor = floor ceil = ceil round = round_ties_even; tan asin acos atan sinh cosh }
