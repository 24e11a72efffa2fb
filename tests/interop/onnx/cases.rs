//! ONNX's own node tests: `generate_onnx.py` writes them to one file, of which a few are in the repository.
//!
//! A case is imported with all inputs fed. Where shapes are made of inputs, these are bound, as the error says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use flowgrad::io::onnx::{self, ImportOptions, OnnxError};
use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;
use safetensors::{Dtype, SafeTensors};

/// An array of a case, and its name in the model.
type Named = (String, Value);

#[derive(Default)]
pub(crate) struct Case {
    pub(crate) model: Vec<u8>,
    limits: [f64; 2],
    inputs: BTreeMap<usize, Named>,
    outputs: BTreeMap<usize, Named>,
}

/// How a case has passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    Fed,
    Bound,
}

fn elements<const N: usize, T>(bytes: &[u8], decode: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| decode(bytes)).collect()
}

fn value(view: &safetensors::tensor::TensorView<'_>) -> Value {
    let (shape, bytes) = (IxDyn(view.shape()), view.data());
    match view.dtype() {
        Dtype::F32 => ArrayD::from_shape_vec(shape, elements(bytes, f32::from_le_bytes)).unwrap().into(),
        Dtype::F64 => ArrayD::from_shape_vec(shape, elements(bytes, f64::from_le_bytes)).unwrap().into(),
        Dtype::I32 => ArrayD::from_shape_vec(shape, elements(bytes, i32::from_le_bytes)).unwrap().into(),
        Dtype::I64 => ArrayD::from_shape_vec(shape, elements(bytes, i64::from_le_bytes)).unwrap().into(),
        Dtype::BOOL => ArrayD::from_shape_vec(shape, elements(bytes, |[byte]| byte != 0)).unwrap().into(),
        other => panic!("no element type {other:?}"),
    }
}

/// The cases of the repository.
pub(crate) fn of_repository() -> BTreeMap<String, Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/onnx_cases.safetensors");
    cases(&std::fs::read(path).unwrap())
}

/// The cases of a file, by name.
fn cases(bytes: &[u8]) -> BTreeMap<String, Case> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for (key, view) in file.tensors() {
        let mut parts = key.splitn(4, '|');
        let (name, what) = (parts.next().unwrap(), parts.next().unwrap());
        let case = cases.entry(name.to_owned()).or_default();
        match what {
            "model" => case.model = view.data().to_vec(),
            "limits" => case.limits = elements(view.data(), f64::from_le_bytes).try_into().unwrap(),
            _ => {
                let index = parts.next().unwrap().parse().unwrap();
                let named = (parts.next().unwrap().to_owned(), value(&view));
                if what == "in" { &mut case.inputs } else { &mut case.outputs }.insert(index, named);
            }
        }
    }
    cases
}

/// Whether two numbers are the same within the limits of a case.
fn is_close(found: f64, expected: f64, [relative, absolute]: [f64; 2]) -> bool {
    found == expected
        || found.is_nan() && expected.is_nan()
        || (found - expected).abs() <= absolute + relative * expected.abs()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::F32(array) => array.iter().map(|&x| x.into()).collect(),
        Value::F64(array) => array.iter().copied().collect(),
        Value::I32(array) => array.iter().map(|&x| x.into()).collect(),
        Value::I64(array) => array.iter().map(|&x| x as f64).collect(),
        Value::Bool(array) => array.iter().map(|&x| f64::from(u8::from(x))).collect(),
    }
}

/// What is wrong with a result, if anything is.
fn difference(found: &Value, expected: &Value, limits: [f64; 2]) -> Option<String> {
    if (found.dtype(), found.shape()) != (expected.dtype(), expected.shape()) {
        let [expected, found] =
            [expected, found].map(|value| format!("{} of shape {:?}", value.dtype(), value.shape()));
        return Some(format!("expected {expected}, got {found}"));
    }
    let (found, expected) = (numbers(found), numbers(expected));
    let differs = |(found, expected): &(&f64, &f64)| !is_close(**found, **expected, limits);
    let count = found.iter().zip(&expected).filter(differs).count();
    let first = found.iter().zip(&expected).find(differs)?;
    Some(format!("{count} of {} elements differ: expected {}, got {}", expected.len(), first.1, first.0))
}

/// Imports and runs a case with some inputs bound.
fn run(case: &Case, bound: &[String]) -> Result<(), Result<OnnxError, String>> {
    let g = Graph::new();
    let mut options = ImportOptions::new();
    for (name, value) in case.inputs.values().filter(|(name, _)| bound.contains(name)) {
        options = options.bind(name, value.clone());
    }
    let model = onnx::import(&g, &case.model, &options).map_err(Ok)?;
    let session = Session::new(&g).map_err(|error| Err(format!("session: {error}")))?;
    let outputs: Vec<_> = case.outputs.values().map(|(name, _)| model.output(name).unwrap()).collect();
    let mut feeding = session.feeds();
    for (name, value) in case.inputs.values() {
        if let Some(input) = model.input(name) {
            feeding = feeding.feed_value(input, value);
        }
    }
    let found = feeding.run(outputs).map_err(|error| Err(format!("run: {error}")))?;
    for ((name, expected), found) in case.outputs.values().zip(&found) {
        if let Some(reason) = difference(found, expected, case.limits) {
            return Err(Err(format!("output `{name}`: {reason}")));
        }
    }
    Ok(())
}

