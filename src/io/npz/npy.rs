//! One array as an npy file: a short header that gives its type, order and shape, then its elements.
//!
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::Write;

use ndarray::ArrayD;
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement, WriteNpyExt};

use super::Budget;
use super::error::NpzFault;
use crate::{Element, Value};

/// Bytes of the longest header, which NumPy does not exceed, either, unless told to.
pub(super) const LONGEST_HEADER: usize = 10_000;

/// Bytes of a strange header that a message shows.
const SHOWN: usize = 200;

/// What each file begins with; two bytes of the version follow, then the header's length.
const MAGIC: &[u8] = b"\x93NUMPY";

/// How elements of one type are read from a whole npy file.
type ReadElements = fn(&[u8]) -> Result<Value, ReadNpyError>;

/// The element types by their descriptors in the header (little endian, big endian), with their bytes in the file and
/// in memory.
const TYPES: [([&str; 2], [usize; 2], ReadElements); 10] = [
    (["<f4", ">f4"], [4, 4], same::<f32>),
    (["<f8", ">f8"], [8, 8], same::<f64>),
    (["<i4", ">i4"], [4, 4], same::<i32>),
    (["<i8", ">i8"], [8, 8], same::<i64>),
    (["|b1", "|b1"], [1, 1], same::<bool>),
    (["|i1", "|i1"], [1, 4], wider::<i8, i32>),
    (["|u1", "|u1"], [1, 4], wider::<u8, i32>),
    (["<i2", ">i2"], [2, 4], wider::<i16, i32>),
    (["<u2", ">u2"], [2, 4], wider::<u16, i32>),
    (["<u4", ">u4"], [4, 8], wider::<u32, i64>),
];

/// The array in an npy file that is there whole, and whose bytes the budget has had; it is asked for what the elements
/// take more in memory.
pub(super) fn read(file: &[u8], budget: &mut Budget) -> Result<Value, NpzFault> {
    let header_end = header_end(file)?;
    let header = Header::from_reader(&mut &file[..header_end]).map_err(NpzFault::header)?;
    let descriptor = header.type_descriptor.to_string();
    let descriptor = descriptor.trim_matches('\'');
    let known = TYPES.iter().find(|(descriptors, ..)| descriptors.contains(&descriptor));
    let Some((_, [size, held], read)) = known else {
        return Err(NpzFault::Element { descriptor: descriptor.to_owned() });
    };
    let found = file.len() - header_end;
    let expected = header.shape.iter().try_fold(*size, |bytes, &length| bytes.checked_mul(length));
    if expected != Some(found) {
        return Err(NpzFault::Length { descriptor: descriptor.to_owned(), shape: header.shape, found });
    }
    budget.take((found / size * (held - size)) as u64)?;
    read(file).map_err(NpzFault::array)
}

/// Where the header ends, when it is one of a plain array.
///
/// The parser behind [`Header`] reads any Python literal, reserves what its length claims, and takes
/// exponential time for nested ones; so it is shown only what cannot mislead it.
fn header_end(file: &[u8]) -> Result<usize, NpzFault> {
    let after_magic = file.strip_prefix(MAGIC).ok_or(NpzFault::NotNpy)?;
    let (start, length) = match *after_magic {
        [1, _, a, b, ..] => (MAGIC.len() + 4, u32::from_le_bytes([a, b, 0, 0])),
        [2 | 3, _, a, b, c, d, ..] => (MAGIC.len() + 6, u32::from_le_bytes([a, b, c, d])),
        _ => return Err(NpzFault::NotNpy),
    };
    let end = start.saturating_add(length as usize);
    let header = file.get(start..end).filter(|header| header.len() <= LONGEST_HEADER);
    let header = header.ok_or(NpzFault::HeaderLength { claimed: length, most: LONGEST_HEADER })?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"{}(),:'\"_<>|= \n".contains(byte);
    let once = |wanted: u8| header.split(|&byte| byte == wanted).count() == 2;
    if header.iter().all(plain) && once(b'{') && once(b'(') {
        Ok(end)
    } else {
        let printable = |&byte: &u8| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' };
        Err(NpzFault::NotPlain { header: header.trim_ascii().iter().take(SHOWN).map(printable).collect() })
    }
}

fn same<T: Element + ReadableElement>(file: &[u8]) -> Result<Value, ReadNpyError> {
    ArrayD::<T>::read_npy(file).map(Value::from)
}

fn wider<T: ReadableElement + Copy, U: Element + From<T>>(file: &[u8]) -> Result<Value, ReadNpyError> {
    ArrayD::<T>::read_npy(file).map(|array| Value::from(array.mapv(U::from)))
}

/// Writes an array as an npy file.
pub(super) fn write(value: &Value, file: impl Write) -> Result<(), NpzFault> {
    let written = match value {
        Value::F32(array) => array.write_npy(file),
        Value::F64(array) => array.write_npy(file),
        Value::I32(array) => array.write_npy(file),
        Value::I64(array) => array.write_npy(file),
        Value::Bool(array) => array.write_npy(file),
    };
    written.map_err(NpzFault::array)
}
