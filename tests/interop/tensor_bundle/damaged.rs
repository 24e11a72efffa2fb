//! Damaged checkpoints: errors, and never a panic or memory without bound.

use std::fs;
use std::path::Path;

use flowgrad::Value;
use flowgrad::io::tensor_bundle::{Bundle, BundleError, BundleFault, BundleFormatFault, write_bundle};
use flowgrad::ndarray::array;

use crate::peers::folder;

/// The files of a checkpoint in another folder.
fn copied(name: &str, to: &Path) {
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let rest = file.strip_prefix(name);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-'])) {
            fs::copy(&path, to.join(file)).unwrap();
            count += 1;
        }
    }
    assert!(count > 0, "{name}");
}

/// Opens a checkpoint and reads all of it.
fn read_all(prefix: &Path) -> Result<usize, BundleError> {
    let bundle = Bundle::open(prefix)?;
    let mut fault = None;
    let mut read = 0;
    for name in bundle.names() {
        let _ = bundle.info(name)?;
        match bundle.read(name) {
            Ok(value) => read += value.shape().iter().product::<usize>(),
            Err(error) => fault = Some(error),
        }
    }
    fault.map_or(Ok(read), Err)
}

fn random() -> impl FnMut(usize) -> usize {
    let mut state = 1_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// CRC-32C, masked, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    (!bytes.iter().fold(u32::MAX, byte)).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// An entry of a block, whose key begins like the one before.
fn entry(shared: u64, key: &[u8], value: &[u8]) -> Vec<u8> {
    let lengths = [varint(shared), varint(key.len() as u64), varint(value.len() as u64)].concat();
    [&lengths, key, value].concat()
}

/// A table of one block of these entries.
fn table(entries: &[u8], kind: u8) -> Vec<u8> {
    table_of(&[entries], kind, <[_]>::to_vec)
}

/// A table of blocks, of which the index tells what is made of where they lie.
fn table_of(
    blocks: &[&[u8]],
    kind: u8,
    told: impl FnOnce(&[(usize, usize)]) -> Vec<(usize, usize)>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = |entries: &[u8], kind: u8| {
        let begin = bytes.len();
        bytes.extend(entries);
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        let length = bytes.len() - begin;
        bytes.push(kind);
        let sum = checksum(&bytes[begin..]);
        bytes.extend(sum.to_le_bytes());
        (begin, length)
    };
    let handle = |(begin, length): (usize, usize)| [varint(begin as u64), varint(length as u64)].concat();
    let places: Vec<_> = blocks.iter().map(|entries| block(entries, kind)).collect();
    let metadata = handle(block(&[], 0));
    // Each key is a byte longer than the one before; the last of one block is that of all keys.
    let keys = (0..).map(|place| vec![0xff; 40 + place]);
    let index: Vec<u8> =
        told(&places).into_iter().zip(keys).flat_map(|(place, key)| entry(0, &key, &handle(place))).collect();
    let index = handle(block(&index, 0));
    let mut footer = [metadata, index].concat();
    footer.resize(40, 0);
    bytes.extend(footer);
    bytes.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    bytes
}

/// A field of a message: a number.
fn number(tag: u8, value: i64) -> Vec<u8> {
    [vec![tag << 3], varint(value.cast_unsigned())].concat()
}

/// A field of a message: bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![tag << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// The entry of a tensor.
fn tensor(dtype: i64, dims: &[i64], [shard, offset, size]: [i64; 3], crc: u32) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&size| field(2, &number(1, size))).collect();
    let place = [number(3, shard), number(4, offset), number(5, size)].concat();
    [number(1, dtype), field(2, &dims), place, vec![6 << 3 | 5], crc.to_le_bytes().to_vec()].concat()
}

/// A part of a tensor of one axis.
fn slice(start: i64, length: i64) -> Vec<u8> {
    field(1, &[number(1, start), number(2, length)].concat())
}

/// What is wrong with a bundle of this index beside 16 bytes of elements.
fn fault(index: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("m.index"), index).unwrap();
    fs::write(directory.path().join("m.data-00000-of-00001"), [0; 16]).unwrap();
    read_all(&directory.path().join("m")).unwrap_err().to_string()
}

