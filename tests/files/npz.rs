//! npz files: what NumPy wrote, what comes back of what we wrote, and files that mean harm.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use flowgrad::data::{DataError, Dataset};
use flowgrad::io::npz::{Npz, NpzFault, read_npz, read_npz_within, write_npz};
use flowgrad::ndarray::{Array1, ArrayD, IxDyn, array};
use flowgrad::prelude::*;
use proptest::prelude::*;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

type Arrays = BTreeMap<String, Value>;

/// A path in a directory of its own, which goes with it.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("t.npz")
    }

    /// What is read of these bytes, or the message without the directory.
    fn read(bytes: &[u8]) -> Result<Arrays, String> {
        Self::read_within(bytes, None)
    }

    fn read_within(bytes: &[u8], limit: Option<u64>) -> Result<Arrays, String> {
        let place = Place::new();
        fs::write(place.path(), bytes).unwrap();
        let read = match limit {
            Some(limit) => read_npz_within(place.path(), limit),
            None => read_npz(place.path()),
        };
        read.map_err(|error| error.to_string().replace(&format!("{}/", place.directory.path().display()), ""))
    }

    /// The bytes of a file of these arrays.
    fn written(arrays: &Arrays) -> Vec<u8> {
        let place = Place::new();
        write_npz(place.path(), arrays).unwrap();
        fs::read(place.path()).unwrap()
    }
}

/// A zip archive of files as they are.
fn archive(method: CompressionMethod, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An npy file of version 1 with this header and these elements.
fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{header}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), elements].concat()
}

/// The message about an array `x` of this npy file.
fn told(npy: Vec<u8>) -> String {
    let read = Place::read(&archive(CompressionMethod::Stored, &[("x.npy", npy)]));
    read.unwrap_err().strip_prefix("t.npz, array `x`: ").unwrap().to_owned()
}

