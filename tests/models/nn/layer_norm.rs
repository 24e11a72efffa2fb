//! `LayerNorm` and `layer_norm`: each example by its own mean and variance.

use flowgrad::ndarray::{ArrayD, Axis, IxDyn, arr1, arr2};
use flowgrad::nn;
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, assert_near, fault, for_floats, numbers, slope_tolerance, spread, words};

/// The layer's output by its definition, in f64: for each element the mean and variance of those that differ from its
/// index along the axes alone.
fn reference<T: Float>(
    x: &ArrayD<T>,
    axes: &[usize],
    gamma: &ArrayD<T>,
    beta: &ArrayD<T>,
    epsilon: f64,
) -> ArrayD<f64> {
    let x = numbers(x);
    let normalised = ArrayD::from_shape_fn(x.raw_dim(), |index| {
        let mut lane = x.view();
        for axis in (0..x.ndim()).filter(|axis| !axes.contains(axis)) {
            lane.slice_axis_inplace(Axis(axis), (index[axis]..=index[axis]).into());
        }
        let mean = lane.sum() / lane.len() as f64;
        let variance = lane.mapv(|x| (x - mean) * (x - mean)).sum() / lane.len() as f64;
        (x[index] - mean) / (variance + epsilon).sqrt()
    });
    normalised * numbers(gamma) + numbers(beta)
}

/// The lengths of an input, the axes to normalize along, counted from either end, and the lengths of the parameters.
type Case = (&'static [usize], &'static [isize], &'static [usize]);

const CASES: [Case; 8] = [
    (&[4, 3], &[-1], &[3]),
    (&[4, 3], &[1], &[1, 3]),
    (&[2, 3, 5], &[-1], &[5]),
    (&[2, 3, 5], &[-2, -1], &[3, 5]),
    (&[2, 3, 5], &[2, 1], &[3, 5]),
    (&[2, 3, 5], &[1], &[3, 1]),
    (&[2, 3, 5], &[0, -1], &[2, 1, 5]),
    (&[2, 2, 3, 5], &[-3, -1], &[2, 1, 5]),
];

fn layer<'g, T: Float>(g: &'g Graph, axes: &[isize], lengths: &[usize]) -> LayerNorm<'g, T> {
    LayerNorm {
        name: "ln".to_owned(),
        axes: axes.to_vec(),
        gamma: g.variable("ln/gamma", spread::<T>(lengths, 1)),
        beta: g.variable("ln/beta", spread::<T>(lengths, 2)),
        epsilon: 1e-3,
    }
}

fn is_its_formula<T: Float>(tolerance: f64) {
    for (dims, axes, lengths) in CASES {
        let g = Graph::new();
        let x = g.placeholder::<T>("x", vec![None; dims.len()]);
        let layer = layer::<T>(&g, axes, lengths);
        let fed = spread::<T>(dims, 3);
        let outputs = MODES.map(|mode| layer.call(x, mode));
        let from_start = |&axis: &isize| axis.rem_euclid(dims.len() as isize) as usize;
        let axes: Vec<usize> = axes.iter().map(from_start).collect();
        let expected = reference(&fed, &axes, &spread(lengths, 1), &spread(lengths, 2), 1e-3);
        for y in Session::new(&g).unwrap().feed(x, &fed).run(outputs).unwrap() {
            assert_near(&y, &expected, tolerance);
        }
    }
}

fn has_the_gradients_of_differences<T: Float>(_: f64) {
    for (dims, axes, lengths) in CASES {
        let g = Graph::new();
        let x = g.placeholder::<T>("x", dims);
        let layer = layer::<T>(&g, axes, lengths);
        let y = layer.call(x, Mode::Train);
        let check = GradientCheck::of(&g, y).feed(x, &spread::<T>(dims, 3)).second_order();
        check.wrt(&[x, layer.gamma.tensor(), layer.beta.tensor()]).assert_close(slope_tolerance::<T>());
    }
}

for_floats!(is_its_formula, has_the_gradients_of_differences);

#[test]
fn new_takes_the_last_axes() {
    let g = Graph::new();
    let layer = LayerNorm::<f64>::new(&g, "ln", [3, 5]);
    assert_eq!(layer.axes, [-2, -1]);
    assert_eq!(layer.epsilon, 1e-3);
    assert_eq!([layer.gamma.name(), layer.beta.name()], ["ln/gamma", "ln/beta"]);
    assert!(layer.gamma.is_trainable() && layer.beta.is_trainable());
    let x = g.placeholder("x", [None, Some(3), Some(5)]);
    let y = layer.call(x, Mode::Predict);
    let session = Session::new(&g).unwrap();
    for rows in [0, 1, 4] {
        let fed = spread(&[rows, 3, 5], 1);
        let found = session.feed(x, &fed).run(y).unwrap();
        let [gamma, beta] = [ArrayD::ones(IxDyn(&[3, 5])), ArrayD::zeros(IxDyn(&[3, 5]))];
        assert_near(&found, &reference(&fed, &[1, 2], &gamma, &beta, 1e-3), 1e-13);
    }
}

