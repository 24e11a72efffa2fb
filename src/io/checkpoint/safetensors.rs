//! The safetensors format: the length of a header, the header, a JSON object that says where each tensor lies, and the
//! elements of all tensors.
//!
//! It is written out here, and held by tests to the crate of that name, because that crate brings `serde_json`: with it
//! `f64: PartialEq<_>` has more than one solution, and `assert_eq!(session.run(x)?, ArrayD::zeros(..))` would not compile
//! any more in a program that uses flowgrad.
//!
//! Source: <https://huggingface.co/docs/safetensors>.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use miniserde::json::{self, Array, Number, Object, Value as Json};

use super::{FileFault, FormatFault};
use crate::DType;

/// The name that the format gives the metadata.
pub(super) const METADATA: &str = "__metadata__";

/// The largest header that readers take, the reference's among them.
const MAX_HEADER: usize = 100_000_000;

/// Bytes of the header's length, and what its end is a multiple of.
const WORD: usize = 8;

/// A tensor as a file holds it: elements row-major and little-endian.
#[derive(Clone, Debug)]
pub(super) struct Tensor<'f> {
    pub(super) dtype: DType,
    pub(super) shape: Cow<'f, [usize]>,
    pub(super) data: Cow<'f, [u8]>,
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Contents<'f> {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: BTreeMap<String, Tensor<'f>>,
}

/// The element types by the names that the format has for them.
const TYPES: [(&str, DType); 5] = [
    ("BOOL", DType::Bool),
    ("I32", DType::I32),
    ("I64", DType::I64),
    ("F32", DType::F32),
    ("F64", DType::F64),
];

/// The name of an element type.
pub(super) fn type_name(dtype: DType) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == dtype).map_or("", |(name, _)| name)
}

/// The bytes of a file.
pub(super) fn serialize(contents: &Contents<'_>) -> Result<Vec<u8>, FormatFault> {
    // Wide elements first, so that each tensor begins at a multiple of the size of its elements.
    let mut tensors: Vec<_> = contents.tensors.iter().collect();
    tensors.sort_by_key(|(_, tensor)| Reverse(tensor.dtype.size()));
    let mut header = Object::new();
    let metadata = contents.metadata.iter().map(|(key, text)| (key.clone(), Json::String(text.clone())));
    header.insert(METADATA.to_owned(), Json::Object(metadata.collect()));
    let mut end = 0;
    for (name, tensor) in &tensors {
        let start = end;
        end += tensor.data.len();
        let entry = [
            ("dtype", Json::String(type_name(tensor.dtype).to_owned())),
            ("shape", numbers(&tensor.shape)),
            ("data_offsets", numbers(&[start, end])),
        ];
        let entry = entry.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        header.insert((*name).clone(), Json::Object(entry));
    }
    let mut header = json::to_string(&header);
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(WORD) - header.len()));
    if header.len() > MAX_HEADER {
        return Err(FormatFault::HeaderTooLong { bytes: header.len() });
    }
    let mut file = Vec::with_capacity(WORD + header.len() + end);
    file.extend_from_slice(&(header.len() as u64).to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    for (_, tensor) in tensors {
        file.extend_from_slice(&tensor.data);
    }
    Ok(file)
}

fn numbers(numbers: &[usize]) -> Json {
    Json::Array(numbers.iter().map(|&number| Json::Number(Number::U64(number as u64))).collect())
}

/// What the bytes of a file hold. The tensors must lie one behind the other, from the header to the end.
pub(super) fn deserialize(file: &[u8]) -> Result<Contents<'_>, FileFault> {
    let Some((length, rest)) = file.split_first_chunk::<WORD>() else {
        return Err(FormatFault::NoHeader { bytes: file.len() }.into());
    };
    let stated = u64::from_le_bytes(*length);
    let header = usize::try_from(stated).ok().filter(|&length| length <= MAX_HEADER);
    let Some((header, data)) = header.and_then(|length| rest.split_at_checked(length)) else {
        return Err(FormatFault::HeaderLength { stated, behind: rest.len() }.into());
    };
    let header = std::str::from_utf8(header).ok().and_then(|header| json::from_str::<Object>(header).ok());
    let header = header.ok_or(FormatFault::NotJson)?;
    let (mut metadata, mut entries) = (BTreeMap::new(), Vec::new());
    for (name, entry) in &header {
        if name == METADATA {
            metadata = texts(entry).ok_or(FormatFault::Metadata)?;
        } else {
            let entry = Entry::of(entry).ok_or_else(|| FormatFault::Entry { name: name.clone() })?;
            entries.push((name, entry));
        }
    }
    // Tensors without elements lie where others begin.
    entries.sort_by_key(|(_, entry)| (entry.data.start, entry.data.end));
    let (mut tensors, mut covered) = (BTreeMap::new(), 0);
    for (name, Entry { dtype, shape, data: range }) in entries {
        let name = name.clone();
        let Some(&(_, dtype)) = TYPES.iter().find(|(known, _)| *known == dtype) else {
            return Err(FileFault::ElementType { name, dtype });
        };
        let bytes = shape.iter().try_fold(dtype.size(), |bytes, &length| bytes.checked_mul(length));
        if bytes != range.end.checked_sub(range.start) {
            return Err(FormatFault::TensorLength { name, dtype, shape, data: range }.into());
        }
        let Some(elements) = data.get(range.clone()).filter(|_| range.start == covered) else {
            let bytes = data.len();
            return Err(FormatFault::TensorPlace { name, data: range, expected: covered, bytes }.into());
        };
        covered = range.end;
        tensors.insert(name, Tensor { dtype, shape: shape.into(), data: elements.into() });
    }
    if covered != data.len() {
        return Err(FormatFault::NotCovered { covered, bytes: data.len() }.into());
    }
    Ok(Contents { metadata, tensors })
}

/// What the header says of a tensor.
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data: Range<usize>,
}

impl Entry {
    fn of(entry: &Json) -> Option<Self> {
        let Json::Object(entry) = entry else { return None };
        let (Json::String(dtype), Json::Array(shape), Json::Array(data)) =
            (entry.get("dtype")?, entry.get("shape")?, entry.get("data_offsets")?)
        else {
            return None;
        };
        let [start, end] = lengths(data)?.try_into().ok()?;
        Some(Entry { dtype: dtype.clone(), shape: lengths(shape)?, data: start..end })
    }
}

fn lengths(array: &Array) -> Option<Vec<usize>> {
    let length = |number: &Json| match number {
        Json::Number(Number::U64(number)) => usize::try_from(*number).ok(),
        _ => None,
    };
    array.iter().map(length).collect()
}

fn texts(metadata: &Json) -> Option<BTreeMap<String, String>> {
    let Json::Object(metadata) = metadata else { return None };
    let text = |(key, text): (&String, &Json)| match text {
        Json::String(text) => Some((key.clone(), text.clone())),
        _ => None,
    };
    metadata.iter().map(text).collect()
}
