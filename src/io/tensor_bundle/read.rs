//! Reads the elements of tensors, part by part.
//!
//! Invariant: memory for a tensor is taken once its parts are seen to lie in their files, side by side, and to be as
//! many as its shape says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::contents::{Entry, Part, Place, message, no_part};
use super::error::{BundleFormatFault, Flaw};
use super::messages::SavedTensorSlices;
use super::table::Table;
use crate::element::with_element;
use crate::io::elements::{ArrayFault, Encoding, Layout, filled};
use crate::io::masked_crc::masked;
use crate::io::source;
use crate::io::tensorflow::{element_type, tensor};
use crate::{DType, Element, Value};

/// Where elements lie.
#[derive(Debug)]
pub(super) struct Files {
    /// What the names of files begin with.
    pub(super) prefix: PathBuf,
    /// How many files of elements there are.
    pub(super) shards: i32,
    pub(super) big_endian: bool,
    /// Tables that hold elements themselves.
    pub(super) tables: Vec<Table>,
}

/// A name with this behind it.
pub(super) fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The file of elements of that number.
pub(super) fn shard_path(prefix: &Path, shard: i32, shards: i32) -> PathBuf {
    with_suffix(prefix, &format!(".data-{shard:05}-of-{shards:05}"))
}

impl Files {
    /// The array of a tensor, of elements of the type that is wanted, if one is.
    pub(super) fn value(&mut self, entry: &Entry, wanted: Option<DType>) -> Result<Value, Flaw> {
        let name = element_type::name(entry.element);
        let encoding = element_type::of(entry.element).and_then(|element| element.encoding);
        let encoding =
            encoding.ok_or_else(|| Flaw::Array(ArrayFault::Element { type_name: name.clone() }))?;
        if let [part @ Part { slice: None, .. }] = &entry.parts[..] {
            return self.part(part, encoding, &name, &entry.shape, wanted);
        }
        let places = self.places(entry, encoding)?;
        if let ([part], [_]) = (&entry.parts[..], &places[..]) {
            return self.part(part, encoding, &name, &entry.shape, wanted);
        }
        with_element!(wanted.unwrap_or(encoding.dtype()), T => self.joined::<T>(entry, encoding, &name, &places))
    }

