//! Special values: what a function gives exactly.

use super::super::{Fused, Separate, VectorMath};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// `f(x)` is `y` for each `x => y`, to the bit, in both types and under both ways to multiply and add.
macro_rules! exactly {
    ($name:ident: $($($x:expr),+ => $y:expr;)+) => {
        $(
            let got = [
                f64::from(<f32 as VectorMath>::$name::<Fused>($($x as f32),+)),
                f64::from(<f32 as VectorMath>::$name::<Separate>($($x as f32),+)),
                <f64 as VectorMath>::$name::<Fused>($($x),+),
                <f64 as VectorMath>::$name::<Separate>($($x),+),
            ];
            for y in got {
                let same = y.to_bits() == f64::to_bits($y) || y.is_nan() && f64::is_nan($y);
                assert!(same, "{}({:?}) = {y}, not {}", stringify!($name), ($($x),+), $y);
            }
        )+
    };
}

#[test]
fn ends_and_zeros() {
    exactly! { exp: INF => INF; -INF => 0.0; NAN => NAN; 0.0 => 1.0; -0.0 => 1.0; 1e4 => INF; -1e4 => 0.0; }
    exactly! { expm1: INF => INF; -INF => -1.0; NAN => NAN; 0.0 => 0.0; -0.0 => -0.0; 1e4 => INF; }
    exactly! { ln: INF => INF; -INF => NAN; NAN => NAN; 0.0 => -INF; -0.0 => -INF; 1.0 => 0.0; -1.0 => NAN; }
    exactly! { log1p: INF => INF; -INF => NAN; NAN => NAN; 0.0 => 0.0; -0.0 => -0.0; -1.0 => -INF; }
    exactly! { log1p: -1.5 => NAN; }
    exactly! { tanh: INF => 1.0; -INF => -1.0; NAN => NAN; 0.0 => 0.0; -0.0 => -0.0; -1e4 => -1.0; }
    exactly! { sigmoid: INF => 1.0; -INF => 0.0; NAN => NAN; 0.0 => 0.5; -0.0 => 0.5; 1e4 => 1.0; }
    exactly! { erf: INF => 1.0; -INF => -1.0; NAN => NAN; 0.0 => 0.0; -0.0 => -0.0; -1e4 => -1.0; }
    exactly! { normal: INF => 1.0; -INF => 0.0; NAN => NAN; 0.0 => 0.5; -0.0 => 0.5; -1e4 => 0.0; 1e4 => 1.0; }
    exactly! { normal: 1e-42 => 0.5; -1e-42 => 0.5; -39.0 => 0.0; 40.0 => 1.0; }
    exactly! { sin: NAN => NAN; INF => NAN; -INF => NAN; 0.0 => 0.0; -0.0 => -0.0; }
    exactly! { cos: NAN => NAN; INF => NAN; -INF => NAN; 0.0 => 1.0; -0.0 => 1.0; }
}

#[test]
fn ends_of_other_bases_and_of_the_cube_root() {
    exactly! { erfc: INF => 0.0; -INF => 2.0; NAN => NAN; 0.0 => 1.0; -0.0 => 1.0; 1e4 => 0.0; -1e4 => 2.0; }
    exactly! { exp2: INF => INF; -INF => 0.0; NAN => NAN; 0.0 => 1.0; -0.0 => 1.0; 1e4 => INF; -1e4 => 0.0; }
    exactly! { log2: INF => INF; -INF => NAN; NAN => NAN; 0.0 => -INF; -0.0 => -INF; 1.0 => 0.0; -1.0 => NAN; }
    exactly! { log10: INF => INF; -INF => NAN; NAN => NAN; 0.0 => -INF; -0.0 => -INF; 1.0 => 0.0; -1.0 => NAN; }
    exactly! { cbrt: INF => INF; -INF => -INF; NAN => NAN; 0.0 => 0.0; -0.0 => -0.0; 8.0 => 2.0; -8.0 => -2.0; }
}

