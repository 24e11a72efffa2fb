//! The element types of ONNX, and what they are here: a table.

use crate::element::DType;

/// A row: ONNX's number and name of a type, ours, and bits of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ElementType {
    pub(super) number: i32,
    pub(super) name: &'static str,
    /// The type of ours that holds all values; itself where it is one of ours.
    pub(super) dtype: DType,
    /// Whether it is one of ours.
    pub(super) is_own: bool,
    /// Bytes of an element in raw data.
    pub(super) bytes: usize,
    /// The least and the largest integer, of narrow integers.
    pub(super) range: Option<(i64, i64)>,
}

const fn own(number: i32, name: &'static str, dtype: DType) -> ElementType {
    ElementType { number, name, dtype, is_own: true, bytes: dtype.size(), range: None }
}

const fn narrow(number: i32, name: &'static str, bytes: usize, low: i64, high: i64) -> ElementType {
    let dtype = if bytes < 4 { DType::I32 } else { DType::I64 };
    ElementType { number, name, dtype, is_own: false, bytes, range: Some((low, high)) }
}

const fn small(number: i32, name: &'static str) -> ElementType {
    ElementType { number, name, dtype: DType::F32, is_own: false, bytes: 2, range: None }
}

pub(super) const FLOAT16: i32 = 10;
pub(super) const BFLOAT16: i32 = 16;
pub(super) const UINT64: i32 = 13;
pub(super) const UINT8: i32 = 2;

/// The types that are read.
const TYPES: &[ElementType] = &[
    own(1, "float", DType::F32),
    narrow(UINT8, "uint8", 1, 0, u8::MAX as i64),
    narrow(3, "int8", 1, i8::MIN as i64, i8::MAX as i64),
    narrow(4, "uint16", 2, 0, u16::MAX as i64),
    narrow(5, "int16", 2, i16::MIN as i64, i16::MAX as i64),
    own(6, "int32", DType::I32),
    own(7, "int64", DType::I64),
    own(9, "bool", DType::Bool),
    small(FLOAT16, "float16"),
    own(11, "double", DType::F64),
    narrow(12, "uint32", 4, 0, u32::MAX as i64),
    narrow(UINT64, "uint64", 8, 0, i64::MAX),
    small(BFLOAT16, "bfloat16"),
];

/// Names of types that are not read, for messages.
const OTHERS: &[(i32, &str)] = &[
    (8, "string"),
    (14, "complex64"),
    (15, "complex128"),
    (17, "float8e4m3fn"),
    (18, "float8e4m3fnuz"),
    (19, "float8e5m2"),
    (20, "float8e5m2fnuz"),
    (21, "uint4"),
    (22, "int4"),
    (23, "float4e2m1"),
    (24, "float8e8m0"),
    (25, "uint2"),
    (26, "int2"),
];

/// The type of that number, if it is read.
pub(super) fn of(number: i64) -> Option<&'static ElementType> {
    TYPES.iter().find(|row| i64::from(row.number) == number)
}

/// ONNX's number for a type of ours.
pub(super) fn number_of(dtype: DType) -> i32 {
    TYPES.iter().find(|row| row.is_own && row.dtype == dtype).map_or(0, |row| row.number)
}

/// What messages call the type of that number.
pub(super) fn name(number: i64) -> String {
    let other = OTHERS.iter().find(|(other, _)| i64::from(*other) == number).map(|(_, name)| *name);
    of(number).map(|row| row.name).or(other).map_or_else(|| format!("type {number}"), str::to_owned)
}
