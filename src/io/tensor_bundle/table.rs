//! Tables of keys and values as `LevelDB` and TensorFlow write them, read block by block.
//!
//! A table is blocks, each behind the other, and a footer of 48 bytes that tells where the block of metadata and the
//! index lie. An entry of the index is a key that is not less than those of its block, and where the block lies. A
//! block is entries and the places where keys are written out; other keys begin like the one before. Behind it stand
//! a byte that says how it is compressed and the masked checksum of all that.
//!
//! Invariant: a block is read only if it lies in the file, behind the one before, so that reading all of them is reading
//! the file once. Keys ascend, and all keys that are read of a table take [`KEYS`] times the bytes of the file at most,
//! however much of each is that of the one before.
//!
//! Source: `doc/table_format.md` in <https://github.com/google/leveldb>.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::error::{BundleFormatFault, Flaw};
use crate::io::masked_crc::masked_crc;

/// Bytes at the end of a table.
pub(super) const FOOTER: usize = 48;

/// The last of them, as a number.
pub(super) const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

/// Behind a block: how it is compressed, and its checksum.
pub(super) const TRAILER: usize = 5;

/// Keys may take so many times the bytes of the file, and [`KEYS_OF_ANY`].
const KEYS: u64 = 8;
const KEYS_OF_ANY: u64 = 1 << 16;

/// Where a block lies, without what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// An open table.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    bytes: u64,
    /// Bytes that keys may still take.
    left: u64,
    /// For each block a key that is not less than those in it.
    blocks: Vec<(Vec<u8>, Handle)>,
    /// The block that a value was last found in.
    last: Option<Block>,
}

/// A block with its keys, in order, and where their values lie in it.
#[derive(Debug)]
struct Block {
    handle: Handle,
    bytes: Vec<u8>,
    entries: Vec<(Vec<u8>, Range<usize>)>,
}

