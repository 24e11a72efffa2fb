//! [`Flatten`]: a row for each element of the batch.

use super::fitting::{fault, fitting};
use super::layer::calling;
use super::{Layer, Mode};
use crate::{Float, Shape, Tensor};

/// The same elements with the first axis, the batch, kept and all others made one: [n, h, w, c] becomes
/// [n, h·w·c], and \[n\] becomes [n, 1]. No element moves.
///
/// Either the length of the batch or all others must be known while building; a scalar, which has no batch, is a
/// build error.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let images = g.placeholder::<f32>("images", [None, Some(8), Some(8), Some(3)]);
/// assert_eq!(Flatten::new().call(images, Mode::Train).shape().to_string(), "[?, 192]");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flatten;

impl Flatten {
    /// The layer, which has nothing to say.
    pub fn new() -> Self {
        Flatten
    }
}

impl<'g, T: Float> Layer<'g, T> for Flatten {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        calling(x.graph(), "flatten", || {
            let x: Tensor<'g, T> = fitting(x.graph(), "flatten", [x.any()], |[x]| match x.dims() {
                [batch, rest @ ..] if batch.is_some() || Shape::from(rest).size().is_some() => Ok(()),
                _ => {
                    Err(fault(format!("expected [batch, ...], one of the two known while building, got {x}")))
                }
            });
            x.reshape_last(x.shape().rank().saturating_sub(1), [-1])
        })
    }
}
