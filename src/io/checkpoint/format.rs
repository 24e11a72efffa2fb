//! Values as tensors of a safetensors file, and back; the checksum over a file's contents.

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};

use super::FileFault;
use super::safetensors::{Contents, Tensor, type_name};
use crate::{DType, Element, Value};

/// A value as a file holds it.
pub(super) fn tensor(value: &Value) -> Tensor<'_> {
    let data = match value {
        Value::F32(array) => bytes(array, f32::to_le_bytes),
        Value::F64(array) => bytes(array, f64::to_le_bytes),
        Value::I32(array) => bytes(array, i32::to_le_bytes),
        Value::I64(array) => bytes(array, i64::to_le_bytes),
        Value::Bool(array) => bytes(array, |element| [u8::from(element)]),
    };
    Tensor { dtype: value.dtype(), shape: Cow::Borrowed(value.shape()), data: Cow::Owned(data) }
}

fn bytes<T: Element, const N: usize>(array: &ArrayD<T>, bytes_of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(array.len() * N);
    array.iter().for_each(|&element| bytes.extend_from_slice(&bytes_of(element)));
    bytes
}

/// The value that a tensor of a file holds.
pub(super) fn value(name: &str, tensor: &Tensor<'_>) -> Result<Value, FileFault> {
    let value = match tensor.dtype {
        DType::F32 => array(tensor, |bytes| Some(f32::from_le_bytes(bytes))),
        DType::F64 => array(tensor, |bytes| Some(f64::from_le_bytes(bytes))),
        DType::I32 => array(tensor, |bytes| Some(i32::from_le_bytes(bytes))),
        DType::I64 => array(tensor, |bytes| Some(i64::from_le_bytes(bytes))),
        DType::Bool => array(tensor, |[byte]| (byte <= 1).then_some(byte == 1)),
    };
    let (dtype, shape) = (tensor.dtype, tensor.shape.to_vec());
    value.ok_or_else(|| FileFault::Tensor { name: name.to_owned(), dtype, shape })
}

fn array<T: Element, const N: usize>(
    tensor: &Tensor<'_>,
    element_of: impl Fn([u8; N]) -> Option<T>,
) -> Option<Value> {
    // There are as many bytes as the shape says, for which the format has been checked.
    let (elements, _) = tensor.data.as_chunks();
    let elements: Option<Vec<T>> = elements.iter().map(|&bytes| element_of(bytes)).collect();
    ArrayD::from_shape_vec(IxDyn(&tensor.shape), elements?).map(T::wrap).ok()
}

/// Ends a text in the input of the checksum; no UTF-8 text has this byte.
const END: [u8; 1] = [0xff];

/// CRC-32C (Castagnoli) of metadata and tensors, which finds every flipped bit and every shorter burst than 33 bits.
/// It depends on what a file says, not on how the header is written.
pub(super) fn checksum(contents: &Contents<'_>) -> u32 {
    let text = |crc, text: &str| crc32c::crc32c_append(crc32c::crc32c_append(crc, text.as_bytes()), &END);
    let crc = contents.metadata.iter().fold(0, |crc, (key, value)| text(text(crc, key), value));
    contents.tensors.iter().fold(crc, |crc, (name, tensor)| {
        let kind = format!("{}{:?}", type_name(tensor.dtype), tensor.shape);
        crc32c::crc32c_append(text(text(crc, name), &kind), &tensor.data)
    })
}
