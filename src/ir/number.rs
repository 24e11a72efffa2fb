//! [`ScalarValue`]: one number of any element type.

use std::fmt;

use ndarray::{ArrayD, IxDyn};

use crate::element::{DType, Element, Numeric, Value, with_array};

/// One number of any type; equal when the bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScalarValue {
    F32(u32),
    F64(u64),
    I32(i32),
    I64(i64),
    Bool(bool),
}

impl ScalarValue {
    /// The first element of a value that has one.
    pub(crate) fn of(value: &Value) -> Self {
        fn first<T: Element>(array: &ArrayD<T>) -> T {
            array.first().copied().unwrap_or_default()
        }
        match value {
            Value::F32(array) => ScalarValue::F32(first(array).to_bits()),
            Value::F64(array) => ScalarValue::F64(first(array).to_bits()),
            Value::I32(array) => ScalarValue::I32(first(array)),
            Value::I64(array) => ScalarValue::I64(first(array)),
            Value::Bool(array) => ScalarValue::Bool(first(array)),
        }
    }

    /// The element type.
    pub(crate) fn dtype(self) -> DType {
        match self {
            ScalarValue::F32(_) => DType::F32,
            ScalarValue::F64(_) => DType::F64,
            ScalarValue::I32(_) => DType::I32,
            ScalarValue::I64(_) => DType::I64,
            ScalarValue::Bool(_) => DType::Bool,
        }
    }

    /// The number nearest to this one that elements of a type can be.
    pub(crate) fn number(number: f64, dtype: DType) -> Self {
        match dtype {
            DType::F32 => ScalarValue::F32(f32::from_f64(number).to_bits()),
            DType::F64 => ScalarValue::F64(number.to_bits()),
            DType::I32 => ScalarValue::I32(i32::from_f64(number)),
            DType::I64 => ScalarValue::I64(i64::from_f64(number)),
            DType::Bool => ScalarValue::Bool(number != 0.0),
        }
    }

    /// 0 of the same type.
    pub(crate) fn zero(self) -> Self {
        match self {
            ScalarValue::F32(_) => ScalarValue::F32(0),
            ScalarValue::F64(_) => ScalarValue::F64(0),
            ScalarValue::I32(_) => ScalarValue::I32(0),
            ScalarValue::I64(_) => ScalarValue::I64(0),
            ScalarValue::Bool(_) => ScalarValue::Bool(false),
        }
    }

    /// The number as an array without axes.
    pub(crate) fn to_value(self) -> Value {
        fn array<T: Element>(number: T) -> Value {
            Value::wrap(ArrayD::from_elem(IxDyn(&[]), number))
        }
        match self {
            ScalarValue::F32(bits) => array(f32::from_bits(bits)),
            ScalarValue::F64(bits) => array(f64::from_bits(bits)),
            ScalarValue::I32(number) => array(number),
            ScalarValue::I64(number) => array(number),
            ScalarValue::Bool(boolean) => array(boolean),
        }
    }

    /// Whether it is this number; NaN is none.
    pub(crate) fn is(self, number: f64) -> bool {
        match self {
            ScalarValue::F32(bits) => f64::from(f32::from_bits(bits)) == number,
            ScalarValue::F64(bits) => f64::from_bits(bits) == number,
            ScalarValue::I32(own) => f64::from(own) == number,
            ScalarValue::I64(own) => own as f64 == number,
            ScalarValue::Bool(_) => false,
        }
    }
}

impl ScalarValue {
    /// The number as an `f64`.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            ScalarValue::F32(bits) => f64::from(f32::from_bits(bits)),
            ScalarValue::F64(bits) => f64::from_bits(bits),
            ScalarValue::I32(number) => f64::from(number),
            ScalarValue::I64(number) => number as f64,
            ScalarValue::Bool(boolean) => f64::from(u8::from(boolean)),
        }
    }

    /// Whether it is this number, and for floats a zero of the same sign.
    pub(crate) fn is_exactly(self, number: f64) -> bool {
        let same_sign = match self {
            ScalarValue::F32(_) | ScalarValue::F64(_) => {
                self.to_f64().is_sign_negative() == number.is_sign_negative()
            }
            _ => true,
        };
        self.is(number) && same_sign
    }

    /// Whether it is a float in the range of full precision: no zero, denormal, infinity or NaN.
    pub(crate) fn is_normal(self) -> bool {
        match self {
            ScalarValue::F32(bits) => f32::from_bits(bits).is_normal(),
            ScalarValue::F64(bits) => f64::from_bits(bits).is_normal(),
            _ => false,
        }
    }
}

impl fmt::Display for ScalarValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_array!(self.to_value(), array => array.iter().try_for_each(|number| write!(f, "{number:?}")))
    }
}