fn all_types() -> Arrays {
    let arrays = [
        ("f32", Value::from(array![[1.5_f32, f32::NEG_INFINITY], [f32::MIN_POSITIVE, -0.0]])),
        ("dense/kernel", Value::from(array![f64::MAX, f64::EPSILON])),
        ("i32", Value::from(array![[[i32::MIN], [i32::MAX]]])),
        ("i64", Value::from(array![i64::MIN, i64::MAX])),
        ("bool", Value::from(array![true, false, true])),
        ("scalar", Value::from(ArrayD::from_elem(IxDyn(&[]), 7_i64))),
        ("empty", Value::from(ArrayD::<f32>::zeros(IxDyn(&[3, 0, 2])))),
        ("", Value::from(array![1.0_f32])),
    ];
    arrays.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Written by NumPy 2 with `numpy.savez` and `numpy.savez_compressed`: all types, both byte orders, both orders
/// of axes, a scalar and an empty array.
#[test]
fn what_numpy_wrote_is_read() {
    for name in ["numpy_savez.npz", "numpy_savez_compressed.npz"] {
        let mut arrays = read_npz(fixture(name)).unwrap();
        let floats = arrays.remove("f4").unwrap().into_array::<f32>().unwrap();
        assert_eq!(
            floats.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            [1.5, -2.25, f32::NAN, f32::INFINITY].map(f32::to_bits)
        );
        assert_eq!(floats.shape(), [2, 2]);
        let expected = [
            ("f8", Value::from(array![-1.0, -0.5, 0.0, 0.5, 1.0])),
            ("i4", Value::from(array![i32::MIN, 0, i32::MAX])),
            ("i8", Value::from(array![i64::MIN, i64::MAX])),
            ("bool", Value::from(array![[true], [false]])),
            ("big/f4", Value::from(array![1.5_f32, -2.25])),
            ("big/f8", Value::from(array![1e300])),
            ("big/i4", Value::from(array![1, -2])),
            ("big/i8", Value::from(array![1_i64 << 40])),
            ("u1", Value::from(array![0, 255])),
            ("i1", Value::from(array![-128, 127])),
            ("u2", Value::from(array![0, 65535])),
            ("i2", Value::from(array![-32768, 32767])),
            ("u4", Value::from(array![0_i64, 4_294_967_295])),
            ("fortran", Value::from(array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])),
            ("scalar", Value::from(ArrayD::from_elem(IxDyn(&[]), 7.0))),
            ("empty", Value::from(ArrayD::<f32>::zeros(IxDyn(&[0, 3])))),
        ];
        assert_eq!(arrays, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "files", "npz", name].iter().collect()
}

/// What is asked for is read, whatever else is in the archive: texts, objects, records, and members that are no arrays.
#[test]
fn what_is_asked_for_is_read_alone() {
    let path = fixture("mixed.npz");
    let file = Npz::open(&path).unwrap();
    let names = [
        "complex", "half", "large", "larger", "later", "nothing", "object", "record", "scalar", "text",
        "time", "unnamed", "wide", "x", "y",
    ];
    assert_eq!(file.names().collect::<Vec<_>>(), names);
    let read = |name: &str| file.read(name).unwrap();
    assert_eq!(read("x"), array![[0, 51, 102], [153, 204, 255]].into());
    assert_eq!(file.read("x.npy").unwrap(), read("x"));
    assert_eq!(read("y"), array![1_i64, 0].into());
    assert_eq!(read("wide"), array![0, 65535].into());
    assert_eq!(read("large"), array![0, i64::MAX].into());
    assert_eq!(read("later"), array![7.0_f32].into());
    assert_eq!(read("unnamed"), array![8, 9].into());
    assert_eq!(read("nothing"), ArrayD::<f32>::zeros(IxDyn(&[0, 2])).into());
    assert_eq!(read("scalar"), Value::from(ArrayD::from_elem(IxDyn(&[]), 0.5_f32)));
    let half = file.read_as::<f32>("half").unwrap();
    let expected = [1.5, -0.0, 65504.0, f32::INFINITY, f32::NAN, 2_f32.powi(-24)];
    assert!(half.iter().zip(expected).all(|(x, y)| x.to_bits() == y.to_bits()), "{half}");
    assert_eq!(file.read_as::<f64>("wide").unwrap(), array![0.0, 65535.0].into_dyn());

    let info = |name: &str| file.info(name).map(|info| (info.type_name, info.shape, info.dtype)).unwrap();
    assert_eq!(info("x"), ("|u1".to_owned(), vec![2, 3], Some(DType::I32)));
    assert_eq!(info("wide"), (">u2".to_owned(), vec![2], Some(DType::I32)));
    assert_eq!(info("text"), ("<U9".to_owned(), vec![2], None));

    let told = |name: &str| {
        file.read(name).unwrap_err().to_string().replace(&path.display().to_string(), "mixed.npz")
    };
    for (name, descriptor) in [("text", "<U9"), ("object", "|O"), ("complex", "<c16"), ("time", "<M8[D]")] {
        let expected =
            format!("array `{name}`: expected elements of a type that flowgrad has, got `{descriptor}`");
        assert_eq!(told(name), format!("mixed.npz, {expected}"));
    }
    assert!(told("record").contains("expected the header of an array of numbers, got `"));
    assert!(told("larger").ends_with("element 0: expected an i64 (below 2⁶³), got another value"));
    assert!(told("README").contains("there is no such array: expected one of `complex`, `half`"));
    assert!(file.read_as::<f64>("y").is_err() && file.read_as::<i32>("half").is_err());

    // Two arrays of it, of which the pixels become what they are asked to be.
    let images = Dataset::<f32, i64>::from_npz(&path, "x", "y").unwrap();
    assert_eq!(images.inputs(), &array![[0.0_f32, 51.0, 102.0], [153.0, 204.0, 255.0]].into_dyn());
    // Not all of it can be read.
    assert!(
        read_npz(&path)
            .unwrap_err()
            .to_string()
            .contains("expected elements of a type that flowgrad has, got `")
    );
}

/// Lengths of Python 2 on Windows, and bytes with an order of bytes.
#[test]
fn what_old_programs_wrote_is_read() {
    let expected = [
        ("long", Value::from(array![[0.0_f32, 1.0, 2.0], [3.0, 4.0, 5.0]])),
        ("one_long", array![-1, 1].into()),
        ("bytes", array![0, 1].into()),
        ("signed", array![0, -1].into()),
        ("truth", array![false, true].into()),
    ];
    let expected: Arrays = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(read_npz(fixture("old.npz")).unwrap(), expected);
}

/// `numpy.load` takes for a type whatever `numpy.dtype` does.
#[test]
fn types_have_many_names() {
    let bytes = |array: [f64; 2], of: fn(f64) -> Vec<u8>| array.map(of).concat();
    let singles = Value::from(array![1.5_f32, -2.0]);
    let doubles = Value::from(array![1.5, -2.0]);
    let place = Place::new();
    for (descriptor, little_endian, expected) in [
        ("=f4", true, &singles),
        ("f4", true, &singles),
        ("|f", true, &singles),
        ("float32", true, &singles),
        (">f4", false, &singles),
        (">f", false, &singles),
        ("d", true, &doubles),
        ("float", true, &doubles),
        (">d", false, &doubles),
    ] {
        let data = match (little_endian, expected.dtype()) {
            (true, DType::F32) => bytes([1.5, -2.0], |x| (x as f32).to_le_bytes().to_vec()),
            (true, _) => bytes([1.5, -2.0], |x| x.to_le_bytes().to_vec()),
            (false, DType::F32) => bytes([1.5, -2.0], |x| (x as f32).to_be_bytes().to_vec()),
            (false, _) => bytes([1.5, -2.0], |x| x.to_be_bytes().to_vec()),
        };
        let x = npy(&format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': (2,), }}"), &data);
        fs::write(place.path(), archive(CompressionMethod::Stored, &[("x.npy", x)])).unwrap();
        let file = Npz::open(place.path()).unwrap();
        assert_eq!(&file.read("x").unwrap(), expected, "{descriptor}");
        assert_eq!(file.info("x").unwrap().type_name, descriptor);
    }
}

#[test]
fn large_archives_are_read() {
    assert_eq!(Npz::open(fixture("zip64.npz")).unwrap().read("x").unwrap(), array![1.0, 2.0].into());
}

/// `numpy.load` lists `w` and `w.npy` as one; here neither is chosen for the other.
#[test]
fn members_that_are_no_arrays_are_passed_over() {
    let x = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[7, 8]);
    let members = [
        ("README", b"hello".to_vec()),
        ("x", b"no array".to_vec()),
        ("x.npy", x.clone()),
        ("__MACOSX/._x.npy", b"resource".to_vec()),
        ("__MACOSX/x.npy", x.clone()),
        ("y", x.clone()),
        ("y.npy", x),
    ];
    let bytes = archive(CompressionMethod::Stored, &members);
    let place = Place::new();
    fs::write(place.path(), &bytes).unwrap();
    let file = Npz::open(place.path()).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["__MACOSX/x", "x", "y"]);
    assert_eq!(file.read("x").unwrap(), array![7, 8].into());
    assert!(matches!(file.read("y").unwrap_err().fault, NpzFault::SameName));
    assert_eq!(Place::read(&archive(CompressionMethod::Stored, &members[..4])).unwrap().len(), 1);
}

