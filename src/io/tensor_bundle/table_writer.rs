//! Writes tables of keys and values, which [`Table`](super::table::Table) reads.

use std::io::{self, Write};

use super::table::{FOOTER, Handle, MAGIC};
use crate::io::masked_crc::masked_crc;

/// Entries from one key that is written out to the next.
const RESTART: usize = 16;

/// A block is ended when it has so many bytes.
const BLOCK: usize = 1 << 18;

/// Writes a table of these keys, which must ascend.
pub(super) fn write(entries: &[(&[u8], Vec<u8>)], out: &mut dyn Write) -> io::Result<()> {
    let mut out = Counted { out, written: 0 };
    let mut index = Block::every(1);
    let mut block = Block::every(RESTART);
    for (place, (key, value)) in entries.iter().enumerate() {
        block.push(key, value);
        if block.bytes.len() >= BLOCK || place + 1 == entries.len() {
            let handle = out.block(std::mem::replace(&mut block, Block::every(RESTART)))?;
            index.push(key, &handle_bytes(handle));
        }
    }
    let metadata = out.block(Block::every(1))?;
    let index = out.block(index)?;
    let mut footer = handle_bytes(metadata);
    footer.extend(handle_bytes(index));
    footer.resize(FOOTER - 8, 0);
    footer.extend(MAGIC.to_le_bytes());
    out.out.write_all(&footer)
}

/// A block that is being made.
struct Block {
    every: usize,
    bytes: Vec<u8>,
    last: Vec<u8>,
    count: usize,
    restarts: Vec<u32>,
}

impl Block {
    /// Without entries; every so many keys, one is written out.
    fn every(every: usize) -> Self {
        Block { every, bytes: Vec::new(), last: Vec::new(), count: 0, restarts: vec![0] }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        let is_restart = self.count.is_multiple_of(self.every);
        if is_restart && self.count > 0 {
            self.restarts.push(self.bytes.len() as u32);
        }
        let same = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        let shared = if is_restart { 0 } else { same };
        for length in [shared, key.len() - shared, value.len()] {
            push_varint(&mut self.bytes, length as u64);
        }
        self.bytes.extend(&key[shared..]);
        self.bytes.extend(value);
        self.last = key.to_vec();
        self.count += 1;
    }
}

/// What is written to, and how much of it.
struct Counted<'w> {
    out: &'w mut dyn Write,
    written: u64,
}

impl Counted<'_> {
    fn block(&mut self, block: Block) -> io::Result<Handle> {
        let mut bytes = block.bytes;
        block.restarts.iter().for_each(|place| bytes.extend(place.to_le_bytes()));
        bytes.extend((block.restarts.len() as u32).to_le_bytes());
        let handle = Handle { offset: self.written, size: bytes.len() as u64 };
        // Not compressed.
        bytes.push(0);
        bytes.extend(masked_crc(&bytes).to_le_bytes());
        self.out.write_all(&bytes)?;
        self.written += bytes.len() as u64;
        Ok(handle)
    }
}

fn handle_bytes(handle: Handle) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_varint(&mut bytes, handle.offset);
    push_varint(&mut bytes, handle.size);
    bytes
}

fn push_varint(to: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        to.push(number as u8 | 128);
        number >>= 7;
    }
    to.push(number as u8);
}
