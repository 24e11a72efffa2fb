//! `Sequential`, functions as layers, and models that learn.

use flowgrad::ndarray::{Array1, Array3, arr1, arr2};
use flowgrad::prelude::*;

use super::{MODES, fault, spread};

/// The operation that moves each trainable variable against the gradient of the loss.
fn descend<'g>(g: &'g Graph, loss: Tensor<'g>, rate: f32) -> Operation<'g> {
    let variables = g.trainable_variables::<f32>();
    let gradients = Gradients::of([loss]).wrt(&variables);
    let steps = variables.into_iter().zip(gradients);
    g.group(steps.filter_map(|(variable, gradient)| Some(variable.assign_sub(gradient? * rate).op())))
}

#[test]
fn a_perceptron_learns_xor() {
    for seed in 0..5 {
        let g = Graph::with_seed(seed);
        let model = Sequential::new()
            .add(Dense::new(&g, "fc1", 2, 8))
            .add(Tensor::tanh)
            .add(Dense::new(&g, "fc2", 8, 1))
            .map(|x| x.squeeze(-1));
        let x = g.placeholder("x", [None, Some(2)]);
        let d = g.placeholder("d", [None]);
        let loss = model.call(x, Mode::Train).sigmoid_cross_entropy(d).reduce_mean(..);
        let says = model.call(x, Mode::Predict).greater(0.0).cast::<f32>();
        let session = Session::new(&g).unwrap();
        let step = session.make_callable((x, d), (loss, descend(&g, loss, 1.0))).unwrap();
        let (points, xor) =
            (arr2(&[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), arr1(&[0.0, 1.0, 1.0, 0.0]));
        let mut last = f32::INFINITY;
        for _ in 0..1000 {
            last = step.call((&points, &xor)).unwrap().0.sum();
        }
        assert!(last < 0.02, "the loss is {last} for seed {seed}");
        assert_eq!(session.feed(x, &points).run(says).unwrap(), xor.into_dyn(), "seed {seed}");
    }
}

#[test]
fn a_deep_model_with_all_kinds_of_layers_learns_parity() {
    let g = Graph::with_seed(4);
    let model = Sequential::new()
        .add(Flatten)
        .add(Dense::new(&g, "fc1", 4, 32))
        .add(BatchNorm { momentum: 0.9, ..BatchNorm::new(&g, "bn1", 32) })
        .add(Tensor::relu)
        .add(Dropout::new("drop1", 0.1))
        .add(Dense::new(&g, "fc2", 32, 32))
        .add(LayerNorm::new(&g, "ln1", [32]))
        .add(Tensor::relu)
        .add(Dense::new(&g, "fc3", 32, 2));
    let x = g.placeholder("x", [None, Some(2), Some(2)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let loss = model.call(x, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    let classes = model.call(x, Mode::Predict).argmax(-1);
    let session = Session::new(&g).unwrap();
    let bit = |(number, row, column)| (number >> (2 * row + column) & 1) as f32;
    let inputs = Array3::from_shape_fn((16, 2, 2), bit);
    let parity = Array1::from_shape_fn(16, |number: usize| i64::from(number.count_ones() % 2));
    let step = session.make_callable((x, labels), descend(&g, loss, 0.3)).unwrap();
    for _ in 0..500 {
        step.call((&inputs, &parity)).unwrap();
    }
    assert_eq!(session.feed(x, &inputs).run(classes).unwrap(), parity.into_dyn());
}

#[test]
fn each_layer_takes_what_the_one_before_it_gives() {
    let g = Graph::new();
    let shift = g.constant(arr1(&[1.0, 2.0]));
    let inner = Sequential::new().map(|x| x * 2.0).add(Tensor::square);
    let model = Sequential::new().map(move |x| x + shift).add(inner).add(Tensor::exp);
    let x = spread::<f64>(&[3, 2], 0);
    let found = Session::new(&g).unwrap().run(model.call(g.constant(&x), Mode::Train)).unwrap();
    let expected = (&x + &arr1(&[1.0, 2.0])).mapv(|x| (4.0 * x * x).exp());
    super::assert_near(&found, &expected, 1e-14);
}

#[test]
fn the_mode_reaches_every_layer() {
    let g = Graph::new();
    let inner = Sequential::new().add(Dropout::new("drop1", 0.5));
    let model = Sequential::new().add(inner).add(Dropout::new("drop2", 0.5));
    let x = g.constant(arr1(&[1.0_f32; 64]));
    let [train, predict] = Session::new(&g).unwrap().run(MODES.map(|mode| model.call(x, mode))).unwrap();
    assert!(predict.iter().all(|&y| y == 1.0));
    assert!(train.iter().all(|&y| y == 0.0 || y == 4.0) && train.sum() > 0.0);
}

#[test]
fn without_layers_it_gives_what_it_takes() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let model = Sequential::default();
    assert_eq!(model.call(x, Mode::Train).name(), "x");
    assert_eq!(format!("{model:?}"), "Sequential(0 layers)");
    assert_eq!(format!("{:?}", model.add(Tensor::relu)), "Sequential(1 layers)");
}

#[test]
fn the_layer_that_does_not_fit_is_named() {
    let g = Graph::new();
    let model = Sequential::new().add(Dense::new(&g, "fc1", 4, 8)).add(Dense::new(&g, "fc2", 9, 2));
    model.call(g.placeholder::<f32>("x", [None, Some(4)]), Mode::Train);
    assert_eq!(
        fault(&g),
        "expected equal inner lengths of [?, 8] · [9, 2], got 8 and 9, in `fc2/matmul` (matmul)"
    );
}
