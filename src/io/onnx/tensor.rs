//! The tensors of a file as arrays: out of any of the fields that elements stand in, or of another file.
//!
//! Invariant: no memory is asked for on the word of a shape alone, but for what the [`Budget`] allows; a file of elements
//! lies in the model's folder.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::error::OnnxError;
use super::messages::{SparseTensorProto, TensorProto};
use super::types::{self, BFLOAT16, ElementType, FLOAT16};
use crate::element::{DType, Element, Value};
use crate::io::import::budget::Budget;
use crate::io::{small_float, source};
use crate::quote::quoted;

/// An array of the file, and the type that it has there.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) value: Arc<Value>,
    pub(super) element: &'static ElementType,
}

/// What tensors are read with.
#[derive(Clone)]
pub(super) struct Reader {
    /// The folder in which other files may lie.
    pub(super) folder: Option<PathBuf>,
    pub(super) budget: Budget,
}

/// Elements as they stand in a file.
enum Stored<'a> {
    Raw(std::borrow::Cow<'a, [u8]>),
    Floats(&'a [f32]),
    Doubles(&'a [f64]),
    Ints(&'a [i32]),
    Longs(&'a [i64]),
    Unsigned(&'a [u64]),
}

/// Bytes that the elements of an attribute take at most: those of a few numbers.
const OF_ATTRIBUTE: usize = 1 << 10;

impl Reader {
    /// For a number in an attribute.
    pub(super) fn of_attribute() -> Self {
        Reader { folder: None, budget: Budget::of_bytes(OF_ATTRIBUTE) }
    }

    /// The array of a tensor.
    pub(super) fn read(&mut self, tensor: &TensorProto, what: &str) -> Result<Array, OnnxError> {
        let place = || format!("{what} `{}`", quoted(&tensor.name));
        let fail = |reason: String| OnnxError::model(place(), reason);
        let Some(element) = types::of(tensor.data_type.into()) else {
            let found = types::name(tensor.data_type.into());
            return Err(fail(format!("expected elements of a number or a boolean type, got {found}")));
        };
        let lengths =
            self.budget.lengths(&tensor.dims, element.dtype).map_err(|over| fail(over.to_string()))?;
        let count: usize = lengths.iter().product();
        let stored = self.stored(tensor, element, count).map_err(fail)?;
        let value = match element.dtype {
            DType::F32 => shaped(lengths, floats(element, &stored, count)),
            DType::F64 => shaped(lengths, doubles(&stored, count)),
            DType::I32 => shaped(lengths, integers(element, &stored, count, |n| i32::try_from(n).ok())),
            DType::I64 => shaped(lengths, integers(element, &stored, count, Some)),
            DType::Bool => shaped(lengths, integers(element, &stored, count, |n| Some(n != 0))),
        };
        Ok(Array { value: Arc::new(value.map_err(fail)?), element })
    }

    /// The array of a tensor of which only some elements are not 0.
    pub(super) fn read_sparse(&mut self, sparse: &SparseTensorProto, what: &str) -> Result<Array, OnnxError> {
        let (Some(values), Some(indices)) = (&sparse.values, &sparse.indices) else {
            return Err(OnnxError::model(
                what,
                "expected a sparse tensor with values and indices, got one without",
            ));
        };
        let fail = |reason: String| OnnxError::model(format!("{what} `{}`", quoted(&values.name)), reason);
        let (array, places) = (self.read(values, what)?, self.read(indices, what)?);
        let lengths =
            self.budget.lengths(&sparse.dims, array.element.dtype).map_err(|over| fail(over.to_string()))?;
        let Value::I64(places) = &*places.value else {
            return Err(fail(format!("expected indices of int64, got {}", places.element.name)));
        };
        let flat = flat_places(places, &lengths).ok_or_else(|| {
            fail(format!(
                "expected indices below the lengths {lengths:?}, got others of shape {:?}",
                places.shape()
            ))
        })?;
        let value = match &*array.value {
            Value::F32(from) => scattered(from, &flat, lengths),
            Value::F64(from) => scattered(from, &flat, lengths),
            Value::I32(from) => scattered(from, &flat, lengths),
            Value::I64(from) => scattered(from, &flat, lengths),
            Value::Bool(from) => scattered(from, &flat, lengths),
        };
        Ok(Array { value: Arc::new(value.map_err(fail)?), element: array.element })
    }

    /// Where the elements of a tensor stand.
    fn stored<'t>(
        &self,
        tensor: &'t TensorProto,
        element: &ElementType,
        count: usize,
    ) -> Result<Stored<'t>, String> {
        let bytes = count.checked_mul(element.bytes).ok_or("expected elements that can be counted")?;
        if tensor.data_location == 1 {
            return Ok(Stored::Raw(self.external(tensor, bytes)?.into()));
        }
        let stored = match &tensor.raw_data {
            Some(raw) => Stored::Raw(raw.into()),
            None => match element.dtype {
                DType::F64 => Stored::Doubles(&tensor.double_data),
                DType::F32 if !matches!(element.number, FLOAT16 | BFLOAT16) => {
                    Stored::Floats(&tensor.float_data)
                }
                DType::I64 if element.is_own => Stored::Longs(&tensor.int64_data),
                DType::I64 => Stored::Unsigned(&tensor.uint64_data),
                _ => Stored::Ints(&tensor.int32_data),
            },
        };
        let found = match &stored {
            Stored::Raw(raw) if raw.len() != bytes => {
                return Err(format!(
                    "expected {bytes} bytes for {count} elements of {}, got {}",
                    element.name,
                    raw.len()
                ));
            }
            Stored::Raw(_) => count,
            Stored::Floats(elements) => elements.len(),
            Stored::Doubles(elements) => elements.len(),
            Stored::Ints(elements) => elements.len(),
            Stored::Longs(elements) => elements.len(),
            Stored::Unsigned(elements) => elements.len(),
        };
        if found != count {
            return Err(format!("expected {count} elements of {}, got {found}", element.name));
        }
        Ok(stored)
    }

    /// The bytes of a tensor that lie in another file of the model's folder.
    fn external(&self, tensor: &TensorProto, bytes: usize) -> Result<Vec<u8>, String> {
        let entry =
            |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &*entry.value);
        let number = |key: &str| match entry(key) {
            None | Some("") => Ok(None),
            Some(text) => text
                .parse::<u64>()
                .map(Some)
                .map_err(|_| format!("external data: expected a number as `{key}`, got `{}`", quoted(text))),
        };
        let location = entry("location").unwrap_or_default();
        let is_inside = Path::new(location)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if location.is_empty() || !is_inside || location.contains('\\') {
            return Err(format!(
                "external data: expected a path inside the model's folder, got `{}`",
                quoted(location)
            ));
        }
        let Some(folder) = &self.folder else {
            return Err(format!(
                "external data in `{}`: expected a model in a folder (`import_file`), got bytes alone",
                quoted(location)
            ));
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        if length.is_some_and(|length| length != bytes as u64) {
            let length = length.unwrap_or_default();
            return Err(format!("external data: expected {bytes} bytes, as the shape says, got {length}"));
        }
        let shown = quoted(location);
        let within = || -> std::io::Result<File> {
            // A link may lead out of the folder.
            let path = folder.join(location).canonicalize()?;
            if !path.starts_with(folder.canonicalize()?) {
                return Err(std::io::Error::other(
                    "expected a file inside the model's folder, got a link out of it",
                ));
            }
            source::open(&path)
        };
        let mut file = within().map_err(|error| format!("external data `{shown}`: {error}"))?;
        let size = file.metadata().map_err(|error| format!("external data `{shown}`: {error}"))?.len();
        if offset.checked_add(bytes as u64).is_none_or(|end| end > size) {
            return Err(format!(
                "external data `{shown}`: expected {bytes} bytes from {offset} on, got a file of {size}"
            ));
        }
        let mut read = Vec::new();
        read.try_reserve_exact(bytes).map_err(|error| error.to_string())?;
        file.seek(SeekFrom::Start(offset)).map_err(|error| format!("external data `{shown}`: {error}"))?;
        file.take(bytes as u64)
            .read_to_end(&mut read)
            .map_err(|error| format!("external data `{shown}`: {error}"))?;
        if read.len() == bytes {
            Ok(read)
        } else {
            Err(format!("external data `{shown}`: expected {bytes} bytes, got {}", read.len()))
        }
    }
}

/// The elements at their places among zeros.
fn scattered<T: Element>(from: &ArrayD<T>, places: &[usize], lengths: Vec<usize>) -> Result<Value, String> {
    let count: usize = lengths.iter().product();
    if from.len() != places.len() {
        return Err(format!("expected {} values, one for each index, got {}", places.len(), from.len()));
    }
    let mut elements = Vec::new();
    elements.try_reserve_exact(count).map_err(|error| error.to_string())?;
    elements.resize(count, T::default());
    for (&place, &element) in places.iter().zip(from) {
        if let Some(to) = elements.get_mut(place) {
            *to = element;
        }
    }
    shaped(lengths, Ok(elements))
}

/// The places of elements in row-major order: of a list of places, or of rows of indices.
fn flat_places(indices: &ArrayD<i64>, lengths: &[usize]) -> Option<Vec<usize>> {
    let count: usize = lengths.iter().product();
    let rows: Vec<usize> = match indices.shape() {
        [_] => indices.iter().map(|&place| usize::try_from(place).ok()).collect::<Option<_>>()?,
        [_, axes] if *axes == lengths.len() => indices
            .outer_iter()
            .map(|row| {
                row.iter().zip(lengths).try_fold(0_usize, |flat, (&index, &length)| {
                    let index = usize::try_from(index).ok().filter(|&index| index < length)?;
                    Some(flat * length + index)
                })
            })
            .collect::<Option<_>>()?,
        _ => return None,
    };
    rows.iter().all(|&place| place < count).then_some(rows)
}

fn shaped<T: Element>(lengths: Vec<usize>, elements: Result<Vec<T>, String>) -> Result<Value, String> {
    let array = ArrayD::from_shape_vec(IxDyn(&lengths), elements?);
    array.map(Value::wrap).map_err(|error| error.to_string())
}

/// Elements, for which there is memory or else an error.
fn collect<T>(count: usize, elements: impl Iterator<Item = Option<T>>) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    all.try_reserve_exact(count).map_err(|error| error.to_string())?;
    for element in elements {
        all.push(element.ok_or("expected elements that the type holds, got others")?);
    }
    Ok(all)
}

fn floats(element: &ElementType, stored: &Stored<'_>, count: usize) -> Result<Vec<f32>, String> {
    let of_two = if element.number == FLOAT16 { small_float::f16 } else { small_float::bf16 };
    let widened = |bits: u16| Some(of_two(bits.to_le_bytes()));
    match stored {
        Stored::Raw(raw) if element.bytes == 2 => {
            let (chunks, _) = raw.as_chunks::<2>();
            collect(count, chunks.iter().map(|&bytes| Some(of_two(bytes))))
        }
        Stored::Raw(raw) => {
            let (chunks, _) = raw.as_chunks::<4>();
            collect(count, chunks.iter().map(|&bytes| Some(f32::from_le_bytes(bytes))))
        }
        Stored::Ints(elements) => {
            collect(count, elements.iter().map(|&bits| u16::try_from(bits).ok().and_then(widened)))
        }
        Stored::Floats(elements) => collect(count, elements.iter().map(|&element| Some(element))),
        Stored::Doubles(_) | Stored::Longs(_) | Stored::Unsigned(_) => {
            Err("expected floats, got others".to_owned())
        }
    }
}

fn doubles(stored: &Stored<'_>, count: usize) -> Result<Vec<f64>, String> {
    match stored {
        Stored::Raw(raw) => {
            let (chunks, _) = raw.as_chunks::<8>();
            collect(count, chunks.iter().map(|&bytes| Some(f64::from_le_bytes(bytes))))
        }
        Stored::Doubles(elements) => collect(count, elements.iter().map(|&element| Some(element))),
        _ => Err("expected doubles, got others".to_owned()),
    }
}

/// Integers and booleans, each of which `as_own` makes what it is here.
fn integers<T>(
    element: &ElementType,
    stored: &Stored<'_>,
    count: usize,
    as_own: impl Fn(i64) -> Option<T>,
) -> Result<Vec<T>, String> {
    let is_signed = element.range.is_none_or(|(low, _)| low < 0) && element.dtype != DType::Bool;
    match stored {
        Stored::Raw(raw) => collect(
            count,
            raw.chunks_exact(element.bytes).map(|bytes| {
                let mut wide =
                    [if is_signed && bytes.last().is_some_and(|&byte| byte > 127) { 255 } else { 0 }; 8];
                wide.iter_mut().zip(bytes).for_each(|(to, &byte)| *to = byte);
                let number = i64::from_le_bytes(wide);
                // An unsigned one of 64 bits that is too large for ours.
                if !is_signed && number < 0 { None } else { as_own(number) }
            }),
        ),
        Stored::Ints(elements) => collect(count, elements.iter().map(|&number| as_own(number.into()))),
        Stored::Longs(elements) => collect(count, elements.iter().map(|&number| as_own(number))),
        Stored::Unsigned(elements) => {
            collect(count, elements.iter().map(|&number| i64::try_from(number).ok().and_then(&as_own)))
        }
        Stored::Floats(_) | Stored::Doubles(_) => Err("expected integers, got others".to_owned()),
    }
}
