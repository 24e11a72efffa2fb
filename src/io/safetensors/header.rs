//! The header of a safetensors file: its length, and a JSON object that says where each tensor lies behind it.
//!
//! Source: <https://huggingface.co/docs/safetensors>.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{self, Read, SeekFrom};
use std::ops::Range;

use super::error::FormatFault;
use crate::io::elements::{ArrayFault, ArrayInfo, Encoding, Layout, encode};
use crate::io::json::{Json, Malformed, push_string};
use crate::{DType, Value};

/// The name that the format gives the metadata.
pub(crate) const METADATA: &str = "__metadata__";

/// The largest header that readers take, the reference's among them.
pub(super) const MAX_HEADER: usize = 100_000_000;

/// Bytes of the header's length, and what its end is a multiple of.
pub(super) const WORD: usize = 8;

/// The most axes of a tensor, as many as NumPy's arrays have; a list of more is not kept.
const MAX_AXES: usize = 64;

/// The element types that are read, by the names that the format has for them.
const TYPES: [(&str, Encoding); 18] = [
    ("BOOL", Encoding::Bool),
    ("U8", Encoding::U8),
    ("I8", Encoding::I8),
    ("U16", Encoding::U16),
    ("I16", Encoding::I16),
    ("U32", Encoding::U32),
    ("I32", Encoding::I32),
    ("U64", Encoding::U64),
    ("I64", Encoding::I64),
    ("F16", Encoding::F16),
    ("BF16", Encoding::Bf16),
    ("F32", Encoding::F32),
    ("F64", Encoding::F64),
    ("F8_E4M3", Encoding::F8E4M3),
    ("F8_E4M3FNUZ", Encoding::F8E4M3Fnuz),
    ("F8_E5M2", Encoding::F8E5M2),
    ("F8_E5M2FNUZ", Encoding::F8E5M2Fnuz),
    ("F8_E8M0", Encoding::F8E8M0),
];

/// The other element types of the format, with the bits of an element.
const OTHER_TYPES: [(&str, u64); 4] = [("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("C64", 64)];

/// The name of an element type.
pub(crate) fn type_name(dtype: DType) -> &'static str {
    let known = TYPES.iter().find(|(_, encoding)| encoding.own() == Some(dtype));
    known.map_or("", |(name, _)| name)
}

/// What a file says of itself.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) tensors: BTreeMap<String, Entry>,
    /// Where the bytes of the tensors begin.
    end: u64,
}

/// What a header says of a tensor.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) type_name: Cow<'static, str>,
    pub(crate) shape: Vec<usize>,
    /// Where its elements are, counted from the end of the header.
    data: Range<u64>,
}

impl Entry {
    /// How the elements lie; an error for element types that flowgrad does not support.
    pub(crate) fn layout(&self) -> Result<Layout, ArrayFault> {
        let encoding =
            self.encoding().ok_or_else(|| ArrayFault::Element { type_name: self.type_name.to_string() })?;
        Ok(Layout { encoding, big_endian: false, by_columns: false, shape: self.shape.clone() })
    }

    pub(super) fn info(&self) -> ArrayInfo {
        ArrayInfo {
            type_name: self.type_name.to_string(),
            shape: self.shape.clone(),
            dtype: self.encoding().map(Encoding::dtype),
        }
    }

    fn encoding(&self) -> Option<Encoding> {
        TYPES.iter().find(|(name, _)| *name == self.type_name).map(|&(_, encoding)| encoding)
    }

    /// Bits of an element, where they are known.
    fn bits(&self) -> Option<u64> {
        let other = || OTHER_TYPES.iter().find(|(name, _)| *name == self.type_name).map(|&(_, bits)| bits);
        self.encoding().map(|encoding| 8 * encoding.size() as u64).or_else(other)
    }

    /// Whether as many bytes are said to be the tensor's as its elements take; `true` for elements of an unknown size.
    fn has_its_length(&self) -> bool {
        let Some(length) = self.data.end.checked_sub(self.data.start) else { return false };
        let Some(bits) = self.bits() else { return true };
        let bits = self.shape.iter().try_fold(bits, |bits, &length| bits.checked_mul(length as u64));
        bits.is_some_and(|bits| bits % 8 == 0 && bits / 8 == length)
    }

    /// Takes what a header says of a tensor. Unknown entries mean nothing.
    fn take(json: &mut Json<'_>) -> Result<Self, Malformed> {
        let (mut type_name, mut shape, mut data) = (None, None, None);
        json.object(|json, key| match &*key {
            "dtype" => set(&mut type_name, known(json.string()?)),
            "shape" => set(&mut shape, lengths::<MAX_AXES>(json)?),
            "data_offsets" => set(&mut data, lengths::<2>(json)?),
            _ => json.skip(),
        })?;
        let (Some(type_name), Some(shape), Some(data)) = (type_name, shape, data) else {
            return Err(Malformed);
        };
        let &[start, end] = &data[..] else { return Err(Malformed) };
        let shape =
            shape.into_iter().map(usize::try_from).collect::<Result<_, _>>().map_err(|_| Malformed)?;
        Ok(Entry { type_name, shape, data: start..end })
    }
}

/// The name of a type, not copied if it is one of the format's.
fn known(name: Cow<'_, str>) -> Cow<'static, str> {
    let known = TYPES.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| Cow::Owned(name.into_owned()), |(known, _)| Cow::Borrowed(*known))
}

/// Keeps what may be said once.
fn set<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if place.replace(value).is_some() { Err(Malformed) } else { Ok(()) }
}

