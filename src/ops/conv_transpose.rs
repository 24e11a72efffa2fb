//! `conv2d_transpose`: what `conv2d` gives its images as their gradient, as an op. It is composed of a product of matrices
//! and of patches that are added up.

use super::convolution::{Convolution, Fitting};
use super::patches::RowsAndColumns;
use crate::graph::AnyTensor;
use crate::graph::op::{AttributeDef, Elements, OpDef, OperandDef};
use crate::ops::methods::methods;

impl AnyTensor<'_> {
    /// The images of this size, or of the one that suits, that the convolution gives these for.
    #[track_caller]
    fn transposed_convolution(
        self,
        kernel: Self,
        convolution: Convolution,
        size: Option<[usize; 2]>,
    ) -> Self {
        if let Some(invalid) = [self, kernel].into_iter().find(|operand| operand.is_invalid()) {
            return invalid;
        }
        let Fitting { window, groups, channels, filters } =
            match convolution.fit_transposed(&self.shape(), &kernel.shape()) {
                Ok(fitting) => fitting,
                Err(fault) => return self.graph().invalid_any("conv2d_transpose", fault),
            };
        let patches = if groups == 1 {
            self.einsum("nhwf,ijcf->nhwijc", kernel)
        } else {
            let [groups, channels, each] = [groups, channels, filters / groups].map(|count| count as isize);
            let images = self.reshape_last(1, [groups, each]);
            let kernel = kernel.reshape_last(1, [groups, each]);
            images.einsum("nhwgf,ijcgf->nhwijgc", kernel).reshape_last(2, [groups * channels])
        };
        patches.fold_patches(window, size).named("conv2d_transpose")
    }
}

