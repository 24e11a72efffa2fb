//! Tables of keys and values as `LevelDB` and TensorFlow write them, read block by block.
//!
//! A table is blocks, each behind the other, and a footer of 48 bytes that tells where the block of metadata and the
//! index lie. An entry of the index is a key that is not less than those of its block, and where the block lies. A
//! block is entries and the places where keys are written out; other keys begin like the one before. Behind it stand
//! a byte that says how it is compressed and the masked checksum of all that.
//!
//! Invariant: a block is read only if it lies in the file, keys ascend, and all keys that are read of a table take
//! [`KEYS`] times the bytes of the file at most, however much of each is that of the one before.
//!
//! Source: `doc/table_format.md` in <https://github.com/google/leveldb>.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

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
        let left = bytes.saturating_mul(KEYS).saturating_add(KEYS_OF_ANY);
        let mut table = Table { file, bytes, left, blocks: Vec::new() };
        let mut blocks = Vec::new();
        table.block(index, |key, mut value| {
            let place = handle(&mut value).ok_or(BundleFormatFault::Block { offset: index.offset })?;
            blocks.push((key.to_vec(), place));
            Ok(())
        })?;
        table.blocks = blocks;
        Ok(table)
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Shows all keys with their values, in order.
    pub(super) fn each(
        &mut self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        let mut last: Option<Vec<u8>> = None;
        for place in 0..self.blocks.len() {
            let Some(&(_, handle)) = self.blocks.get(place) else { break };
            let mut is_first = true;
            self.block(handle, |key, value| {
                // Inside of a block they do.
                if is_first && last.as_ref().is_some_and(|last| last.as_slice() >= key) {
                    return Err(BundleFormatFault::Block { offset: handle.offset }.into());
                }
                is_first = false;
                last.get_or_insert_default().clear();
                last.get_or_insert_default().extend_from_slice(key);
                visit(key, value)
            })?;
        }
        Ok(())
    }

    /// The value of a key.
    pub(super) fn find(&mut self, wanted: &[u8]) -> Result<Option<Vec<u8>>, Flaw> {
        let place = self.blocks.partition_point(|(most, _)| most.as_slice() < wanted);
        let Some(&(_, handle)) = self.blocks.get(place) else { return Ok(None) };
        // Keys of a table are read more than once if there are several to find.
        let left = self.left;
        let mut found = None;
        self.block(handle, |key, value| {
            if key == wanted {
                found = Some(value.to_vec());
            }
            Ok(())
        })?;
        self.left = left;
        Ok(found)
    }

    /// Shows the keys of a block with their values.
    fn block(
        &mut self,
        place: Handle,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        let block = self.checked(place)?;
        let broken = || BundleFormatFault::Block { offset: place.offset };
        let (entries, restarts) = block.split_at_checked(block.len().saturating_sub(4)).ok_or_else(broken)?;
        let restarts = restarts.try_into().map(u32::from_le_bytes).map_err(|_| broken())? as usize;
        let end = restarts.checked_mul(4).and_then(|bytes| entries.len().checked_sub(bytes));
        let mut rest = entries.get(..end.ok_or_else(broken)?).ok_or_else(broken)?;
        let mut key: Vec<u8> = Vec::new();
        let mut is_first = true;
        while !rest.is_empty() {
            let mut length = || varint(&mut rest).and_then(|length| usize::try_from(length).ok());
            let (shared, own, of_value) =
                (length().ok_or_else(broken)?, length().ok_or_else(broken)?, length().ok_or_else(broken)?);
            let (tail, behind) = rest.split_at_checked(own).ok_or_else(broken)?;
            let (value, behind) = behind.split_at_checked(of_value).ok_or_else(broken)?;
            rest = behind;
            let beginning = key.get(..shared).ok_or_else(broken)?;
            // What both begin with is the same.
            if !is_first && tail <= &key[beginning.len()..] {
                return Err(broken().into());
            }
            is_first = false;
            key.truncate(shared);
            self.left = (self.left.checked_sub((shared + own) as u64)).ok_or(BundleFormatFault::Keys)?;
            key.extend_from_slice(tail);
            visit(&key, value)?;
        }
        Ok(())
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
