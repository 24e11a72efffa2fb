//! `Dense`: x · kernel + bias.

use flowgrad::ndarray::{Array2, ArrayD, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, assert_near, fault, for_floats, slope_tolerance, spread, words};

/// The layer's output by its definition, of x with any number of axes.
fn reference<T: Float>(x: &ArrayD<T>, kernel: &ArrayD<T>, bias: &ArrayD<T>) -> ArrayD<f64> {
    let (inputs, units) = (kernel.shape()[0], kernel.shape()[1]);
    let rows = x.len() / inputs;
    let x = x.to_shape((rows, inputs)).unwrap();
    let mut y = Array2::<f64>::zeros((rows, units));
    for ((row, unit), y) in y.indexed_iter_mut() {
        let products = (0..inputs).map(|input| x[[row, input]].as_f64() * kernel[[input, unit]].as_f64());
        *y = products.sum::<f64>() + bias[[unit]].as_f64();
    }
    y.into_dyn()
}

fn is_its_formula<T: Float>(tolerance: f64) {
    for dims in [&[4, 3][..], &[1, 3], &[0, 3], &[2, 5, 3], &[2, 2, 2, 3]] {
        let g = Graph::new();
        let mut shape: Vec<Option<usize>> = dims.iter().copied().map(Some).collect();
        shape[0] = None;
        let x = g.placeholder::<T>("x", shape);
        let layer = Dense {
            name: "fc1".to_owned(),
            kernel: g.variable("fc1/kernel", spread::<T>(&[3, 2], 1)),
            bias: Some(g.variable("fc1/bias", spread::<T>(&[2], 2))),
        };
        let outputs = MODES.map(|mode| layer.call(x, mode));
        let session = Session::new(&g).unwrap();
        let fed = spread::<T>(dims, 3);
        let found = session.feed(x, &fed).run(outputs).unwrap();
        let expected = reference(&fed, &spread(&[3, 2], 1), &spread(&[2], 2));
        for y in found {
            assert_eq!(y.shape().split_last().unwrap(), (&2, &dims[..dims.len() - 1]));
            assert_near(&y.to_shape((y.len() / 2, 2)).unwrap().to_owned().into_dyn(), &expected, tolerance);
        }
    }
}

fn has_the_gradients_of_differences<T: Float>(_: f64) {
    let g = Graph::new();
    let x = g.placeholder::<T>("x", [None, Some(3)]);
    let layer = Dense::new(&g, "fc1", 3, 2);
    let y = layer.call(x, Mode::Train).square();
    let check = GradientCheck::of(&g, y).feed(x, &spread::<T>(&[4, 3], 1)).second_order();
    let targets = [x, layer.kernel.tensor(), layer.bias.unwrap().tensor()];
    check.wrt(&targets).assert_close(slope_tolerance::<T>());
}

for_floats!(is_its_formula, has_the_gradients_of_differences);

#[test]
fn starts_as_in_keras() {
    let g = Graph::with_seed(3);
    let layer = Dense::<f64>::new(&g, "fc1", 100, 50);
    let (kernel, bias) = Session::new(&g).unwrap().run((layer.kernel, layer.bias.unwrap())).unwrap();
    let limit = (6.0_f64 / 150.0).sqrt();
    let largest = kernel.fold(0.0_f64, |largest, x| largest.max(x.abs()));
    assert!(largest <= limit && largest > 0.99 * limit, "{largest} for {limit}");
    assert!(kernel.mean().unwrap().abs() < 0.01);
    assert_eq!(bias, arr1(&[0.0; 50]).into_dyn());
}

#[test]
fn a_layer_without_bias_is_a_product() {
    let g = Graph::new();
    let kernel = g.variable("fc1/kernel", arr2(&[[2.0], [3.0]]));
    let layer = Dense { name: "fc1".to_owned(), kernel, bias: None };
    let y = layer.call(g.constant(arr2(&[[1.0, 10.0]])), Mode::Train);
    assert_eq!(Session::new(&g).unwrap().run(y).unwrap(), arr2(&[[32.0]]).into_dyn());
}

#[test]
fn two_layers_may_share_a_kernel() {
    let g = Graph::new();
    let first = Dense::<f64>::new(&g, "fc1", 2, 2);
    let second = Dense { name: "fc2".to_owned(), kernel: first.kernel, bias: None };
    let x = g.constant(arr2(&[[1.0, 2.0]]));
    let y = second.call(first.call(x, Mode::Train), Mode::Train);
    let [gradient] = y.gradients([first.kernel]);
    let found = Session::new(&g).unwrap().run((first.kernel, gradient)).unwrap();
    // y = x·k·k, so the gradient of Σ y is xᵀ·1·kᵀ + (x·k)ᵀ·1.
    let k: Array2<f64> = found.0.into_dimensionality().unwrap();
    let (x, one) = (arr2(&[[1.0, 2.0]]), arr2(&[[1.0, 1.0]]));
    let expected = x.t().dot(&one.dot(&k.t())) + x.dot(&k).t().dot(&one);
    assert_near(&found.1, &expected.into_dyn(), 1e-14);
    assert_eq!(g.trainable_variables::<f64>().len(), 2);
}

