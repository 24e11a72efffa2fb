//! Losses and attention; models like those of the examples, with the same layers, and their steps of training.

use flowgrad::Attention;
use flowgrad::prelude::*;

use crate::exported::{Built, ROWS};

fn mlp(g: &Graph) -> Sequential<'_> {
    Sequential::new()
        .add(Dense::new(g, "fc1", 64, 32))
        .add(Tensor::relu)
        .add(Dropout::new("dropout1", 0.3))
        .add(Dense::new(g, "logits", 32, 10))
}

pub(crate) fn mlp_prediction(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(64)], &[5, 64], [0.0, 1.0]);
    let logits = mlp(g).call(x, Mode::Predict);
    built.gives([logits, logits.softmax(-1)]);
    built.gives([logits.argmax(-1)]);
    built
}

pub(crate) fn mlp_training(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(64)], &[5, 64], [0.0, 1.0]);
    let labels = built.ints(g, &[None], &[5], [0, 10]);
    // Dropout draws other numbers elsewhere.
    let loss = mlp(g).call(x, Mode::Predict).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    built.gives([loss]);
    built.updates = Some(AdamW::new(Schedule::cosine(2e-3, 1e-4, 100)).weight_decay(0.01).minimize(loss));
    built
}

fn cnn(g: &Graph) -> Sequential<'_> {
    Sequential::new()
        .add(Conv2d::new(g, "conv1", [3, 3, 1, 8], Convolution::same()))
        .add(Tensor::relu)
        .add(Conv2d::new(g, "conv2", [3, 3, 8, 16], Convolution::same()))
        .add(BatchNorm::new(g, "norm", 16))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Flatten)
        .add(Dropout::new("dropout1", 0.4))
        .add(Dense::new(g, "logits", 4 * 4 * 16, 10))
}

pub(crate) fn cnn_prediction(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(8), Some(8), Some(1)], &[3, 8, 8, 1], [0.0, 1.0]);
    built.gives([cnn(g).call(x, Mode::Predict)]);
    built
}

pub(crate) fn cnn_training(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(8), Some(8), Some(1)], &[3, 8, 8, 1], [0.0, 1.0]);
    let labels = built.ints(g, &[None], &[3], [0, 10]);
    let model = Sequential::new()
        .add(Conv2d::new(g, "conv1", [3, 3, 1, 8], Convolution::same()))
        .add(Tensor::relu)
        .add(Conv2d::new(g, "conv2", [3, 3, 8, 16], Convolution::same()))
        .add(BatchNorm::new(g, "norm", 16))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Flatten)
        .add(Dense::new(g, "logits", 4 * 4 * 16, 10));
    let loss = model.call(x, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    built.gives([loss]);
    built.updates = Some(Sgd::new(0.1).minimize(loss));
    built
}

fn rnn_logits<'g>(g: &'g Graph, characters: Tensor<'g, i64>) -> Tensor<'g, f32> {
    let letters = Embedding::<f32>::new(g, "letters", 20, 8);
    let unit = Rnn::new(GruCell::new(g, "unit", 8, 12));
    let states = unit.call(letters.call(characters), Mode::Train);
    Dense::new(g, "output", 12, 20).call(states, Mode::Train)
}

pub(crate) fn rnn_prediction(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let characters = built.ints(g, &[None, Some(7)], &[3, 7], [0, 20]);
    let logits = rnn_logits(g, characters);
    built.gives([logits]);
    built
}

pub(crate) fn rnn_training(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let characters = built.ints(g, &[None, Some(7)], &[3, 7], [0, 20]);
    let following = built.ints(g, &[None, Some(7)], &[3, 7], [0, 20]);
    let loss = rnn_logits(g, characters).sparse_softmax_cross_entropy(following).reduce_mean(..);
    built.gives([loss]);
    built.updates =
        Some(Adam::new(Schedule::cosine(4e-3, 1e-4, 100)).clip_by_global_norm(1.0).minimize(loss));
    built
}

pub(crate) fn losses(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-2.0, 2.0]);
    let p = built.floats::<f32>(g, &ROWS, &[3, 4], [0.1, 0.9]);
    let labels = built.ints(g, &[None], &[3], [0, 4]);
    built.gives_with_gradients(
        [
            x.mean_squared_error(p),
            x.huber(p, 0.5),
            x.softmax_cross_entropy(p).reduce_mean(..),
            x.sparse_softmax_cross_entropy(labels).reduce_mean(..),
            x.sigmoid_cross_entropy(p).reduce_mean(..),
        ],
        &[x],
    );
    built
}

pub(crate) fn attention(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let shape = [None, Some(5), Some(4)];
    let [q, k, v] = [0, 1, 2].map(|_| built.floats::<f32>(g, &shape, &[2, 5, 4], [-1.0, 1.0]));
    let y = q.scaled_dot_product_attention(k, v, Attention::new());
    built.gives_with_gradients([y], &[q, k, v]);
    built
}
