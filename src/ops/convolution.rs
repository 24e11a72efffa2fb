//! [`Convolution`]: how a kernel moves over images; and `conv2d`, composed of the patches that a window shows and a
//! product of matrices.

use super::patches::{Padding, RowsAndColumns, Window, WindowFault, pair};
use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{Attribute, AttributeValue, Attributes};
use crate::ops::methods::methods;
use crate::shape::Shape;

/// How a kernel moves over images: padding, strides, dilations, and groups of channels.
///
/// Its rows and columns are those of the kernel; see [`Window`] for what the others mean, which it says in the same
/// words. What moves along one axis only takes what is said of columns. With several
/// groups, channels and filters are cut into as many equal parts, and filters see the channels of their part
/// only.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(32), Some(32), Some(4)]);
/// let kernel = g.variable("kernel", zeros([3, 3, 2, 8]));
/// let y = x.conv2d(kernel, Convolution::same().strides([2, 2]).groups(2));
/// assert_eq!(y.shape().to_string(), "[?, 16, 16, 8]");
/// assert_eq!(Convolution::same(), Convolution::new().padding(Padding::Same));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    window: Window,
    groups: usize,
}

/// What can be wrong with the kernel of a convolution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvolutionFault {
    /// Something other than a kernel.
    #[error(
        "expected a kernel of [height, width, channels / groups, filters], all known while building, got \
         shape {kernel}"
    )]
    NotAKernel {
        /// The shape of the kernel.
        kernel: Shape,
    },
    /// A kernel for images of other channels.
    #[error(
        "expected images of {expected} channels for a kernel of shape {kernel} in {groups} groups, got \
         {images} with {found}"
    )]
    Channels {
        /// The shape of the kernel.
        kernel: Shape,
        /// The number of groups.
        groups: usize,
        /// The channels that the kernel takes.
        expected: usize,
        /// The shape of the images.
        images: Shape,
        /// The channels of the images.
        found: usize,
    },
    /// Filters that cannot be divided among groups.
    #[error("expected a number of groups that divides {filters} filters, got {groups}")]
    Groups {
        /// The number of filters.
        filters: usize,
        /// The number of groups.
        groups: usize,
    },
    /// A transposed convolution of images that do not have as many channels as the kernel has filters.
    #[error(
        "expected images of {expected} channels, as many as a kernel of shape {kernel} has filters, got {images} with {found}"
    )]
    Filters {
        /// The shape of the kernel.
        kernel: Shape,
        /// The filters of the kernel.
        expected: usize,
        /// The shape of the images.
        images: Shape,
        /// The channels of the images.
        found: usize,
    },
    /// Something other than series.
    #[error("expected series of [batch, time, channels], got shape {shape}")]
    NotSeries {
        /// The shape of the operand.
        shape: Shape,
    },
    /// Something other than a kernel that moves along one axis.
    #[error(
        "expected a kernel of [width, channels / groups, filters], all known while building, got shape {kernel}"
    )]
    NotAKernelOfSeries {
        /// The shape of the kernel.
        kernel: Shape,
    },
}

impl AttributeValue for Convolution {
    const KIND: &'static str = "convolution";

    fn into_attribute(self) -> Attribute {
        let attributes = Attributes::new()
            .with("strides", self.window.strides.to_vec())
            .with("dilations", self.window.dilations.to_vec())
            .with("padding", self.window.padding)
            .with("groups", self.groups);
        attributes.into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Group(attributes) = attribute else { return None };
        let window = Window {
            strides: pair(attributes, "strides")?,
            dilations: pair(attributes, "dilations")?,
            padding: attributes.value("padding").ok()?,
            ..Window::of([1, 1])
        };
        Some(Convolution { window, groups: attributes.value("groups").ok()? })
    }
}

impl Default for Convolution {
    fn default() -> Self {
        Convolution::new()
    }
}

impl Convolution {
    /// Without padding, strides, dilations and groups.
    pub fn new() -> Self {
        Convolution { window: Window::of([1, 1]), groups: 1 }
    }

    /// No padding: the kernel stays inside the images.
    pub fn valid() -> Self {
        Convolution::new().padding(Padding::Valid)
    }