#[test]
fn the_function_takes_scalars_and_tensors() {
    let g = Graph::new();
    let x = spread::<f64>(&[3, 4], 1);
    let gamma = arr1(&[1.0, 2.0, 3.0, 4.0]);
    let y = nn::layer_norm(g.constant(&x), -1, 0.5, g.constant(&gamma), 0.1);
    let found = Session::new(&g).unwrap().run(y).unwrap();
    let beta = ArrayD::from_elem(IxDyn(&[4]), 0.5);
    assert_near(&found, &reference(&x, &[1], &gamma.into_dyn(), &beta, 0.1), 1e-14);
}

#[test]
fn a_large_mean_costs_no_precision() {
    let x = arr2(&[[4_000_001.0_f32, 4_000_003.0, 4_000_002.0, 4_000_006.0]]);
    let g = Graph::new();
    let y = nn::layer_norm(g.constant(&x), -1, 0.0, 1.0, 0.0);
    let found = Session::new(&g).unwrap().run(y).unwrap();
    let [one, zero] = [1.0, 0.0].map(|number| ArrayD::from_elem(IxDyn(&[]), number));
    assert_near(&found, &reference(&x.into_dyn(), &[1], &one, &zero, 0.0), 1e-6);
}

/// The shape of an input, the axes to normalize along, lengths of parameters that do not fit, and the words of it.
type Invalid = (&'static [Option<usize>], &'static [isize], &'static [usize], &'static str);

#[test]
fn parameters_of_other_lengths_are_a_build_error_of_the_layer() {
    let invalid = |dims: &[Option<usize>], axes: &[isize], lengths: &[usize]| {
        let g = Graph::new();
        layer::<f32>(&g, axes, lengths).call(g.placeholder("x", dims), Mode::Train);
        fault(&g)
    };
    let table: [Invalid; 5] = [
        (&[None, Some(4)], &[-1], &[3], "along [-1] and 1 along other axes, got [3] for x of [?, 4]"),
        (&[None, Some(1)], &[-1], &[3], "along [-1] and 1 along other axes, got [3] for x of [?, 1]"),
        (&[None, Some(4)], &[-1], &[1], "along [-1] and 1 along other axes, got [1] for x of [?, 4]"),
        (&[Some(4)], &[-1], &[4, 4], "along [-1] and 1 along other axes, got [4, 4] for x of [4]"),
        (
            &[None, Some(8), Some(4)],
            &[1],
            &[8, 4],
            "along [1] and 1 along other axes, got [8, 4] for x of [?, 8, 4]",
        ),
    ];
    for (dims, axes, lengths, rest) in table {
        let expected = format!("expected parameters as long as x {rest}, in `ln/layer_norm` (layer_norm)");
        assert_eq!(invalid(dims, axes, lengths), expected);
    }
    let g = Graph::new();
    let beta = g.variable("beta", zeros([1]));
    let layer = LayerNorm { beta, ..LayerNorm::new(&g, "ln", [4]) };
    layer.call(g.placeholder::<f32>("x", [None, Some(4)]), Mode::Train);
    let expected =
        "expected parameters as long as x along [-1] and 1 along other axes, got [1] for x of [?, 4]";
    assert_eq!(fault(&g), format!("{expected}, in `ln/layer_norm` (layer_norm)"));
    assert_eq!(
        invalid(&[None, Some(4)], &[], &[]),
        "expected at least one axis to normalize along, got none, in `ln/layer_norm` (layer_norm)"
    );
    assert_eq!(
        invalid(&[None, Some(4)], &[2], &[1]),
        "expected an axis of a tensor of rank 2, got 2, in `ln/reduce_mean` (reduce_mean)"
    );
    assert_eq!(
        invalid(&[None, Some(4)], &[-1, 1], &[4]),
        "expected each axis once, got 1 twice, in `ln/reduce_mean` (reduce_mean)"
    );
}

#[test]
fn lengths_that_were_unknown_are_checked_when_they_come() {
    let g = Graph::new();
    let x = g.placeholder("x", [None, None]);
    let y = LayerNorm::<f32>::new(&g, "ln", [3]).call(x, Mode::Train);
    let session = Session::new(&g).unwrap();
    assert!(session.feed(x, &spread::<f32>(&[2, 3], 0)).run(y).is_ok());
    let expected = "expected parameters as long as x along [-1] and 1 along other axes, got [3] for x of [2, 1], in `ln/layer_norm` (layer_norm)";
    assert_eq!(words(session.feed(x, &spread::<f32>(&[2, 1], 0)).run(y).unwrap_err()), expected);
}

#[test]
fn an_epsilon_that_is_none_is_a_build_error() {
    for (epsilon, shown) in [(-1e-3, "-0.001"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let g = Graph::new();
        let layer = LayerNorm { epsilon, ..LayerNorm::new(&g, "ln", [3]) };
        layer.call(g.placeholder::<f32>("x", [None, Some(3)]), Mode::Train);
        let expected = "expected a finite epsilon of at least 0, got";
        assert_eq!(fault(&g), format!("{expected} {shown}, in `ln/normalization` (normalization)"));
    }
}
