//! Arrays by name, to `NumPy` in npz files and to safetensors as a checkpoint, and back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::io::npz::{read_npz, write_npz};
use flowgrad::io::safetensors::{SafeTensors, write_safetensors};
use flowgrad::ndarray::{Array2, arr0, arr1, arr2, arr3};
use flowgrad::prelude::*;
use serde_json::{Value as Json, json};

use crate::python::Python;

/// Every element type, the numbers at its ends, and shapes without axes and without elements.
fn arrays() -> BTreeMap<String, Value> {
    let f32s = [[f32::NAN, -0.0, 1e-45], [f32::NEG_INFINITY, f32::MAX, 0.1]];
    let arrays = [
        ("dense/kernel", arr2(&f32s).into()),
        ("dense/bias", arr1(&[f64::MIN_POSITIVE, f64::INFINITY, -1.0 / 3.0]).into()),
        ("rate", arr0(0.1_f64).into()),
        ("labels", arr3(&[[[i32::MIN, -1], [0, i32::MAX]]]).into()),
        ("global_step", arr0(i64::MAX).into()),
        ("nothing", Array2::<i64>::zeros((0, 3)).into()),
        ("mask", arr2(&[[true, false], [false, true]]).into()),
    ];
    arrays.map(|(name, array): (&str, Value)| (name.to_owned(), array)).into()
}

/// What `expected.py` compares arrays with: the type as `NumPy` names it, the shape, and the bytes of the elements.
fn described<'a>(arrays: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Json {
    let describe = |(name, value): (&String, &Value)| {
        let (dtype, bytes): (_, Vec<u8>) = match value {
            Value::F32(array) => ("<f4", array.iter().flat_map(|element| element.to_le_bytes()).collect()),
            Value::F64(array) => ("<f8", array.iter().flat_map(|element| element.to_le_bytes()).collect()),
            Value::I32(array) => ("<i4", array.iter().flat_map(|element| element.to_le_bytes()).collect()),
            Value::I64(array) => ("<i8", array.iter().flat_map(|element| element.to_le_bytes()).collect()),
            Value::Bool(array) => ("|b1", array.iter().map(|&element| u8::from(element)).collect()),
        };
        (name.clone(), json!({ "dtype": dtype, "shape": value.shape(), "bytes": bytes }))
    };
    arrays.into_iter().map(describe).collect()
}

fn write_json(path: &Path, json: &Json) {
    fs::write(path, json.to_string()).unwrap();
}

#[test]
fn numpy_reads_npz_files_and_its_own_are_read() {
    let Some(python) = Python::with(&["numpy"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let [ours, expected] = ["ours.npz", "expected.json"].map(|name| directory.path().join(name));
    let theirs = ["plain", "compressed", "by_columns", "big_endian"];
    let theirs = theirs.map(|name| directory.path().join(name).with_extension("npz"));
    write_npz(&ours, arrays()).unwrap();
    write_json(&expected, &described(&arrays()));

    let [plain, compressed, by_columns, big_endian] = &theirs;
    python
        .run("files/interop/check_npz.py", [&ours, &expected, plain, compressed, by_columns, big_endian])
        .unwrap();
    for file in &theirs {
        assert_eq!(described(&read_npz(file).unwrap()), described(&arrays()), "{}", file.display());
    }
}

#[test]
fn safetensors_reads_plain_files_and_its_own_are_read() {
    let Some(python) = Python::with(&["numpy", "safetensors"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let [ours, expected, copy] =
        ["ours.safetensors", "expected.json", "copy.safetensors"].map(|name| directory.path().join(name));
    let metadata: BTreeMap<_, _> = [("épôque".to_owned(), "3 \"drei\"\u{1}".to_owned())].into();
    write_safetensors(&ours, arrays(), &metadata).unwrap();
    write_json(&expected, &json!({ "tensors": described(&arrays()), "metadata": metadata }));
    python.run("files/interop/check_safetensors.py", [&ours, &expected, &copy]).unwrap();
    let copy = SafeTensors::open(&copy).unwrap();
    assert_eq!(copy.metadata(), &metadata);
    assert_eq!(described(&copy.values(|name| Some(name.to_owned())).unwrap()), described(&arrays()));
}

#[test]
fn safetensors_reads_a_checkpoint_and_its_copy_is_one() {
    let Some(python) = Python::with(&["numpy", "safetensors"]) else { return };
    let g = Graph::with_seed(u64::MAX);
    for (name, array) in arrays() {
        match array {
            Value::F32(array) => drop(g.variable(&name, array)),
            Value::F64(array) => drop(g.variable(&name, array)),
            Value::I32(array) => drop(g.variable(&name, array)),
            Value::I64(array) => drop(g.variable(&name, array)),
            Value::Bool(array) => drop(g.variable(&name, array)),
        }
    }
    let session = Session::new(&g).unwrap();
    session.set_run_count(12);
    let mean = Value::from(arr1(&[0.5_f32, 1.5]));
    let checkpoint =
        Checkpoint::of(&session).unwrap().with("épôque", "3 \"drei\"").with_array("mean", mean.clone());

    let directory = tempfile::tempdir().unwrap();
    let [ours, expected, copy] =
        ["ours.safetensors", "expected.json", "copy.safetensors"].map(|name| directory.path().join(name));
    checkpoint.save(&ours).unwrap();
    let mut tensors = arrays();
    tensors.insert("flowgrad.array/mean".to_owned(), mean.clone());
    let metadata = json!({
        "épôque": "3 \"drei\"", "flowgrad.version": "1", "flowgrad.run_count": "12",
        "flowgrad.seed": u64::MAX.to_string(),
    });
    write_json(&expected, &json!({ "tensors": described(&tensors), "metadata": metadata }));

    python.run("files/interop/check_safetensors.py", [&ours, &expected, &copy]).unwrap();
    let copy = Checkpoint::load(&copy).unwrap();
    assert_eq!(described(copy.variables()), described(&arrays()));
    assert_eq!((copy.run_count(), copy.seed()), (12, u64::MAX));
    assert_eq!((copy.get("épôque"), copy.array("mean")), (Some("3 \"drei\""), Some(&mean)));
    assert!(copy.differences(&session).unwrap().is_empty());
}
