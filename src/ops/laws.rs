//! The laws that hold for every op, tried on the examples that its file gives.
//!
//! 1. The declared shape is the computed one, also when lengths were unknown while building.
//! 2. The result is that of a reference written plainly with ndarray.
//! 3. It is the same for fed arrays in any memory order, and within rounding without optimisation.
//! 4. It has the same bits on one thread and on several.
//! 5. First and second derivatives are those of central differences.

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::prelude::*;

/// An op applied to inputs of certain lengths.
pub(super) struct Example {
    name: &'static str,
    inputs: Vec<ArrayD<f64>>,
    build: Build,
    reference: fn(&[ArrayD<f64>]) -> ArrayD<f64>,
}

/// Applies the op to tensors that stand for the inputs.
type Build = for<'g> fn(&'g Graph, &[Tensor<'g, f64>]) -> Tensor<'g, f64>;

/// An example on inputs of the given lengths, filled with numbers between -2 and 2, none near 0.
pub(super) fn example(
    name: &'static str,
    shapes: &[&[usize]],
    build: Build,
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
    Example { name, inputs, build, reference }
}

fn assert_close(found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let close = found == expected || (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(close || found.is_nan() && expected.is_nan(), "{what}: {found} instead of {expected}");
    }
}

impl Example {
    /// Runs `make` of the result with the inputs fed to placeholders, whose lengths are unknown to
    /// the graph if `unknown`.
    fn run(
        &self,
        inputs: &[ArrayD<f64>],
        unknown: bool,
        (threads, optimize): (usize, bool),
        make: impl for<'g> Fn(&[Tensor<'g, f64>], Tensor<'g, f64>) -> Tensor<'g, f64>,
    ) -> ArrayD<f64> {
        let g = Graph::new();
        let shape = |input: &ArrayD<f64>| {
            if unknown { Shape::from(vec![None; input.ndim()]) } else { Shape::from(input.shape()) }
        };
        let xs: Vec<Tensor<'_, f64>> = inputs.iter().map(|input| g.placeholder("x", shape(input))).collect();
        let result = make(&xs, (self.build)(&g, &xs));
        g.check().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let session = Session::builder(&g).threads(threads).optimize(optimize).build().unwrap();
        let mut feeding = session.feed(g.placeholder::<f64>("unused", ()), 0.0);
        for (x, input) in xs.iter().zip(inputs) {
            feeding = feeding.feed(*x, input);
        }
        let computed = feeding.run(result).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let declared = result.shape();
        assert!(declared.admits(computed.shape()), "{}: {declared}, not {:?}", self.name, computed.shape());
        computed
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
        let columns_first = example.inputs.iter().map(|input| {
            let mut moved = ArrayD::zeros(IxDyn(input.shape()).f());
            moved.assign(input);
            moved
        });
        let columns_first: Vec<ArrayD<f64>> = columns_first.collect();
        let bits = |array: &ArrayD<f64>| array.mapv(f64::to_bits);
        for (inputs, threads) in [(&columns_first, 1), (&example.inputs, 2)] {
            let found = example.value(inputs, false, (threads, true));
            assert_eq!(bits(&found), bits(&expected), "{}", example.name);
        }
        let plain = example.value(&example.inputs, false, (1, false));
        assert_close(&plain, &expected, 1e-12, example.name);
    }
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
