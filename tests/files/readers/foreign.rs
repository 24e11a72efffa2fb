//! Safetensors files of other programs, which `tests/files/safetensors/generate.py` writes, and bad ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::io::safetensors::{ArrayFault, SafeTensors, SafeTensorsFault, write_safetensors};
use flowgrad::ndarray::{ArrayD, IxDyn, arr0, array};
use flowgrad::prelude::*;

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "files", "safetensors", name].iter().collect()
}

/// Bits of the small formats beside what `ml_dtypes` makes of them.
#[test]
fn small_numbers_are_those_that_their_bits_stand_for() {
    let file = SafeTensors::open(fixture("numbers.safetensors")).unwrap();
    let names: Vec<&str> = file.names().filter(|name| !name.ends_with(".expected")).collect();
    assert_eq!(names.len(), 7);
    for name in names {
        let expected = file.read_as::<f32>(&format!("{name}.expected")).unwrap();
        let (single, double) = (file.read_as::<f32>(name).unwrap(), file.read_as::<f64>(name).unwrap());
        assert_eq!(file.read(name).unwrap().dtype(), DType::F32);
        for ((single, double), expected) in single.iter().zip(&double).zip(&expected) {
            let same = single.to_bits() == expected.to_bits() && f64::from(*expected) == *double;
            assert!(
                same || single.is_nan() && double.is_nan() && expected.is_nan(),
                "{name}: {single} {expected}"
            );
        }
    }
}

#[test]
fn every_tensor_of_a_model_is_listed_and_read_alone() {
    let file = SafeTensors::open(fixture("model.safetensors")).unwrap();
    assert_eq!(file.metadata()["format"], "pt");
    assert_eq!(file.metadata()["note"], "a \"test\"\n");
    let infos: Vec<(String, String, Option<DType>)> = file
        .names()
        .map(|name| (name.to_owned(), file.info(name).unwrap()))
        .map(|(name, info)| (name, format!("{}{:?}", info.type_name, info.shape), info.dtype))
        .collect();
    let expected = [
        ("bn.num_batches_tracked", "I64[]", Some(DType::I64)),
        ("complex", "C64[1]", None),
        ("fc.bias", "F32[2]", Some(DType::F32)),
        ("fc.scale", "F16[]", Some(DType::F32)),
        ("fc.weight", "BF16[2, 3]", Some(DType::F32)),
        ("größe \"\\\n", "I32[1]", Some(DType::I32)),
        ("mask", "BOOL[2]", Some(DType::Bool)),
        ("nothing", "F64[0, 3]", Some(DType::F64)),
        ("pixels", "U8[1, 2]", Some(DType::I32)),
        ("small", "I8[2]", Some(DType::I32)),
        ("wide", "U16[1]", Some(DType::I32)),
        ("wider", "U32[1]", Some(DType::I64)),
        ("widest", "U64[2]", Some(DType::I64)),
    ];
    assert_eq!(infos, expected.map(|(name, kind, dtype)| (name.to_owned(), kind.to_owned(), dtype)));
    let read = |name: &str| file.read(name).unwrap();
    assert_eq!(read("fc.weight"), array![[0.0_f32, 0.25, 0.5], [0.75, 1.0, 1.25]].into());
    assert_eq!(read("fc.bias"), array![0.5_f32, -1.5].into());
    assert_eq!(read("fc.scale"), arr0(0.099_975_586_f32).into());
    assert_eq!(read("bn.num_batches_tracked"), arr0(12_i64).into());
    assert_eq!(read("small"), array![-128, 127].into());
    assert_eq!(read("wide"), array![65535].into());
    assert_eq!(read("wider"), array![4_294_967_295_i64].into());
    assert_eq!(read("mask"), array![true, false].into());
    assert_eq!(read("nothing"), ArrayD::<f64>::zeros(IxDyn(&[0, 3])).into());
    assert_eq!(read("größe \"\\\n"), array![7].into());
    assert_eq!(file.read_as::<f32>("pixels").unwrap(), array![[0.0_f32, 255.0]].into_dyn());
    assert_eq!(file.read_as::<f64>("wider").unwrap(), array![4_294_967_295.0].into_dyn());
}

#[test]
fn what_is_not_there_or_not_as_asked_for_is_named() {
    let file = SafeTensors::open(fixture("model.safetensors")).unwrap();
    let told = |error: flowgrad::io::safetensors::SafeTensorsError| {
        error.to_string().replace(&fixture("model.safetensors").display().to_string(), "model")
    };
    assert_eq!(
        told(file.read("complex").unwrap_err()),
        "model, tensor `complex`: expected elements of a type that flowgrad has, got `C64`"
    );
    assert_eq!(
        told(file.read("widest").unwrap_err()),
        "model, tensor `widest`: element 0: expected an i64 (below 2⁶³), got another value"
    );
    assert_eq!(
        told(file.read_as::<f64>("fc.bias").unwrap_err()),
        "model, tensor `fc.bias`: expected elements of f64, got f32"
    );
    assert_eq!(
        told(file.read_as::<i64>("fc.weight").unwrap_err()),
        "model, tensor `fc.weight`: expected elements of i64, got BF16"
    );
    assert!(file.read_as::<f32>("wider").is_err());
    let missing = file.read("a\u{1b}[2J").unwrap_err();
    assert!(told(missing.clone()).starts_with(
        "model, tensor `a\\u{1b}[2J`: there is no such array: expected one of `bn.num_batches_tracked`, `complex`"
    ));
    assert!(told(missing.clone()).ends_with("`wider` and 1 more"));
    let SafeTensorsFault::Array(ArrayFault::Missing { names, count }) = missing.fault else { panic!() };
    assert_eq!((names.len(), count), (12, 13), "only the names that the message shows are kept");
}

