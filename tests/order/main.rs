//! Order, scans, counts, segments, transforms and sparse matrices give what NumPy, `SciPy` and JAX give: values, vector-Jacobian products and Hessian-vector
//! products in double precision; and what they refuse.
//!
//! `generate.py` makes `fixture.json.gz` and tells what the file holds. Ops are built by their names, by what the registry has.

mod faults;

#[path = "../common/case.rs"]
mod case;
#[path = "../common/stored.rs"]
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use flate2::read::GzDecoder;
use flowgrad::AnyTensor;
use flowgrad::ndarray::{ArrayD, Zip};
use flowgrad::op::{Attribute, Attributes, registry};
use flowgrad::prelude::*;
use serde_json::Value as Json;

use stored::Stored;

const FIXTURE: &[u8] = include_bytes!("fixture.json.gz");

/// How far apart derivatives and sums may be, as a part of the largest element.
const NEAR: f64 = 1e-12;

/// Where all elements are smaller, they are what is left of cotangents near 1 by rounding.
const LEAST: f64 = 1e-2;

/// Ops that there are with the feature `fft` alone.
const OF_FFT: [&str; 6] = ["convolve", "dct", "fft", "ifft", "irfft", "rfft"];

/// One line of the file.
type Case = case::Case<BTreeMap<String, Json>>;

/// A way to build and run a case.
#[derive(Clone, Copy, Debug)]
struct Way {
    are_lengths_known: bool,
    optimize: bool,
    threads: usize,
}

const WAYS: [Way; 4] = [
    Way { are_lengths_known: true, optimize: true, threads: 1 },
    Way { are_lengths_known: true, optimize: true, threads: 2 },
    Way { are_lengths_known: false, optimize: true, threads: 2 },
    Way { are_lengths_known: false, optimize: false, threads: 1 },
];

/// What is fed to an input, by its element type.
enum Fed<'g> {
    F64(Tensor<'g, f64>, ArrayD<f64>),
    I64(Tensor<'g, i64>, ArrayD<i64>),
    I32(Tensor<'g, i32>, ArrayD<i32>),
}

impl<'g> Fed<'g> {
    fn of(g: &'g Graph, stored: &Stored, is_known: bool) -> Self {
        let numbers = stored.numbers();
        let lengths = stored.shape.iter().map(|&length| is_known.then_some(length)).collect::<Vec<_>>();
        match stored.dtype.as_str() {
            "f64" => Fed::F64(g.placeholder("x", lengths), numbers),
            "i64" => Fed::I64(g.placeholder("x", lengths), numbers.mapv(|x| x as i64)),
            "i32" => Fed::I32(g.placeholder("x", lengths), numbers.mapv(|x| x as i32)),
            other => panic!("no elements are {other}"),
        }
    }

    fn tensor(&self) -> AnyTensor<'g> {
        match self {
            Fed::F64(x, _) => x.any(),
            Fed::I64(x, _) => x.any(),
            Fed::I32(x, _) => x.any(),
        }
    }

    fn float(&self) -> Tensor<'g, f64> {
        self.tensor().typed()
    }
}

/// An attribute as the registry takes it.
fn attribute(name: &str, json: &Json) -> Attribute {
    let number = |json: &Json| match json.as_i64() {
        Some(whole) if !json.is_f64() => Attribute::Int(whole),
        _ => Attribute::Float(json.as_f64().unwrap()),
    };
    match json {
        Json::Bool(flag) => Attribute::Bool(*flag),
        Json::String(text) => Attribute::Text(text.clone().into()),
        Json::Array(numbers) => Attribute::List(numbers.iter().map(number).collect()),
        Json::Object(axes) if name == "axes" => {
            let listed: Option<Vec<isize>> = serde_json::from_value(axes["axes"].clone()).unwrap();
            let listed = listed.map_or_else(Axes::all, Axes::of);
            Attribute::Axes(if axes["keep_dims"] == Json::Bool(true) { listed.keep_dims() } else { listed })
        }
        number_alone => number(number_alone),
    }
}

/// Values, vector-Jacobian products and Hessian-vector products.
type Computed = [Vec<ArrayD<f64>>; 3];

const PARTS: [&str; 3] = ["value", "vector-Jacobian product", "Hessian-vector product"];

impl Case {
    fn all() -> Vec<Case> {
        serde_json::from_reader(GzDecoder::new(FIXTURE)).unwrap()
    }