/// Runs a case, binds what has to be known, and says how it has passed or why it has not.
fn attempt(case: &Case) -> Result<Passed, String> {
    let mut bound: Vec<String> = Vec::new();
    loop {
        let ran = catch_unwind(AssertUnwindSafe(|| run(case, &bound)));
        let names: Vec<String> = match ran {
            Err(_) => return Err("panicked".to_owned()),
            Ok(Ok(())) if bound.is_empty() => return Ok(Passed::Fed),
            Ok(Ok(())) => return Ok(Passed::Bound),
            Ok(Err(Ok(OnnxError::Unknown { values }))) => values.into_iter().map(|it| it.value).collect(),
            Ok(Err(Ok(error))) => return Err(reason(&error)),
            Ok(Err(Err(reason))) => return Err(reason),
        };
        let is_input = |name: &String| case.inputs.values().any(|(input, _)| input == name);
        let named: Vec<String> =
            names.iter().filter(|name| is_input(name) && !bound.contains(name)).cloned().collect();
        if !named.is_empty() {
            bound.extend(named);
            continue;
        }
        // It is made of inputs: of integers and booleans, or else of floats.
        let rest = |is_float: bool| -> Vec<String> {
            let all = case
                .inputs
                .values()
                .filter(|(name, value)| value.dtype().is_float() == is_float && !bound.contains(name));
            all.map(|(name, _)| name.clone()).collect()
        };
        let rest = if rest(false).is_empty() { rest(true) } else { rest(false) };
        if rest.is_empty() {
            return Err(format!("unknown while importing: {names:?}"));
        }
        bound.extend(rest);
    }
}

/// A reason on one line.
fn one_line(reason: &str) -> String {
    reason.split_whitespace().collect::<Vec<_>>().join(" ").replace('\t', " ")
}

/// Why a model is not imported: what it lacks, or all of the message.
fn reason(error: &OnnxError) -> String {
    let OnnxError::Unsupported { nodes } = error else { return error.to_string() };
    let mut all: Vec<String> = nodes
        .iter()
        .map(|node| match &node.detail {
            Some(detail) => format!("{}: {detail}", node.op),
            None => format!("op {}", node.op),
        })
        .collect();
    all.dedup();
    all.join("; ")
}

#[test]
fn cases_of_the_repository_pass() {
    let cases = of_repository();
    let mut failed = String::new();
    for (name, case) in &cases {
        if let Err(reason) = attempt(case) {
            writeln!(failed, "{name}: {reason}").unwrap();
        }
    }
    assert!(failed.is_empty() && cases.len() > 150, "of {} cases\n{failed}", cases.len());
}

/// The cases that are known not to pass.
fn known_failures() -> Vec<String> {
    let table = include_str!("../onnx_unsupported.tsv");
    table.lines().filter_map(|line| Some(line.split_once('\t')?.0.to_owned())).collect()
}

/// All cases, of the file in `target` that the script writes: those alone fail that the table lists.
#[test]
#[ignore = "needs the file that `generate_onnx.py` writes"]
fn all_cases() {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    // Whole models, which `generate_onnx_models.py` writes, are such cases, too.
    let file =
        std::env::var_os("ONNX_CASES").map_or_else(|| target.join("onnx_cases.safetensors"), Into::into);
    let cases = cases(&std::fs::read(file).unwrap());
    let chosen = std::env::var("ONNX_CASE").unwrap_or_default();
    let known = known_failures();
    let (mut fed, mut bound, mut failed) = (0, 0, 0);
    let (mut table, mut unexpected) = (String::new(), String::new());
    for (name, case) in cases.iter().filter(|(name, _)| name.contains(&chosen)) {
        match attempt(case) {
            Ok(Passed::Fed) => fed += 1,
            Ok(Passed::Bound) => bound += 1,
            Err(reason) => {
                failed += 1;
                let line = format!("{name}\t{}\n", one_line(&reason));
                table.push_str(&line);
                if !known.contains(name) {
                    unexpected.push_str(&line);
                }
            }
        }
    }
    std::fs::write(target.join("onnx_failures.tsv"), &table).unwrap();
    println!("{} of {} cases pass, {bound} of them with inputs bound", fed + bound, fed + bound + failed);
    assert!(unexpected.is_empty(), "\n{unexpected}");
}