#[test]
fn a_file_that_cannot_be_read_or_written_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing").join("t.safetensors");
    let unread = SafeTensors::open(&missing).unwrap_err();
    assert!(matches!(unread.fault, SafeTensorsFault::Read(_)));
    assert!(unread.to_string().starts_with(&format!("{}: cannot be read: ", missing.display())), "{unread}");
    let arrays = [("x", Value::from(ndarray::arr0(1.0)))];
    let unwritten = write_safetensors(&missing, arrays, &BTreeMap::new()).unwrap_err();
    assert!(matches!(unwritten.fault, SafeTensorsFault::Write(_)));
    let expected = format!(
        "{}: cannot be written: the directory `{}` does not exist",
        missing.display(),
        directory.path().join("missing").display()
    );
    assert_eq!(unwritten.to_string(), expected);
}

/// A session goes on with what PyTorch has trained.
#[test]
fn a_session_loads_tensors_under_its_own_names() {
    let file = SafeTensors::open(fixture("model.safetensors")).unwrap();
    let g = Graph::new();
    let (kernel, bias) =
        g.name_scope("dense", || (g.variable("kernel", zeros([2, 3])), g.variable("bias", ones([2]))));
    let (kernel, bias) = (kernel + 0.0_f32, bias + 0.0_f32);
    let session = Session::new(&g).unwrap();
    let rename = |name: &str| match name {
        "fc.weight" => Some("dense/kernel".to_owned()),
        "fc.bias" => Some("dense/bias".to_owned()),
        _ => None,
    };
    session.load(file.values(rename).unwrap()).unwrap();
    assert_eq!(session.run(kernel).unwrap().sum(), 3.75);
    assert_eq!(session.run(bias).unwrap(), array![0.5_f32, -1.5].into_dyn());

    let error = file.values(|_| Some("same".to_owned())).unwrap_err();
    assert!(
        error.to_string().ends_with("tensor `same`: expected one tensor of that name, got two"),
        "{error}"
    );
    // All names as they are: the first that cannot be read is told.
    assert!(file.values(|name| Some(name.to_owned())).is_err());
}

#[test]
fn a_checkpoint_is_not_what_another_program_wrote() {
    for name in ["model.safetensors", "numbers.safetensors"] {
        let error = Checkpoint::load(fixture(name)).unwrap_err().to_string();
        assert!(
            error.contains("expected a flowgrad checkpoint, got metadata without `flowgrad.version`"),
            "{error}"
        );
    }
}

/// Metadata that is `null` is none.
#[test]
fn a_file_without_metadata_is_read_and_is_no_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.safetensors");
    let header = "{\"__metadata__\":null,\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    fs::write(&path, file(header, &[0, 0, 128, 63])).unwrap();
    let file = SafeTensors::open(&path).unwrap();
    assert!(file.metadata().is_empty());
    assert_eq!(file.read("w").unwrap(), array![1.0_f32].into());
    let error = Checkpoint::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("expected a flowgrad checkpoint, got metadata without `flowgrad.version`"),
        "{error}"
    );
}

/// What is written is what the reference reads, and comes back.
#[test]
fn plain_files_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.safetensors");
    let arrays = [
        ("mask", Value::from(array![true, false, true])),
        ("w\n", array![[1.5_f32, f32::NEG_INFINITY]].into()),
        ("b", array![f64::MIN_POSITIVE].into()),
        ("empty", ArrayD::<i64>::zeros(IxDyn(&[2, 0])).into()),
    ];
    let metadata = [("by".to_owned(), "flowgrad \"\\\u{1}".to_owned())].into();
    write_safetensors(&path, arrays.iter().map(|(name, value)| (name, value)), &metadata).unwrap();
    let bytes = fs::read(&path).unwrap();
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), 4);
    assert_eq!(theirs.tensor("w\n").unwrap().shape(), [1, 2]);
    let file = SafeTensors::open(&path).unwrap();
    assert_eq!(file.metadata(), &metadata);
    let all = file.values(|name| Some(name.to_owned())).unwrap();
    assert_eq!(all, arrays.clone().map(|(name, value)| (name.to_owned(), value)).into());

    let twice = [("a", &arrays[0].1), ("a", &arrays[1].1)];
    assert!(
        write_safetensors(&path, twice, &metadata)
            .unwrap_err()
            .to_string()
            .contains("one tensor of that name, got two")
    );
    let reserved = [("__metadata__", &arrays[0].1)];
    assert!(write_safetensors(&path, reserved, &metadata).unwrap_err().to_string().contains("reserved"));
    assert_eq!(SafeTensors::open(&path).unwrap().names().count(), 4);
}

