//! [`Layer`], what all layers have in common, and [`Mode`], what a call of one is for.

use crate::{Graph, Tensor};

/// What a layer is called for. Most layers do the same for both; [`BatchNorm`](super::BatchNorm) and
/// [`Dropout`](super::Dropout) do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// To be trained by what it gives.
    Train,
    /// To say something about data.
    Predict,
}

/// What makes a tensor of a tensor, with variables of its own.
///
/// A function of a tensor is a layer without variables, the same in both modes:
///
/// ```
/// use flowgrad::prelude::*;
/// struct Residual<'g>(Dense<'g>);
///
/// impl<'g> Layer<'g> for Residual<'g> {
///     fn call(&self, x: Tensor<'g>, mode: Mode) -> Tensor<'g> {
///         x + self.0.call(x, mode).relu()
///     }
/// }
///
/// let g = Graph::new();
/// let model = Sequential::new().add(Residual(Dense::new(&g, "fc1", 8, 8))).add(Tensor::tanh);
/// let y = model.call(g.placeholder("x", [None, Some(8)]), Mode::Predict);
/// assert_eq!(y.shape().to_string(), "[?, 8]");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer of tensors of `{T}`",
    label = "expected a layer, or a function from a tensor of `{T}` to one",
    note = "layers are of `f32` unless told: `Dense::<f64>::new(..)`",
    note = "a method is named and not called: `.add(Tensor::relu)`; one with arguments is a closure: `.add(|x: Tensor| x.softmax(-1))`"
)]
pub trait Layer<'g, T = f32> {
    /// Adds the nodes that make the layer's output of `x`. An `x` that the layer does not take is a build error.
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, mode: Mode) -> Tensor<'g, T>;
}

impl<'g, T, F: Fn(Tensor<'g, T>) -> Tensor<'g, T>> Layer<'g, T> for F {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        self(x)
    }
}

/// Builds a call of the layer of that name.
#[track_caller]
pub(super) fn calling<R>(g: &Graph, name: &str, build: impl FnOnce() -> R) -> R {
    g.attributed_to_caller(|| g.name_scope(name, build))
}
