//! A field as a number.

use std::str::FromStr;

use super::error::CsvFault;
use crate::Numeric;
use crate::quote::excerpt;

/// Digits of the largest `i64`; what has more of them before the point is beyond every type of integers.
const MOST_DIGITS: i64 = 19;

/// The finite number that a field says, rounded to the nearest of a float type; an integer type takes it
/// only if it is whole, however it is written, and then exactly.
pub(super) fn parse<T: Numeric + FromStr>(field: &[u8]) -> Result<T, CsvFault> {
    let text = str::from_utf8(field).unwrap_or_default();
    if let Ok(number) = text.parse::<T>()
        && number.as_f64().is_finite()
    {
        return Ok(number);
    }
    let not_a_number =
        || CsvFault::NotANumber { text: excerpt(field), may_be_name: false, is_missing: field.is_empty() };
    let number: f64 = text.parse().map_err(|_| not_a_number())?;
    if !number.is_finite() && !text.contains(|c: char| c.is_ascii_digit()) {
        return Err(CsvFault::NotFinite { text: excerpt(field) });
    }
    let out_of_range = || CsvFault::OutOfRange { text: excerpt(field), dtype: T::DTYPE };
    if T::DTYPE.is_float() {
        return Err(out_of_range());
    }
    match integer(text) {
        Integer::Digits(digits) => digits.parse().map_err(|_| out_of_range()),
        Integer::TooLong => Err(out_of_range()),
        Integer::NotWhole => Err(CsvFault::NotWhole { text: excerpt(field), dtype: T::DTYPE }),
    }
}

/// What a decimal number is as an integer.
#[derive(Debug, PartialEq)]
enum Integer {
    /// The sign and the digits of an integer that may fit.
    Digits(String),
    /// It has more digits than fit.
    TooLong,
    /// It has a fraction.
    NotWhole,
}

/// The integer that the text of a finite number says, with a point and an exponent or without. The digits decide, for
/// an `f64` has no room for all of them: `9007199254740993.0` would become even, and `1.0000000000000000001` whole.
fn integer(text: &str) -> Integer {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // An exponent of that many digits is beyond all others, and as good as any of its sign.
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let exponent = exponent.parse().unwrap_or(beyond);
    let digits = || before.bytes().chain(behind.bytes());
    let point = exponent.saturating_add(before.len() as i64);
    let zeros = digits().take_while(|&digit| digit == b'0').count();
    if zeros == before.len() + behind.len() {
        return Integer::Digits("0".to_owned());
    }
    let trailing = digits().rev().take_while(|&digit| digit == b'0').count();
    if point < (before.len() + behind.len() - trailing) as i64 {
        return Integer::NotWhole;
    }
    // Behind the first digit that counts, so that this is at least 1.
    let count = point.saturating_sub(zeros as i64);
    if count > MOST_DIGITS {
        return Integer::TooLong;
    }
    let sign = text.starts_with('-').then_some('-');
    let digits = digits().skip(zeros).chain(std::iter::repeat(b'0')).map(char::from);
    Integer::Digits(sign.into_iter().chain(digits.take(count as usize)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_decide_what_is_whole() {
        for (text, expected) in [
            ("1e3", "1000"),
            ("-1.50E+1", "-15"),
            ("+.5e1", "5"),
            ("5.", "5"),
            ("00120.00e-1", "12"),
            ("0.00012e5", "12"),
            ("9007199254740993.0", "9007199254740993"),
            ("922337203685477580.7e1", "9223372036854775807"),
            ("-0.0", "0"),
            ("0e99999999999999999999", "0"),
            ("0e-99999999999999999999", "0"),
            ("1e00000000000000000000002", "100"),
        ] {
            assert_eq!(integer(text), Integer::Digits(expected.to_owned()), "{text}");
        }
        for text in ["0.5", "1.0000000000000000001", "1e-400", "1e-99999999999999999999", "10.01e1", "1e-1"] {
            assert_eq!(integer(text), Integer::NotWhole, "{text}");
        }
        for text in ["1e19", "1e99999999999999999999", "-12345678901234567890.0"] {
            assert_eq!(integer(text), Integer::TooLong, "{text}");
        }
    }
}
