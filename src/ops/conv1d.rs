//! `conv1d` and `conv1d_transpose`: filters moved along time. They are those of images of one row.

use super::convolution::{Convolution, ConvolutionFault};
use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{AttributeDef, Elements, OpDef, OperandDef};
use crate::ops::methods::methods;

impl AnyTensor<'_> {
    /// What is made of series and a kernel as images of one row.
    #[track_caller]
    fn as_images(self, name: &'static str, kernel: Self, make: impl FnOnce(Self, Self) -> Self) -> Self {
        if let Some(invalid) = [self, kernel].into_iter().find(|operand| operand.is_invalid()) {
            return invalid;
        }
        let (series, taps) = (self.shape(), kernel.shape());
        let fault = if series.rank() != 3 {
            Fault::op(ConvolutionFault::NotSeries { shape: series })
        } else if taps.rank() != 3 || !taps.is_known() {
            Fault::op(ConvolutionFault::NotAKernelOfSeries { kernel: taps })
        } else {
            return self.graph().attributed_to_caller(|| {
                let made = make(self.expand_dims(1), kernel.expand_dims(0));
                if made.is_invalid() { made } else { made.squeeze(1).named(name) }
            });
        };
        self.graph().invalid_any(name, fault)
    }
}

methods! {
    /// Filters moved along time: of `[batch, time, channels]` and a kernel `[width, channels / groups, filters]`, the
    /// `[batch, places along time, filters]` that are Σ over s, c of xₙ(j·stride + s·dilation - padding)𝑐 · kernelₛ𝑐𝑓, with
    /// 0 for what lies before and behind. Of a [`Convolution`](crate::Convolution) it takes what is said of columns. One
    /// that sees no future is padded by `(extent - 1, 0)`.
    ///
    /// Of single channels and kernels of some hundred elements, `convolve` of the feature `fft` is faster, which turns the
    /// kernel around.
    ///
    /// Gradient and build errors: those of [`conv2d`](crate::Tensor::conv2d) of images of one row.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0])).reshape([1, 3, 1]);
    /// let difference = g.constant(ndarray::arr1(&[-1.0, 1.0])).reshape([2, 1, 1]);
    /// let y = x.conv1d(difference, Convolution::new().padding((1, 0))).reshape([3]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn conv1d<Float>(x, kernel: (Self), convolution: Convolution) -> Self {
        let convolution = convolution.along_columns();
        x.as_images("conv1d", kernel, |x, kernel| x.conv2d(kernel, convolution))
    }

    /// The transpose of [`conv1d`](crate::Tensor::conv1d): each element of `[batch, time, filters]` times a kernel
    /// `[width, channels / groups, filters]`, added up where `conv1d` would have taken what gives the element. The result
    /// is `[batch, time, channels]`, of the length that [`conv2d_transpose`](crate::Tensor::conv2d_transpose) tells.
    ///
    /// Gradient and build errors: those of [`conv2d_transpose`](crate::Tensor::conv2d_transpose).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 10.0])).reshape([1, 2, 1]);
    /// let kernel = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0])).reshape([3, 1, 1]);
    /// let y = x.conv1d_transpose(kernel, Convolution::valid().strides(2)).reshape([5]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 2.0, 13.0, 20.0, 30.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn conv1d_transpose<Float>(x, kernel: (Self), convolution: Convolution) -> Self as _ {
        let convolution = convolution.along_columns();
        x.as_images("conv1d_transpose", kernel, |x, kernel| x.conv2d_transpose(kernel, convolution))
    }

    /// [`conv1d_transpose`](crate::Tensor::conv1d_transpose) to series of a length, which `conv1d` must take to as many
    /// places as there are here; others are a build error, or fail the run that feeds them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(4), Some(8)]);
    /// let kernel = g.variable("kernel", glorot_uniform([3, 1, 8]));
    /// let y = x.conv1d_transpose_to(kernel, Convolution::same().strides(2), 7);
    /// assert_eq!(y.shape().to_string(), "[?, 7, 1]");
    /// ```
    fn conv1d_transpose_to<Float>(x, kernel: (Self), convolution: Convolution, length: usize) -> Self as _ {
        let convolution = convolution.along_columns();
        x.as_images("conv1d_transpose", kernel, |x, kernel| {
            x.conv2d_transpose_to(kernel, convolution, [1, length])
        })
    }

    also [
        OpDef {
            name: "conv1d_transpose",
            doc: "The transpose of `conv1d`: each element times a kernel, added up where `conv1d` would have taken what gives \
                  the element; to series of a length, or of the one that suits.",
            operands: &[OperandDef::one("x", Elements::Float), OperandDef::one("kernel", Elements::Same)],
            attributes: &[
                AttributeDef::of::<Convolution>("convolution"),
                AttributeDef::optional::<usize>("length"),
            ],
            build: |_, operands, attributes| {
                let convolution = attributes.value("convolution")?;
                let (x, kernel) = (operands[0], operands[1]);
                Ok(vec![match attributes.get("length") {
                    Some(_) => x.conv1d_transpose_to(kernel, convolution, attributes.value("length")?),
                    None => x.conv1d_transpose(kernel, convolution),
                }])
            },
        },
    ]
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// The places of each tap, for a stride, a dilation, and the padding before: the element of the series, if it has it.
    fn at(place: usize, tap: usize, [stride, dilation, before]: [usize; 3], length: usize) -> Option<usize> {
        (place * stride + tap * dilation).checked_sub(before).filter(|&at| at < length)
    }

    fn plain(x: &[ArrayD<f64>], places: usize, moves: [usize; 3]) -> ArrayD<f64> {
        let (series, kernel) = (&x[0], &x[1]);
        let lengths = [series.shape()[0], places, kernel.shape()[2]];
        ArrayD::from_shape_fn(IxDyn(&lengths), |index| {
            let taps = ndarray::indices((kernel.shape()[0], kernel.shape()[1])).into_iter();
            let terms = taps.filter_map(|(s, c)| {
                let time = at(index[1], s, moves, series.shape()[1])?;
                Some(series[[index[0], time, c]] * kernel[[s, c, index[2]]])
            });
            terms.sum()
        })
    }

    fn transposed(x: &[ArrayD<f64>], length: usize, moves: [usize; 3]) -> ArrayD<f64> {
        let (series, kernel) = (&x[0], &x[1]);
        let &[width, channels, filters] = kernel.shape() else { unreachable!() };
        let mut sums = ArrayD::zeros(IxDyn(&[series.shape()[0], length, channels]));
        for (n, place, f) in ndarray::indices((series.shape()[0], series.shape()[1], filters)) {
            for (s, c) in ndarray::indices((width, channels)) {
                if let Some(time) = at(place, s, moves, length) {
                    sums[[n, time, c]] += series[[n, place, f]] * kernel[[s, c, f]];
                }
            }
        }
        sums
    }

    let examples: Vec<Example> = vec![
        example!(
            "conv1d",
            &[&[2, 5, 3], &[2, 3, 4]],
            |_, x| x[0].conv1d(x[1].reshape([2, 3, 4]), Convolution::valid()),
            |x| plain(x, 4, [1, 1, 0]),
        ),
        example!(
            "conv1d with strides and dilations, of the past",
            &[&[1, 6, 2], &[3, 2, 1]],
            |_, x| x[0]
                .conv1d(x[1].reshape([3, 2, 1]), Convolution::new().padding((4, 0)).strides(2).dilations(2)),
            |x| plain(x, 3, [2, 2, 4]),
        ),
        example!(
            "conv1d, same",
            &[&[2, 3, 1], &[3, 1, 2]],
            |_, x| x[0].conv1d(x[1].reshape([3, 1, 2]), Convolution::same()),
            |x| plain(x, 3, [1, 1, 1]),
        ),
        example!(
            "conv1d_transpose",
            &[&[2, 3, 2], &[3, 1, 2]],
            |_, x| x[0].conv1d_transpose(x[1].reshape([3, 1, 2]), Convolution::valid().strides(2)),
            |x| transposed(x, 7, [2, 1, 0]),
        ),
        example!(
            "conv1d_transpose to a length",
            &[&[1, 3, 1], &[2, 2, 1]],
            |_, x| x[0].conv1d_transpose_to(x[1].reshape([2, 2, 1]), Convolution::same().strides(2), 5),
            |x| transposed(x, 5, [2, 1, 0]),
        ),
    ];
    examples
}