/// A name of the file in a message neither steers the terminal nor fills it.
#[test]
fn names_are_escaped_in_messages() {
    let name = format!("\u{1b}[2J{}.npy", "x".repeat(1000));
    let told =
        Place::read(&archive(CompressionMethod::Stored, &[(&name, b"no array".to_vec())])).unwrap_err();
    assert!(told.starts_with("t.npz, array `\\u{1b}[2Jxxx") && told.len() < 200, "{told}");
    let place = Place::new();
    let arrays: Vec<_> = (0..1000).map(|i| (format!("{i}\u{7}"), Value::from(array![1.0]))).collect();
    write_npz(place.path(), arrays).unwrap();
    let told = Npz::open(place.path()).unwrap().read("x").unwrap_err().to_string();
    assert!(told.ends_with("and 988 more") && told.contains("`0\\u{7}`, `1\\u{7}`"), "{told}");
}

#[test]
fn all_types_and_names_come_back() {
    let arrays = all_types();
    assert_eq!(Place::read(&Place::written(&arrays)), Ok(arrays));
    for name in ["a/b/c", "/a", "../a", "a\\b", "a.npy", "a.npy/", "ü/名", " ", "a\nb", &"n".repeat(60_000)]
    {
        let arrays = Arrays::from([(name.to_owned(), Value::from(array![1.0_f32]))]);
        assert_eq!(Place::read(&Place::written(&arrays)), Ok(arrays));
    }
    assert_eq!(Place::read(&Place::written(&Arrays::new())), Ok(Arrays::new()));
}

