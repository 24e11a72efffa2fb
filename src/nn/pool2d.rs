//! [`MaxPool2d`] and [`AvgPool2d`]: one number for all that a window shows of an image.

use super::layer::calling;
use super::{Layer, Mode};
use crate::{Float, Tensor, Window};

/// The largest number in each place of the window, the same in both modes: see [`max_pool2d`](Tensor::max_pool2d).
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let images = g.placeholder::<f32>("images", [None, Some(28), Some(28), Some(32)]);
/// let y = MaxPool2d::new([2, 2]).call(images, Mode::Train);
/// assert_eq!(y.shape().to_string(), "[?, 14, 14, 32]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d(pub Window);

impl MaxPool2d {
    /// A layer for a window, or for one of so many rows and columns that moves by its own size.
    pub fn new(window: impl Into<Window>) -> Self {
        MaxPool2d(window.into())
    }
}

/// The mean in each place of the window, the same in both modes: see [`avg_pool2d`](Tensor::avg_pool2d).
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let images = g.placeholder::<f32>("images", [None, Some(7), Some(7), Some(64)]);
/// let y = AvgPool2d::new([7, 7]).call(images, Mode::Train);
/// assert_eq!(y.shape().to_string(), "[?, 1, 1, 64]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d(pub Window);

impl AvgPool2d {
    /// A layer for a window, or for one of so many rows and columns that moves by its own size.
    pub fn new(window: impl Into<Window>) -> Self {
        AvgPool2d(window.into())
    }
}

impl<'g, T: Float> Layer<'g, T> for MaxPool2d {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        calling(x.graph(), "max_pool2d", || x.max_pool2d(self.0))
    }
}

impl<'g, T: Float> Layer<'g, T> for AvgPool2d {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        calling(x.graph(), "avg_pool2d", || x.avg_pool2d(self.0))
    }
}
