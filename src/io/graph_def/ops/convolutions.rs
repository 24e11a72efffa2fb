//! Convolutions and pools, and their gradients.
//!
//! Gradients are those of our own ops, but for that of a maximum, which TensorFlow gives to the first of several elements
//! that are as large.

use super::at::{gradients, one};
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::graph::op::Attributes;
use crate::ops::{Convolution, Padding, Window, definition};
use crate::shape::Axes;

pub(super) const OPS: &[Row] = &[
    ("AvgPool", |at| {
        let layout = Layout::of(at)?;
        let window = layout.window(at)?;
        at.unary(|x| layout.back(layout.last(x).avg_pool2d(window)))
    }),
    ("AvgPoolGrad", |at| {
        let layout = Layout::of(at)?;
        let window = layout.window(at)?;
        let dy = layout.last(at.tensor(1)?);
        let x = layout.last(dy.scalar_like(0.0).broadcast_to(at.lengths(0)?));
        back(layout, x.avg_pool2d(window), dy, x)
    }),
    ("BiasAdd", |at| {
        let layout = Layout::of_any(at)?;
        at.binary(|x, bias| x + layout.along_channels(bias, x.shape().rank()))
    }),
    ("BiasAddV1", |at| at.binary(|x, bias| x + bias)),
    ("BiasAddGrad", |at| {
        let layout = Layout::of_any(at)?;
        at.unary(|dy| {
            let rank = dy.shape().rank() as isize;
            let channels = if layout == Layout::ChannelsFirst { 1 } else { rank - 1 };
            dy.reduce_sum(Axes::of((0..rank).filter(|&axis| axis != channels)))
        })
    }),
    ("Conv2D", |at| {
        let layout = Layout::of(at)?;
        let convolution = layout.convolution(at)?;
        at.binary(|x, kernel| {
            let convolution = grouped(convolution, layout.last(x), kernel);
            match layout {
                Layout::ChannelsFirst => x.conv2d_channels_first(kernel, convolution),
                Layout::ChannelsLast => x.conv2d(kernel, convolution),
            }
        })
    }),
    ("Conv2DBackpropFilter", |at| {
        let layout = Layout::of(at)?;
        let (x, dy) = (layout.last(at.tensor(0)?), layout.last(at.tensor(2)?));
        let kernel = dy.scalar_like(0.0).broadcast_to(at.lengths(1)?);
        let y = x.conv2d(kernel, grouped(layout.convolution(at)?, x, kernel));
        one(gradient(y, dy, kernel)?)
    }),
    ("Conv2DBackpropInput", |at| {
        let layout = Layout::of(at)?;
        let (kernel, dy) = (at.tensor(1)?, layout.last(at.tensor(2)?));
        let x = layout.last(dy.scalar_like(0.0).broadcast_to(at.lengths(0)?));
        let y = x.conv2d(kernel, grouped(layout.convolution(at)?, x, kernel));
        back(layout, y, dy, x)
    }),
    ("DepthwiseConv2dNative", |at| {
        let layout = Layout::of(at)?;
        let convolution = layout.convolution(at)?;
        let (x, kernel) = (layout.last(at.tensor(0)?), at.tensor(1)?);
        one(layout.back(depthwise(x, kernel, convolution)?))
    }),
    ("DepthwiseConv2dNativeBackpropFilter", |at| {
        let layout = Layout::of(at)?;
        let (x, dy) = (layout.last(at.tensor(0)?), layout.last(at.tensor(2)?));
        let kernel = dy.scalar_like(0.0).broadcast_to(at.lengths(1)?);
        let y = depthwise(x, kernel, layout.convolution(at)?)?;
        one(gradient(y, dy, kernel)?)
    }),
    ("DepthwiseConv2dNativeBackpropInput", |at| {
        let layout = Layout::of(at)?;
        let (kernel, dy) = (at.tensor(1)?, layout.last(at.tensor(2)?));
        let x = layout.last(dy.scalar_like(0.0).broadcast_to(at.lengths(0)?));
        let y = depthwise(x, kernel, layout.convolution(at)?)?;
        back(layout, y, dy, x)
    }),
    ("MaxPool", |at| {
        let layout = Layout::of(at)?;
        let window = layout.window(at)?;
        at.unary(|x| layout.back(layout.last(x).max_pool2d(window)))
    }),
    ("MaxPoolGrad", max_pool_gradient),
];