    /// As much padding as makes outputs of the images' size (over the strides).
    pub fn same() -> Self {
        Convolution::new().padding(Padding::Same)
    }

    /// So many rows of 0 above and below, and columns left and right.
    pub fn padded(around: [(usize, usize); 2]) -> Self {
        Convolution::new().padding(around)
    }

    /// Says what lies about the images: a [`Padding`], or the rows above and below and columns left and right.
    pub fn padding(self, padding: impl Into<Padding>) -> Self {
        Convolution { window: self.window.padding(padding), ..self }
    }

    /// Moves by so many rows and columns; 1 by default.
    pub fn strides(self, strides: impl Into<RowsAndColumns>) -> Self {
        Convolution { window: self.window.strides(strides), ..self }
    }

    /// Takes every so many rows and columns; 1 by default.
    pub fn dilations(self, dilations: impl Into<RowsAndColumns>) -> Self {
        Convolution { window: self.window.dilations(dilations), ..self }
    }

    /// Cuts channels and filters into so many groups; 1 by default.
    pub fn groups(self, groups: usize) -> Self {
        Convolution { groups, ..self }
    }

    /// The same along columns alone.
    pub(super) fn along_columns(self) -> Self {
        let Window { strides, dilations, padding, .. } = self.window;
        let padding = match padding {
            Padding::Explicit([_, columns]) => Padding::Explicit([(0, 0), columns]),
            padding => padding,
        };
        let window = Window::of(1).strides([1, strides[1]]).dilations([1, dilations[1]]).padding(padding);
        Convolution { window, ..self }
    }

    /// Filters of a transposed convolution by a kernel of so many channels a group.
    pub(crate) fn transposed_filters(self, channels: usize) -> usize {
        channels.saturating_mul(self.groups)
    }

    /// What moves over images of a shape by a kernel of another.
    pub(super) fn fit(self, images: &Shape, kernel: &Shape) -> Result<Fitting, Fault> {
        let (fitting, found) = self.fit_kernel(images, kernel)?;
        let Fitting { groups, channels, .. } = fitting;
        let expected = channels.saturating_mul(groups);
        match found {
            Some(found) if found != expected => {
                let (kernel, images) = (kernel.clone(), images.clone());
                Err(Fault::op(ConvolutionFault::Channels { kernel, groups, expected, images, found }))
            }
            _ => Ok(fitting),
        }
    }

    /// What would move over the images that a transposed convolution makes of these.
    pub(super) fn fit_transposed(self, images: &Shape, kernel: &Shape) -> Result<Fitting, Fault> {
        let (fitting, found) = self.fit_kernel(images, kernel)?;
        match found {
            Some(found) if found != fitting.filters => {
                let (expected, kernel, images) = (fitting.filters, kernel.clone(), images.clone());
                Err(Fault::op(ConvolutionFault::Filters { kernel, expected, images, found }))
            }
            _ => Ok(fitting),
        }
    }

    /// What a kernel tells, and the channels of the images.
    fn fit_kernel(self, images: &Shape, kernel: &Shape) -> Result<(Fitting, Option<usize>), Fault> {
        let not_a_kernel = || Fault::op(ConvolutionFault::NotAKernel { kernel: kernel.clone() });
        let lengths = kernel.known().ok_or_else(not_a_kernel)?;
        let [height, width, channels, filters] = lengths.try_into().map_err(|_| not_a_kernel())?;
        let groups = self.groups;
        if groups == 0 || filters % groups != 0 {
            return Err(Fault::op(ConvolutionFault::Groups { filters, groups }));
        }
        let &[_, _, _, found] = images.dims() else {
            return Err(Fault::op(WindowFault::NotImages { shape: images.clone() }));
        };
        let window = Window { size: [height, width], ..self.window };
        window.check()?;
        Ok((Fitting { window, groups, channels, filters }, found))
    }
}

/// A kernel's window, the groups, the channels of each, and all filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fitting {
    pub(super) window: Window,
    pub(super) groups: usize,
    pub(super) channels: usize,
    pub(super) filters: usize,
}

