//! What a checkpoint has: tensors by name, with the parts that each is stored in and where they lie.
//!
//! Takes the tables of either version of TensorFlow's checkpoints, and reads all that is in them but elements.

use std::collections::{BTreeMap, HashSet};

use prost::Message;

use super::error::{BundleFormatFault, Flaw};
use super::messages::{BundleEntryProto, BundleHeaderProto, SavedTensorSlices, TensorSliceProto};
use super::slice::Slice;
use super::table::Table;
use crate::io::elements::{ArrayInfo, Encoding};
use crate::io::tensorflow::TensorShapeProto;
use crate::io::tensorflow::element_type;

/// The latest versions for readers that checkpoints are read for: those of TensorFlow 2.21.
const BUNDLE_VERSION: i32 = 1;
const SAVER_VERSION: i32 = 1;

/// A tensor.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its element type, by TensorFlow's number.
    pub(super) element: i32,
    pub(super) shape: Vec<usize>,
    pub(super) parts: Vec<Part>,
}

/// A part of a tensor.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// None for all of it.
    pub(super) slice: Option<Slice>,
    pub(super) place: Place,
}

/// Where the elements of a part lie.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a file of elements.
    Shard { shard: i32, offset: i64, size: i64, checksum: u32 },
    /// In a table, under this key.
    Table { table: usize, key: Vec<u8> },
}

impl Place {
    /// The table, and the key in it.
    fn in_table(&self) -> Option<(usize, &[u8])> {
        match self {
            Place::Table { table, key } => Some((*table, key)),
            Place::Shard { .. } => None,
        }
    }
}

impl Entry {
    /// What is told of it.
    pub(super) fn info(&self) -> ArrayInfo {
        let encoding = element_type::of(self.element).and_then(|element| element.encoding);
        ArrayInfo {
            type_name: element_type::name(self.element),
            shape: self.shape.clone(),
            dtype: encoding.map(Encoding::dtype),
        }
    }
}

/// What the index of a bundle tells.
#[derive(Debug)]
pub(super) struct Index {
    /// How many files of elements there are.
    pub(super) shards: i32,
    pub(super) big_endian: bool,
    pub(super) tensors: BTreeMap<String, Entry>,
}

/// Reads the index of a bundle.
pub(super) fn index(table: &mut Table) -> Result<Index, Flaw> {
    let mut header = None;
    let mut entries: BTreeMap<Vec<u8>, BundleEntryProto> = BTreeMap::new();
    table.each(|key, value| {
        if key.is_empty() {
            header = Some(message::<BundleHeaderProto>(key, value)?);
        } else {
            entries.insert(key.to_vec(), message(key, value)?);
        }
        Ok(())
    })?;
    let header = header.ok_or(BundleFormatFault::NoHeader)?;
    let found = header.version.map_or(0, |version| version.min_consumer);
    if found > BUNDLE_VERSION {
        return Err(BundleFormatFault::Version { most: BUNDLE_VERSION, found }.into());
    }
    let place = |entry: &BundleEntryProto| {
        let &BundleEntryProto { shard_id: shard, offset, size, crc32c: checksum, .. } = entry;
        Place::Shard { shard, offset, size, checksum }
    };
    let mut tensors = BTreeMap::new();
    expect_apart(entries.values())?;
    let mut part_keys = Keys { left: table.keys(), seen: HashSet::new() };
    for (key, entry) in &entries {
        // Keys of parts, which begin with a 0, need not be names.
        let Ok(name) = std::str::from_utf8(key) else { continue };
        let parts: Result<Vec<Part>, Flaw> = if entry.slices.is_empty() {
            Ok(vec![Part { slice: None, place: place(entry) }])
        } else {
            let part = |slice: &TensorSliceProto| {
                let slice = Slice::of(slice);
                let key = part_keys.key(&slice, name, || lengths(entry.shape.as_ref()))?;
                let entry = entries.get(&key).ok_or_else(|| no_part(&key))?;
                Ok(Part { slice: Some(slice), place: place(entry) })
            };
            entry.slices.iter().map(part).collect()
        };
        let shape = lengths(entry.shape.as_ref())?;
        tensors.insert(name.to_owned(), Entry { element: entry.dtype, shape, parts: parts? });
    }
    tensors.retain(|name, _| !part_keys.seen.contains(name.as_bytes()));
    Ok(Index { shards: header.num_shards, big_endian: header.endianness == 1, tensors })
}

