//! Any bytes as a checkpoint of TensorFlow.

use std::fs;

use flowgrad::io::tensor_bundle::Bundle;

use super::file::with_file;

/// Reads all tensors that the bytes tell of: the first byte says whether the rest is a file, or the block of a table of
/// the second or of the first version, which gets a checksum that is right.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let (name, file) = match kind % 4 {
        0 => ("bundle.index", rest.to_vec()),
        1 => ("saver", rest.to_vec()),
        2 => ("bundle.index", table(rest)),
        _ => ("saver", table(rest)),
    };
    with_file(name, &file, |path| {
        let elements = path.with_file_name("bundle.data-00000-of-00001");
        fs::write(elements, [0; 64]).expect("a temporary file");
        let Ok(bundle) = Bundle::open(path.with_extension("")) else { return };
        for name in bundle.names() {
            let info = bundle.info(name).expect("what is listed is there");
            if let Ok(value) = bundle.read(name) {
                assert_eq!((value.shape(), Some(value.dtype())), (&info.shape[..], info.dtype), "{name}");
            }
        }
    });
}

/// A table of this block, with an index of one entry, and checksums that are right.
fn table(block: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut push = |block: &[u8]| {
        let (begin, length) = (bytes.len(), block.len());
        bytes.extend(block);
        bytes.push(0);
        let crc = crc32c::crc32c(&bytes[begin..]).rotate_right(15).wrapping_add(0xa282_ead8);
        bytes.extend(crc.to_le_bytes());
        [varint(begin), varint(length)].concat()
    };
    let handle = push(block);
    // A key that none is behind.
    let key = [0xff; 16];
    let entry =
        [&[0, key.len() as u8, handle.len() as u8][..], &key, &handle, &[0, 0, 0, 0, 1, 0, 0, 0]].concat();
    let metadata = push(&[0, 0, 0, 0, 1, 0, 0, 0]);
    let index = push(&entry);
    let mut footer = [metadata, index].concat();
    footer.resize(40, 0);
    [bytes, footer, 0xdb47_7524_8b80_fb57_u64.to_le_bytes().to_vec()].concat()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