impl AnyTensor<'_> {
    /// Filters moved over images that have their channels in front of rows and columns, `[batch, channels, height, width]`,
    /// which makes such images; the kernel is that of [`conv2d`](Self::conv2d).
    // Those of other programs are such.
    #[cfg(any(feature = "graphdef", feature = "onnx", test))]
    #[track_caller]
    pub(crate) fn conv2d_channels_first(self, kernel: Self, convolution: Convolution) -> Self {
        if self.is_invalid() || self.shape().rank() != 4 {
            return self.convolved(kernel, convolution, true);
        }
        self.transpose_perm([0, 2, 3, 1]).convolved(kernel, convolution, true)
    }

    /// What the filters make of images, their channels in front if asked for.
    #[track_caller]
    fn convolved(self, kernel: Self, convolution: Convolution, channels_first: bool) -> Self {
        if let Some(invalid) = [self, kernel].into_iter().find(|operand| operand.is_invalid()) {
            return invalid;
        }
        let Fitting { window, groups, channels, filters } =
            match convolution.fit(&self.shape(), &kernel.shape()) {
                Ok(fitting) => fitting,
                Err(fault) => return self.graph().invalid_any("conv2d", fault),
            };
        let patches = self.extract_patches(window);
        let products = if groups == 1 {
            let spec = if channels_first { "nhwijc,ijcf->nfhw" } else { "nhwijc,ijcf->nhwf" };
            patches.einsum(spec, kernel)
        } else {
            let [groups, channels, each] = [groups, channels, filters / groups].map(|count| count as isize);
            let patches = patches.reshape_last(1, [groups, channels]);
            let kernel = kernel.reshape_last(1, [groups, each]);
            let products = patches.einsum("nhwijgc,ijcgf->nhwgf", kernel).reshape_last(2, [-1]);
            if channels_first { products.transpose_perm([0, 3, 1, 2]) } else { products }
        };
        products.named("conv2d")
    }
}

