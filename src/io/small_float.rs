//! Floating point numbers of 8 and 16 bits as `f32`, which holds all of their values exactly.
//!
//! IEEE 754 for `f16`, of which bfloat16 is the upper half of an `f32`; the 8-bit ones as in
//! [FP8 Formats for Deep Learning](https://arxiv.org/abs/2209.05433), their `FNUZ` variants as in
//! [8-bit Numerical Formats for Deep Neural Networks](https://arxiv.org/abs/2206.02915) (no infinity, no negative zero,
//! and the bias one more), and the powers of two that scale blocks of the
//! [Microscaling Formats](https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf).

/// What the numbers of a format are made of.
struct Format {
    /// Bits of the fraction; the sign stands above the exponent, in the highest bit.
    fraction: u32,
    exponent: u32,
    bias: i32,
    special: Special,
}

/// Which bits are no number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    /// The largest exponent stands for infinities and NaNs.
    Ieee,
    /// All bits but the sign set are NaN, and there is no infinity.
    AllOnes,
    /// What would be the negative zero is NaN, and there is no infinity.
    NegativeZero,
}

const F16: Format = Format { fraction: 10, exponent: 5, bias: 15, special: Special::Ieee };
const E5M2: Format = Format { fraction: 2, exponent: 5, bias: 15, special: Special::Ieee };
const E4M3: Format = Format { fraction: 3, exponent: 4, bias: 7, special: Special::AllOnes };
const E5M2_FNUZ: Format = Format { fraction: 2, exponent: 5, bias: 16, special: Special::NegativeZero };
const E4M3_FNUZ: Format = Format { fraction: 3, exponent: 4, bias: 8, special: Special::NegativeZero };

/// The exponent of `f32` for 2⁰, and the place of its exponent.
const BIAS: i32 = 127;
const PLACE: u32 = 23;

impl Format {
    #[inline]
    fn widened(&self, bits: u16) -> f32 {
        let Format { fraction, exponent, bias, special } = *self;
        let sign = u32::from(bits) >> (fraction + exponent) << 31;
        let magnitude = u32::from(bits) & ((1 << (fraction + exponent)) - 1);
        let nan = match special {
            // A NaN keeps what its fraction says.
            Special::Ieee if magnitude >> fraction == (1 << exponent) - 1 => {
                let rest = magnitude & ((1 << fraction) - 1);
                return f32::from_bits(sign | f32::INFINITY.to_bits() | rest << (PLACE - fraction));
            }
            Special::Ieee => false,
            Special::AllOnes => magnitude == (1 << (fraction + exponent)) - 1,
            Special::NegativeZero => sign != 0 && magnitude == 0,
        };
        if nan {
            return f32::NAN;
        }
        let number = if magnitude >> fraction == 0 {
            // Without the leading one: a multiple of the smallest number, which `f32` holds with a leading one.
            let smallest = (BIAS + 1 - bias - fraction as i32) as u32;
            magnitude as f32 * f32::from_bits(smallest << PLACE)
        } else {
            f32::from_bits((magnitude << (PLACE - fraction)) + (((BIAS - bias) as u32) << PLACE))
        };
        f32::from_bits(number.to_bits() | sign)
    }
}

#[inline]
pub(crate) fn f16(bytes: [u8; 2]) -> f32 {
    F16.widened(u16::from_le_bytes(bytes))
}

#[inline]
pub(crate) fn bf16(bytes: [u8; 2]) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
}

#[inline]
pub(crate) fn e4m3([bits]: [u8; 1]) -> f32 {
    E4M3.widened(bits.into())
}

#[inline]
pub(crate) fn e5m2([bits]: [u8; 1]) -> f32 {
    E5M2.widened(bits.into())
}

#[inline]
pub(crate) fn e4m3_fnuz([bits]: [u8; 1]) -> f32 {
    E4M3_FNUZ.widened(bits.into())
}

#[inline]
pub(crate) fn e5m2_fnuz([bits]: [u8; 1]) -> f32 {
    E5M2_FNUZ.widened(bits.into())
}

/// A power of two: no sign, no fraction, no zero.
#[inline]
pub(crate) fn e8m0([bits]: [u8; 1]) -> f32 {
    match bits {
        // Half of the smallest number with a leading one.
        0 => f32::MIN_POSITIVE / 2.0,
        0xff => f32::NAN,
        _ => f32::from_bits(u32::from(bits) << PLACE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of the 65,536 by the definition, in `f64`.
    #[test]
    fn f16_is_its_definition() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let magnitude = match exponent {
                0 => fraction * 2_f64.powi(-24),
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
            };
            let (found, expected) =
                (f16(bits.to_le_bytes()), if bits >> 15 == 1 { -magnitude } else { magnitude });
            assert!(
                f64::from(found).total_cmp(&expected).is_eq() || found.is_nan() && expected.is_nan(),
                "{bits:04x}"
            );
        }
    }

    /// The ends of each format, as its specification has them.
    #[test]
    fn the_ends_are_those_of_the_specifications() {
        assert_eq!([f16([0xff, 0x7b]), f16([1, 0]), f16([0, 0x80])], [65504.0, 2_f32.powi(-24), -0.0]);
        assert!(bf16([0xc0, 0x7f]).is_nan());
        assert_eq!([bf16([0x80, 0x3f]), bf16([0x80, 0xff])], [1.0, f32::NEG_INFINITY]);
        assert_eq!(bf16([1, 0]), f32::from_bits(1 << 16));
        assert_eq!([e4m3([0x7e]), e4m3([0x01]), e4m3([0x38])], [448.0, 2_f32.powi(-9), 1.0]);
        assert!(e4m3([0x7f]).is_nan() && e4m3([0xff]).is_nan());
        assert_eq!([e5m2([0x7b]), e5m2([0x01]), e5m2([0xfc])], [57344.0, 2_f32.powi(-16), f32::NEG_INFINITY]);
        assert!(e5m2([0x7d]).is_nan());
        assert_eq!([e4m3_fnuz([0x7f]), e4m3_fnuz([0x01])], [240.0, 2_f32.powi(-10)]);
        assert_eq!([e5m2_fnuz([0x7f]), e5m2_fnuz([0x01])], [57344.0, 2_f32.powi(-17)]);
        assert!(e4m3_fnuz([0x80]).is_nan() && e5m2_fnuz([0x80]).is_nan());
        assert!(e5m2([0x80]).is_sign_negative() && e4m3_fnuz([0x00]).is_sign_positive());
        assert_eq!([e8m0([0]), e8m0([127]), e8m0([254])], [2_f32.powi(-127), 1.0, 2_f32.powi(127)]);
        assert!(e8m0([255]).is_nan());
    }
}
