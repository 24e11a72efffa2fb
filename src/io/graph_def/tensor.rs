//! Constants: a `TensorProto` as an array.

use ndarray::{ArrayD, IxDyn};

use crate::element::{DType, Element, Value};
use crate::io::import::budget::Budget;
use crate::io::small_float::{bf16, f16};
use crate::io::tensorflow::{TensorProto, TensorShapeProto};
use crate::shape::Shape;

/// The numbers of TensorFlow's element types, and ours: with `None` for those that widening would hold, and which one.
const TYPES: [(i32, DType, bool, &str); 13] = [
    (1, DType::F32, true, "float"),
    (2, DType::F64, true, "double"),
    (3, DType::I32, true, "int32"),
    (9, DType::I64, true, "int64"),
    (10, DType::Bool, true, "bool"),
    (4, DType::I32, false, "uint8"),
    (5, DType::I32, false, "int16"),
    (6, DType::I32, false, "int8"),
    (17, DType::I32, false, "uint16"),
    (22, DType::I64, false, "uint32"),
    (14, DType::F32, false, "bfloat16"),
    (19, DType::F32, false, "half"),
    (7, DType::Bool, false, "string"),
];

/// The number of texts.
pub(super) const STRING: i32 = 7;

/// The element type for one of TensorFlow's, references included; narrower ones widened if that is asked for.
pub(super) fn dtype(number: i32, widen: bool) -> Result<DType, String> {
    let plain = if number > 100 { number - 100 } else { number };
    match TYPES.iter().find(|row| row.0 == plain) {
        Some(&(_, dtype, is_own, _)) if is_own || widen && plain != STRING => Ok(dtype),
        Some(&(.., name)) => {
            Err(format!("expected elements of float, double, int32, int64 or bool, got {name}"))
        }
        None => Err(format!("expected elements of float, double, int32, int64 or bool, got type {plain}")),
    }
}

/// The number of an element type.
pub(super) fn number(dtype: DType) -> i32 {
    TYPES.iter().find(|row| row.1 == dtype && row.2).map_or(0, |row| row.0)
}

/// An array as a message.
pub(super) fn proto(value: &Value) -> TensorProto {
    let tensor_shape = Some(TensorShapeProto::of(&value.shape().into()));
    let mut proto = TensorProto { dtype: number(value.dtype()), tensor_shape, ..TensorProto::default() };
    match value {
        Value::F32(array) => proto.tensor_content = array.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Value::F64(array) => proto.tensor_content = array.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Value::I32(array) => proto.tensor_content = array.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Value::I64(array) => proto.tensor_content = array.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Value::Bool(array) => proto.bool_val = array.iter().copied().collect(),
    }
    proto
}

/// The shape; none if not even the number of axes is known.
pub(super) fn shape(proto: &TensorShapeProto) -> Option<Shape> {
    let length = |size: i64| usize::try_from(size).ok();
    let is_any = proto.unknown_rank || proto.dim.iter().any(|dim| dim.size < -1);
    (!is_any).then(|| Shape::from(proto.dim.iter().map(|dim| length(dim.size)).collect::<Vec<_>>()))
}

/// The array of a constant, or what is wrong with it.
pub(super) fn value(proto: &TensorProto, widen: bool, budget: &mut Budget) -> Result<Value, String> {
    let dtype = dtype(proto.dtype, widen)?;
    let declared: Vec<i64> =
        proto.tensor_shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.size).collect();
    let lengths = budget.lengths(&declared, dtype).map_err(|over| over.to_string())?;
    let of = Of { proto, lengths: &lengths };
    match proto.dtype {
        1 => of.array(&proto.float_val, |number| number, f32::from_le_bytes),
        2 => of.array(&proto.double_val, |number| number, f64::from_le_bytes),
        3 => of.array(&proto.int_val, |number| number, i32::from_le_bytes),
        9 => of.array(&proto.int64_val, |number| number, i64::from_le_bytes),
        10 => of.array(&proto.bool_val, |truth| truth, |[byte]: [u8; 1]| byte != 0),
        4 => of.array(&proto.int_val, |number| number, |[byte]: [u8; 1]| i32::from(byte)),
        6 => of.array(&proto.int_val, |number| number, |byte: [u8; 1]| i32::from(i8::from_le_bytes(byte))),
        5 => of.array(&proto.int_val, |number| number, |bytes| i32::from(i16::from_le_bytes(bytes))),
        17 => of.array(&proto.int_val, |number| number, |bytes| i32::from(u16::from_le_bytes(bytes))),
        22 => of.array(&proto.uint32_val, i64::from, |bytes| i64::from(u32::from_le_bytes(bytes))),
        14 => of.array(&proto.half_val, |bits| bf16((bits as u16).to_le_bytes()), bf16),
        19 => of.array(&proto.half_val, |bits| f16((bits as u16).to_le_bytes()), f16),
        // The type has been accepted.
        other => Err(format!("expected a type that holds numbers, got {other}")),
    }
}

