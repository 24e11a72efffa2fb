//! Conditionals and loops give what they give in JAX and in TensorFlow: values, gradients, gradients of gradients, and
//! derivatives along a direction; and gradients agree with central differences.
//!
//! `generate.py` makes `fixture.json` and tells what the file holds; `peers/cases.rs` builds the same in Rust.

mod cases;

use std::collections::BTreeSet;

use flowgrad::ndarray::ArrayD;
use flowgrad::{Feeding, SessionBuilder, jvp_or_zeros, prelude::*};
use serde::Deserialize;

use cases::{Inputs, build, names};

use crate::stored::Stored;

const FIXTURE: &str = include_str!("fixture.json");

/// How far apart are the places of a difference.
const STEP: f64 = 2e-5;

/// One line of the file.
#[derive(Deserialize)]
struct Case {
    name: String,
    about: String,
    peer: String,
    inputs: Vec<Stored>,
    outputs: Vec<Stored>,
    cotangents: Vec<Stored>,
    directions: Vec<Stored>,
    vjp: Option<Vec<Stored>>,
    hvp: Option<Vec<Stored>>,
    jvp: Option<Vec<Stored>>,
}

/// Outputs, vector-Jacobian products, Hessian-vector products, and derivatives along the directions.
const PARTS: [&str; 4] = ["value", "vjp", "hvp", "jvp"];

type Computed = [Vec<ArrayD<f64>>; 4];

/// A case as a graph.
struct Made<'g> {
    inputs: Inputs<'g>,
    parts: [Vec<Tensor<'g, f64>>; 4],
}

impl Case {
    fn all() -> Vec<Case> {
        serde_json::from_str(FIXTURE).unwrap()
    }

