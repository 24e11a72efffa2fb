//! CRC-32C, bit by bit: the polynomial 0x1EDC6F41, reflected. It shares nothing with the crate's own.

pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), shifted))
}