/// A message and the lengths that it declares.
struct Of<'a> {
    proto: &'a TensorProto,
    lengths: &'a [usize],
}

impl Of<'_> {
    /// The elements: out of the bytes if there are any, else as listed, of which the last is repeated.
    fn array<P: Copy, T: Element, const N: usize>(
        &self,
        listed: &[P],
        of_listed: impl Fn(P) -> T,
        of_bytes: impl Fn([u8; N]) -> T,
    ) -> Result<Value, String> {
        let count = self.lengths.iter().product();
        let mut elements: Vec<T> = Vec::new();
        let lacking = || format!("expected memory for {count} elements, got none");
        elements.try_reserve_exact(count).map_err(|_| lacking())?;
        let bytes = &self.proto.tensor_content;
        if bytes.is_empty() {
            if listed.len() > count {
                return Err(format!("expected {count} elements, got {}", listed.len()));
            }
            elements.extend(listed.iter().map(|&element| of_listed(element)));
            // Without any, all are 0, as in every message.
            let last = elements.last().copied().unwrap_or_default();
            elements.resize(count, last);
        } else {
            let (parts, rest) = bytes.as_chunks::<N>();
            if parts.len() != count || !rest.is_empty() {
                return Err(format!("expected {count} elements of {N} bytes, got {} bytes", bytes.len()));
            }
            elements.extend(parts.iter().map(|&part| of_bytes(part)));
        }
        let array = ArrayD::from_shape_vec(IxDyn(self.lengths), elements);
        array.map(Value::from).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::tensorflow::Dim;

    fn of(dims: &[i64], proto: TensorProto) -> Result<Value, String> {
        let dim = dims.iter().map(|&size| Dim { size }).collect();
        let tensor_shape = Some(TensorShapeProto { dim, unknown_rank: false });
        value(&TensorProto { tensor_shape, ..proto }, true, &mut Budget::of_file(0))
    }

    #[test]
    fn the_last_listed_element_is_repeated() {
        let proto = TensorProto { dtype: 1, float_val: vec![1.0, 7.0], ..TensorProto::default() };
        assert_eq!(of(&[2, 2], proto.clone()), Ok(Value::from(ndarray::arr2(&[[1.0_f32, 7.0], [7.0, 7.0]]))));
        assert_eq!(
            of(&[0], TensorProto { dtype: 1, ..TensorProto::default() }),
            Ok(Value::from(ndarray::arr1(&[0.0_f32; 0])))
        );
        assert!(of(&[1], proto.clone()).is_err());
        assert!(of(&[1 << 40], proto.clone()).is_err());
        assert!(of(&[-1], proto).is_err());
    }

    #[test]
    fn bytes_are_as_many_as_declared() {
        let proto = TensorProto {
            dtype: 3,
            tensor_content: vec![1, 0, 0, 0, 255, 255, 255, 255],
            ..TensorProto::default()
        };
        assert_eq!(of(&[2], proto.clone()), Ok(Value::from(ndarray::arr1(&[1, -1]))));
        assert!(of(&[3], proto).is_err());
    }

    #[test]
    fn narrow_elements_are_widened_exactly() {
        let number =
            |dtype, bits| of(&[1], TensorProto { dtype, half_val: vec![bits], ..TensorProto::default() });
        for (bits, expected) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x0001, 2.0_f32.powi(-24)),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(number(19, bits), Ok(Value::from(ndarray::arr1(&[expected]))));
        }
        assert_eq!(number(14, 0xbf80), Ok(Value::from(ndarray::arr1(&[-1.0_f32]))));
        assert!(
            dtype(19, false).is_err() && dtype(STRING, true).is_err() && dtype(101, false) == Ok(DType::F32)
        );
    }
}