#[test]
fn the_same_arrays_make_the_same_bytes() {
    assert_eq!(Place::written(&all_types()), Place::written(&all_types()));
}

/// Every byte of every element lies in the file as NumPy would find it: the header first, 64 bytes aligned.
#[test]
fn an_array_is_laid_out_as_the_format_says() {
    let bytes =
        Place::written(&Arrays::from([("x".to_owned(), Value::from(array![[1_i32, 2, 3], [4, 5, 6]]))]));
    let start = bytes.windows(6).position(|window| window == b"\x93NUMPY").unwrap();
    let length = 10 + usize::from(u16::from_le_bytes([bytes[start + 8], bytes[start + 9]]));
    let header = std::str::from_utf8(&bytes[start + 10..start + length]).unwrap();
    assert!(length % 64 == 0 && header.ends_with('\n'));
    assert_eq!(header.trim_end(), "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)}");
    let elements: Vec<u8> = (1..=6_i32).flat_map(i32::to_le_bytes).collect();
    assert_eq!(bytes[start + length..][..24], elements);
}

#[test]
fn variables_of_a_session_are_exported_and_imported() {
    let g = Graph::with_seed(3);
    let (kernel, steps) =
        g.name_scope("dense", || (g.variable("kernel", glorot_uniform([3, 2])), g.variable("steps", 5_i64)));
    let [trained, fresh] = [Session::new(&g).unwrap(), Session::new(&g).unwrap()];
    trained.run((kernel.assign(kernel * 2.0_f32), steps.assign_add(1))).unwrap();
    let place = Place::new();
    write_npz(place.path(), trained.variable_values().unwrap()).unwrap();
    fresh.load(read_npz(place.path()).unwrap()).unwrap();
    assert_eq!(fresh.variable_values().unwrap(), trained.variable_values().unwrap());
    assert_eq!(read_npz(place.path()).unwrap().keys().collect::<Vec<_>>(), ["dense/kernel", "dense/steps"]);
}

/// Whether it fails when it begins, in the middle or at the end, the old file stays and no other.
#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let place = Place::new();
    write_npz(place.path(), all_types()).unwrap();
    let twice = [("a", Value::from(array![1.0])), ("a", Value::from(array![2.0]))];
    let error = write_npz(place.path(), twice).unwrap_err();
    assert_eq!(error.array.as_deref(), Some("a"));
    assert_eq!(read_npz(place.path()).unwrap(), all_types());
    assert_eq!(fs::read_dir(place.directory.path()).unwrap().count(), 1);

    let error = write_npz(place.directory.path().join("no/t.npz"), all_types()).unwrap_err();
    assert!(matches!(error.fault, NpzFault::Io(_)) && error.path.ends_with("no/t.npz"), "{error}");
    assert!(write_npz("/", all_types()).is_err());
}