#[test]
fn what_contradicts_itself_is_told() {
    assert_eq!(checksum(b"123456789"), 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8));
    let header = entry(0, b"", &number(1, 1));
    let zeros = checksum(&[0; 16]);
    let with = |value: Vec<u8>| table(&[header.clone(), entry(0, b"w", &value)].concat(), 0);
    let of = |dims: &[i64], place: [i64; 3]| with(tensor(1, dims, place, zeros));
    // Keys, each nearly as long as the block, of which a byte is written.
    let long = (0..2000_u64).map(|place| entry(60_000 + place, b"a", b""));
    let long: Vec<u8> = entry(0, &vec![b'a'; 60_000], b"").into_iter().chain(long.flatten()).collect();
    let no_part = with([tensor(1, &[4], [0, 0, 0], 0), field(7, &slice(0, 4))].concat());
    let twice =
        with([tensor(1, &[4], [0, 0, 0], 0), field(7, &slice(0, 4)), field(7, &slice(0, 4))].concat());
    let twice_there = {
        let key = entry(0, b"\0w\0\x01\x01\x01\x80\x84", &tensor(1, &[4], [0, 0, 16], zeros));
        let whole = [tensor(1, &[4], [0, 0, 0], 0), field(7, &slice(0, 4)), field(7, &slice(0, 4))].concat();
        table(&[header.clone(), key, entry(0, b"w", &whole)].concat(), 0)
    };
    let shared = |second: [i64; 3]| {
        let [v, w] = [[0, 0, 16], second].map(|place| tensor(1, &[place[2] / 4], place, zeros));
        table(&[header.clone(), entry(0, b"v", &v), entry(0, b"w", &w)].concat(), 0)
    };
    let version = entry(0, b"", &field(3, &number(2, 9)));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("expected a table with a footer of 48 bytes, got 3 bytes", vec![1, 2, 3]),
        ("which ends in db4775248b80fb57, got 0000000000000000", vec![0; 100]),
        ("expected a header under the empty key, got none", table(&entry(0, b"w", b""), 0)),
        ("expected one that is not compressed, got one by Snappy", table(&header, 1)),
        ("expected keys in order with their values, got other bytes", table(&header, 2)),
        ("expected keys in order", table(&[header.clone(), header.clone()].concat(), 0)),
        ("expected keys in order", table(&entry(1, b"w", b""), 0)),
        ("expected keys in order", table(&[0, 200, 1, 0], 0)),
        ("expected keys in order", table(&[255; 20], 0)),
        ("expected keys that take at most 8 times", table(&long, 0)),
        ("expected a message under the key `w`", with(vec![255; 7])),
        ("expected a message under the key ``", table(&entry(0, b"", &[255; 7]), 0)),
        ("expected a checkpoint for readers of version 1 at most, got one for 9", table(&version, 0)),
        ("got `type 99`", with(tensor(99, &[4], [0, 0, 16], zeros))),
        ("expected lengths that are known, got [-1]", of(&[-1], [0, 0, 16])),
        ("expected 5 elements of 4 bytes for the shape [5], got 16 bytes", of(&[5], [0, 0, 16])),
        ("expected elements inside of 16 bytes, got 16 bytes from 1 on", of(&[4], [0, 1, 16])),
        ("expected elements inside of 16 bytes, got 16 bytes from -1 on", of(&[4], [0, -1, 16])),
        ("from 9223372036854775807 on", of(&[4], [0, i64::MAX, 16])),
        ("got -16 bytes", of(&[4], [0, 0, -16])),
        ("got 4611686018427387904 bytes from 0 on", of(&[1 << 60], [0, 0, 1 << 62])),
        ("expected a shape that can be addressed", of(&[i64::MAX, i64::MAX], [0, 0, 16])),
        ("expected a shard among 1, got 1", of(&[4], [1, 0, 16])),
        ("expected a shard among 1, got -1", of(&[4], [-1, 0, 16])),
        ("expected elements of the checksum", with(tensor(1, &[4], [0, 0, 16], zeros ^ 1))),
        ("got none of the key", no_part),
        ("got none of the key", twice),
        ("expected parts that make [4], each element once", twice_there),
        (
            "expected a place in the file for each tensor and part, got two with the byte 0",
            shared([0, 0, 16]),
        ),
        ("got two with the byte 12 of shard 0", shared([0, 12, 4])),
        ("expected keys in order", table(&[], 0)),
        ("expected blocks one behind the other", table_of(&[&header, b""], 0, |places| vec![places[0]; 2])),
        (
            "expected blocks one behind the other, got one at 0, before the end of the last one",
            table_of(&[&header, &header], 0, |places| vec![places[1], places[0]]),
        ),
    ];
    for (expected, index) in cases {
        let found = fault(&index);
        assert!(found.contains(expected), "expected `{expected}` in `{found}`");
    }
}

