//! The checksum of TensorFlow's files: one that may itself lie among bytes that are checked.
//!
//! Source: `tensorflow/core/lib/hash/crc32c.h` in <https://github.com/tensorflow/tensorflow>.

/// rotate right(c, 15) + `0xa282ead8` modulo 2³², where c is a CRC-32C (Castagnoli).
pub(crate) fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// That of these bytes.
pub(crate) fn masked_crc(bytes: &[u8]) -> u32 {
    masked(crc32c::crc32c(bytes))
}
