//! Every op that NumPy or JAX has too gives what they give: values, vector-Jacobian products and
//! Hessian-vector products in double precision.
//!
//! `generate.py` makes `fixture.json` and tells what the file holds; `table.rs`
//! tells how each op is built and how close it must come.

mod table;
mod typed;

#[path = "../common/case.rs"]
mod case;
#[path = "../common/stored.rs"]
mod stored;

use std::collections::BTreeSet;
use std::fmt::Write;

use flowgrad::ndarray::{ArrayD, Zip};
use flowgrad::prelude::*;
use stored::Stored;
use table::{Row, Tolerance, table};
use typed::{Attributes, Feed, Inputs, Outputs, Typed};

const FIXTURE: &str = include_str!("fixture.json");

/// One line of the file.
type Case = case::Case<Attributes>;

/// What was computed for a part of a case.
struct Computed {
    dtype: DType,
    numbers: ArrayD<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(FIXTURE).unwrap()
}

/// The derivative by each input asked for, where a path leads to it; elsewhere it is 0.
type Derivatives<'g> = Vec<Option<Tensor<'g, f64>>>;

impl Case {
    /// Vector-Jacobian products, and the gradients of what these make with the directions.
    fn derivatives<'g>(
        &self,
        g: &'g Graph,
        inputs: &Inputs<'g>,
        outputs: &[Typed<'g>],
    ) -> [Derivatives<'g>; 2] {
        let constants = |arrays: &[Stored]| -> Vec<Tensor<'g, f64>> {
            arrays.iter().map(|array| g.constant(array.numbers())).collect()
        };
        let xs: Vec<Tensor<'g, f64>> = self.wrt.iter().map(|&i| inputs.float(i)).collect();
        if xs.is_empty() {
            return [Vec::new(), Vec::new()];
        }
        let ys = outputs.iter().filter_map(|y| y.as_f64());
        let first = Gradients::of(ys).grad_ys(constants(&self.cotangents)).wrt(&xs);
        let connected = first.iter().zip(constants(&self.directions));
        let connected = connected.filter_map(|(first, direction)| Some(((*first)?, direction)));
        let (slopes, directions): (Vec<_>, Vec<_>) = connected.unzip();
        let second = if slopes.is_empty() {
            vec![None; xs.len()]
        } else {
            Gradients::of(slopes).grad_ys(directions).wrt(&xs)
        };
        [first, second]
    }

    /// Computes the outputs, vector-Jacobian products and Hessian-vector products.
    fn run(&self, row: &Row, optimize: bool) -> Result<[Vec<Computed>; 3]> {
        let g = Graph::new();
        let inputs = self.inputs.iter().map(|input| Typed::placeholder(&g, &input.dtype, &input.shape));
        let inputs = Inputs(inputs.collect());
        let Outputs(outputs) = (row.build)(&g, &inputs, &self.attributes);
        let derivatives = self.derivatives(&g, &inputs, &outputs);

        let session = Session::builder(&g).threads(1).optimize(optimize).build()?;
        let feeds = inputs.0.iter().zip(&self.inputs).map(|(x, array)| x.feed(array.numbers()));
        let feeds: Vec<Feed<'_>> = feeds.collect();
        let none = session.feed(g.placeholder::<f64>("unused", ()), 0.0);
        let feeding = feeds.iter().fold(none, |feeding, feed| feed.to(feeding));
        let values: Vec<Tensor<'_, f64>> = outputs.iter().map(|y| y.numbers()).collect();
        let fetched: Vec<Tensor<'_, f64>> = derivatives.iter().flatten().flatten().copied().collect();
        let (values, fetched) = feeding.run((values, fetched))?;

        let mut fetched = fetched.into_iter();
        let derivatives = derivatives.map(|tensors| {
            let tensors = tensors.iter().zip(&self.wrt);
            let arrays = tensors.map(|(tensor, &i)| {
                let zeros = || ArrayD::zeros(self.inputs[i].shape.as_slice());
                let numbers = tensor.and_then(|_| fetched.next()).unwrap_or_else(zeros);
                Computed { dtype: DType::F64, numbers }
            });
            arrays.collect::<Vec<_>>()
        });
        let values = outputs.iter().zip(values);
        let values = values.map(|(y, numbers)| Computed { dtype: y.dtype(), numbers }).collect();
        let [first, second] = derivatives;
        Ok([values, first, second])
    }

    /// What is wrong with the op's results.
    fn faults(&self, row: &Row) -> Vec<String> {
        let expected = [&self.outputs, &self.vjp, &self.hvp];
        let parts = ["value", "vector-Jacobian product", "Hessian-vector product"];
        let tolerances = [row.value, row.derivatives, row.derivatives];
        let mut faults = Vec::new();
        for optimize in [true, false] {
            let mut fault = |text: String| {
                let shapes: Vec<_> = self.inputs.iter().map(|input| &input.shape).collect();
                let about = format!("{} {} {:?} {shapes:?}", self.op, self.about, self.attributes);
                faults.push(format!("{about}{}: {text}", if optimize { "" } else { " unoptimised" }));
            };
            let found = match self.run(row, optimize) {
                Ok(found) => found,
                Err(error) => {
                    fault(error.to_string());
                    continue;
                }
            };
            for (((found, expected), part), tolerance) in
                found.iter().zip(expected).zip(parts).zip(tolerances)
            {
                if found.len() != expected.len() {
                    fault(format!("{} {part}s, not {}", found.len(), expected.len()));
                }
                for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                    if let Some(text) = difference(found, expected, tolerance) {
                        fault(format!("{part} {i}: {text}"));
                    }
                }
            }
        }
        faults
    }
}

/// How an array differs from the one it should be, if it does.
fn difference(found: &Computed, expected: &Stored, tolerance: Tolerance) -> Option<String> {
    if found.dtype.to_string() != expected.dtype || found.numbers.shape() != expected.shape {
        let (shape, expected_shape) = (found.numbers.shape(), &expected.shape);
        return Some(format!("{}{shape:?}, not {}{expected_shape:?}", found.dtype, expected.dtype));
    }
    let mut text = String::new();
    let numbers = expected.numbers();
    let largest = numbers.iter().filter(|x| x.is_finite()).fold(0.0_f64, |most, x| most.max(x.abs()));
    Zip::from(&found.numbers).and(&numbers).for_each(|&found, &expected| {
        if !tolerance.allows(found, expected, largest) {
            let _ = write!(text, " {found:?} for {expected:?} ({:e})", (found - expected).abs());
        }
    });
    (!text.is_empty()).then_some(text)
}

#[test]
fn ops_give_what_numpy_and_jax_give() {
    let (table, mut faults) = (table(), Vec::new());
    for case in cases() {
        if let Some(row) = table.iter().find(|row| row.op == case.op) {
            faults.extend(case.faults(row));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_table_and_the_file_are_of_the_same_ops() {
    let (cases, table) = (cases(), table());
    let in_file: BTreeSet<&str> = cases.iter().map(|case| case.op.as_str()).collect();
    let in_table: BTreeSet<&str> = table.iter().map(|row| row.op).collect();
    assert_eq!(in_table.len(), table.len(), "an op has two rows");
    let differing: Vec<&&str> = in_file.symmetric_difference(&in_table).collect();
    assert!(differing.is_empty(), "in the file or in the table alone: {differing:?}");
}

#[test]
fn the_file_is_small() {
    assert!(FIXTURE.len() < 5_000_000, "{} bytes", FIXTURE.len());
}