methods! {
    /// The transpose of [`conv2d`](crate::Tensor::conv2d), often called a deconvolution: each pixel of `[batch, height,
    /// width, filters]` times a kernel `[rows, columns, channels / groups, filters]`, added up where `conv2d` would have
    /// taken what gives the pixel. It is the gradient of `conv2d` by its images, for this cotangent.
    ///
    /// The result is `[batch, rows, columns, channels]`, as large as Keras makes it: height · stride rows where padding is
    /// [`Same`](crate::Padding::Same); else height · stride + max(extent - stride, 0), less the rows of padding. Other
    /// sizes that `conv2d` takes to these are for [`conv2d_transpose_to`](crate::Tensor::conv2d_transpose_to).
    ///
    /// Gradient: to the images the [`conv2d`](crate::Tensor::conv2d) of the cotangent; to the kernel the patches of the
    /// cotangent times the images. Build errors as there, and where channels of the images are not the kernel's filters.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 10.0])).reshape([1, 1, 2, 1]);
    /// let kernel = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0])).reshape([1, 3, 1, 1]);
    /// let y = x.conv2d_transpose(kernel, Convolution::valid().strides([1, 2])).reshape([5]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 2.0, 13.0, 20.0, 30.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn conv2d_transpose<Float>(x, kernel: (Self), convolution: Convolution) -> Self as _ {
        x.transposed_convolution(kernel, convolution, None)
    }

    /// [`conv2d_transpose`](crate::Tensor::conv2d_transpose) to images of so many rows and columns, of which a single number
    /// is both, and which `conv2d` must take to as many places as there are here; others are a build error, or fail the run
    /// that feeds them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(4), Some(4), Some(8)]);
    /// let kernel = g.variable("kernel", glorot_uniform([3, 3, 1, 8]));
    /// let convolution = Convolution::same().strides(2);
    /// assert_eq!(x.conv2d_transpose(kernel, convolution).shape().to_string(), "[?, 8, 8, 1]");
    /// assert_eq!(x.conv2d_transpose_to(kernel, convolution, 7).shape().to_string(), "[?, 7, 7, 1]");
    /// ```
    fn conv2d_transpose_to<Float>(x, kernel: (Self), convolution: Convolution, size: [RowsAndColumns]) -> Self as _ {
        x.transposed_convolution(kernel, convolution, Some(size.into()))
    }

    also [
        OpDef {
            name: "conv2d_transpose",
            doc: "The transpose of `conv2d`: each pixel times a kernel, added up where `conv2d` would have taken what gives \
                  the pixel; to images of a size, or of the one that suits.",
            operands: &[OperandDef::one("x", Elements::Float), OperandDef::one("kernel", Elements::Same)],
            attributes: &[
                AttributeDef::of::<Convolution>("convolution"),
                AttributeDef::optional::<RowsAndColumns>("size"),
            ],
            build: |_, operands, attributes| {
                let convolution = attributes.value("convolution")?;
                let (x, kernel) = (operands[0], operands[1]);
                Ok(vec![match attributes.get("size") {
                    Some(_) => x.conv2d_transpose_to(kernel, convolution, attributes.value::<RowsAndColumns>("size")?),
                    None => x.conv2d_transpose(kernel, convolution),
                }])
            },
        },
    ]
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// The definition, for images of a size and padding rows and columns before.
    fn plain(
        x: &[ArrayD<f64>],
        size: [usize; 2],
        [strides, dilations, before]: [[usize; 2]; 3],
        groups: usize,
    ) -> ArrayD<f64> {
        let (images, kernel) = (&x[0], &x[1]);
        let &[height, width, channels, filters] = kernel.shape() else { unreachable!() };
        let mut sums = ArrayD::zeros(IxDyn(&[images.shape()[0], size[0], size[1], channels * groups]));
        for ((n, i, j, f), (r, s, c)) in
            ndarray::indices((images.shape()[0], images.shape()[1], images.shape()[2], filters))
                .into_iter()
                .flat_map(|at| {
                    ndarray::indices((height, width, channels)).into_iter().map(move |tap| (at, tap))
                })
        {
            let row = (i * strides[0] + r * dilations[0]).checked_sub(before[0]);
            let column = (j * strides[1] + s * dilations[1]).checked_sub(before[1]);
            let channel = f / (filters / groups) * channels + c;
            if let (Some(row), Some(column)) = (row, column)
                && let Some(sum) = sums.get_mut([n, row, column, channel])
            {
                *sum += images[[n, i, j, f]] * kernel[[r, s, c, f]];
            }
        }
        sums
    }

    let examples: Vec<Example> = vec![
        example!(
            "conv2d_transpose",
            &[&[2, 3, 2, 4], &[2, 3, 3, 4]],
            |_, x| x[0].conv2d_transpose(x[1].reshape([2, 3, 3, 4]), Convolution::valid()),
            |x| plain(x, [4, 4], [[1, 1], [1, 1], [0, 0]], 1),
        ),
        example!(
            "conv2d_transpose with strides, same",
            &[&[1, 3, 2, 2], &[3, 2, 1, 2]],
            |_, x| x[0].conv2d_transpose(x[1].reshape([3, 2, 1, 2]), Convolution::same().strides([2, 3])),
            |x| plain(x, [6, 6], [[2, 3], [1, 1], [0, 0]], 1),
        ),
        example!(
            "conv2d_transpose with strides beyond the kernel",
            &[&[2, 2, 3, 1], &[1, 2, 2, 1]],
            |_, x| x[0].conv2d_transpose(x[1].reshape([1, 2, 2, 1]), Convolution::valid().strides(3)),
            |x| plain(x, [6, 9], [[3, 3], [1, 1], [0, 0]], 1),
        ),
        example!(
            "conv2d_transpose to a size",
            &[&[2, 2, 2, 1], &[3, 3, 2, 1]],
            |_, x| x[0].conv2d_transpose_to(
                x[1].reshape([3, 3, 2, 1]),
                Convolution::same().strides(2),
                [3, 4]
            ),
            |x| plain(x, [3, 4], [[2, 2], [1, 1], [1, 0]], 1),
        ),
        example!(
            "conv2d_transpose with dilations, padded",
            &[&[1, 3, 3, 2], &[2, 2, 1, 2]],
            |_, x| x[0].conv2d_transpose(
                x[1].reshape([2, 2, 1, 2]),
                Convolution::new().padding([(1, 0), (0, 2)]).dilations([3, 2])
            ),
            |x| plain(x, [5, 3], [[1, 1], [3, 2], [1, 0]], 1),
        ),
        example!(
            "conv2d_transpose in groups",
            &[&[2, 2, 2, 6], &[2, 2, 2, 6]],
            |_, x| x[0].conv2d_transpose(x[1].reshape([2, 2, 2, 6]), Convolution::valid().groups(3)),
            |x| plain(x, [3, 3], [[1, 1], [1, 1], [0, 0]], 3),
        ),
        example!(
            "conv2d_transpose of no image",
            &[&[0, 2, 2, 1], &[2, 2, 1, 1]],
            |_, x| x[0].conv2d_transpose(x[1].reshape([2, 2, 1, 1]), Convolution::same()),
            |x| plain(x, [2, 2], [[1, 1], [1, 1], [0, 0]], 1),
        ),
    ];
    examples
}
