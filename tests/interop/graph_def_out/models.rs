//! Models like those of the examples, small: what they predict, and their training.

use flowgrad::ndarray::{Array, ArrayD, IxDyn};
use flowgrad::nn::{
    BatchNorm, Conv2d, Dense, Embedding, Flatten, GruCell, Layer, MaxPool2d, Mode, Rnn, Sequential,
};
use flowgrad::optimizer::{Adam, AdamW, Momentum};
use flowgrad::{Value, prelude::*};

use crate::support::{Bench, Program};

/// Numbers that look drawn.
fn drawn(shape: &[usize]) -> ArrayD<f32> {
    Array::from_shape_fn(IxDyn(shape), {
        let mut state = 12345_u32;
        move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        }
    })
}

fn labels(count: usize, classes: i64) -> Value {
    Array::from_shape_fn(IxDyn(&[count]), |at| (at[0] as i64 * 7 + 3) % classes).into()
}

#[test]
fn a_perceptron_trains() {
    let bench = Bench::new();
    let g = Graph::with_seed(1);
    let model = Sequential::new()
        .add(Dense::new(&g, "fc1", 8, 16))
        .add(Tensor::relu)
        .add(Dense::new(&g, "logits", 16, 4));
    let pixels = g.placeholder::<f32>("pixels", [None, Some(8)]);
    let digits = g.placeholder::<i64>("labels", [None]);
    let logits = model.call(pixels, Mode::Predict);
    let loss = logits.sparse_softmax_cross_entropy(digits).reduce_mean(..).named("loss");
    let step = AdamW::new(2e-3).weight_decay(0.01).minimize(loss);
    let right = logits.argmax(-1).equal(digits).cast::<f32>().reduce_mean(..);
    let run = Program {
        feeds: vec![(pixels.any(), drawn(&[5, 8]).into()), (digits.any(), labels(5, 4))],
        outputs: vec![logits.any(), logits.softmax(-1).any(), loss.any(), right.any()],
        step: Some((step, 20)),
        apart: 2e-5,
    };
    bench.add("mlp", &Session::new(&g).unwrap(), &run, false);
    bench.check();
}

#[test]
fn a_convolutional_network_trains() {
    let bench = Bench::new();
    let g = Graph::with_seed(2);
    let model = Sequential::new()
        .add(Conv2d::new(&g, "conv1", [3, 3, 1, 4], Convolution::same()))
        .add(Tensor::relu)
        .add(BatchNorm::new(&g, "norm", 4))
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Flatten)
        .add(Dense::new(&g, "logits", 3 * 3 * 4, 3));
    let pixels = g.placeholder::<f32>("pixels", [None, Some(6), Some(6), Some(1)]);
    let digits = g.placeholder::<i64>("labels", [None]);
    let logits = model.call(pixels, Mode::Train);
    let loss = logits.sparse_softmax_cross_entropy(digits).reduce_mean(..).named("loss");
    let step = Momentum::new(0.05, 0.9).minimize(loss);
    let predicted = model.call(pixels, Mode::Predict);
    let run = Program {
        feeds: vec![(pixels.any(), drawn(&[4, 6, 6, 1]).into()), (digits.any(), labels(4, 3))],
        outputs: vec![logits.any(), loss.any(), predicted.any()],
        step: Some((step, 20)),
        apart: 1e-4,
    };
    bench.add("cnn", &Session::new(&g).unwrap(), &run, false);
    bench.check();
}

#[test]
fn a_recurrent_network_trains() {
    let bench = Bench::new();
    let g = Graph::with_seed(3);
    let letters = Embedding::<f32>::new(&g, "letters", 7, 4);
    let unit = Rnn::new(GruCell::new(&g, "unit", 4, 6));
    let output = Dense::new(&g, "output", 6, 7);
    let characters = g.placeholder::<i64>("characters", [None, Some(5)]);
    let following = g.placeholder::<i64>("following", [None, Some(5)]);
    let states = unit.call(letters.call(characters), Mode::Train);
    let logits = output.call(states, Mode::Train);
    let loss = logits.sparse_softmax_cross_entropy(following).reduce_mean(..).named("loss");
    let step = Adam::new(4e-3).clip_by_global_norm(1.0).minimize(loss);
    let text = |by: i64| -> Value {
        Array::from_shape_fn(IxDyn(&[3, 5]), |at| (at[0] as i64 * 5 + at[1] as i64 * by) % 7).into()
    };
    let run = Program {
        feeds: vec![(characters.any(), text(2)), (following.any(), text(3))],
        outputs: vec![logits.any(), loss.any()],
        step: Some((step, 20)),
        apart: 5e-5,
    };
    bench.add("rnn", &Session::new(&g).unwrap(), &run, false);
    bench.check();
}