/// Takes a list of at most so many lengths.
fn lengths<const MOST: usize>(json: &mut Json<'_>) -> Result<Vec<u64>, Malformed> {
    let mut lengths = Vec::new();
    json.array(|json| {
        lengths.push(json.integer()?);
        if lengths.len() > MOST { Err(Malformed) } else { Ok(()) }
    })?;
    Ok(lengths)
}

/// Why a file is not read or not written.
#[derive(Debug)]
pub(crate) enum Flaw {
    Io(io::Error),
    Format(FormatFault),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Flaw::Io(error)
    }
}

impl From<FormatFault> for Flaw {
    fn from(fault: FormatFault) -> Self {
        Flaw::Format(fault)
    }
}

impl Header {
    /// Reads the header of a file of so many bytes.
    pub(crate) fn read(file: &mut impl Read, bytes: u64) -> Result<Self, Flaw> {
        let Some(behind) = bytes.checked_sub(WORD as u64) else {
            return Err(FormatFault::NoHeader { bytes }.into());
        };
        let mut length = [0; WORD];
        file.read_exact(&mut length)?;
        let stated = u64::from_le_bytes(length);
        let length = usize::try_from(stated).ok().filter(|&length| length <= MAX_HEADER && stated <= behind);
        let Some(length) = length else { return Err(FormatFault::HeaderLength { stated, behind }.into()) };
        let mut header = Vec::new();
        header.try_reserve_exact(length).map_err(io::Error::from)?;
        header.resize(length, 0);
        file.read_exact(&mut header)?;
        let text = std::str::from_utf8(&header).map_err(|_| FormatFault::NotJson)?;
        Ok(Header::parse(text, behind - stated, WORD as u64 + stated)?)
    }

    /// Where the elements of a tensor begin in the file.
    pub(crate) fn place(&self, entry: &Entry) -> SeekFrom {
        SeekFrom::Start(self.end + entry.data.start)
    }

    /// The header that is this text, with so many bytes behind it. The tensors must lie one behind the other, from the
    /// header to the end.
    fn parse(text: &str, bytes: u64, end: u64) -> Result<Self, FormatFault> {
        let (mut metadata, mut tensors) = (None, BTreeMap::new());
        let mut json = Json::new(text);
        json.object(|json, name| {
            if name == METADATA {
                let texts = texts(json).map_err(|Malformed| FormatFault::Metadata)?;
                return if metadata.replace(texts).is_some() {
                    Err(FormatFault::TwoMetadata)
                } else {
                    Ok(())
                };
            }
            match Entry::take(json) {
                // The last of two of one name counts, as for the reference.
                Ok(entry) => drop(tensors.insert(name.into_owned(), entry)),
                Err(Malformed) => return Err(FormatFault::Entry { name: name.into_owned() }),
            }
            Ok(())
        })?;
        json.end()?;
        check_places(&tensors, bytes)?;
        Ok(Header { metadata: metadata.unwrap_or_default(), tensors, end })
    }
}

impl From<Malformed> for FormatFault {
    fn from(Malformed: Malformed) -> Self {
        FormatFault::NotJson
    }
}

/// An error unless each tensor is as long as its shape says and begins where the one before it ends, and the last one
/// ends with the file.
fn check_places(tensors: &BTreeMap<String, Entry>, bytes: u64) -> Result<(), FormatFault> {
    let mut entries: Vec<_> = tensors.iter().collect();
    // Tensors without elements lie where others begin.
    entries.sort_by_key(|(_, entry)| (entry.data.start, entry.data.end));
    let mut covered = 0;
    for (name, entry) in entries {
        let (name, data) = (|| name.clone(), entry.data.clone());
        if !entry.has_its_length() {
            let own = entry.encoding().and_then(Encoding::own);
            let type_name = own.map_or_else(|| entry.type_name.to_string(), |own| own.to_string());
            return Err(FormatFault::TensorLength {
                name: name(),
                type_name,
                shape: entry.shape.clone(),
                data,
            });
        }
        if data.start != covered || data.end > bytes {
            return Err(FormatFault::TensorPlace { name: name(), data, expected: covered, bytes });
        }
        covered = data.end;
    }
    if covered == bytes { Ok(()) } else { Err(FormatFault::NotCovered { covered, bytes }) }
}

/// Takes the metadata; `null` says that there is none, as it does to the reference.
fn texts(json: &mut Json<'_>) -> Result<BTreeMap<String, String>, Malformed> {
    let mut texts = BTreeMap::new();
    if json.null() {
        return Ok(texts);
    }
    json.object(|json, key| {
        texts.insert(key.into_owned(), json.string()?.into_owned());
        Ok(())
    })?;
    Ok(texts)
}

/// The length and the text of a header of tensors in this order.
pub(super) fn write<'t>(
    metadata: &BTreeMap<String, String>,
    tensors: impl IntoIterator<Item = (&'t str, &'t Value)>,
) -> Result<String, FormatFault> {
    let mut header = String::from("{");
    push_string(&mut header, METADATA);
    header.push_str(":{");
    for (index, (key, text)) in metadata.iter().enumerate() {
        if index > 0 {
            header.push(',');
        }
        push_string(&mut header, key);
        header.push(':');
        push_string(&mut header, text);
    }
    header.push('}');
    let mut end = 0;
    for (name, value) in tensors {
        let start = end;
        end += encode::size(value);
        header.push(',');
        push_string(&mut header, name);
        let (dtype, shape) = (type_name(value.dtype()), value.shape());
        // A `String` takes all that is written to it.
        let _ =
            write!(header, ":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}");
    }
    header.push('}');
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(WORD) - header.len()));
    if header.len() > MAX_HEADER {
        Err(FormatFault::HeaderTooLong { bytes: header.len() })
    } else {
        Ok(header)
    }
}
