//! The types of elements that files hold, and arrays of them as arrays of flowgrad's.
//!
//! Takes the bytes of an array as they come out of a file and gives a [`Value`](crate::Value), and the other way round.
//! Elements of flowgrad's own types come as they are; others become any of its types that holds all of their values, so
//! no number ever changes.

mod decode;
pub(crate) mod encode;
mod error;

pub use error::ArrayFault;
pub(crate) use error::Unreadable;

#[cfg(any(feature = "graphdef", feature = "keras", feature = "safetensors"))]
use std::collections::BTreeMap;

#[cfg(feature = "graphdef")]
use ndarray::{ArrayD, IxDyn};

use crate::DType;
#[cfg(any(feature = "graphdef", feature = "keras", feature = "safetensors"))]
use crate::Value;

/// What a file says of an array before its elements are read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArrayInfo {
    /// The type of the elements, as the format names it: `<f2` in npz files, `BF16` in safetensors files.
    pub type_name: String,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The type that the elements have when they are read, unless another is asked for; `None` for element
    /// types that flowgrad does not support.
    pub dtype: Option<DType>,
}

/// How an element lies in a file.
// Npz files have no formats of other makers.
#[cfg_attr(not(feature = "safetensors"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    Bf16,
    F32,
    F64,
    F8E4M3,
    F8E4M3Fnuz,
    F8E5M2,
    F8E5M2Fnuz,
    F8E8M0,
}

/// How the elements of an array lie one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) encoding: Encoding,
    pub(crate) big_endian: bool,
    /// The first axis is the innermost one, as in Fortran.
    pub(crate) by_columns: bool,
    pub(crate) shape: Vec<usize>,
}

impl Encoding {
    /// Bytes of an element.
    pub(crate) fn size(self) -> usize {
        match self {
            Encoding::I64 | Encoding::U64 | Encoding::F64 => 8,
            Encoding::I32 | Encoding::U32 | Encoding::F32 => 4,
            Encoding::I16 | Encoding::U16 | Encoding::F16 | Encoding::Bf16 => 2,
            Encoding::Bool
            | Encoding::I8
            | Encoding::U8
            | Encoding::F8E4M3
            | Encoding::F8E4M3Fnuz
            | Encoding::F8E5M2
            | Encoding::F8E5M2Fnuz
            | Encoding::F8E8M0 => 1,
        }
    }

    /// The smallest type of flowgrad that holds all values, of the same kind where there is one.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Encoding::Bool => DType::Bool,
            Encoding::I8 | Encoding::U8 | Encoding::I16 | Encoding::U16 | Encoding::I32 => DType::I32,
            Encoding::U32 | Encoding::I64 | Encoding::U64 => DType::I64,
            Encoding::F64 => DType::F64,
            Encoding::F16
            | Encoding::Bf16
            | Encoding::F32
            | Encoding::F8E4M3
            | Encoding::F8E4M3Fnuz
            | Encoding::F8E5M2
            | Encoding::F8E5M2Fnuz
            | Encoding::F8E8M0 => DType::F32,
        }
    }

    /// The type of flowgrad that this is, if it is one.
    pub(crate) fn own(self) -> Option<DType> {
        match self {
            Encoding::Bool | Encoding::I32 | Encoding::I64 | Encoding::F32 | Encoding::F64 => {
                Some(self.dtype())
            }
            _ => None,
        }
    }
}

impl Layout {
    /// The number of elements, where it is one.
    pub(crate) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length))
    }

    fn unaddressed(&self) -> ArrayFault {
        ArrayFault::Shape { shape: self.shape.clone() }
    }
}

/// An array of this element everywhere.
#[cfg(feature = "graphdef")]
pub(crate) fn filled<T: Clone>(element: T, shape: &[usize]) -> Result<ArrayD<T>, Unreadable> {
    let unaddressed = || Unreadable::Array(ArrayFault::Shape { shape: shape.to_vec() });
    let count = shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length));
    let count = count.ok_or_else(unaddressed)?;
    let mut elements = Vec::new();
    elements.try_reserve_exact(count)?;
    elements.resize(count, element);
    ArrayD::from_shape_vec(IxDyn(shape), elements).map_err(|_| unaddressed())
}

/// The arrays that are given a name, under that name.
///
/// # Errors
/// Those of reading, and `same_name` for a name that is given twice.
#[cfg(any(feature = "graphdef", feature = "keras", feature = "safetensors"))]
pub(crate) fn renamed<'n, E>(
    names: impl Iterator<Item = &'n str>,
    mut rename: impl FnMut(&str) -> Option<String>,
    read: impl Fn(&str) -> Result<Value, E>,
    same_name: impl FnOnce(&str) -> E,
) -> Result<BTreeMap<String, Value>, E> {
    let mut values = BTreeMap::new();
    for name in names {
        let Some(renamed) = rename(name) else { continue };
        if values.contains_key(&renamed) {
            return Err(same_name(&renamed));
        }
        values.insert(renamed, read(name)?);
    }
    Ok(values)
}

/// Bytes that are read or written at once. They lie on the stack, and are a multiple of the size of each element.
const CHUNK: usize = 1 << 14;