/// Powers that are whole numbers, and their logarithms and roots.
#[test]
fn whole_powers_are_exact() {
    for n in -126..128_i32 {
        let power = 2_f64.powi(n);
        exactly! { exp2: f64::from(n) => power; }
        exactly! { log2: power => f64::from(n); }
    }
    for n in -1074..1024_i32 {
        // From its bits, as `powi` divides by what overflows.
        let power = if n < -1022 {
            f64::from_bits(1 << (n + 1074))
        } else {
            f64::from_bits(((n + 1023) as u64) << 52)
        };
        assert_eq!(<f64 as VectorMath>::exp2::<Fused>(n.into()), power);
        assert_eq!(<f64 as VectorMath>::exp2::<Separate>(n.into()), power);
        assert_eq!(<f64 as VectorMath>::log2::<Fused>(power), f64::from(n));
        assert_eq!(<f64 as VectorMath>::log2::<Separate>(power), f64::from(n));
    }
    for n in 0..=22_u8 {
        let power = (0..n).fold(1.0, |power, _| power * 10.0);
        assert_eq!(<f64 as VectorMath>::log10::<Fused>(power), f64::from(n));
        assert_eq!(<f64 as VectorMath>::log10::<Separate>(power), f64::from(n));
        if n <= 10 {
            exactly! { log10: power => f64::from(n); }
        }
    }
    for n in 1..=200_u8 {
        let number = f64::from(n);
        exactly! { cbrt: number * number * number => number; -number * number * number => -number; }
    }
}

#[test]
fn powers() {
    // 1 whatever the other argument, a NaN too.
    exactly! { pow: 0.0, 0.0 => 1.0; -0.0, 0.0 => 1.0; INF, 0.0 => 1.0; -INF, -0.0 => 1.0; NAN, 0.0 => 1.0; }
    exactly! { pow: 3.0, -0.0 => 1.0; 1.0, NAN => 1.0; 1.0, INF => 1.0; 1.0, -INF => 1.0; 1.0, 5e8 => 1.0; }
    exactly! { pow: -1.0, INF => 1.0; -1.0, -INF => 1.0; }
    // Other NaNs.
    exactly! { pow: NAN, 1.0 => NAN; 2.0, NAN => NAN; -1.0, NAN => NAN; 0.0, NAN => NAN; INF, NAN => NAN; }
    exactly! { pow: NAN, INF => NAN; NAN, NAN => NAN; -INF, NAN => NAN; }
    // A negative base.
    exactly! { pow: -2.0, 3.0 => -8.0; -2.0, 2.0 => 4.0; -2.0, -1.0 => -0.5; -1.0, 3.0 => -1.0; }
    exactly! { pow: -1.0, 4.0 => 1.0; -1.0, 16_777_215.0 => -1.0; -1.0, 16_777_216.0 => 1.0; }
    exactly! { pow: -2.0, 0.5 => NAN; -2.0, -1.5 => NAN; -1.0, 0.5 => NAN; -2.0, 1e-30 => NAN; }
    exactly! { pow: -0.5, 1e9 => 0.0; -1e9, 1e9 => INF; -0.5, 10_001.0 => -0.0; -2.0, 10_001.0 => -INF; }
    // The least numbers are no integers, though half of the least one of all is rounded to 0.
    for tiny in [f64::from_bits(1), f64::from_bits(2), f64::from_bits(3), f64::MIN_POSITIVE] {
        for y in [tiny, -tiny] {
            assert!(<f64 as VectorMath>::pow::<Fused>(-2.0, y).is_nan(), "{y:e}");
            assert!(<f64 as VectorMath>::pow::<Separate>(-0.5, y).is_nan(), "{y:e}");
            assert_eq!(<f64 as VectorMath>::pow::<Fused>(-INF, y), if y > 0.0 { INF } else { 0.0 });
            assert_eq!(<f64 as VectorMath>::pow::<Separate>(2.0, y), 1.0);
            assert_eq!(<f64 as VectorMath>::pow::<Separate>(0.0, y), if y > 0.0 { 0.0 } else { INF });
        }
    }
    for y in [f32::from_bits(1), -f32::from_bits(1), f32::MIN_POSITIVE] {
        assert!(<f32 as VectorMath>::pow::<Fused>(-2.0, y).is_nan(), "{y:e}");
        assert!(<f32 as VectorMath>::pow::<Separate>(-2.0, y).is_nan(), "{y:e}");
    }
    // A zero.
    exactly! { pow: 0.0, 3.0 => 0.0; -0.0, 3.0 => -0.0; 0.0, 2.0 => 0.0; -0.0, 2.0 => 0.0; 0.0, 0.5 => 0.0; }
    exactly! { pow: -0.0, 0.5 => 0.0; 0.0, -3.0 => INF; -0.0, -3.0 => -INF; 0.0, -2.0 => INF; }
    exactly! { pow: -0.0, -2.0 => INF; -0.0, -0.5 => INF; 0.0, INF => 0.0; -0.0, INF => 0.0; }
    exactly! { pow: 0.0, -INF => INF; -0.0, -INF => INF; 0.0, 1e-30 => 0.0; 0.0, -1e-30 => INF; }
    // An infinite base.
    exactly! { pow: INF, 2.0 => INF; INF, -2.0 => 0.0; -INF, 3.0 => -INF; -INF, 2.0 => INF; }
    exactly! { pow: -INF, 0.5 => INF; -INF, -3.0 => -0.0; -INF, -2.0 => 0.0; -INF, -0.5 => 0.0; }
    exactly! { pow: INF, 1e-30 => INF; -INF, 1e-30 => INF; INF, -1e-30 => 0.0; }
    // An infinite exponent.
    exactly! { pow: 2.0, INF => INF; 2.0, -INF => 0.0; 0.5, INF => 0.0; 0.5, -INF => INF; -2.0, INF => INF; }
    exactly! { pow: -2.0, -INF => 0.0; -0.5, INF => 0.0; -0.5, -INF => INF; INF, INF => INF; }
    exactly! { pow: INF, -INF => 0.0; -INF, INF => INF; -INF, -INF => 0.0; }
    exactly! { pow: 1.0 + 1e-7, INF => INF; 1.0 - 1e-7, INF => 0.0; 1.0 + 1e-7, -INF => 0.0; }
    // Exact ones.
    exactly! { pow: 2.0, 10.0 => 1024.0; 2.0, -1.0 => 0.5; 3.0, 1.0 => 3.0; 4.0, 0.5 => 2.0; }
    // Parity at the edge of what f64 tells apart, and a base next to 1.
    let odd = 9_007_199_254_740_991.0;
    assert_eq!(<f64 as VectorMath>::pow::<Fused>(-1.0, odd), -1.0);
    assert_eq!(<f64 as VectorMath>::pow::<Fused>(-1.0, odd + 1.0), 1.0);
    assert!(<f64 as VectorMath>::pow::<Fused>(-1.0, odd / 2.0).is_nan());
    assert_eq!(<f64 as VectorMath>::pow::<Separate>(1.0 + f64::EPSILON, 1e300), INF);
    assert_eq!(<f64 as VectorMath>::pow::<Separate>(1.0 + f64::EPSILON, -INF), 0.0);
}

