//! Values, as cases for TensorFlow hold them.

use flowgrad::{DType, Value};

use super::cases::Numbers;
use super::fixture::numbers;

pub(crate) fn stored(value: &Value) -> Numbers {
    let dtype = match value.dtype() {
        DType::F32 => "f32",
        DType::F64 => "f64",
        DType::I32 => "i32",
        DType::I64 => "i64",
        DType::Bool => "bool",
    };
    let array = numbers(value);
    Numbers { dtype, shape: array.shape().to_vec(), elements: array.iter().copied().collect() }
}
