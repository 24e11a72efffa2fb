//! The elements of a [`Value`] as bytes: row-major and little-endian, as npy and safetensors files have them.

use std::io::{self, Write};

use ndarray::ArrayD;

use super::CHUNK;
use crate::Value;

/// Writes all elements. Nothing is allocated.
pub(crate) fn write(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::F32(array) => elements(array, out, f32::to_le_bytes),
        Value::F64(array) => elements(array, out, f64::to_le_bytes),
        Value::I32(array) => elements(array, out, i32::to_le_bytes),
        Value::I64(array) => elements(array, out, i64::to_le_bytes),
        Value::Bool(array) => elements(array, out, |element| [u8::from(element)]),
    }
}

/// Bytes that [`write`] writes.
pub(crate) fn size(value: &Value) -> u64 {
    let length = |&length: &usize| length as u64;
    value.shape().iter().map(length).product::<u64>() * value.dtype().size() as u64
}

fn elements<T: Copy, const N: usize>(
    array: &ArrayD<T>,
    out: &mut dyn Write,
    encode: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    let mut elements = array.iter();
    while elements.len() > 0 {
        let bytes = &mut buffer[..elements.len().min(CHUNK / N) * N];
        let (chunk, _) = bytes.as_chunks_mut::<N>();
        chunk.iter_mut().zip(elements.by_ref()).for_each(|(bytes, &element)| *bytes = encode(element));
        out.write_all(bytes)?;
    }
    Ok(())
}