/// Where the channels of images are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    ChannelsLast,
    ChannelsFirst,
}

impl Layout {
    /// Of images.
    pub(super) fn of(at: &At<'_, '_>) -> Result<Self, Refusal> {
        let found = at.text("data_format", "NHWC")?;
        match found.as_str() {
            "NHWC" => Ok(Layout::ChannelsLast),
            "NCHW" => Ok(Layout::ChannelsFirst),
            _ => Err(format!("expected data_format NHWC or NCHW, got {found}").into()),
        }
    }

    /// Of arrays of any number of axes.
    fn of_any(at: &At<'_, '_>) -> Result<Self, Refusal> {
        let found = at.text("data_format", "NHWC")?;
        Ok(if found.starts_with("NC") { Layout::ChannelsFirst } else { Layout::ChannelsLast })
    }

    /// Images with their channels last.
    pub(super) fn last(self, x: AnyTensor<'_>) -> AnyTensor<'_> {
        if self == Layout::ChannelsFirst { x.transpose_perm([0, 2, 3, 1]) } else { x }
    }

    /// Images with their channels where they were.
    pub(super) fn back(self, x: AnyTensor<'_>) -> AnyTensor<'_> {
        if self == Layout::ChannelsFirst { x.transpose_perm([0, 3, 1, 2]) } else { x }
    }

    /// A number for each channel, in a shape that broadcasts along the channels of so many axes.
    fn along_channels(self, bias: AnyTensor<'_>, rank: usize) -> AnyTensor<'_> {
        let behind = if self == Layout::ChannelsFirst { rank.saturating_sub(2) } else { 0 };
        (0..behind).fold(bias, |bias, _| bias.expand_dims(-1))
    }

    /// Where rows and columns stand in lists of four.
    fn spatial(self) -> [usize; 2] {
        if self == Layout::ChannelsFirst { [2, 3] } else { [1, 2] }
    }

    /// Two of a list of four numbers, of which the others must be 1: those for rows and columns.
    fn pair(self, name: &str, list: &[i64]) -> Result<[usize; 2], Refusal> {
        let numbers: Option<Vec<usize>> = list.iter().map(|&number| usize::try_from(number).ok()).collect();
        let numbers = numbers.filter(|numbers| numbers.len() == 4);
        let numbers = numbers.ok_or_else(|| format!("expected {name} of four numbers, got {list:?}"))?;
        let [rows, columns] = self.spatial();
        let are_one = (0..4).filter(|axis| ![rows, columns].contains(axis)).all(|axis| numbers[axis] == 1);
        if are_one {
            Ok([numbers[rows], numbers[columns]])
        } else {
            Err(format!("expected {name} of 1 along images and channels, got {list:?}").into())
        }
    }

    fn padding(self, at: &At<'_, '_>) -> Result<Padding, Refusal> {
        let found = at.text("padding", "VALID")?;
        match found.as_str() {
            "VALID" => Ok(Padding::Valid),
            "SAME" => Ok(Padding::Same),
            "EXPLICIT" => {
                let list = at.list("explicit_paddings")?.i;
                let pads: Option<Vec<usize>> =
                    list.iter().map(|&number| usize::try_from(number).ok()).collect();
                let pads = pads.filter(|pads| pads.len() == 8);
                let pads = pads.ok_or_else(|| format!("expected eight explicit_paddings, got {list:?}"))?;
                Ok(Padding::Explicit(self.spatial().map(|axis| (pads[2 * axis], pads[2 * axis + 1]))))
            }
            _ => Err(format!("expected padding VALID, SAME or EXPLICIT, got {found}").into()),
        }
    }

    /// The window of a pool.
    fn window(self, at: &At<'_, '_>) -> Result<Window, Refusal> {
        let size = self.pair("ksize", &at.list("ksize")?.i)?;
        let strides = self.pair("strides", &at.list("strides")?.i)?;
        Ok(Window::of(size).strides(strides).padding(self.padding(at)?))
    }

    fn convolution(self, at: &At<'_, '_>) -> Result<Convolution, Refusal> {
        let strides = self.pair("strides", &at.list("strides")?.i)?;
        let dilations = at.list("dilations")?.i;
        let dilations = if dilations.is_empty() { [1, 1] } else { self.pair("dilations", &dilations)? };
        Ok(Convolution::new().strides(strides).dilations(dilations).padding(self.padding(at)?))
    }
}

/// With as many groups as the channels of a kernel go into those of images.
fn grouped(convolution: Convolution, x: AnyTensor<'_>, kernel: AnyTensor<'_>) -> Convolution {
    let length = |x: AnyTensor<'_>, axis: usize| x.shape().dims().get(axis).copied().flatten();
    let groups = length(x, 3).zip(length(kernel, 2)).and_then(|(all, each)| all.checked_div(each));
    convolution.groups(groups.unwrap_or(1).max(1))
}

/// A convolution of each channel by kernels of its own: `[rows, columns, channels, kernels of each]`.
fn depthwise<'g>(
    x: AnyTensor<'g>,
    kernel: AnyTensor<'g>,
    convolution: Convolution,
) -> Result<AnyTensor<'g>, Refusal> {
    let lengths = kernel.shape().known().unwrap_or_default();
    let [rows, columns, channels, each] = lengths[..] else {
        return Err(format!("expected a kernel of four known lengths, got {}", kernel.shape()).into());
    };
    let filters = channels.checked_mul(each).ok_or("expected fewer filters, got more than can be counted")?;
    let kernel = kernel.reshape([rows, columns, 1, filters]);
    Ok(x.conv2d(kernel, convolution.groups(channels.max(1))))
}

/// The gradient of `y` by `x`.
fn gradient<'g>(y: AnyTensor<'g>, dy: AnyTensor<'g>, x: AnyTensor<'g>) -> Result<AnyTensor<'g>, Refusal> {
    let found = gradients(y, dy, &[x])?;
    Ok(found.first().copied().ok_or("expected one gradient, got none")?)
}