/// Reads what the tables of a `Saver` of the first version have.
pub(super) fn saved(tables: &mut [Table]) -> Result<BTreeMap<String, Entry>, Flaw> {
    let mut tensors: BTreeMap<String, Entry> = BTreeMap::new();
    let left = tables.iter().fold(0, |left: u64, table| left.saturating_add(table.keys()));
    let mut keys = Keys { left, seen: HashSet::new() };
    for (place, table) in tables.iter_mut().enumerate() {
        let header = table.find(&[])?.ok_or(BundleFormatFault::NoHeader)?;
        let header: SavedTensorSlices = message(&[], &header)?;
        let header = header.meta.ok_or(BundleFormatFault::NoHeader)?;
        let found = header.versions.map_or(0, |version| version.min_consumer);
        if found > SAVER_VERSION {
            return Err(BundleFormatFault::Version { most: SAVER_VERSION, found }.into());
        }
        for tensor in header.tensor {
            let shape = lengths(tensor.shape.as_ref())?;
            let new = || Entry { element: tensor.r#type, shape: shape.clone(), parts: Vec::new() };
            let entry = tensors.entry(tensor.name.clone()).or_insert_with(new);
            if entry.shape != shape || entry.element != tensor.r#type {
                return Err(BundleFormatFault::Parts { shape }.into());
            }
            for slice in &tensor.slice {
                let slice = Slice::of(slice);
                let key = keys.key(&slice, &tensor.name, || Ok(shape.clone()))?;
                entry.parts.push(Part { slice: Some(slice), place: Place::Table { table: place, key } });
            }
        }
    }
    // As they lie in their files.
    for entry in tensors.values_mut() {
        entry.parts.sort_by(|a, b| a.place.in_table().cmp(&b.place.in_table()));
    }
    Ok(tensors)
}

/// The keys of parts.
struct Keys {
    /// Bytes that they may still take.
    left: u64,
    seen: HashSet<Vec<u8>>,
}

impl Keys {
    /// The key of a part, which is the only one of its place in its tensor.
    fn key(
        &mut self,
        slice: &Slice,
        name: &str,
        whole: impl FnOnce() -> Result<Vec<usize>, Flaw>,
    ) -> Result<Vec<u8>, Flaw> {
        let fits = |left: u64, bytes: usize| left.checked_sub(bytes as u64).ok_or(BundleFormatFault::Keys);
        // The name is in it: a longer one than there is room for is not written out.
        fits(self.left, name.len())?;
        let key = slice.key(name);
        self.left = fits(self.left, key.len())?;
        if !self.seen.insert(key.clone()) {
            return Err(BundleFormatFault::Parts { shape: whole()? }.into());
        }
        Ok(key)
    }
}

/// Whether the bytes of each are its own, so that all together are no more than the files.
fn expect_apart<'e>(entries: impl Iterator<Item = &'e BundleEntryProto>) -> Result<(), Flaw> {
    // Of a tensor that is stored in parts, these have places. What lies outside of a file is told when it is read.
    let is_stored =
        |entry: &&BundleEntryProto| entry.slices.is_empty() && entry.offset >= 0 && entry.size > 0;
    let place = |entry: &BundleEntryProto| (entry.shard_id, entry.offset, entry.size);
    let mut places: Vec<(i32, i64, i64)> = entries.filter(is_stored).map(place).collect();
    places.sort_unstable();
    for (&(shard, offset, size), &(next, second, _)) in places.iter().zip(places.iter().skip(1)) {
        if shard == next && second < offset.saturating_add(size) {
            return Err(BundleFormatFault::Shared { shard, offset: second }.into());
        }
    }
    Ok(())
}

/// The lengths of a shape that is known.
fn lengths(shape: Option<&TensorShapeProto>) -> Result<Vec<usize>, Flaw> {
    let is_unknown = shape.is_some_and(|shape| shape.unknown_rank);
    let found: Vec<i64> = shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.size).collect();
    let lengths: Option<Vec<usize>> = found.iter().map(|&length| usize::try_from(length).ok()).collect();
    let lengths = lengths.filter(|_| !is_unknown);
    Ok(lengths.ok_or(BundleFormatFault::Lengths { found })?)
}

/// The message under a key.
pub(super) fn message<M: Message + Default>(key: &[u8], value: &[u8]) -> Result<M, Flaw> {
    let fault = |error: prost::DecodeError| BundleFormatFault::Message {
        key: String::from_utf8_lossy(key).into_owned(),
        reason: error.to_string(),
    };
    Ok(M::decode(value).map_err(fault)?)
}

/// A part that is not there.
pub(super) fn no_part(key: &[u8]) -> Flaw {
    BundleFormatFault::NoPart { key: String::from_utf8_lossy(key).into_owned() }.into()
}