    fn run(&self, way: Way) -> Result<Computed> {
        let g = Graph::new();
        let fed: Vec<Fed<'_>> =
            self.inputs.iter().map(|input| Fed::of(&g, input, way.are_lengths_known)).collect();
        let operands: Vec<AnyTensor<'_>> = fed.iter().map(Fed::tensor).collect();
        let given = self.attributes.iter().fold(Attributes::new(), |attributes, (name, json)| {
            attributes.with(name.clone(), attribute(name, json))
        });
        let op = registry().find(|op| op.name() == self.op).unwrap();
        let outputs = op.build(&g, &operands, &given);
        g.check()?;

        let constants = |arrays: &[Stored]| -> Vec<Tensor<'_, f64>> {
            arrays.iter().map(|array| g.constant(array.numbers())).collect()
        };
        let xs: Vec<Tensor<'_, f64>> = self.wrt.iter().map(|&input| fed[input].float()).collect();
        let is_float = |y: &&AnyTensor<'_>| y.dtype() == DType::F64;
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        if !xs.is_empty() {
            let ys = outputs.iter().filter(is_float).map(|y| y.typed::<f64>());
            let first = Gradients::of(ys).grad_ys(constants(&self.cotangents)).wrt_or_zeros(&xs);
            let products =
                first.iter().zip(constants(&self.directions)).map(|(&dx, along)| (dx * along).reduce_sum(..));
            let weighted = products.reduce(|a, b| a + b).unwrap();
            parts = [Vec::new(), first, Gradients::of([weighted]).wrt_or_zeros(&xs)];
        }
        parts[0] = outputs.iter().map(|y| y.cast(DType::F64).typed()).collect();

        let session = Session::builder(&g).threads(way.threads).optimize(way.optimize).build()?;
        let none = session.feed(g.placeholder::<f64>("unused", ()), 0.0);
        let feeding = fed.iter().fold(none, |feeding, fed| match fed {
            Fed::F64(x, array) => feeding.feed(*x, array),
            Fed::I64(x, array) => feeding.feed(*x, array),
            Fed::I32(x, array) => feeding.feed(*x, array),
        });
        feeding.run(parts)
    }

    /// What differs from what the file says.
    fn differences(&self, found: &Computed) -> Vec<String> {
        let mut faults = Vec::new();
        for ((part, found), expected) in PARTS.iter().zip(found).zip([&self.outputs, &self.vjp, &self.hvp]) {
            if found.len() != expected.len() {
                faults.push(format!("{} times {part}, not {}", found.len(), expected.len()));
            }
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                let expected = expected.numbers();
                if !is_near(found, &expected) {
                    faults.push(format!("{part} {index}: expected {expected}, got {found}"));
                }
            }
        }
        faults
    }
}

fn is_near(found: &ArrayD<f64>, expected: &ArrayD<f64>) -> bool {
    let largest = expected.iter().filter(|x| x.is_finite()).fold(LEAST, |most, x| most.max(x.abs()));
    let near = |&found: &f64, &expected: &f64| {
        found == expected || found.is_nan() && expected.is_nan() || (found - expected).abs() <= NEAR * largest
    };
    found.shape() == expected.shape() && Zip::from(found).and(expected).all(near)
}

/// The bits of all numbers; one NaN is like another.
fn bits(computed: &Computed) -> Vec<u64> {
    let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
    computed.iter().flatten().flatten().map(bits).collect()
}

#[test]
fn ops_give_what_numpy_and_jax_give() {
    let mut faults = Vec::new();
    for case in Case::all() {
        if !cfg!(feature = "fft") && OF_FFT.contains(&case.op.as_str()) {
            continue;
        }
        let mut plain = None;
        for way in WAYS {
            let about = format!("{} {} {:?} {way:?}", case.op, case.about, case.attributes);
            let found = match case.run(way) {
                Ok(found) => found,
                Err(error) => {
                    faults.push(format!("{about}: {error}"));
                    continue;
                }
            };
            faults.extend(case.differences(&found).into_iter().map(|text| format!("{about}: {text}")));
            // Neither threads nor what is known while building change a bit.
            if way.optimize && *plain.get_or_insert_with(|| bits(&found)) != bits(&found) {
                faults.push(format!("{about}: other bits"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_file_has_all_ops_of_order() {
    let in_file: BTreeSet<String> = Case::all().into_iter().map(|case| case.op).collect();
    let expected = "argsort bincount bincount_with cummax cummin cumprod diff histogram histogram_with logcumsumexp median \
                    nonzero quantile searchsorted sort sparse_matmul unique_counts";
    let segments = ["sum", "mean", "prod", "max", "min"].map(|kind| format!("segment_{kind}"));
    let unsorted = segments.clone().map(|op| format!("unsorted_{op}"));
    let expected = expected.split_whitespace().chain(OF_FFT).map(str::to_owned);
    assert_eq!(in_file, expected.chain(segments).chain(unsorted).collect());
}