/// Parts that leave a gap, lie on each other, lie outside, or are more than the file has.
#[test]
fn parts_must_make_the_whole() {
    let header = entry(0, b"", &number(1, 1));
    let key = |start: u8, length: u8| [&b"\0w\0\x01\x01\x01"[..], &[0x80 + start, 0x80 + length]].concat();
    let part = |start: u8, length: u8, offset: i64| {
        let zeros = vec![0; 4 * usize::from(length)];
        let value = tensor(1, &[length.into()], [0, offset, zeros.len() as i64], checksum(&zeros));
        entry(0, &key(start, length), &value)
    };
    let of = |whole: i64, parts: &[(u8, u8)]| {
        let slices: Vec<u8> =
            parts.iter().flat_map(|&(start, length)| field(7, &slice(start.into(), length.into()))).collect();
        let mut behind = 0;
        let part = |&(start, length): &(u8, u8)| {
            let offset = behind;
            behind += 4 * i64::from(length);
            part(start, length, offset)
        };
        let parts: Vec<u8> = parts.iter().flat_map(part).collect();
        let whole = [tensor(1, &[whole], [0, 0, 0], 0), slices].concat();
        table(&[header.clone(), parts, entry(0, b"w", &whole)].concat(), 0)
    };
    for (whole, parts) in [
        (4, [(0, 2), (3, 1)]),
        (4, [(0, 2), (1, 2)]),
        (4, [(0, 2), (3, 2)]),
        (4, [(0, 0), (0, 4)]),
        (8, [(0, 4), (4, 4)]),
    ] {
        let found = fault(&of(whole, &parts));
        let is_long = whole == 8 && found.contains("expected elements inside of 16 bytes, got 32 bytes");
        assert!(is_long || whole == 4 && found.contains("expected parts that make"), "{found}");
    }
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("m.index"), of(4, &[(0, 1), (1, 3)])).unwrap();
    fs::write(directory.path().join("m.data-00000-of-00001"), [0; 16]).unwrap();
    let bundle = Bundle::open(directory.path().join("m")).unwrap();
    assert_eq!(bundle.names().collect::<Vec<_>>(), ["w"]);
    assert_eq!(bundle.read("w").unwrap(), array![0.0_f32, 0.0, 0.0, 0.0].into());
}