#[test]
fn names_are_plain_for_variables_and_numbered_for_calls() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(3)]);
    g.name_scope("model", || {
        let layer = Dense::new(&g, "fc1", 3, 2);
        assert_eq!(layer.kernel.name(), "model/fc1/kernel");
        assert_eq!(layer.bias.unwrap().name(), "model/fc1/bias");
        assert_eq!(MODES.map(|mode| layer.call(x, mode).name()), ["model/fc1/add", "model/fc1_1/add"]);
    });
    let names: Vec<String> = g.trainable_variables::<f32>().into_iter().map(|v| v.name()).collect();
    assert_eq!(names, ["model/fc1/kernel", "model/fc1/bias"]);
}

#[test]
fn an_input_that_does_not_fit_the_kernel_is_a_build_error_of_the_layer() {
    let g = Graph::new();
    Dense::new(&g, "fc1", 3, 2).call(g.placeholder::<f32>("x", [None, Some(4)]), Mode::Train);
    assert_eq!(
        fault(&g),
        "expected equal inner lengths of [?, 4] · [3, 2], got 4 and 3, in `fc1/matmul` (matmul)"
    );

    let g = Graph::new();
    Dense::new(&g, "fc1", 3, 2).call(g.placeholder::<f32>("x", []), Mode::Predict);
    let expected =
        "expected vectors, matrices or batches of matrices, got [] and [3, 2], in `fc1/matmul` (matmul)";
    assert_eq!(fault(&g), expected);

    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, None]);
    let y = Dense::new(&g, "fc1", 3, 2).call(x, Mode::Train);
    let run = Session::new(&g).unwrap().feed(x, &Array2::zeros((1, 5))).run(y);
    assert_eq!(
        words(run.unwrap_err()),
        "expected equal inner lengths of [1, 5] · [3, 2], got 5 and 3, in `fc1/matmul` (matmul)"
    );
}

#[test]
fn two_layers_of_one_name_are_a_build_error() {
    let g = Graph::new();
    let line = line!() + 1;
    let _ = [Dense::<f32>::new(&g, "fc1", 3, 2), Dense::new(&g, "fc1", 3, 2)];
    let place = format!("{}:{line}", file!());
    let message = g.check().unwrap_err().to_string();
    let start =
        format!("expected a name that is not in use, got `fc1/kernel`, the name of a node built at {place}:");
    assert!(message.starts_with(&start), "{message}");
    assert!(message.contains(&format!(", in `fc1/kernel_1` (variable) built at {place}:")), "{message}");
}

#[test]
fn an_input_of_another_graph_is_a_build_error() {
    let (g, other) = (Graph::new(), Graph::new());
    let x = other.placeholder::<f32>("x", [None, Some(3)]);
    Dense::new(&g, "fc1", 3, 2).call(x, Mode::Train);
    assert_eq!(
        fault(&other),
        "operand 1: expected a tensor of the same graph, got one of another graph, in `fc1/matmul` (matmul)"
    );
    g.check().unwrap();
}

#[test]
fn a_layer_without_a_bias_leaves_no_variable_of_it() {
    let g = Graph::with_seed(3);
    let dense = Dense::<f32>::without_bias(&g, "fc1", 4, 2);
    let conv = Conv2d::<f32>::without_bias(&g, "conv1", [3, 3, 1, 2], Convolution::same());
    let y = dense.call(g.placeholder("x", [None, Some(4)]), Mode::Train);
    let z = conv.call(g.placeholder("images", [None, Some(8), Some(8), Some(1)]), Mode::Train);
    assert_eq!(
        (y.shape().to_string(), z.shape().to_string()),
        ("[?, 2]".to_owned(), "[?, 8, 8, 2]".to_owned())
    );
    let session = Session::new(&g).unwrap();
    let names: Vec<String> = session.variable_values().unwrap().into_keys().collect();
    assert_eq!(names, ["conv1/kernel", "fc1/kernel"]);
    // The kernels start as those of layers with a bias do.
    let other = Graph::with_seed(3);
    let with_bias = Dense::<f32>::new(&other, "fc1", 4, 2);
    assert_eq!(
        session.run(dense.kernel).unwrap(),
        Session::new(&other).unwrap().run(with_bias.kernel).unwrap()
    );
}