#[test]
fn thresholds() {
    /// The last argument that gives a finite result, or one other than 0, and the first that does not.
    macro_rules! at {
        ($type:ident, $last:expr, $first:expr, $end:expr) => {
            for exp in [<$type as VectorMath>::exp::<Fused>, <$type as VectorMath>::exp::<Separate>] {
                assert!(exp($last) != $end && exp($last) != 0.0, "{}", exp($last));
                assert_eq!(exp($first), $end);
            }
        };
    }
    at!(f32, 88.722_83, 88.722_84, f32::INFINITY);
    at!(f32, -103.972_08, -103.972_09, 0.0);
    at!(f64, 709.782_712_893_384, 709.782_712_893_384_1, f64::INFINITY);
    at!(f64, -745.133_219_101_941_1, -745.133_219_101_941_2, 0.0);
}

/// Functions that are `x` itself at the least numbers.
#[test]
fn denormals_pass() {
    macro_rules! passes {
        ($($name:ident)+) => { $(
            for bits in [1, 2, 3, 0x1234, 0x007f_ffff, 0x0080_0000, 0x0123_4567] {
                for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                    assert_eq!(<f32 as VectorMath>::$name::<Fused>(x), x, "{}({x:e})", stringify!($name));
                    assert_eq!(<f32 as VectorMath>::$name::<Separate>(x), x, "{}({x:e})", stringify!($name));
                }
                for x in [f64::from_bits(bits.into()), -f64::from_bits(u64::from(bits) << 29)] {
                    assert_eq!(<f64 as VectorMath>::$name::<Fused>(x), x, "{}({x:e})", stringify!($name));
                    assert_eq!(<f64 as VectorMath>::$name::<Separate>(x), x, "{}({x:e})", stringify!($name));
                }
            }
        )+ };
    }
    passes!(expm1 log1p tanh sin);
}