    fn made<'g>(&self, g: &'g Graph) -> Made<'g> {
        let mut inputs = Inputs::default();
        for input in &self.inputs {
            match input.dtype.as_str() {
                "f64" => inputs.floats.push(g.placeholder("x", input.shape.as_slice())),
                "i64" => inputs.ints.push(g.placeholder("k", input.shape.as_slice())),
                "bool" => inputs.bools.push(g.placeholder("p", input.shape.as_slice())),
                other => panic!("no elements are {other}"),
            }
        }
        let constants = |arrays: &[Stored]| -> Vec<Tensor<'g, f64>> {
            arrays.iter().map(|array| g.constant(array.numbers())).collect()
        };
        let ys = build(&self.name, g, &inputs);
        let xs = &inputs.floats;
        let directions = constants(&self.directions);
        let vjp = Gradients::of(ys.clone()).grad_ys(constants(&self.cotangents)).wrt_or_zeros(xs);
        let products = vjp.iter().zip(&directions).map(|(product, &along)| (product * along).reduce_sum(..));
        let hvp = Gradients::of([products.reduce(|a, b| a + b).unwrap()]).wrt_or_zeros(xs);
        let jvp = ys.iter().map(|&y| jvp_or_zeros(y, xs, &directions)).collect();
        Made { inputs, parts: [ys, vjp, hvp, jvp] }
    }

    /// The float inputs, moved along the directions.
    fn at(&self, distance: f64) -> Vec<ArrayD<f64>> {
        let floats = self.inputs.iter().filter(|input| input.dtype == "f64");
        floats.zip(&self.directions).map(|(x, along)| x.numbers() + along.numbers() * distance).collect()
    }

    fn fed<'s, 'g, 'v>(
        &self,
        session: &'s Session,
        made: &Made<'g>,
        floats: &'v [ArrayD<f64>],
    ) -> Feeding<'s, 'g, 'v> {
        let mut feeding = session.feeds();
        for (&tensor, array) in made.inputs.floats.iter().zip(floats) {
            feeding = feeding.feed(tensor, array);
        }
        let others = |dtype: &'static str| {
            let stored = self.inputs.iter().filter(move |input| input.dtype == dtype);
            stored.map(|input| input.numbers().sum())
        };
        for (&tensor, number) in made.inputs.ints.iter().zip(others("i64")) {
            feeding = feeding.feed(tensor, number as i64);
        }
        for (&tensor, number) in made.inputs.bools.iter().zip(others("bool")) {
            feeding = feeding.feed(tensor, number != 0.0);
        }
        feeding
    }

    fn expected(&self) -> [Option<&Vec<Stored>>; 4] {
        [Some(&self.outputs), self.vjp.as_ref(), self.hvp.as_ref(), self.jvp.as_ref()]
    }

    /// The largest difference, as a part of the largest element: what a loop rounds grows with its length.
    fn tolerance(&self) -> f64 {
        if matches!(self.name.as_str(), "long_scan" | "lorenz" | "while_loop") { 1e-10 } else { 1e-12 }
    }

    /// What differs from what the peer says, in one way of running it.
    fn differences(&self, session: SessionBuilder<'_>, made: &Made<'_>) -> Vec<String> {
        let floats = self.at(0.0);
        let run =
            session.build().and_then(|session| self.fed(&session, made, &floats).run(made.parts.clone()));
        let found: Computed = match run {
            Ok(found) => found,
            Err(error) => return vec![error.to_string()],
        };
        let mut faults = Vec::new();
        for ((part, found), expected) in PARTS.iter().zip(&found).zip(self.expected()) {
            let Some(expected) = expected else { continue };
            if found.len() != expected.len() {
                faults.push(format!("{} times {part}, not {}", found.len(), expected.len()));
            }
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                if let Some(text) = difference(found, &expected.numbers(), self.tolerance()) {
                    faults.push(format!("{part} {index}: {text}"));
                }
            }
        }
        faults
    }

    /// What differs from central differences: of the outputs, and of their gradients.
    fn slopes(&self, g: &Graph, made: &Made<'_>) -> Vec<String> {
        let session = Session::builder(g).threads(1).build().unwrap();
        let at = |distance: f64| -> Computed {
            let floats = self.at(distance);
            self.fed(&session, made, &floats).run(made.parts.clone()).unwrap()
        };
        let central = |part: usize, step: f64| -> Vec<ArrayD<f64>> {
            let [above, below] = [step, -step].map(at);
            above[part].iter().zip(&below[part]).map(|(a, b)| (a - b) / (2.0 * step)).collect()
        };
        let here = at(0.0);
        let mut faults = Vec::new();
        for (of, by) in [(0, 3), (1, 2)] {
            // Two of them, joined so that the error in the square of the step falls out.
            let differences = central(of, STEP).into_iter().zip(central(of, STEP / 2.0));
            let differences = differences.map(|(wide, narrow)| (narrow * 4.0 - wide) / 3.0);
            for (index, (found, expected)) in here[by].iter().zip(differences).enumerate() {
                if let Some(text) = difference(found, &expected, 1e-7) {
                    faults.push(format!("{} {index}, by differences: {text}", PARTS[by]));
                }
            }
        }
        faults
    }
}

/// How an array differs from the one it should be, if it does.
fn difference(found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) -> Option<String> {
    if found.shape() != expected.shape() {
        return Some(format!("{:?}, not {:?}", found.shape(), expected.shape()));
    }
    let off = tolerance * expected.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
    let is_near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= off);
    (!is_near).then(|| format!("{found:?} instead of {expected:?}"))
}

/// The faults of all cases, each with its case.
fn faults(of: impl Fn(&Case, &Graph, &Made<'_>) -> Vec<String>) -> Vec<String> {
    let cases = Case::all();
    let faults = cases.iter().flat_map(|case| {
        let g = Graph::new();
        let made = case.made(&g);
        let named = |fault| format!("{} {} ({}): {fault}", case.name, case.about, case.peer);
        of(case, &g, &made).into_iter().map(named).collect::<Vec<_>>()
    });
    faults.collect()
}

#[test]
fn conditionals_and_loops_give_what_jax_and_tensorflow_give() {
    let faults = faults(|case, g, made| {
        let builder = || Session::builder(g).threads(1);
        let ways = [builder(), builder().optimize(false), builder().machine_code(false)];
        ways.into_iter().flat_map(|way| case.differences(way, made)).collect()
    });
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn derivatives_agree_with_central_differences() {
    let faults = faults(Case::slopes);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_case_is_in_the_file_and_in_rust() {
    let cases = Case::all();
    let in_file: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(in_file, names());
}