/// Of the first version, too: an empty part, and one that is there twice. Parts in any order make the whole.
#[test]
fn parts_of_the_first_version_must_make_the_whole() {
    let of = |parts: &[(u8, u8)]| {
        let slices: Vec<u8> =
            parts.iter().flat_map(|&(start, length)| field(4, &slice(start.into(), length.into()))).collect();
        let dims = field(2, &field(2, &number(1, 4)));
        let meta = [field(1, b"w"), dims, number(3, 1), slices].concat();
        let mut data = parts.to_vec();
        data.sort_unstable();
        data.dedup();
        let data = data.iter().map(|&(start, length)| {
            let key = [&b"\0w\0\x01\x01\x01"[..], &[0x80 + start, 0x80 + length]].concat();
            let elements: Vec<u8> =
                (start..start + length).flat_map(|element| f32::from(element).to_le_bytes()).collect();
            let lengths = field(2, &field(2, &number(1, length.into())));
            let proto = [number(1, 1), lengths, field(4, &elements)].concat();
            entry(0, &key, &field(2, &field(3, &proto)))
        });
        let data: Vec<u8> = data.flatten().collect();
        table(&[entry(0, b"", &field(1, &field(1, &meta))), data].concat(), 0)
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved");
    for parts in [&[(0, 4), (0, 4)][..], &[(0, 0), (0, 4)], &[(0, 2), (1, 2)], &[(0, 2)]] {
        fs::write(&path, of(parts)).unwrap();
        let error = read_all(&path).unwrap_err().to_string();
        assert!(error.contains("expected parts that make [4], each element once"), "{parts:?}: {error}");
    }
    // Parts, the keys of which have a long name each.
    let slices: Vec<u8> = (0..1000).flat_map(|start| field(4, &slice(start, 1))).collect();
    let dims = field(2, &field(2, &number(1, 1000)));
    let meta = [field(1, &vec![b'n'; 50_000]), dims, number(3, 1), slices].concat();
    fs::write(&path, table(&entry(0, b"", &field(1, &field(1, &meta))), 0)).unwrap();
    let error = read_all(&path).unwrap_err().to_string();
    assert!(error.contains("expected keys that take at most 8 times"), "{error}");
    for parts in [&[(2, 2), (0, 1), (1, 1)][..], &[(0, 4)]] {
        fs::write(&path, of(parts)).unwrap();
        let read = Bundle::open(&path).unwrap().read("w").unwrap();
        assert_eq!(read, array![0.0_f32, 1.0, 2.0, 3.0].into());
    }
}

#[test]
fn missing_and_cut_files_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let error = Bundle::open(directory.path().join("two")).unwrap_err();
    assert!(matches!(error.fault, BundleFault::NoFile), "{error}");
    for name in ["two", "one", "sharded"] {
        copied(name, directory.path());
        let prefix = directory.path().join(name);
        assert_whole(&prefix);
        let entries = fs::read_dir(directory.path()).unwrap();
        let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in files {
            let whole = fs::read(&path).unwrap();
            for length in 0..whole.len() {
                fs::write(&path, &whole[..length]).unwrap();
                assert!(read_all(&prefix).is_err(), "{} of {length} bytes", path.display());
            }
            fs::remove_file(&path).unwrap();
            assert!(read_all(&prefix).is_err(), "no {}", path.display());
            fs::write(&path, &whole).unwrap();
        }
        for entry in fs::read_dir(directory.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

fn assert_whole(prefix: &Path) {
    assert!(read_all(prefix).unwrap() > 20, "{}", prefix.display());
}

/// Every changed byte of an index or of elements is found by a checksum, but for those that nothing reads.
#[test]
fn every_flipped_bit_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("m");
    let arrays = [("w", Value::from(array![1.0_f32, 2.0])), ("v", Value::from(array![3_i64]))];
    write_bundle(&prefix, arrays).unwrap();
    for (file, most) in [("m.index", 12 + 40), ("m.data-00000-of-00001", 0)] {
        let path = directory.path().join(file);
        let whole = fs::read(&path).unwrap();
        let mut unread = 0;
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, &bytes).unwrap();
            // Unread are the block of metadata, and what fills the footer up.
            unread += usize::from(read_all(&prefix).is_ok());
        }
        assert!(unread <= most, "{file}: {unread} of {}", whole.len());
        fs::write(&path, &whole).unwrap();
    }
    let bundle = Bundle::open(&prefix).unwrap();
    fs::write(directory.path().join("m.data-00000-of-00001"), [7; 16]).unwrap();
    let error = bundle.read("w").unwrap_err();
    let BundleFault::Format(fault) = &error.fault else { panic!("{error}") };
    assert!(matches!(**fault, BundleFormatFault::Checksum { .. }), "{error}");
}

/// Changed bytes under checksums that are right: messages that say anything.
#[test]
fn no_change_of_a_message_is_a_panic() {
    let mut random = random();
    let directory = tempfile::tempdir().unwrap();
    for (name, file) in [("two", "two.index"), ("one", "one"), ("sharded", "sharded-00000-of-00002")] {
        copied(name, directory.path());
        let (prefix, path) = (directory.path().join(name), directory.path().join(file));
        let whole = fs::read(&path).unwrap();
        // Where the block of metadata begins, behind the only block of entries: the first number of the footer.
        let footer = &whole[whole.len() - 48..];
        let length = footer.iter().position(|byte| *byte < 128).unwrap();
        let number = |end: usize, place: usize| end | usize::from(footer[place] & 127) << (7 * place);
        let end = (0..=length).fold(0, number) - 5;
        for round in 0..1500 {
            let mut bytes = whole.clone();
            for _ in 0..=random(4) {
                bytes[random(end)] = if round % 3 == 0 { 255 } else { random(256) as u8 };
            }
            let sum = checksum(&bytes[..=end]).to_le_bytes();
            bytes[end + 1..end + 5].copy_from_slice(&sum);
            fs::write(&path, &bytes).unwrap();
            let _ = read_all(&prefix);
        }
        fs::write(&path, &whole).unwrap();
        assert_whole(&prefix);
    }
}

#[test]
fn a_folder_is_no_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    assert!(Bundle::open(directory.path()).is_err());
    fs::create_dir(directory.path().join("m.index")).unwrap();
    let error = Bundle::open(directory.path().join("m")).unwrap_err().to_string();
    assert!(error.contains("expected a regular file, got a directory"), "{error}");
}
