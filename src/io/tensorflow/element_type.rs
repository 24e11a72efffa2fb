//! The element types of TensorFlow: their numbers, their names, and how their elements lie.
//!
//! Numbers and names are those of `tensorflow/core/framework/types.proto`.

use crate::DType;
use crate::io::elements::Encoding;

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementType {
    pub(crate) number: i32,
    pub(crate) name: &'static str,
    /// None for what is no number that flowgrad reads.
    pub(crate) encoding: Option<Encoding>,
}

/// The number of texts.
pub(crate) const STRING: i32 = 7;

/// Reference types have the number of their elements' type and this.
const REFERENCE: i32 = 100;

/// All of them.
#[rustfmt::skip]
const TYPES: &[(i32, &str, Option<Encoding>)] = &[
    ( 1, "float",             Some(Encoding::F32)),
    ( 2, "double",            Some(Encoding::F64)),
    ( 3, "int32",             Some(Encoding::I32)),
    ( 4, "uint8",             Some(Encoding::U8)),
    ( 5, "int16",             Some(Encoding::I16)),
    ( 6, "int8",              Some(Encoding::I8)),
    ( 7, "string",            None),
    ( 8, "complex64",         None),
    ( 9, "int64",             Some(Encoding::I64)),
    (10, "bool",              Some(Encoding::Bool)),
    (11, "qint8",             None),
    (12, "quint8",            None),
    (13, "qint32",            None),
    (14, "bfloat16",          Some(Encoding::Bf16)),
    (15, "qint16",            None),
    (16, "quint16",           None),
    (17, "uint16",            Some(Encoding::U16)),
    (18, "complex128",        None),
    (19, "half",              Some(Encoding::F16)),
    (20, "resource",          None),
    (21, "variant",           None),
    (22, "uint32",            Some(Encoding::U32)),
    (23, "uint64",            Some(Encoding::U64)),
    (24, "float8_e5m2",       Some(Encoding::F8E5M2)),
    (25, "float8_e4m3fn",     Some(Encoding::F8E4M3)),
    (26, "float8_e4m3fnuz",   Some(Encoding::F8E4M3Fnuz)),
    (27, "float8_e4m3b11fnuz", None),
    (28, "float8_e5m2fnuz",   Some(Encoding::F8E5M2Fnuz)),
    (29, "int4",              None),
    (30, "uint4",             None),
    (31, "int2",              None),
    (32, "uint2",             None),
];

/// The type of that number, or the one that a reference of that number leads to.
pub(crate) fn of(number: i32) -> Option<ElementType> {
    let plain = if number > REFERENCE { number - REFERENCE } else { number };
    let found = TYPES.iter().find(|row| row.0 == plain);
    found.map(|&(number, name, encoding)| ElementType { number, name, encoding })
}

/// The name of the type of that number.
pub(crate) fn name(number: i32) -> String {
    of(number).map_or_else(|| format!("type {number}"), |found| found.name.to_owned())
}

/// The number of one of flowgrad's types.
pub(crate) fn number(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::F64 => 2,
        DType::I32 => 3,
        DType::I64 => 9,
        DType::Bool => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_to_their_types_and_back() {
        for dtype in [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool] {
            for number in [number(dtype), number(dtype) + REFERENCE] {
                assert_eq!(of(number).and_then(|found| found.encoding).and_then(Encoding::own), Some(dtype));
            }
        }
        assert!(TYPES.iter().zip(1..).all(|(row, number)| row.0 == number));
        assert_eq!((name(119), name(77)), ("half".to_owned(), "type 77".to_owned()));
    }
}
