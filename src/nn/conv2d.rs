//! [`Conv2d`]: filters moved over images.

use super::layer::calling;
use super::{Layer, Mode};
use crate::initializer::{glorot_uniform, zeros};
use crate::{Convolution, Float, Graph, Tensor, Variable};

/// y = [`conv2d`](Tensor::conv2d)(x, kernel) + bias, the same in both modes: of images [n, h, w, channels] it makes
/// [n, h', w', filters].
///
/// Images that the kernel does not fit are a build error.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layer = Conv2d::new(&g, "conv1", [3, 3, 1, 32], Convolution::same());
/// let images = g.placeholder::<f32>("images", [None, Some(28), Some(28), Some(1)]);
/// assert_eq!(layer.call(images, Mode::Train).shape().to_string(), "[?, 28, 28, 32]");
/// assert_eq!(layer.kernel.name(), "conv1/kernel");
/// ```
#[derive(Clone, Debug)]
pub struct Conv2d<'g, T = f32> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The filters, of shape [height, width, channels / groups, filters].
    pub kernel: Variable<'g, T>,
    /// What is added to each filter's output, of shape \[filters\].
    pub bias: Option<Variable<'g, T>>,
    /// Padding, strides, dilations and groups.
    pub convolution: Convolution,
}

impl<'g, T: Float> Conv2d<'g, T> {
    /// A layer with a kernel of these lengths: [height, width, channels / groups, filters]. Its new variables are
    /// `name/kernel`, started by [`glorot_uniform`], and `name/bias`, started by 0.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, kernel: [usize; 4], convolution: Convolution) -> Self {
        let [.., filters] = kernel;
        let layer = Conv2d::without_bias(g, name, kernel, convolution);
        Conv2d { bias: Some(g.variable(&format!("{name}/bias"), zeros([filters]))), ..layer }
    }

    /// A layer of one new variable, `name/kernel`, started by [`glorot_uniform`], that adds nothing. (A bias taken off
    /// a layer that `new` has made would stay in the graph, and in checkpoints.)
    #[track_caller]
    pub fn without_bias(g: &'g Graph, name: &str, kernel: [usize; 4], convolution: Convolution) -> Self {
        let kernel = g.variable(&format!("{name}/kernel"), glorot_uniform(kernel));
        Conv2d { name: name.to_owned(), kernel, bias: None, convolution }
    }
}

impl<'g, T: Float> Layer<'g, T> for Conv2d<'g, T> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let product = x.conv2d(self.kernel, self.convolution);
            self.bias.map_or(product, |bias| product + bias)
        })
    }
}