impl Table {
    /// Reads the index.
    pub(super) fn open(mut file: File) -> Result<Self, Flaw> {
        let bytes = file.metadata()?.len();
        let Some(end) = bytes.checked_sub(FOOTER as u64) else {
            return Err(BundleFormatFault::NoFooter { bytes }.into());
        };
        let mut footer = [0; FOOTER];
        file.seek(SeekFrom::Start(end))?;
        file.read_exact(&mut footer)?;
        let (mut handles, magic) = footer.split_at(FOOTER - 8);
        let magic = magic.try_into().map_or(0, u64::from_le_bytes);
        if magic != MAGIC {
            return Err(BundleFormatFault::Magic { found: magic }.into());
        }
        let no_handle = || Flaw::from(BundleFormatFault::Block { offset: end });
        let _metadata = handle(&mut handles).ok_or_else(no_handle)?;
        let index = handle(&mut handles).ok_or_else(no_handle)?;
        let mut table = Table { file, bytes, left: keys_of(bytes), blocks: Vec::new(), last: None };
        let mut behind = 0;
        let block = table.checked(index)?;
        let mut left = table.left;
        entries(&block, index, &mut left, |key, value| {
            let mut value = block.get(value).unwrap_or_default();
            let place = handle(&mut value).ok_or(BundleFormatFault::Block { offset: index.offset })?;
            if place.offset < behind {
                return Err(BundleFormatFault::BlockOrder { offset: place.offset, end: behind }.into());
            }
            behind = place.offset.saturating_add(place.size).saturating_add(TRAILER as u64);
            table.blocks.push((key.to_vec(), place));
            Ok(())
        })?;
        table.left = left;
        Ok(table)
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that keys of parts may take in all.
    pub(super) fn keys(&self) -> u64 {
        keys_of(self.bytes)
    }

    /// Shows all keys with their values, in order.
    pub(super) fn each(
        &mut self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        let mut last: Option<Vec<u8>> = None;
        for place in 0..self.blocks.len() {
            let Some(&(_, handle)) = self.blocks.get(place) else { break };
            let broken = || BundleFormatFault::Block { offset: handle.offset };
            let mut is_first = true;
            let block = self.checked(handle)?;
            entries(&block, handle, &mut self.left, |key, value| {
                // Inside of a block they do.
                if is_first && last.as_ref().is_some_and(|last| last.as_slice() >= key) {
                    return Err(broken().into());
                }
                is_first = false;
                last.get_or_insert_default().clear();
                last.get_or_insert_default().extend_from_slice(key);
                visit(key, block.get(value).unwrap_or_default())
            })?;
            // Nobody writes a block without entries.
            if is_first {
                return Err(broken().into());
            }
        }
        Ok(())
    }

    /// The value of a key. The block that it lies in is kept: keys that are asked for in order read each block once.
    pub(super) fn find(&mut self, wanted: &[u8]) -> Result<Option<Vec<u8>>, Flaw> {
        let place = self.blocks.partition_point(|(most, _)| most.as_slice() < wanted);
        let Some(&(_, handle)) = self.blocks.get(place) else { return Ok(None) };
        let block = match self.last.take().filter(|last| last.handle == handle) {
            Some(block) => block,
            None => self.block(handle)?,
        };
        let found = block.entries.binary_search_by(|(key, _)| key.as_slice().cmp(wanted)).ok();
        let found = found.and_then(|found| block.entries.get(found));
        let found = found.and_then(|(_, value)| block.bytes.get(value.clone())).map(<[u8]>::to_vec);
        self.last = Some(block);
        Ok(found)
    }

    /// A block with its keys.
    fn block(&mut self, handle: Handle) -> Result<Block, Flaw> {
        let bytes = self.checked(handle)?;
        let mut found = Vec::new();
        // Keys of a table are read more than once if there are several to find.
        let mut left = self.left;
        entries(&bytes, handle, &mut left, |key, value| {
            found.push((key.to_vec(), value));
            Ok(())
        })?;
        if found.is_empty() {
            return Err(BundleFormatFault::Block { offset: handle.offset }.into());
        }
        Ok(Block { handle, bytes, entries: found })
    }

    /// The bytes of a block, once its checksum is seen to be right.
    fn checked(&mut self, place: Handle) -> Result<Vec<u8>, Flaw> {
        let Handle { offset, size } = place;
        let outside = BundleFormatFault::Place { offset, size, bytes: self.bytes };
        let end = offset.checked_add(size).and_then(|end| end.checked_add(TRAILER as u64));
        let length = usize::try_from(size).ok().and_then(|size| size.checked_add(TRAILER));
        let (Some(_), Some(length)) = (end.filter(|&end| end <= self.bytes), length) else {
            return Err(outside.into());
        };
        let mut block = Vec::new();
        block.try_reserve_exact(length).map_err(std::io::Error::from)?;
        block.resize(length, 0);
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(&mut block)?;
        let (checked, stated) = block.split_at(length - 4);
        let stated = stated.try_into().map_or(0, u32::from_le_bytes);
        let computed = masked_crc(checked);
        if stated != computed {
            return Err(BundleFormatFault::BlockChecksum { offset, stated, computed }.into());
        }
        match checked.last() {
            Some(0) => {}
            Some(1) => return Err(BundleFormatFault::Compressed { offset }.into()),
            _ => return Err(BundleFormatFault::Block { offset }.into()),
        }
        block.truncate(length - TRAILER);
        Ok(block)
    }
}

/// Bytes that keys of a file of so many bytes may take.
fn keys_of(bytes: u64) -> u64 {
    bytes.saturating_mul(KEYS).saturating_add(KEYS_OF_ANY)
}

/// Shows the keys of a block, and where in it their values lie.
fn entries(
    block: &[u8],
    place: Handle,
    left: &mut u64,
    mut visit: impl FnMut(&[u8], Range<usize>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let broken = || BundleFormatFault::Block { offset: place.offset };
    let (entries, restarts) = block.split_at_checked(block.len().saturating_sub(4)).ok_or_else(broken)?;
    let restarts = restarts.try_into().map(u32::from_le_bytes).map_err(|_| broken())? as usize;
    let end = restarts.checked_mul(4).and_then(|bytes| entries.len().checked_sub(bytes));
    let entries = entries.get(..end.ok_or_else(broken)?).ok_or_else(broken)?;
    let mut rest = entries;
    let mut key: Vec<u8> = Vec::new();
    let mut is_first = true;
    while !rest.is_empty() {
        let mut length = || varint(&mut rest).and_then(|length| usize::try_from(length).ok());
        let (shared, own, of_value) =
            (length().ok_or_else(broken)?, length().ok_or_else(broken)?, length().ok_or_else(broken)?);
        let (tail, behind) = rest.split_at_checked(own).ok_or_else(broken)?;
        rest = behind.get(of_value..).ok_or_else(broken)?;
        let beginning = key.get(..shared).ok_or_else(broken)?;
        // What both begin with is the same.
        if !is_first && tail <= &key[beginning.len()..] {
            return Err(broken().into());
        }
        is_first = false;
        key.truncate(shared);
        *left = left.checked_sub((shared + own) as u64).ok_or(BundleFormatFault::Keys)?;
        key.extend_from_slice(tail);
        let end = entries.len() - rest.len();
        visit(&key, end - of_value..end)?;
    }
    Ok(())
}

/// Takes a handle off the front.
fn handle(bytes: &mut &[u8]) -> Option<Handle> {
    Some(Handle { offset: varint(bytes)?, size: varint(bytes)? })
}

/// Takes a number off the front: 7 bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 127);
        if place == 63 && bits > 1 {
            return None;
        }
        number |= bits << place;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}
