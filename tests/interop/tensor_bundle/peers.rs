//! TensorFlow's own numbers, and TensorFlow as a reader of what is written here.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use flowgrad::Value;
use flowgrad::io::tensor_bundle::{ArrayFault, Bundle, BundleFault, write_bundle};
use flowgrad::ndarray::{Array, ArrayD, array};
use flowgrad::prelude::*;
use serde::Deserialize;

use crate::python::Python;

/// A tensor as TensorFlow read it.
#[derive(Deserialize)]
struct Expected {
    r#type: String,
    shape: Vec<usize>,
    /// As Python prints them.
    numbers: Vec<String>,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/tensor_bundle")
}

/// Each element as Python prints it, or nearly so.
fn printed(value: &Value) -> Vec<String> {
    let truth = |&x: &bool| if x { "True" } else { "False" }.to_owned();
    match value {
        Value::F32(array) => array.iter().map(|&x| format!("{:?}", f64::from(x))).collect(),
        Value::F64(array) => array.iter().map(|x| format!("{x:?}")).collect(),
        Value::I32(array) => array.iter().map(ToString::to_string).collect(),
        Value::I64(array) => array.iter().map(ToString::to_string).collect(),
        Value::Bool(array) => array.iter().map(truth).collect(),
    }
}

/// Whether both are the same number; Python prints small ones in another way.
fn same(found: &str, expected: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|_| text.contains(['.', 'e']));
    found == expected || number(found).is_some() && number(found) == number(expected)
}

#[test]
fn checkpoints_of_tensorflow_have_its_numbers() {
    let text = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let all: BTreeMap<String, BTreeMap<String, Expected>> = serde_json::from_str(&text).unwrap();
    assert_eq!(all.len(), 6);
    let mut read = 0;
    for (checkpoint, tensors) in all {
        let bundle = Bundle::open(folder().join(&checkpoint)).unwrap();
        let names: Vec<&str> = bundle.names().collect();
        assert_eq!(names, tensors.keys().collect::<Vec<_>>(), "{checkpoint}");
        for (name, expected) in &tensors {
            let info = bundle.info(name).unwrap();
            let names = BTreeMap::from([("float", "float32"), ("double", "float64"), ("half", "float16")]);
            let type_name = info.type_name.as_str();
            assert_eq!(*names.get(type_name).unwrap_or(&type_name), expected.r#type, "{name}");
            assert_eq!(info.shape, expected.shape, "{name}");
            if expected.r#type == "string" {
                assert_eq!(info.dtype, None);
                let error = bundle.read(name).unwrap_err();
                assert!(matches!(error.fault, BundleFault::Array(ArrayFault::Element { .. })), "{error}");
                continue;
            }
            let value = bundle.read(name).unwrap();
            assert_eq!((Some(value.dtype()), value.shape()), (info.dtype, &expected.shape[..]), "{name}");
            let found = printed(&value);
            assert_eq!(found.len(), expected.numbers.len(), "{name}");
            let apart = found.iter().zip(&expected.numbers).find(|(found, expected)| !same(found, expected));
            assert_eq!(apart, None, "{checkpoint}, {name}");
            read += 1;
        }
    }
    assert!(read > 100, "{read} tensors");
}

#[test]
fn narrow_elements_are_read_in_wider_types() {
    let bundle = Bundle::open(folder().join("two")).unwrap();
    assert_eq!(bundle.read_as::<f64>("of_bfloat16").unwrap(), array![0.0, 1.0, 1.5, -2.0, 96.0].into_dyn());
    assert_eq!(bundle.read_as::<i64>("of_uint8").unwrap(), array![0_i64, 1, 1, 2, 96].into_dyn());
    let error = bundle.read_as::<f32>("scope/kernel_double").unwrap_err();
    let expected = "tensor `scope/kernel_double`: expected elements of f32, got f64";
    assert!(error.to_string().ends_with(expected), "{error}");
    let error = bundle.read("kernel").unwrap_err().to_string();
    assert!(error.contains("tensor `kernel`: there is no such array: expected one of `columns`"), "{error}");
}