/// The same, with channels where they were.
fn back<'g>(layout: Layout, y: AnyTensor<'g>, dy: AnyTensor<'g>, x: AnyTensor<'g>) -> Outputs<'g> {
    one(layout.back(gradient(y, dy, x)?))
}

/// The cotangent of each maximum, put to the first element of the window that is as large.
fn max_pool_gradient<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let layout = Layout::of(at)?;
    let window = layout.window(at)?;
    let [x, y, dy] = [0, 1, 2].map(|input| at.tensor(input));
    let (x, y, dy) = (layout.last(x?), layout.last(y?), layout.last(dy?));
    let patches = definition("extract_patches").ok_or(Refusal::Op)?;
    let attributes = Attributes::new().with("window", window).with("filling", "lowest");
    let built = patches.build(at.graph(), &[x], &attributes);
    let patches = built.first().copied().ok_or(Refusal::Op)?;
    // [images, rows, columns, places in the window, channels]
    let lengths = patches.lengths();
    let [images, rows, columns, height, width, channels] = lengths[..] else {
        return Err(format!("expected images of four axes, got {}", x.shape()).into());
    };
    let flat = patches.reshape([images, rows, columns, height * width, channels]);
    let is_largest = flat.equal(y.expand_dims(3)).cast(DType::I32);
    let is_first = is_largest.cumsum_with(3, true, false).equal(0).logical_and(is_largest.equal(1));
    let put =
        is_first.select(dy.expand_dims(3), 0.0).reshape(vec![images, rows, columns, height, width, channels]);
    Ok(vec![Val::Tensor(layout.back(gradient(patches, put, x)?))])
}
