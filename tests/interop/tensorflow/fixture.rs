//! Files that TensorFlow made, packed, and the arrays in them.

use std::io::Read;
use std::path::Path;

use flowgrad::Value;
use flowgrad::ndarray::ArrayD;

use super::stored::Stored;

/// What a packed file holds.
pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let packed = std::fs::read(path).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// An array with the elements that the file says.
pub(crate) fn value(stored: &Stored) -> Value {
    let numbers = stored.numbers();
    match stored.dtype.as_str() {
        "f32" => Value::from(numbers.mapv(|x| x as f32)),
        "f64" => Value::from(numbers),
        "i32" => Value::from(numbers.mapv(|x| x as i32)),
        "i64" => Value::from(numbers.mapv(|x| x as i64)),
        other => panic!("no such elements: {other}"),
    }
}

/// The elements as numbers.
pub(crate) fn numbers(value: &Value) -> ArrayD<f64> {
    match value {
        Value::F32(array) => array.mapv(f64::from),
        Value::F64(array) => array.clone(),
        Value::I32(array) => array.mapv(f64::from),
        Value::I64(array) => array.mapv(|x| x as f64),
        Value::Bool(array) => array.mapv(|x| f64::from(u8::from(x))),
    }
}
