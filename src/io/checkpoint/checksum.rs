//! The checksum over what a checkpoint holds.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use crate::DType;
use crate::io::safetensors::type_name;

/// Ends a text in the input of the checksum; no UTF-8 text has this byte.
const END: [u8; 1] = [0xff];

/// CRC-32C (Castagnoli) of metadata and tensors, which finds every flipped bit and every shorter burst than 33 bits.
///
/// It is of the texts with their names, and of each tensor's name, type, shape and elements, both in the order of
/// names: of what a file says, not of how the header is written.
pub(super) struct Checksum(u32);

impl Checksum {
    pub(super) fn of(metadata: &BTreeMap<String, String>) -> Self {
        let mut checksum = Checksum(0);
        for (key, text) in metadata {
            checksum.add_text(key);
            checksum.add_text(text);
        }
        checksum
    }

    /// Adds what is known of a tensor before its elements.
    pub(super) fn add_tensor(&mut self, name: &str, dtype: DType, shape: &[usize]) {
        self.add_text(name);
        self.add_text(&format!("{}{shape:?}", type_name(dtype)));
    }

    fn add_text(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&END);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    /// The checksum of all that was added.
    pub(super) fn sum(&self) -> u32 {
        self.0
    }
}

/// Adds the elements that are written.
impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Elements that are read, and added on the way.
pub(super) struct Summed<'c, R> {
    pub(super) elements: R,
    pub(super) checksum: &'c mut Checksum,
}

impl<R: Read> Read for Summed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.elements.read(buffer)?;
        self.checksum.add(&buffer[..count]);
        Ok(count)
    }
}
