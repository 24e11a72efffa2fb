//! [`Sequential`]: layers in a row.

use std::fmt;

use super::{Layer, Mode};
use crate::Tensor;

/// Layers, each of which takes what the one before it gives. Without any, it gives what it takes.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let model = Sequential::new()
///     .add(Dense::new(&g, "fc1", 2, 8))
///     .add(Tensor::tanh)
///     .add(Dense::new(&g, "fc2", 8, 1))
///     .map(|x| x.squeeze(-1));
/// let y = model.call(g.placeholder::<f32>("x", [None, Some(2)]), Mode::Predict);
/// assert_eq!(y.shape().to_string(), "[?]");
/// ```
pub struct Sequential<'g, T = f32> {
    /// The layers in their order.
    pub layers: Vec<Box<dyn Layer<'g, T> + 'g>>,
}

impl<'g, T> Sequential<'g, T> {
    /// No layers.
    pub fn new() -> Self {
        Sequential { layers: Vec::new() }
    }

    /// With one more layer at the end.
    #[allow(clippy::should_implement_trait, reason = "nobody takes a layer for a number")]
    pub fn add(mut self, layer: impl Layer<'g, T> + 'g) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// With a function at the end: a closure need not say here what it takes, as it must for
    /// [`add`](Sequential::add).
    pub fn map(self, function: impl Fn(Tensor<'g, T>) -> Tensor<'g, T> + 'g) -> Self {
        self.add(function)
    }
}

impl<T> Default for Sequential<'_, T> {
    fn default() -> Self {
        Sequential::new()
    }
}

impl<T> fmt::Debug for Sequential<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential({} layers)", self.layers.len())
    }
}

impl<'g, T> Layer<'g, T> for Sequential<'g, T> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, mode: Mode) -> Tensor<'g, T> {
        let layers = || self.layers.iter().fold(x, |x, layer| layer.call(x, mode));
        // A layer behind `dyn` cannot tell from where it is called.
        x.graph().attributed_to_caller(layers)
    }
}