#[test]
fn what_is_missing_or_of_another_type_is_named() {
    let place = Place::new();
    let arrays = [("x", Value::from(array![[1.0_f32], [2.0]])), ("y", Value::from(array![1_i64, 0]))];
    write_npz(place.path(), arrays).unwrap();
    let told = |error: DataError| error.to_string().replace(&place.path().display().to_string(), "t.npz");
    let dataset = Dataset::<f32, i64>::from_npz(place.path(), "x", "y").unwrap();
    assert_eq!(dataset, Dataset::new(array![[1.0_f32], [2.0]], array![1_i64, 0]).unwrap());
    assert_eq!(
        told(Dataset::<f32, i64>::from_npz(place.path(), "x", "z").unwrap_err()),
        "t.npz, array `z`: there is no such array: expected one of `x`, `y`"
    );
    assert_eq!(
        told(Dataset::<f64, i64>::from_npz(place.path(), "x", "y").unwrap_err()),
        "t.npz, array `x`: expected elements of f64, got f32"
    );
    assert!(Dataset::<f32, f32>::from_npz(place.path(), "x", "x").is_ok());
    assert_eq!(
        read_npz("no/such.npz").unwrap_err().to_string(),
        "no/such.npz: No such file or directory (os error 2)"
    );
}

#[test]
fn headers_that_lie_are_found_out_before_anything_is_reserved() {
    let header = |descr: &str, shape: &str| {
        npy(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"), &[0; 8])
    };
    for (shape, shown) in [
        ("(1152921504606846976,)", "[1152921504606846976]"),
        ("(1073741824, 1073741824)", "[1073741824, 1073741824]"),
        ("(4294967296, 4294967296, 4294967296)", "[4294967296, 4294967296, 4294967296]"),
        ("(1,)", "[1]"),
        ("(3,)", "[3]"),
        ("()", "[]"),
        ("(0, 5)", "[0, 5]"),
    ] {
        let expected =
            format!("expected as many bytes as elements of type `<f4` and shape {shown} take, got 8");
        assert_eq!(told(header("'<f4'", shape)), expected);
    }
    assert_eq!(told(header("'<c8'", "(1,)")), "expected elements of a type that flowgrad has, got `<c8`");
    assert_eq!(
        told(header("None", "(4,)")),
        "`descr`: expected the name of a type, got the header `{'descr': None, 'fortran_order': False, 'shape': (4,), }`"
    );
    assert_eq!(
        told(header("[('a', '<f4')]", "(2,)")),
        "expected the header of an array of numbers, got \
         `{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }`"
    );
    // Nothing of these is shown to a parser that would take exponential time or overflow its stack.
    for hostile in
        ["[".repeat(5000), "(".repeat(5000), "{".repeat(5000), "-".repeat(5000), "'\\N{x".to_owned()]
    {
        assert!(told(npy(&hostile, &[])).starts_with("expected the header of an array of numbers, got `"));
    }
    assert!(
        told(npy("{'descr': '<f4', 'shape': (2,), }", &[0; 8]))
            .starts_with("`fortran_order`: expected True or False, got the header `{")
    );
    for shape in
        ["(99999999999999999999999,)", "(True,)", "('a',)", "(2e0,)", "(2)", "2", "[2]", "(2,,)", "(2,"]
    {
        let told = told(header("'<f4'", shape));
        assert!(
            told.starts_with("`shape`: expected a tuple of lengths, got the header `{"),
            "{shape}: {told}"
        );
    }
    assert_eq!(
        told([&b"\x93NUMPY\x03\x00"[..], &u32::MAX.to_le_bytes(), b"{}"].concat()),
        "expected a header of at most 10000 bytes that are there, got a claim of 4294967295"
    );
    assert_eq!(
        told([&b"\x93NUMPY\x02\x00"[..], &20_000_u32.to_le_bytes(), &[b' '; 12_000]].concat()),
        "expected a header of at most 10000 bytes that are there, got a claim of 20000"
    );
    for short in [
        &b""[..],
        b"\x93NUMP",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\x01",
        b"\x93NUMPY\x04\x00\x01\x00\x00\x00",
        b"PK",
    ] {
        assert_eq!(told(short.to_vec()), "expected an npy file of version 1, 2 or 3, got other bytes");
    }
    assert_eq!(
        told(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", &[1, 2])),
        "element 1: expected a boolean (0 or 1), got another value"
    );
}

#[test]
fn archives_that_lie_are_refused() {
    assert_eq!(
        Place::read(b"PK but no archive").unwrap_err(),
        "t.npz: expected an npz file (a zip archive): invalid Zip archive: Could not find EOCD"
    );
    let x = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[7, 8]);
    let stored = |files: &[(&str, Vec<u8>)]| archive(CompressionMethod::Stored, files);
    let both = stored(&[("x", x.clone()), ("x.npy", x.clone())]);
    assert_eq!(Place::read(&both).unwrap_err(), "t.npz, array `x`: expected one array of that name, got two");
    // The directory's record of `x` (46 bytes, then its name) claims another size, then another entry's place.
    let size = x.len();
    let honest = stored(&[("x.npy", x.clone()), ("y.npy", x)]);
    assert!(Place::read(&honest).is_ok());
    let records: Vec<usize> =
        (0..honest.len() - 4).filter(|&at| honest[at..].starts_with(b"PK\x01\x02")).collect();
    let local = honest.windows(4).position(|window| window == b"PK\x03\x04").unwrap();
    let with_size = |at: usize, size: u32| {
        let mut lying = honest.clone();
        lying[records[0] + at..][..4].copy_from_slice(&size.to_le_bytes());
        lying[local + at - 2..][..4].copy_from_slice(&size.to_le_bytes());
        Place::read(&lying).unwrap_err()
    };
    let [packed, unpacked] = [20, 24];
    assert!(with_size(packed, 1 << 31).contains("overlapping entries"));
    assert!(with_size(packed, 1).starts_with("t.npz"));
    assert_eq!(
        with_size(unpacked, 1 << 31),
        format!(
            "t.npz, array `x`: expected as many bytes as elements of type `|u1` and shape [2] take, got {}",
            (1 << 31) - (size - 2)
        )
    );
    assert!(with_size(unpacked, 1).starts_with("t.npz, array `x`: "));
    let mut overlapping = honest.clone();
    overlapping.copy_within(records[0] + 42..records[0] + 46, records[1] + 42);
    assert!(Place::read(&overlapping).unwrap_err().contains("header inconsistency"));
}

/// Every single bit of a file: whatever it says is checked, or says nothing about the arrays (a date, say).
#[test]
fn each_flipped_bit_is_noticed_or_harmless() {
    let arrays = Arrays::from(
        [("a/w", 1.5_f32), ("b", -2.0)].map(|(name, x)| (name.to_owned(), Value::from(array![x]))),
    );
    let written = Place::written(&arrays);
    for bit in 0..8 * written.len() {
        let mut bytes = written.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = Place::read(&bytes);
        assert!(read.is_err() || read.as_ref() == Ok(&arrays), "bit {bit}: {read:?}");
    }
}

/// 4 MB of zeros in a few kB, as one array and as many: what is read is bounded over all of them.
#[test]
fn bombs_stop_at_a_bound() {
    let zeros = |count: usize| {
        npy(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}"), &vec![0; count])
    };
    let one = archive(CompressionMethod::Deflated, &[("x.npy", zeros(1 << 22))]);
    let names: Vec<String> = (0..64).map(|i| format!("{i}.npy")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), zeros(1 << 16))).collect();
    let many = archive(CompressionMethod::Deflated, &files);
    assert!(one.len() < 1 << 16 && many.len() < 1 << 16);
    assert_eq!(
        Place::read_within(&one, Some(1 << 20)).unwrap_err(),
        "t.npz, array `x`: expected arrays of at most 1048576 bytes, got more; `read_npz_within` and `Npz::limit` set how many are read"
    );
    assert!(
        Place::read_within(&many, Some(1 << 20)).unwrap_err().contains("at most 1048576 bytes, got more")
    );
    // In memory each byte takes four.
    assert!(
        Place::read_within(&many, Some(1 << 23)).unwrap_err().contains("at most 8388608 bytes, got more")
    );
    assert_eq!(Place::read_within(&many, Some(1 << 25)).unwrap().len(), 64);
    assert_eq!(Place::read_within(&one, Some(u64::MAX)).unwrap()["x"].shape(), [1 << 22]);
}

