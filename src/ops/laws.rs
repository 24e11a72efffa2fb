//! The laws that hold for every op, tried on the examples that its file gives.
//!
//! 1. The declared shape is the computed one, also when lengths were unknown while building.
//! 2. The result is that of a reference written plainly with ndarray.
//! 3. It is the same for fed arrays in any memory order, and within rounding without optimisation.
//! 4. It has the same bits on one thread and on several.
//! 5. In single precision it is close to that in double precision.
//! 6. First and second derivatives are those of central differences.
//!
//! No op escapes: a node of an op that its file does not register is refused in debug builds, and a
//! registered op without an example fails here.

use std::collections::BTreeSet;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, ShapeBuilder, Slice};

use crate::prelude::*;

/// An op applied to inputs of certain lengths.
pub(super) struct Example {
    name: &'static str,
    inputs: Vec<ArrayD<f64>>,
    build: Build<f64>,
    /// The same for single precision, where the op has it.
    build_f32: Option<Build<f32>>,
    reference: fn(&[ArrayD<f64>]) -> ArrayD<f64>,
}

/// Applies the op to tensors that stand for the inputs.
type Build<T> = for<'g> fn(&'g Graph, &[Tensor<'g, T>]) -> Tensor<'g, T>;

/// An example on inputs of the given lengths, filled with numbers between -2 and 2, none near 0: name, lengths,
/// how it is built (compiled for `f64` and for `f32`), and the reference.
macro_rules! example {
    ($name:expr, $shapes:expr, $build:expr, $reference:expr $(,)?) => {
        $crate::ops::laws::example_f64($name, $shapes, $build, $reference).with_f32($build)
    };
}
pub(super) use example;

/// An example that is built for `f64` only.
pub(super) fn example_f64(
    name: &'static str,
    shapes: &[&[usize]],
    build: Build<f64>,
    reference: fn(&[ArrayD<f64>]) -> ArrayD<f64>,
) -> Example {
    let mut state = 0.37_f64;
    let mut next = || {
        // A logistic map: spread out, repeatable, and never the same twice.
        state = 3.99 * state * (1.0 - state);
        let magnitude = 0.25 + 1.75 * state;
        if (state * 1e6) as i64 % 2 == 0 { magnitude } else { -magnitude }
    };
    let inputs = shapes.iter().map(|dims| ArrayD::from_shape_simple_fn(IxDyn(dims), &mut next)).collect();
    Example { name, inputs, build, build_f32: None, reference }
}

fn assert_close(found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let close = found == expected || (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(close || found.is_nan() && expected.is_nan(), "{what}: {found} instead of {expected}");
    }
}

impl Example {
    /// Built for single precision as well.
    pub(super) fn with_f32(mut self, build: Build<f32>) -> Self {
        self.build_f32 = Some(build);
        self
    }

    /// With inputs that lie between two numbers instead.
    pub(super) fn within(mut self, low: f64, high: f64) -> Self {
        for input in &mut self.inputs {
            input.mapv_inplace(|x| low + (high - low) * (x + 2.0) / 4.0);
        }
        self
    }

    /// With these inputs instead.
    pub(super) fn on(mut self, inputs: Vec<ArrayD<f64>>) -> Self {
        self.inputs = inputs;
        self
    }

    /// Runs `make` of the result with the inputs fed to placeholders, whose lengths are unknown to
    /// the graph if `unknown`.
    fn run_as<T: Float>(
        &self,
        build: Build<T>,
        inputs: &[ArrayViewD<'_, T>],
        unknown: bool,
        (threads, optimize): (usize, bool),
        make: impl for<'g> Fn(&[Tensor<'g, T>], Tensor<'g, T>) -> Tensor<'g, T>,
    ) -> ArrayD<T> {
        let g = Graph::new();
        let shape = |input: &ArrayViewD<'_, T>| {
            if unknown { Shape::from(vec![None; input.ndim()]) } else { Shape::from(input.shape()) }
        };
        let xs: Vec<Tensor<'_, T>> = inputs.iter().map(|input| g.placeholder("x", shape(input))).collect();
        let result = make(&xs, build(&g, &xs));
        g.check().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let session = Session::builder(&g).threads(threads).optimize(optimize).build().unwrap();
        let mut feeding = session.feed(g.placeholder::<f64>("unused", ()), 0.0);
        for (x, input) in xs.iter().zip(inputs) {
            feeding = feeding.feed(*x, input.view());
        }
        let computed = feeding.run(result).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let declared = result.shape();
        assert!(declared.admits(computed.shape()), "{}: {declared}, not {:?}", self.name, computed.shape());
        computed
    }

    fn run(
        &self,
        inputs: &[ArrayD<f64>],
        unknown: bool,
        options: (usize, bool),
        make: impl for<'g> Fn(&[Tensor<'g, f64>], Tensor<'g, f64>) -> Tensor<'g, f64>,
    ) -> ArrayD<f64> {
        let views: Vec<ArrayViewD<'_, f64>> = inputs.iter().map(|array| array.view()).collect();
        self.run_as(self.build, &views, unknown, options, make)
    }

    fn value(&self, inputs: &[ArrayD<f64>], unknown: bool, options: (usize, bool)) -> ArrayD<f64> {
        self.run(inputs, unknown, options, |_, y| y)
    }

    /// The derivative of the weighted sum of the result by input `i`, or of the sum of the squares
    /// of that derivative.
    fn derivative(&self, inputs: &[ArrayD<f64>], i: usize, second: bool, optimize: bool) -> ArrayD<f64> {
        self.run(inputs, false, (1, optimize), |xs, y| {
            let [first] = (y * y + y).gradients([xs[i]]);
            if second { first.square().gradients([xs[i]])[0] } else { first }
        })
    }

    /// Σ y² + y, whose derivative `derivative` gives, or the sum of the squares of that derivative.
    fn potential(&self, inputs: &[ArrayD<f64>], i: usize, second: bool) -> f64 {
        if second {
            self.derivative(inputs, i, false, true).mapv(|x| x * x).sum()
        } else {
            self.value(inputs, false, (1, true)).mapv(|y| y * y + y).sum()
        }
    }

    fn has_gradient(&self, i: usize) -> bool {
        let g = Graph::new();
        let xs: Vec<Tensor<'_, f64>> =
            self.inputs.iter().map(|input| g.placeholder("x", Shape::from(input.shape()))).collect();
        let y = (self.build)(&g, &xs);
        Gradients::of([y]).wrt(&[xs[i]])[0].is_some()
    }

    fn check_derivative(&self, i: usize, second: bool) {
        let what = format!("{} derivative {} by input {i}", self.name, 1 + usize::from(second));
        let found = self.derivative(&self.inputs, i, second, true);
        let plain = self.derivative(&self.inputs, i, second, false);
        assert_close(&found, &plain, 1e-12, &format!("{what}, optimised or not"));
        let mut expected = ArrayD::zeros(self.inputs[i].raw_dim());
        for (index, _) in self.inputs[i].indexed_iter() {
            let at = |shift: f64| {
                let mut inputs = self.inputs.clone();
                inputs[i][&index] += shift;
                self.potential(&inputs, i, second)
            };
            let step = 1e-4;
            // The five-point rule: its error is of the fourth order in the step.
            expected[&index] =
                (8.0 * (at(step) - at(-step)) - at(2.0 * step) + at(-2.0 * step)) / (12.0 * step);
        }
        assert_close(&found, &expected, 1e-6, &what);
    }
}

