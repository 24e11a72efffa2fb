//! What is exported gives the same numbers in a graph that imports it, and in ONNX Runtime.

use std::collections::BTreeMap;

use flowgrad::AnyTensor;
use flowgrad::io::onnx::{self, ExportOptions, ImportOptions, OnnxExportError};
use flowgrad::prelude::*;

use crate::exported::{Built, CASES, Case};

/// A model with what it is fed, and what it must give by name.
pub(crate) struct Exported {
    pub(crate) model: Vec<u8>,
    pub(crate) inputs: BTreeMap<String, Value>,
    pub(crate) outputs: BTreeMap<String, Value>,
}

/// Exports a case, and runs it here.
fn exported(case: &Case) -> Result<Exported, OnnxExportError> {
    let g = Graph::with_seed(1);
    let Built { inputs, fed, outputs, updates, differ } = (case.build)(&g);
    let session = Session::builder(&g).threads(1).build()?;
    session.run(g.initializer())?;
    let mut options = ExportOptions::new();
    for input in inputs.iter().filter(|input| !differ && input.shape().dims().first() == Some(&None)) {
        options = options.axis(&input.name(), 0, "rows");
    }
    if let Some(updates) = updates {
        options = options.updates(updates);
    }
    let model = onnx::export(&session, &inputs, &outputs, &options)?;
    let before = session.variable_values()?;
    let feeding = inputs.iter().zip(&fed).fold(session.feeds(), |run, (x, value)| run.feed_value(*x, value));
    let given: Vec<Value> = match updates {
        Some(updates) => feeding.run((outputs.clone(), updates))?.0,
        None => feeding.run(outputs.clone())?,
    };
    let named = |tensors: &[AnyTensor<'_>]| tensors.iter().map(|any| any.name()).collect::<Vec<_>>();
    let mut given: BTreeMap<String, Value> = named(&outputs).into_iter().zip(given).collect();
    if updates.is_some() {
        let after = session.variable_values()?;
        let changed = after.into_iter().filter(|(name, value)| before[name] != *value);
        given.extend(changed.map(|(name, value)| (format!("{name}_new"), value)));
    }
    let inputs = named(&inputs).into_iter().zip(fed).collect();
    Ok(Exported { model, inputs, outputs: given })
}

/// The largest difference, over the largest magnitude but 1 at least.
fn difference(a: &Value, b: &Value) -> f64 {
    fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::F32(array) => array.iter().map(|&x| f64::from(x)).collect(),
            Value::F64(array) => array.iter().copied().collect(),
            Value::I32(array) => array.iter().map(|&x| f64::from(x)).collect(),
            Value::I64(array) => array.iter().map(|&x| x as f64).collect(),
            Value::Bool(array) => array.iter().map(|&x| f64::from(x)).collect(),
        }
    }
    if (a.dtype(), a.shape()) != (b.dtype(), b.shape()) {
        return f64::INFINITY;
    }
    let (a, b) = (numbers(a), numbers(b));
    let largest = b.iter().fold(1.0_f64, |largest, x| largest.max(x.abs()));
    a.iter().zip(&b).map(|(a, b)| if a == b { 0.0 } else { (a - b).abs() / largest }).fold(
        0.0,
        |worst, of| {
            if of > worst || of.is_nan() { of } else { worst }
        },
    )
}

/// What an import of the model gives for the same inputs.
fn imported(exported: &Exported) -> Result<BTreeMap<String, Value>> {
    let g = Graph::new();
    let model = onnx::import(&g, &exported.model, &ImportOptions::new())?;
    let session = Session::builder(&g).threads(1).build()?;
    let mut feeding = session.feeds();
    for input in model.inputs() {
        feeding = feeding.feed_value(input.tensor, &exported.inputs[&input.name]);
    }
    let outputs: Vec<AnyTensor<'_>> = model.outputs().iter().map(|(_, tensor)| *tensor).collect();
    let given: Vec<Value> = feeding.run(outputs)?;
    Ok(model.outputs().iter().map(|(name, _)| name.clone()).zip(given).collect())
}

#[test]
fn models_are_read_back_with_the_same_numbers() {
    let mut wrong = Vec::new();
    // What is known in a run alone is not imported.
    let is_read = |case: &&Case| !["broadcast_gradients", "repeated", "rolled"].contains(&case.name);
    for case in CASES.iter().filter(is_read) {
        match exported(case) {
            Err(error) => wrong.push(format!("{}: {error}", case.name)),
            Ok(exported) => match imported(&exported) {
                Err(error) => wrong.push(format!("{} read back: {error}", case.name)),
                Ok(given) => {
                    for (name, value) in &exported.outputs {
                        let off = given.get(name).map_or(f64::INFINITY, |given| difference(given, value));
                        if off.is_nan() || off > case.limit {
                            wrong.push(format!(
                                "{}: {name} is off by {off:e}: {:?} for {value}",
                                case.name,
                                given.get(name).map(ToString::to_string)
                            ));
                        }
                    }
                }
            },
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

/// ONNX's checker and ONNX Runtime, where a Python has them.
#[test]
#[cfg(feature = "npz")]
fn onnx_runtime_gives_the_same_numbers() {
    use flowgrad::io::npz::write_npz;

    let Some(python) = crate::python::Python::with(&["numpy", "onnx", "onnxruntime"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for case in CASES {
        match exported(case) {
            Err(error) => wrong.push(format!("{}: {error}", case.name)),
            Ok(exported) => {
                let file = |ending: &str| folder.path().join(format!("{}.{ending}", case.name));
                std::fs::write(file("onnx"), &exported.model).unwrap();
                std::fs::write(file("limit"), case.limit.to_string()).unwrap();
                write_npz(file("in.npz"), &exported.inputs).unwrap();
                write_npz(file("out.npz"), &exported.outputs).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let checked = python.run("interop/check_onnx.py", [folder.path()]);
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
}