#[test]
fn a_session_goes_on_from_a_checkpoint() {
    let g = Graph::new();
    let kernel = g.name_scope("scope", || g.variable("kernel", zeros([2, 3]))) + 0.0_f32;
    let rows = g.variable("rows", zeros([7, 2])) + 0.0_f64;
    let session = Session::new(&g).unwrap();
    let bundle = Bundle::open(folder().join("shards")).unwrap();
    let wanted = ["scope/kernel", "rows"];
    session.load(bundle.values(|name| wanted.contains(&name).then(|| name.to_owned())).unwrap()).unwrap();
    assert_eq!(session.run(kernel).unwrap()[[1, 2]], 1.25);
    assert_eq!(session.run(rows).unwrap(), bundle.read_as::<f64>("rows").unwrap());
    let error = bundle.values(|_| Some("same".to_owned())).unwrap_err();
    assert!(matches!(error.fault, BundleFault::SameName), "{error}");
}

/// Arrays of all types, long ones and empty ones, and as many names as take several blocks.
fn arrays() -> Vec<(String, Value)> {
    let mut arrays = vec![
        ("f32".to_owned(), Value::from(array![[1.5_f32, -0.0], [f32::INFINITY, 1e-40]])),
        ("f64".to_owned(), Value::from(array![1e300_f64])),
        ("i32".to_owned(), Value::from(array![i32::MIN, i32::MAX])),
        ("i64".to_owned(), Value::from(array![i64::MIN, i64::MAX])),
        ("flags".to_owned(), Value::from(array![true, false, true])),
        ("scalar".to_owned(), Value::from(ArrayD::from_elem(vec![], 7.0_f32))),
        ("empty".to_owned(), Value::from(Array::<f32, _>::zeros((3, 0, 2)))),
        ("größe/Ω".to_owned(), Value::from(array![1.0_f32])),
        ("long".to_owned(), Value::from(Array::from_shape_fn((70, 1000), |(i, j)| (i * j) as f32))),
    ];
    for place in 0..8000 {
        let name = format!("model/layers/{}/block/{place}/kernel_of_the_layer", place % 7);
        arrays.push((name, Value::from(array![place])));
    }
    arrays
}

#[test]
fn what_is_written_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("model.ckpt-3");
    let arrays = arrays();
    write_bundle(&prefix, arrays.iter().map(|(name, value)| (name, value))).unwrap();
    let index = std::fs::read(directory.path().join("model.ckpt-3.index")).unwrap();
    assert!(index.len() > 1 << 18, "more than a block");
    let bundle = Bundle::open(&prefix).unwrap();
    assert_eq!(bundle.names().count(), arrays.len());
    for (name, value) in &arrays {
        assert_eq!(&bundle.read(name).unwrap(), value, "{name}");
    }
    // The same arrays in another order make the same bytes.
    write_bundle(&prefix, arrays.iter().rev().map(|(name, value)| (name, value))).unwrap();
    assert_eq!(std::fs::read(directory.path().join("model.ckpt-3.index")).unwrap(), index);

    for (names, expected) in [
        (vec!["a", "a"], "tensor `a`: expected one tensor of that name, got two"),
        (vec![""], "expected a name that is not empty"),
        (vec!["\0a"], "expected a name that is not empty and does not begin with a 0 byte"),
    ] {
        let value = Value::from(array![1.0_f32]);
        let error = write_bundle(&prefix, names.into_iter().map(|name| (name, &value))).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let nowhere = directory.path().join("nowhere/model");
    let error = write_bundle(nowhere, [("a", Value::from(array![1.0_f32]))]).unwrap_err();
    assert!(matches!(error.fault, BundleFault::Write(_)), "{error}");
}

#[test]
fn tensorflow_reads_what_is_written() {
    let Some(python) = Python::with(&["tensorflow"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let prefix = directory.path().join("model.ckpt-3");
    let arrays = arrays();
    write_bundle(&prefix, arrays.iter().map(|(name, value)| (name, value))).unwrap();
    let mut expected = String::new();
    for (name, value) in &arrays {
        let numbers: Vec<String> = printed(value);
        let shape: Vec<String> = value.shape().iter().map(ToString::to_string).collect();
        writeln!(expected, "{name}\t{}\t{}", shape.join(","), numbers.join(",")).unwrap();
    }
    let list = directory.path().join("expected.tsv");
    std::fs::write(&list, expected).unwrap();
    let told = python.run("interop/check_tensor_bundle.py", [&prefix, &list]).unwrap();
    assert!(told.contains(&format!("{} tensors are the same", arrays.len())), "{told}");
}