#[test]
fn results_are_those_of_the_references() {
    for example in super::examples() {
        let expected = (example.reference)(&example.inputs);
        for unknown in [false, true] {
            let computed = example.value(&example.inputs, unknown, (1, true));
            assert_close(&computed, &expected, 1e-12, example.name);
        }
    }
}

#[test]
fn neither_memory_order_nor_optimisation_nor_threads_change_results() {
    for example in super::examples() {
        let expected = example.value(&example.inputs, false, (1, true));
        let bits = |array: &ArrayD<f64>| array.mapv(f64::to_bits);
        let columns_first: Vec<ArrayD<f64>> = example.inputs.iter().map(columns_first).collect();
        let spread: Vec<ArrayD<f64>> = example.inputs.iter().map(spread_out).collect();
        let views = |arrays: &'static str| -> Vec<ArrayViewD<'_, f64>> {
            match arrays {
                "columns first" => columns_first.iter().map(|array| array.view()).collect(),
                // Every second element of each axis, backwards.
                "strided" => spread.iter().map(every_second_backwards).collect(),
                _ => example.inputs.iter().map(|array| array.view()).collect(),
            }
        };
        for (arrays, threads) in [("columns first", 1), ("strided", 1), ("as they are", 2)] {
            let found = example.run_as(example.build, &views(arrays), false, (threads, true), |_, y| y);
            assert_eq!(bits(&found), bits(&expected), "{} {arrays}", example.name);
        }
        let plain = example.value(&example.inputs, false, (1, false));
        assert_close(&plain, &expected, 1e-12, example.name);
    }
}