methods! {
    /// Filters moved over images: of `[batch, height, width, channels]` and a kernel `[rows, columns, channels / groups,
    /// filters]`, the `[batch, places along the height, along the width, filters]` that are
    /// yₙᵢⱼ𝑓 = Σ over r, s, c of xₙ(i·stride + r·dilation - padding)(j·…)c · kernelᵣₛ𝑐𝑓, with 0 for what lies beyond an
    /// image. As everywhere in machine learning this is a cross-correlation: the kernel is not flipped.
    ///
    /// Gradient: to the images the cotangent times the kernel, added up where the patches were; to the kernel the
    /// patches times the cotangent. Images of other than four axes, a kernel that has other lengths or is not
    /// known, channels and filters that do not fit it, a stride or dilation of 0, and a kernel that spans more than
    /// a padded image are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).reshape([1, 2, 3, 1]);
    /// let difference = g.constant(ndarray::arr1(&[-1.0, 1.0])).reshape([1, 2, 1, 1]);
    /// let y = x.conv2d(difference, Convolution::valid()).reshape([2, 2]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[1.0, 1.0], [1.0, 1.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("convolution"))]
    fn conv2d<Float>(x, kernel: (Self), convolution: Convolution) -> Self {
        x.convolved(kernel, convolution, false)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// The definition, for padding rows and columns before, and an output of these lengths.
    fn plain(
        x: &[ArrayD<f64>],
        places: [usize; 2],
        strides: [usize; 2],
        dilations: [usize; 2],
        before: [usize; 2],
        groups: usize,
    ) -> ArrayD<f64> {
        let (images, kernel) = (&x[0], &x[1]);
        let &[height, width, channels, filters] = kernel.shape() else { unreachable!() };
        let lengths = [images.shape()[0], places[0], places[1], filters];
        ArrayD::from_shape_fn(IxDyn(&lengths), |at| {
            let mut sum = 0.0;
            for (r, s, c) in ndarray::indices((height, width, channels)) {
                let row = (at[1] * strides[0] + r * dilations[0]).checked_sub(before[0]);
                let column = (at[2] * strides[1] + s * dilations[1]).checked_sub(before[1]);
                let channel = at[3] / (filters / groups) * channels + c;
                if let (Some(row), Some(column)) = (row, column)
                    && let Some(pixel) = images.get([at[0], row, column, channel])
                {
                    sum += pixel * kernel[[r, s, c, at[3]]];
                }
            }
            sum
        })
    }

    // A kernel's lengths must be known, also where those of what it comes from are not.
    let examples: Vec<Example> = vec![
        example!(
            "conv2d",
            &[&[2, 4, 5, 3], &[3, 2, 3, 4]],
            |_, x| x[0].conv2d(x[1].reshape([3, 2, 3, 4]), Convolution::valid()),
            |x| plain(x, [2, 4], [1, 1], [1, 1], [0, 0], 1),
        ),
        example!(
            "conv2d of one channel",
            &[&[3, 4, 4, 1], &[3, 3, 1, 2]],
            |_, x| x[0].conv2d(x[1].reshape([3, 3, 1, 2]), Convolution::same()),
            |x| plain(x, [4, 4], [1, 1], [1, 1], [1, 1], 1),
        ),
        example!(
            "conv2d with strides, same",
            &[&[1, 5, 4, 2], &[2, 3, 2, 3]],
            |_, x| x[0].conv2d(x[1].reshape([2, 3, 2, 3]), Convolution::same().strides([2, 3])),
            |x| plain(x, [3, 2], [2, 3], [1, 1], [0, 1], 1),
        ),
        example!(
            "conv2d with dilations, padded",
            &[&[2, 4, 3, 1], &[2, 2, 1, 2]],
            |_, x| x[0]
                .conv2d(x[1].reshape([2, 2, 1, 2]), Convolution::padded([(1, 2), (0, 3)]).dilations([3, 2])),
            |x| plain(x, [4, 4], [1, 1], [3, 2], [1, 0], 1),
        ),
        example!(
            "conv2d in groups",
            &[&[2, 3, 3, 4], &[2, 2, 2, 6]],
            |_, x| x[0].conv2d(x[1].reshape([2, 2, 2, 6]), Convolution::valid().groups(2)),
            |x| plain(x, [2, 2], [1, 1], [1, 1], [0, 0], 2),
        ),
        example!(
            "conv2d of each channel",
            &[&[1, 3, 4, 3], &[2, 2, 1, 3]],
            |_, x| x[0].conv2d(x[1].reshape([2, 2, 1, 3]), Convolution::same().groups(3)),
            |x| plain(x, [3, 4], [1, 1], [1, 1], [0, 0], 3),
        ),
        example!(
            "conv2d of no image",
            &[&[0, 3, 3, 1], &[2, 2, 1, 1]],
            |_, x| x[0].conv2d(x[1].reshape([2, 2, 1, 1]), Convolution::valid()),
            |x| plain(x, [2, 2], [1, 1], [1, 1], [0, 0], 1),
        ),
        example!(
            "conv2d of transposed images",
            &[&[2, 3, 4, 2], &[2, 2, 3, 2]],
            |_, x| x[0].transpose_perm([0, 2, 3, 1]).conv2d(x[1].reshape([2, 2, 3, 2]), Convolution::valid()),
            |x| {
                let images = x[0].clone().permuted_axes(vec![0, 2, 3, 1]).as_standard_layout().to_owned();
                plain(&[images, x[1].clone()], [3, 1], [1, 1], [1, 1], [0, 0], 1)
            },
        ),
        example!(
            "conv2d of channels in front, padded on one side, with strides and dilations",
            &[&[2, 3, 5, 6], &[2, 3, 3, 4]],
            |_, x| {
                let convolution = Convolution::padded([(1, 0), (0, 3)]).strides([1, 2]).dilations([2, 1]);
                x[0].any().conv2d_channels_first(x[1].any().reshape([2, 3, 3, 4]), convolution).typed()
            },
            |x| {
                let images = x[0].clone().permuted_axes(vec![0, 2, 3, 1]).as_standard_layout().to_owned();
                let y = plain(&[images, x[1].clone()], [4, 4], [1, 2], [2, 1], [1, 0], 1);
                y.permuted_axes(vec![0, 3, 1, 2]).as_standard_layout().to_owned()
            },
        ),
    ];
    examples
}