fn value() -> impl Strategy<Value = Value> {
    let shape = prop::collection::vec(0_usize..4, 0..4);
    (shape, any::<u64>(), 0..5).prop_map(|(shape, seed, kind)| {
        let count = shape.iter().product::<usize>() as u64;
        let bits = Array1::from_iter((0..count).map(|i| (seed ^ i).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let bits = bits.into_shape_with_order(IxDyn(&shape)).unwrap();
        match kind {
            0 => Value::from(bits.mapv(|bits| bits as f32)),
            1 => Value::from(bits.mapv(|bits| bits as f64)),
            2 => Value::from(bits.mapv(|bits| bits as i32)),
            3 => Value::from(bits.mapv(|bits| bits as i64)),
            _ => Value::from(bits.mapv(|bits| bits >> 63 == 1)),
        }
    })
}

proptest! {
    // Each case writes a file and waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arrays_come_back_as_they_were_written(arrays in prop::collection::btree_map(any::<String>(), value(), 0..5)) {
        prop_assert_eq!(Place::read(&Place::written(&arrays)), Ok(arrays));
    }

    /// A flipped bit is noticed, or it was in a place that says nothing about the arrays (a date, say).
    #[test]
    fn a_damaged_file_is_noticed_or_read_right(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let arrays = all_types();
        let npy = |count: u8| npy(
            &format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}"),
            &(0..count).collect::<Vec<_>>(),
        );
        let deflated = archive(CompressionMethod::Deflated, &[("a.npy", npy(200)), ("b/c.npy", npy(100))]);
        let expected = Place::read(&deflated).unwrap();
        for (whole, arrays) in [(Place::written(&arrays), arrays), (deflated, expected)] {
            prop_assert!(Place::read(&whole[..cut.index(whole.len())]).is_err());
            let mut bytes = whole;
            for (place, bit) in &flips {
                let place = place.index(bytes.len());
                bytes[place] ^= 1 << bit;
            }
            let read = Place::read(&bytes);
            prop_assert!(read.is_err() || read == Ok(arrays), "{flips:?}");
        }
    }

    #[test]
    fn a_damaged_header_gives_an_array_or_an_error(
        header in "[a-z0-9{}(),:'\"_<>|= \\[\\]+.-]{0,80}", elements in prop::collection::vec(any::<u8>(), 0..32),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut lifelike = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", &elements);
        for (place, byte) in &flips {
            let place = place.index(lifelike.len());
            lifelike[place] = *byte;
        }
        for file in [npy(&header, &elements), npy(&format!("{{{header}}}"), &elements), lifelike] {
            let _ = Place::read(&archive(CompressionMethod::Stored, &[("x.npy", file)]));
        }
    }

    #[test]
    fn any_bytes_give_an_error(bytes: Vec<u8>) {
        prop_assert!(Place::read(&bytes).is_err());
    }
}