fn columns_first(array: &ArrayD<f64>) -> ArrayD<f64> {
    let mut moved = ArrayD::zeros(IxDyn(array.shape()).f());
    moved.assign(array);
    moved
}

fn every_second_backwards(spread: &ArrayD<f64>) -> ArrayViewD<'_, f64> {
    let mut view = spread.view();
    (0..view.ndim()).for_each(|axis| view.slice_axis_inplace(Axis(axis), Slice::new(0, None, -2)));
    view
}

/// The array of which `every_second_backwards` shows this one.
fn spread_out(array: &ArrayD<f64>) -> ArrayD<f64> {
    let mut spread = ArrayD::from_elem(array.shape().iter().map(|&n| 2 * n).collect::<Vec<_>>(), f64::NAN);
    let mut view = spread.view_mut();
    (0..view.ndim()).for_each(|axis| view.slice_axis_inplace(Axis(axis), Slice::new(0, None, -2)));
    view.assign(array);
    spread
}

#[test]
fn single_precision_is_close_to_double() {
    for example in super::examples() {
        let Some(build) = example.build_f32 else { continue };
        let single: Vec<ArrayD<f32>> = example.inputs.iter().map(|input| input.mapv(|x| x as f32)).collect();
        // The same numbers, so that only the arithmetic differs.
        let double: Vec<ArrayD<f64>> = single.iter().map(|input| input.mapv(f64::from)).collect();
        let views: Vec<ArrayViewD<'_, f32>> = single.iter().map(|array| array.view()).collect();
        let found = example.run_as(build, &views, false, (1, true), |_, y| y).mapv(f64::from);
        assert_close(&found, &example.value(&double, false, (1, true)), 1e-5, example.name);
    }
}

/// Every op that the crate registers is a node of some example or of its first or second derivatives.
#[test]
fn every_registered_op_has_an_example() {
    let mut seen: BTreeSet<&'static str> = BTreeSet::new();
    for example in super::examples() {
        let g = Graph::new();
        let xs: Vec<Tensor<'_, f64>> = example
            .inputs
            .iter()
            .map(|input| g.placeholder("x", Shape::from(vec![None; input.ndim()])))
            .collect();
        let y = (example.build)(&g, &xs);
        let first: Vec<Tensor<'_, f64>> = Gradients::of([y]).wrt(&xs).into_iter().flatten().collect();
        if !first.is_empty() {
            let _ = Gradients::of(first).wrt(&xs);
        }
        seen.extend(g.shared().read().nodes.iter().map(|node| node.op.name()));
    }
    let missing: Vec<&str> = super::registered().filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "ops without an example: {missing:?}");
}

#[test]
fn derivatives_are_those_of_central_differences() {
    for example in super::examples() {
        for i in (0..example.inputs.len()).filter(|&i| example.has_gradient(i)) {
            example.check_derivative(i, false);
            example.check_derivative(i, true);
        }
    }
}
