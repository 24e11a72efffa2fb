//! Constants: a `TensorProto` as an array.

use crate::element::{DType, Value};
use crate::io::elements::{Layout, Unreadable};
use crate::io::import::budget::Budget;
use crate::io::tensorflow::element_type::{self, ElementType};
use crate::io::tensorflow::{TensorProto, TensorShapeProto, tensor};
use crate::shape::Shape;

/// The type of that number, references included, and ours; narrower ones widened if that is asked for.
fn accepted(number: i32, widen: bool) -> Result<(ElementType, DType), String> {
    let found = element_type::of(number);
    let held = found.and_then(|element| {
        let encoding = element.encoding?;
        encoding.own().or_else(|| widen.then(|| encoding.dtype())).map(|dtype| (element, dtype))
    });
    held.ok_or_else(|| {
        format!(
            "expected elements of float, double, int32, int64 or bool, got {}",
            element_type::name(number)
        )
    })
}

/// The element type for one of TensorFlow's, references included; narrower ones widened if that is asked for.
pub(super) fn dtype(number: i32, widen: bool) -> Result<DType, String> {
    accepted(number, widen).map(|(_, dtype)| dtype)
}

/// An array as a message.
pub(super) fn proto(value: &Value) -> TensorProto {
    let tensor_shape = Some(TensorShapeProto::of(&value.shape().into()));
    let mut proto =
        TensorProto { dtype: element_type::number(value.dtype()), tensor_shape, ..TensorProto::default() };
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
    let (element, dtype) = accepted(proto.dtype, widen)?;
    let Some(encoding) = element.encoding else {
        return Err(format!("expected a type that holds numbers, got {}", element.name));
    };
    let declared: Vec<i64> =
        proto.tensor_shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.size).collect();
    let shape = budget.lengths(&declared, dtype).map_err(|over| over.to_string())?;
    let bytes = tensor::bytes(proto, encoding, shape.iter().product())?;
    let layout = Layout { encoding, big_endian: false, by_columns: false, shape };
    layout.read(&mut &bytes[..], element.name, None).map_err(|unreadable| match unreadable {
        Unreadable::Io(error) => error.to_string(),
        Unreadable::Array(fault) => fault.to_string(),
    })
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
            dtype(19, false).is_err()
                && dtype(element_type::STRING, true).is_err()
                && dtype(101, false) == Ok(DType::F32)
        );
    }
}
