//! A reader of record files and of protocol buffers as they lie in bytes.

use crate::crc32c::crc32c;

/// Whether a stored sum is that of the bytes: it is stored with its low 15 bits before the others, plus a constant.
fn is_checked_by(bytes: &[u8], stored: u32) -> bool {
    stored.wrapping_sub(0xa282_ead8).rotate_left(15) == crc32c(bytes)
}

/// The data of each record of a file.
pub(crate) fn records(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !file.is_empty() {
        let length: [u8; 8] = take(&mut file, 8).try_into().unwrap();
        assert!(is_checked_by(&length, number(take(&mut file, 4)) as u32));
        let data = take(&mut file, u64::from_le_bytes(length) as usize);
        assert!(is_checked_by(data, number(take(&mut file, 4)) as u32));
        records.push(data.to_vec());
    }
    records
}

/// The first bytes, which are gone from the rest.
fn take<'a>(from: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at(count);
    *from = rest;
    taken
}

/// Little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Seven bits a byte, the lowest first; the last byte has its highest bit clear.
fn varint(from: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = take(from, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

/// A message: the contents of its fields by number, in the order in which they lie; numbers in eight bytes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Message(Vec<(u64, Vec<u8>)>);

impl Message {
    pub(crate) fn read(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let content = match key & 7 {
                0 => varint(&mut bytes).to_le_bytes().to_vec(),
                1 => take(&mut bytes, 8).to_vec(),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    take(&mut bytes, length).to_vec()
                }
                5 => number(take(&mut bytes, 4)).to_le_bytes().to_vec(),
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, content));
        }
        Message(fields)
    }

    fn contents(&self, field: u64) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(number, _)| *number == field).map(|(_, content)| content.as_slice())
    }

    /// A field that is there once or not at all, when it is 0.
    fn bits(&self, field: u64) -> u64 {
        self.contents(field).map(number).sum()
    }

    pub(crate) fn integer(&self, field: u64) -> i64 {
        self.bits(field) as i64
    }

    pub(crate) fn double(&self, field: u64) -> f64 {
        f64::from_bits(self.bits(field))
    }

    pub(crate) fn float(&self, field: u64) -> f32 {
        f32::from_bits(self.bits(field) as u32)
    }

    pub(crate) fn bytes(&self, field: u64) -> Vec<u8> {
        self.contents(field).flatten().copied().collect()
    }

    pub(crate) fn text(&self, field: u64) -> String {
        self.texts(field).concat()
    }

    pub(crate) fn texts(&self, field: u64) -> Vec<String> {
        self.contents(field).map(|content| String::from_utf8(content.to_vec()).unwrap()).collect()
    }

    pub(crate) fn messages(&self, field: u64) -> Vec<Message> {
        self.contents(field).map(Message::read).collect()
    }

    /// Numbers that are packed into one field.
    pub(crate) fn doubles(&self, field: u64) -> Vec<f64> {
        let double = |bytes: &[u8]| f64::from_bits(number(bytes));
        self.contents(field).flat_map(|content| content.chunks(8).map(double)).collect()
    }
}
