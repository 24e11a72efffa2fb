//! Numbers of one element type as attributes, and back: for ops that make tensors of numbers alone, and are told the
//! element type.

use crate::element::{DType, Numeric, Value};
use crate::error::Fault;
use crate::graph::op::Attribute;
use crate::ir::ScalarValue;

/// The number as an attribute, which loses nothing of it.
pub(super) fn attribute<T: Numeric>(number: T) -> Attribute {
    match ScalarValue::of(&Value::scalar(number)) {
        ScalarValue::I32(number) => Attribute::Int(number.into()),
        ScalarValue::I64(number) => Attribute::Int(number),
        _ => Attribute::Float(number.as_f64()),
    }
}

/// The attribute of that name as a number of this type. A float type takes any number, which it rounds; an integer
/// type those integers that it has.
pub(super) fn number<T: Numeric>(name: &'static str, attribute: &Attribute) -> Result<T, Fault> {
    let value = match (attribute, T::DTYPE) {
        (&Attribute::Int(number), DType::I64) => Some(Value::scalar(number)),
        (&Attribute::Int(number), DType::I32) => i32::try_from(number).ok().map(Value::scalar),
        (&Attribute::Int(number), DType::F32 | DType::F64) => Some(Value::scalar(T::from_f64(number as f64))),
        (&Attribute::Float(number), DType::F32 | DType::F64) => Some(Value::scalar(T::from_f64(number))),
        _ => None,
    };
    let number = value.and_then(Value::into_array::<T>).and_then(|array| array.first().copied());
    let expected = match T::DTYPE {
        DType::I32 => "an i32",
        DType::I64 => "an i64",
        _ => "a number",
    };
    number.ok_or_else(|| Fault::Attribute { name, expected, found: Some(attribute.to_string()) })
}

/// What a float type makes of a number.
pub(super) fn rounded(number: f64, dtype: DType) -> f64 {
    if dtype == DType::F32 { f64::from(number as f32) } else { number }
}

/// The fault of elements that are not numbers.
pub(super) fn no_number(found: DType) -> Fault {
    Fault::ElementKind { expected: "a number type", found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_lose_nothing_of_a_number() {
        fn same<T: Numeric>(x: T) {
            assert_eq!(number::<T>("x", &attribute(x)), Ok(x));
        }
        [i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX].into_iter().for_each(same);
        [i32::MIN, 0, i32::MAX].into_iter().for_each(same);
        [f32::MIN, 0.1, f32::INFINITY].into_iter().for_each(same);
        [f64::MIN, 0.1, f64::INFINITY].into_iter().for_each(same);
    }

    #[test]
    fn integers_are_not_made_of_other_numbers() {
        assert!(number::<i32>("x", &Attribute::Int(i64::MAX)).is_err());
        assert!(number::<i64>("x", &Attribute::Float(1.0)).is_err());
        assert!(number::<f64>("x", &Attribute::Bool(true)).is_err());
        assert_eq!(number::<f64>("x", &Attribute::Int(2)), Ok(2.0));
    }
}