/// A file of this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// As the reference has it, but for types that it does not know: those are listed, and only asking for them is an
/// error.
#[test]
fn headers_mean_what_they_mean_to_the_reference() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.safetensors");
    let entry = |name: &str, dtype: &str, shape: &str, data: &str| {
        format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{data}}}")
    };
    let w = entry("w", "F32", "[1]", "[0,4]");
    let headers = [
        format!("{{{w}}}"),
        format!(" {{ {} }}\n  ", w.replace(':', " : ")),
        format!("{{{},{w}}}", entry("w", "F64", "[7]", "[8,9]")),
        format!("{{\"__metadata__\":{{\"a\":\"\",\"a\":\"b\"}},{w}}}"),
        format!("{{\"__metadata__\":{{}},{w},\"__metadata__\":{{}}}}"),
        format!("{{\"__metadata__\":null,{w}}}"),
        format!("{{{w},\"__metadata__\" : null }}"),
        format!("{{\"__metadata__\":null,{w},\"__metadata__\":{{}}}}"),
        format!("{{\"__metadata__\":nul,{w}}}"),
        format!("{{\"__metadata__\":nulls,{w}}}"),
        format!("{{\"__metadata__\":{{\"a\":null}},{w}}}"),
        format!("{{\"__metadata__\":[],{w}}}"),
        "{\"w\":null}".to_owned(),
        format!("{{{}}}", entry("w", "F32", "null", "[0,4]")),
        format!("{{{}}}", entry("w", "F32", "[1]", "null")),
        format!("{{{w}}}}}"),
        format!("{{{w},}}"),
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":[{\"a\":[1e3,null]}]}}"
            .to_owned(),
        "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}".to_owned(),
        format!("{{{}}}", entry("w", "F32", "[1.0]", "[0,4]")),
        format!("{{{}}}", entry("w", "F32", "[1]", "[0,4,4]")),
        format!("{{{}}}", entry("w", "F32", "[01]", "[0,4]")),
        format!("{{{}}}", entry("w", "U8", "[2,2]", "[0,4]")),
        format!("{{{}}}", entry("w", "F4", "[8]", "[0,4]")),
        format!("{{{}}}", entry("w", "F4", "[7]", "[0,4]")),
        format!("{{{}}}", entry("w", "F32", "[]", "[0,4]")),
        format!("{{{},{w}}}", entry("none", "F64", "[0]", "[4,4]")),
        format!("{{{},{w}}}", entry("none", "F64", "[0]", "[5,5]")),
        format!("{{{}}}", entry("\\u0077\\ud83d\\ude00", "F32", "[1]", "[0,4]")),
        format!("{{{}}}", entry("\\ud83d", "F32", "[1]", "[0,4]")),
    ];
    for header in headers {
        let bytes = file(&header, &[0, 0, 128, 63]);
        fs::write(&path, &bytes).unwrap();
        let (ours, theirs) = (SafeTensors::open(&path), safetensors::SafeTensors::deserialize(&bytes));
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{header}: {:?} {:?}", ours.err(), theirs.err());
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let mut names = theirs.names();
            names.sort_unstable();
            assert_eq!(ours.names().collect::<Vec<_>>(), names);
        }
    }
    let new = format!("{{{w},{}}}", entry("new", "F9_X", "[3]", "[4,8]"));
    fs::write(&path, file(&new, &[0, 0, 128, 63, 1, 2, 3, 4])).unwrap();
    let file = SafeTensors::open(&path).unwrap();
    assert_eq!(file.read("w").unwrap(), array![1.0_f32].into());
    assert_eq!(file.info("new").unwrap().type_name, "F9_X");
    assert!(
        file.read("new")
            .unwrap_err()
            .to_string()
            .ends_with("expected elements of a type that flowgrad has, got `F9_X`")
    );
}

/// A name of the file in a message neither steers the terminal nor fills it.
#[test]
fn names_are_escaped_in_messages() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.safetensors");
    let long = "\\u001b[31m".to_owned() + &"x".repeat(100_000);
    for header in [
        format!("{{\"{long}\":1}}"),
        format!("{{\"{long}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}}}"),
        format!("{{\"w\":{{\"dtype\":\"{long}\",\"shape\":[1],\"data_offsets\":[0,8]}}}}"),
    ] {
        fs::write(&path, file(&header, &[0; 8])).unwrap();
        let errors = [
            SafeTensors::open(&path).and_then(|file| file.read("w")).unwrap_err().to_string(),
            Checkpoint::load(&path).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.len() < 500 && !error.contains('\u{1b}'), "{error}");
        }
    }
}
