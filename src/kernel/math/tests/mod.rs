//! Accuracy and special values of every function, each with a fused and with a separate multiply-add.

mod bits;
mod double;
mod recorded;
mod single;
mod special;
mod trig_slices;

/// The promise: errors in units in the last place of the true value.
const MAX_ULPS: f64 = 2.0;

/// Arguments: a fixed sequence (`SplitMix64`), so that a failure comes again.
struct Arguments(u64);

impl Arguments {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform between `low` and `high`.
    fn between(&mut self, (low, high): (f64, f64)) -> f64 {
        low + (high - low) * ((self.bits() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// A sign and a significand at random, the exponent as given.
    fn with_exponent(&mut self, exponent: i32) -> f64 {
        let significand = 1.0 + (self.bits() >> 12) as f64 / (1_u64 << 52) as f64;
        let size = significand * f64::from(exponent).exp2();
        if self.bits() & 1 == 0 { size } else { -size }
    }
}
