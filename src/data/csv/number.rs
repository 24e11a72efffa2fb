//! A field as a number.

use std::str::FromStr;

use super::error::CsvFault;
use crate::Numeric;
use crate::error::quote::excerpt;

/// From here on, an `f64` may stand for another whole number than the text.
const WHOLE: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// The finite number that a field says, rounded to the nearest of a float type; an integer type takes it
/// only if it is whole, however it is written.
pub(super) fn parse<T: Numeric + FromStr>(field: &[u8]) -> Result<T, CsvFault> {
    let text = str::from_utf8(field).unwrap_or_default();
    if let Ok(number) = text.parse::<T>()
        && number.as_f64().is_finite()
    {
        return Ok(number);
    }
    let number: f64 =
        text.parse().map_err(|_| CsvFault::NotANumber { text: excerpt(field), may_be_name: false })?;
    if !number.is_finite() && !text.contains(|c: char| c.is_ascii_digit()) {
        return Err(CsvFault::NotFinite { text: excerpt(field) });
    }
    // A type of integers takes those from its least to less than what its least would be without the sign.
    let beyond = -T::from_f64(f64::NEG_INFINITY).as_f64();
    if T::DTYPE.is_float() || number < -beyond || number >= beyond {
        return Err(CsvFault::OutOfRange { text: excerpt(field), dtype: T::DTYPE });
    }
    if number.abs() >= WHOLE {
        return Err(CsvFault::NotExact { text: excerpt(field), dtype: T::DTYPE });
    }
    if number.fract() != 0.0 {
        return Err(CsvFault::NotWhole { text: excerpt(field), dtype: T::DTYPE });
    }
    Ok(T::from_f64(number))
}
