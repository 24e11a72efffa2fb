//! [`Conv2d`] and its like: filters moved over images or along time.

use super::layer::calling;
use super::{Layer, Mode};
use crate::initializer::{glorot_uniform, zeros};
use crate::{Convolution, Float, Graph, Tensor, Variable};

/// Declares layers of a kernel and a bias, each by the op that it calls: the axes of its kernel in words and in number, and
/// how many filters it has of the lengths of these axes.
macro_rules! convolutions {
    ($(
        $(#[doc = $doc:expr])*
        $layer:ident($op:ident) kernel $axes:literal $rank:literal filters |$lengths:ident, $convolution:ident| $filters:expr;
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub struct $layer<'g, T = f32> {
            /// The layer's name, a scope for the nodes of each call.
            pub name: String,
            #[doc = concat!("The filters, of shape ", $axes, ".")]
            pub kernel: Variable<'g, T>,
            /// What is added to each channel of the output, of as many elements as it has channels.
            pub bias: Option<Variable<'g, T>>,
            /// Padding, strides, dilations and groups.
            pub convolution: Convolution,
        }

        impl<'g, T: Float> $layer<'g, T> {
            #[doc = concat!("A layer with a kernel of these lengths: ", $axes, ". Its new variables are `name/kernel`, \
                started by [`glorot_uniform`], and `name/bias`, started by 0.")]
            #[track_caller]
            pub fn new(g: &'g Graph, name: &str, kernel: [usize; $rank], convolution: Convolution) -> Self {
                let ($lengths, $convolution) = (kernel, convolution);
                let filters: usize = $filters;
                let layer = $layer::without_bias(g, name, kernel, convolution);
                $layer { bias: Some(g.variable(&format!("{name}/bias"), zeros([filters]))), ..layer }
            }

            /// A layer of one new variable, `name/kernel`, started by [`glorot_uniform`], that adds nothing. (A bias
            /// taken off a layer that `new` has made would stay in the graph, and in checkpoints.)
            #[track_caller]
            pub fn without_bias(g: &'g Graph, name: &str, kernel: [usize; $rank], convolution: Convolution) -> Self {
                let kernel = g.variable(&format!("{name}/kernel"), glorot_uniform(kernel));
                $layer { name: name.to_owned(), kernel, bias: None, convolution }
            }
        }

        impl<'g, T: Float> Layer<'g, T> for $layer<'g, T> {
            #[track_caller]
            fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
                calling(x.graph(), &self.name, || {
                    let product = x.$op(self.kernel, self.convolution);
                    self.bias.map_or(product, |bias| product + bias)
                })
            }
        }
    )*};
}

convolutions! {
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
    Conv2d(conv2d) kernel "[height, width, channels / groups, filters]" 4 filters |lengths, _convolution| lengths[3];

    /// y = [`conv2d_transpose`](Tensor::conv2d_transpose)(x, kernel) + bias, the same in both modes: of images
    /// [n, h, w, filters] it makes larger ones, [n, h', w', channels]. Its kernel has the axes of the [`Conv2d`] that
    /// leads back: what it makes comes before what it takes.
    ///
    /// Images that the kernel does not fit are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let layer = Conv2dTranspose::new(&g, "up1", [3, 3, 16, 32], Convolution::same().strides(2));
    /// let images = g.placeholder::<f32>("images", [None, Some(7), Some(7), Some(32)]);
    /// assert_eq!(layer.call(images, Mode::Train).shape().to_string(), "[?, 14, 14, 16]");
    /// ```
    Conv2dTranspose(conv2d_transpose) kernel "[height, width, channels / groups, filters]" 4
        filters |lengths, convolution| convolution.transposed_filters(lengths[2]);

    /// y = [`conv1d`](Tensor::conv1d)(x, kernel) + bias, the same in both modes: of series [n, t, channels] it makes
    /// [n, t', filters].
    ///
    /// Series that the kernel does not fit are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let layer = Conv1d::new(&g, "conv1", [5, 8, 32], Convolution::new().padding((4, 0)));
    /// let series = g.placeholder::<f32>("series", [None, Some(100), Some(8)]);
    /// assert_eq!(layer.call(series, Mode::Train).shape().to_string(), "[?, 100, 32]");
    /// ```
    Conv1d(conv1d) kernel "[width, channels / groups, filters]" 3 filters |lengths, _convolution| lengths[2];

    /// y = [`conv1d_transpose`](Tensor::conv1d_transpose)(x, kernel) + bias, the same in both modes: of series
    /// [n, t, filters] it makes longer ones, [n, t', channels]. Its kernel has the axes of the [`Conv1d`] that leads back.
    ///
    /// Series that the kernel does not fit are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let layer = Conv1dTranspose::new(&g, "up1", [4, 8, 32], Convolution::same().strides(2));
    /// let series = g.placeholder::<f32>("series", [None, Some(50), Some(32)]);
    /// assert_eq!(layer.call(series, Mode::Train).shape().to_string(), "[?, 100, 8]");
    /// ```
    Conv1dTranspose(conv1d_transpose) kernel "[width, channels / groups, filters]" 3
        filters |lengths, convolution| convolution.transposed_filters(lengths[1]);
}
