//! The elements of a `TensorProto` as bytes, in whichever of its fields they stand.

use std::borrow::Cow;

use super::TensorProto;
use crate::io::elements::Encoding;

/// The bytes of `count` elements: those of the message if it has any, else of the elements that it lists, of which the
/// last is repeated. Memory is taken for all of them: who asks has seen that there may be as many.
///
/// # Errors
/// In words, if there are more or fewer.
pub(crate) fn bytes(proto: &TensorProto, encoding: Encoding, count: usize) -> Result<Cow<'_, [u8]>, String> {
    let size = encoding.size();
    let wrong = |found: String| format!("expected {count} elements of {size} bytes, got {found}");
    let whole = count.checked_mul(size).ok_or_else(|| wrong("what cannot be counted".to_owned()))?;
    if !proto.tensor_content.is_empty() {
        let found = proto.tensor_content.len();
        return if found == whole {
            Ok(Cow::Borrowed(&proto.tensor_content))
        } else {
            Err(wrong(format!("{found} bytes")))
        };
    }
    let listed = listed_count(proto, encoding);
    if listed > count {
        return Err(wrong(format!("{listed} elements")));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(whole).map_err(|_| format!("expected memory for {whole} bytes, got none"))?;
    list(proto, encoding, &mut bytes);
    match bytes.len().checked_sub(size) {
        Some(last) => {
            let last = bytes[last..].to_vec();
            (listed..count).for_each(|_| bytes.extend_from_slice(&last));
        }
        // Without any, all are 0, as in every message.
        None => bytes.resize(whole, 0),
    }
    Ok(Cow::Owned(bytes))
}

/// How many elements the message lists one by one.
pub(crate) fn listed_count(proto: &TensorProto, encoding: Encoding) -> usize {
    match encoding {
        Encoding::F32 => proto.float_val.len(),
        Encoding::F64 => proto.double_val.len(),
        Encoding::I8 | Encoding::U8 | Encoding::I16 | Encoding::U16 | Encoding::I32 => proto.int_val.len(),
        Encoding::I64 => proto.int64_val.len(),
        Encoding::U32 => proto.uint32_val.len(),
        Encoding::U64 => proto.uint64_val.len(),
        Encoding::Bool => proto.bool_val.len(),
        Encoding::F16 | Encoding::Bf16 => proto.half_val.len(),
        Encoding::F8E4M3
        | Encoding::F8E4M3Fnuz
        | Encoding::F8E5M2
        | Encoding::F8E5M2Fnuz
        | Encoding::F8E8M0 => proto.float8_val.len(),
    }
}

/// Appends the bytes of the elements that the message lists.
fn list(proto: &TensorProto, encoding: Encoding, to: &mut Vec<u8>) {
    /// The lowest bytes of each number.
    fn low<const N: usize>(numbers: impl Iterator<Item = [u8; N]>, size: usize, to: &mut Vec<u8>) {
        numbers.for_each(|bytes| to.extend(&bytes[..size.min(N)]));
    }
    let size = encoding.size();
    match encoding {
        Encoding::F32 => low(proto.float_val.iter().map(|number| number.to_le_bytes()), size, to),
        Encoding::F64 => low(proto.double_val.iter().map(|number| number.to_le_bytes()), size, to),
        Encoding::I8 | Encoding::U8 | Encoding::I16 | Encoding::U16 | Encoding::I32 => {
            low(proto.int_val.iter().map(|number| number.to_le_bytes()), size, to);
        }
        Encoding::I64 => low(proto.int64_val.iter().map(|number| number.to_le_bytes()), size, to),
        Encoding::U32 => low(proto.uint32_val.iter().map(|number| number.to_le_bytes()), size, to),
        Encoding::U64 => low(proto.uint64_val.iter().map(|number| number.to_le_bytes()), size, to),
        Encoding::Bool => to.extend(proto.bool_val.iter().map(|&truth| u8::from(truth))),
        Encoding::F16 | Encoding::Bf16 => {
            low(proto.half_val.iter().map(|bits| bits.to_le_bytes()), size, to);
        }
        Encoding::F8E4M3
        | Encoding::F8E4M3Fnuz
        | Encoding::F8E5M2
        | Encoding::F8E5M2Fnuz
        | Encoding::F8E8M0 => to.extend(&proto.float8_val),
    }
}