    /// Where each part begins along each axis and how long it is there, if there are as many elements in all as the
    /// shape says, and the files have as many.
    fn places(&self, entry: &Entry, encoding: Encoding) -> Result<Vec<Vec<(usize, usize)>>, Flaw> {
        let wrong = || Flaw::from(BundleFormatFault::Parts { shape: entry.shape.clone() });
        let count = |mut lengths: std::slice::Iter<'_, (usize, usize)>| {
            lengths.try_fold(1_usize, |count, &(_, length)| count.checked_mul(length))
        };
        let whole: Vec<(usize, usize)> = entry.shape.iter().map(|&length| (0, length)).collect();
        let is_empty = entry.shape.contains(&0);
        let mut places = Vec::new();
        let mut all = 0_usize;
        // Bytes that lie in each file.
        let mut held: HashMap<(bool, usize), u64> = HashMap::new();
        for part in &entry.parts {
            let place: Vec<(usize, usize)> = match &part.slice {
                Some(slice) => slice.within(&entry.shape).ok_or_else(wrong)?,
                None => whole.clone(),
            };
            let elements = count(place.iter()).ok_or_else(wrong)?;
            if elements == 0 && !is_empty {
                return Err(wrong());
            }
            all = all.checked_add(elements).ok_or_else(wrong)?;
            let (file, size) = match part.place {
                Place::Shard { shard, .. } => {
                    ((true, usize::try_from(shard).unwrap_or(usize::MAX)), encoding.size())
                }
                // An element takes a byte at least.
                Place::Table { table, .. } => ((false, table), 1),
            };
            let bytes = (elements as u64).checked_mul(size as u64).ok_or_else(wrong)?;
            let held = held.entry(file).or_default();
            *held = held.checked_add(bytes).ok_or_else(wrong)?;
            places.push(place);
        }
        for ((is_shard, file), bytes) in held {
            let length = if is_shard {
                self.shard(i32::try_from(file).unwrap_or(-1))?.metadata()?.len()
            } else {
                self.tables.get(file).map_or(0, Table::bytes)
            };
            if bytes > length {
                let size = i64::try_from(bytes).unwrap_or(i64::MAX);
                return Err(BundleFormatFault::Elements { offset: 0, size, bytes: length }.into());
            }
        }
        if count(whole.iter()) == Some(all) { Ok(places) } else { Err(wrong()) }
    }

    /// A tensor of several parts.
    fn joined<T: Element>(
        &mut self,
        entry: &Entry,
        encoding: Encoding,
        name: &str,
        places: &[Vec<(usize, usize)>],
    ) -> Result<Value, Flaw> {
        let wrong = || Flaw::from(BundleFormatFault::Parts { shape: entry.shape.clone() });
        let mut whole = filled(T::default(), &entry.shape)?;
        let mut is_there = filled(false, &entry.shape)?;
        for (part, place) in entry.parts.iter().zip(places) {
            let lengths: Vec<usize> = place.iter().map(|axis| axis.1).collect();
            let value = self.part(part, encoding, name, &lengths, Some(T::DTYPE))?;
            let value = value.into_array::<T>().ok_or_else(wrong)?;
            let cut = |axis: ndarray::AxisDescription| {
                let (start, length) = place.get(axis.axis.index()).copied().unwrap_or_default();
                ndarray::Slice::from(start..start + length)
            };
            let mut seen = is_there.slice_each_axis_mut(cut);
            if seen.iter().any(|&seen| seen) {
                return Err(wrong());
            }
            seen.fill(true);
            whole.slice_each_axis_mut(cut).assign(&value);
        }
        Ok(Value::wrap(whole))
    }

    /// The elements of a part, which has these lengths.
    fn part(
        &mut self,
        part: &Part,
        encoding: Encoding,
        name: &str,
        lengths: &[usize],
        wanted: Option<DType>,
    ) -> Result<Value, Flaw> {
        let layout = Layout { encoding, big_endian: false, by_columns: false, shape: lengths.to_vec() };
        let count = layout.count().ok_or_else(|| ArrayFault::Shape { shape: lengths.to_vec() });
        let count = count.map_err(Flaw::Array)?;
        let wrong = |expected: String, found: String| {
            Flaw::from(BundleFormatFault::Length { expected, shape: lengths.to_vec(), found })
        };
        match &part.place {
            &Place::Shard { shard, offset, size, checksum } => {
                let bytes = count.checked_mul(encoding.size()).and_then(|bytes| i64::try_from(bytes).ok());
                if bytes != Some(size) {
                    let expected = format!("{count} elements of {} bytes", encoding.size());
                    return Err(wrong(expected, format!("{size} bytes")));
                }
                let mut input = Checked { file: self.placed(shard, offset, size)?, crc: 0 };
                let layout = Layout { big_endian: self.big_endian, ..layout };
                let value = layout.read(&mut input, name, wanted)?;
                expect_checksum(checksum, masked(input.crc))?;
                Ok(value)
            }
            Place::Table { table, key } => {
                let found = self.tables.get_mut(*table).map_or(Ok(None), |table| table.find(key))?;
                let found: SavedTensorSlices = message(key, &found.ok_or_else(|| no_part(key))?)?;
                let data = found.data.and_then(|data| data.data).ok_or_else(|| no_part(key))?;
                let listed = tensor::listed_count(&data, encoding);
                if data.tensor_content.is_empty() && listed != count {
                    return Err(wrong(format!("{count} elements"), listed.to_string()));
                }
                let bytes = tensor::bytes(&data, encoding, count)
                    .map_err(|found| wrong(format!("{count} elements"), found))?;
                Ok(layout.read(&mut &bytes[..], name, wanted)?)
            }
        }
    }

    /// Bytes of the files that hold elements, as far as they are there.
    pub(super) fn bytes(&self) -> usize {
        let shards = (0..self.shards).map_while(|shard| self.shard(shard).ok()?.metadata().ok());
        let bytes = shards.map(|file| file.len()).chain(self.tables.iter().map(Table::bytes));
        usize::try_from(bytes.fold(0, u64::saturating_add)).unwrap_or(usize::MAX)
    }

    /// A file of elements, at a place that has so many bytes behind it.
    fn placed(&self, shard: i32, offset: i64, size: i64) -> Result<File, Flaw> {
        let mut file = self.shard(shard)?;
        let bytes = file.metadata()?.len();
        let end =
            u64::try_from(offset).ok().zip(u64::try_from(size).ok()).and_then(|(a, b)| a.checked_add(b));
        if end.is_none_or(|end| end > bytes) {
            return Err(BundleFormatFault::Elements { offset, size, bytes }.into());
        }
        file.seek(SeekFrom::Start(offset.unsigned_abs()))?;
        Ok(file)
    }

    fn shard(&self, shard: i32) -> Result<File, Flaw> {
        if !(0..self.shards).contains(&shard) {
            return Err(BundleFormatFault::Shard { count: self.shards, shard }.into());
        }
        let path = shard_path(&self.prefix, shard, self.shards);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display()));
        Ok(source::open(&path).map_err(named)?)
    }
}

fn expect_checksum(stated: u32, computed: u32) -> Result<(), Flaw> {
    if stated == computed {
        return Ok(());
    }
    Err(BundleFormatFault::Checksum { stated, computed }.into())
}

/// A file of which the checksum of all that is read is kept.
struct Checked {
    file: File,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.crc = crc32c::crc32c_append(self.crc, to.get(..read).unwrap_or_default());
        Ok(read)
    }
}
