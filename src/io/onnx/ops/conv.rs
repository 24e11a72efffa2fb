//! Convolutions. ONNX has channels in front of the axes that a kernel moves along, methods of tensors behind them.

use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::node::{At, Built, counts, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::{AxisRange, Convolution, Length, Padding};

use super::normalization::channelwise;
use super::pad::with_number;

pub(super) const ROWS: &[Row] = &[
    op("Conv", 1, convolution),
    op("ConvInteger", 10, convolution_of_integers),
    op("ConvTranspose", 1, transposed),
];

/// How a window moves along each axis of images.
#[derive(Clone, Debug)]
pub(super) struct Moves {
    pub(super) size: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    /// Before and behind along each axis; as TensorFlow's `SAME`, where lengths are not known.
    pub(super) pads: Option<Vec<(usize, usize)>>,
}

/// The largest stride, size or padding, so that no arithmetic overflows.
const MOST: usize = 1 << 24;

impl Moves {
    /// What the attributes of a node say, for a window of that size.
    pub(super) fn of(at: &At<'_, '_>, size: Vec<usize>) -> Result<Self, NodeFault> {
        let axes = size.len();
        let each = |name: &'static str| -> Result<Vec<usize>, NodeFault> {
            let numbers =
                at.opt_ints(name)?.map_or_else(|| Ok(vec![1; axes]), |numbers| counts(numbers, name))?;
            let is_fit = |number: &usize| (1..=MOST).contains(number);
            if numbers.len() != axes || !numbers.iter().all(is_fit) {
                return invalid(format!(
                    "attribute `{name}`: expected {axes} numbers from 1 to 2²⁴, got {numbers:?}"
                ));
            }
            Ok(numbers)
        };
        if size.iter().any(|&size| size > MOST) {
            return invalid(format!("expected a window of at most 2²⁴, got {size:?}"));
        }
        let (strides, dilations) = (each("strides")?, each("dilations")?);
        let mut moves = Moves { size, strides, dilations, pads: None };
        let explicit = at.opt_ints("pads")?;
        moves.pads = match at.text("auto_pad", "NOTSET")?.as_str() {
            "NOTSET" => {
                let pads = counts(explicit.unwrap_or(&vec![0; 2 * axes]), "pads")?;
                if pads.len() != 2 * axes || pads.iter().any(|&pad| pad > MOST) {
                    return invalid(format!("attribute `pads`: expected {} numbers, got {pads:?}", 2 * axes));
                }
                Some(pads[..axes].iter().copied().zip(pads[axes..].iter().copied()).collect())
            }
            "VALID" => Some(vec![(0, 0); axes]),
            side @ ("SAME_UPPER" | "SAME_LOWER") => {
                let shape = at.shape(0)?;
                let around = |axis: usize| -> Option<(usize, usize)> {
                    let (length, stride) = ((*shape.dims().get(axis + 2)?)?, moves.strides[axis]);
                    let places = length.div_ceil(stride);
                    let spans = (places.max(1) - 1).saturating_mul(stride).saturating_add(moves.extent(axis));
                    let (all, less) = (spans.saturating_sub(length), spans.saturating_sub(length) / 2);
                    Some(if side == "SAME_UPPER" { (less, all - less) } else { (all - less, less) })
                };
                let pads = (0..axes).map(around).collect::<Option<Vec<_>>>();
                if pads.is_none() && side == "SAME_LOWER" {
                    return unsupported("`auto_pad` SAME_LOWER of lengths that are fed");
                }
                pads
            }
            other => {
                return invalid(format!(
                    "attribute `auto_pad`: expected NOTSET, VALID, SAME_UPPER or SAME_LOWER, got `{other}`"
                ));
            }
        };
        Ok(moves)
    }

    /// What the window spans along an axis.
    pub(super) fn extent(&self, axis: usize) -> usize {
        (self.size[axis].max(1) - 1).saturating_mul(self.dilations[axis]).saturating_add(1)
    }

    /// What one of the window's elements along an axis sees of padded images.
    fn seen(&self, axis: usize, index: usize) -> AxisRange {
        let first = index * self.dilations[axis];
        // As many behind the last place of this one as there are of the window.
        let last = -((self.extent(axis) - 1 - first) as isize);
        let range =
            if last == 0 { AxisRange::from(first as isize..) } else { AxisRange::of(first as isize, last) };
        range.step(self.strides[axis] as isize)
    }

    /// The padding of the last two axes, or of the only one as columns.
    pub(super) fn padding(&self) -> Padding {
        match &self.pads {
            None => Padding::Same,
            Some(pads) => match pads[..] {
                [.., rows, columns] => Padding::Explicit([rows, columns]),
                [columns] => Padding::Explicit([(0, 0), columns]),
                [] => Padding::Valid,
            },
        }
    }
}

/// A number for rows and one for columns: the last two, or 1 and the only one.
pub(super) fn last_two(numbers: &[usize]) -> [usize; 2] {
    match *numbers {
        [.., rows, columns] => [rows, columns],
        [columns] => [1, columns],
        [] => [1, 1],
    }
}

/// The order of axes with channels behind the others, and the way back.
pub(super) fn channels_last(rank: usize) -> (Vec<isize>, Vec<isize>) {
    let rank = rank as isize;
    let there = std::iter::once(0).chain(2..rank).chain([1]).collect();
    let back = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    (there, back)
}

/// The order of a kernel's axes: those it moves along, channels, filters.
fn kernel_last(rank: usize) -> Vec<isize> {
    (2..rank as isize).chain([1, 0]).collect()
}

/// The checked operands of a convolution: images and kernel with channels behind, and how many axes it moves along.
fn operands<'g>(at: &At<'_, 'g>) -> Result<(AnyTensor<'g>, AnyTensor<'g>, usize), NodeFault> {
    let (x, w) = (at.tensor(0)?, at.tensor(1)?);
    let (rank, of_kernel) = (x.shape().rank(), w.shape().rank());
    if !(3..=5).contains(&rank) || of_kernel != rank {
        return unsupported(format!("images and kernels of shapes {} and {}", x.shape(), w.shape()));
    }
    Ok((x, w, rank - 2))
}

fn kernel_size(at: &At<'_, '_>, w: AnyTensor<'_>) -> Result<Vec<usize>, NodeFault> {
    let own = w.shape().dims()[2..].iter().copied().collect::<Option<Vec<usize>>>();
    let Some(own) = own else {
        return unsupported(format!("a kernel of fed lengths, of shape {}", w.shape()));
    };
    match at.opt_ints("kernel_shape")? {
        Some(told) if counts(told, "kernel_shape")? != own => {
            invalid(format!("attribute `kernel_shape`: expected {own:?}, as the kernel is, got {told:?}"))
        }
        _ => Ok(own),
    }
}

fn convolution<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, w, _) = operands(at)?;
    let y = convolved(at, x, w)?;
    one(biased(y, at.optional(2)))
}

fn biased<'g>(y: AnyTensor<'g>, bias: Option<AnyTensor<'g>>) -> AnyTensor<'g> {
    bias.map_or(y, |bias| y + channelwise(bias, y))
}

/// Integers less their zero points, which doubles hold exactly.
fn convolution_of_integers<'g>(at: &At<'_, 'g>) -> Built<'g> {
    use crate::element::DType;
    let (x, w, axes) = operands(at)?;
    let x =
        x.cast(DType::F64) - at.optional(2).map_or(at.scalar(0.0, DType::F64), |zero| zero.cast(DType::F64));
    let zero = at.optional(3).map_or(at.scalar(0.0, DType::F64), |zero| zero.cast(DType::F64));
    let zero =
        if zero.shape().rank() == 1 { (0..=axes).fold(zero, |zero, _| zero.expand_dims(-1)) } else { zero };
    one(convolved(at, x, w.cast(DType::F64) - zero)?.cast(DType::I32))
}

fn convolved<'g>(at: &At<'_, 'g>, x: AnyTensor<'g>, w: AnyTensor<'g>) -> Result<AnyTensor<'g>, NodeFault> {
    let rank = x.shape().rank();
    let moves = Moves::of(at, kernel_size(at, w)?)?;
    let groups = counts(&[at.int("group", 1)?], "group")?[0];
    if let Some(y) = of_pixels(x, w, &moves, groups) {
        return Ok(y);
    }
    if let Some(y) = of_channels(x, w, &moves, groups)? {
        return Ok(y);
    }
    let (there, back) = channels_last(rank);
    let convolution = Convolution::new()
        .strides(last_two(&moves.strides))
        .dilations(last_two(&moves.dilations))
        .padding(moves.padding())
        .groups(groups);
    let kernel = w.transpose_perm(kernel_last(rank));
    Ok(match rank {
        // Series are images of one row.
        3 => x.expand_dims(2).conv2d_channels_first(kernel.expand_dims(0), convolution).squeeze(2),
        4 => x.conv2d_channels_first(kernel, convolution),
        _ => in_space(x.transpose_perm(there), kernel, &moves, convolution)?.transpose_perm(back),
    })
}

/// With a kernel of one pixel: a product of matrices for each image, in which nothing moves.
fn of_pixels<'g>(x: AnyTensor<'g>, w: AnyTensor<'g>, moves: &Moves, groups: usize) -> Option<AnyTensor<'g>> {
    let is_still = moves.size.iter().chain(&moves.strides).all(|&number| number == 1)
        && moves.pads.as_ref().is_some_and(|pads| pads.iter().all(|&pads| pads == (0, 0)));
    // Of other numbers of channels the convolution says what is wrong.
    let channels = x.shape().dims()[1].filter(|_| w.shape().dims()[1] == x.shape().dims()[1]);
    if !is_still || groups != 1 || channels.is_none() {
        return None;
    }
    let lengths: Vec<Length<'g>> = (0..x.shape().rank() as isize).map(|axis| x.dim(axis)).collect();
    let pixels = lengths[3..].iter().fold(lengths[2], |pixels, &length| pixels * length);
    let kernel = w.reshape([w.dim(0), w.dim(1)]);
    let y = kernel.matmul(x.reshape([lengths[0], lengths[1], pixels]));
    let lengths: Vec<Length<'g>> =
        [lengths[0], w.dim(0)].into_iter().chain(lengths[2..].iter().copied()).collect();
    Some(y.reshape(lengths))
}

/// With a kernel for each channel by itself: a sum over the kernel's pixels of the images, moved, times a number a channel.
/// What a window shows is as large for each channel as a convolution of all would need it, and its products are tiny.
fn of_channels<'g>(
    x: AnyTensor<'g>,
    w: AnyTensor<'g>,
    moves: &Moves,
    groups: usize,
) -> Result<Option<AnyTensor<'g>>, NodeFault> {
    /// Pixels of a kernel up to which its terms are written out.
    const PIXELS: usize = 64;
    let (rank, shape, of_kernel) = (x.shape().rank(), x.shape(), w.shape());
    let is_each = groups > 1 && of_kernel.dims()[0] == Some(groups) && of_kernel.dims()[1] == Some(1);
    let is_small = moves.size.iter().try_fold(1, |pixels, &size| usize::checked_mul(pixels, size));
    let is_small = is_small.is_some_and(|pixels| (1..=PIXELS).contains(&pixels));
    let Some(pads) = moves.pads.as_ref().filter(|_| is_each && is_small && rank < 5) else { return Ok(None) };
    if shape.dims()[1] != Some(groups) {
        return Ok(None);
    }
    let around = pads.iter().map(|&(before, behind)| (before as i64, behind as i64));
    let around: Vec<(i64, i64)> = [(0, 0); 2].into_iter().chain(around).collect();
    let padded = with_number(x, &around, None)?;
    let is_short =
        |axis: usize| padded.shape().dims()[axis + 2].is_some_and(|length| length < moves.extent(axis));
    if (0..rank - 2).any(is_short) {
        return Ok(None);
    }
    let axes = rank - 2;
    let mut sum: Option<AnyTensor<'g>> = None;
    for pixel in 0..moves.size.iter().product() {
        let mut rest = pixel;
        let mut ranges = vec![AxisRange::from(..); rank];
        let mut weight = vec![AxisRange::from(..); rank];
        for axis in (0..axes).rev() {
            let index = rest % moves.size[axis];
            rest /= moves.size[axis];
            ranges[axis + 2] = moves.seen(axis, index);
            weight[axis + 2] = AxisRange::of(index as isize, index as isize + 1);
        }
        // [filters, 1, 1, 1], in front of which is no batch.
        let weight = w.slice(weight).reshape([vec![groups as isize], vec![1; axes]].concat());
        let term = padded.slice(ranges) * weight;
        sum = Some(sum.map_or(term, |sum| sum + term));
    }
    Ok(sum)
}

/// Along three axes: a convolution of planes for each plane of the kernel, added up.
fn in_space<'g>(
    images: AnyTensor<'g>,
    kernel: AnyTensor<'g>,
    moves: &Moves,
    convolution: Convolution,
) -> Result<AnyTensor<'g>, NodeFault> {
    let Some(pads) = &moves.pads else {
        return unsupported("`auto_pad` of lengths that are fed along three axes");
    };
    let around = |(before, behind): (usize, usize)| (before as i64, behind as i64);
    let padded = with_number(images, &[(0, 0), around(pads[0]), (0, 0), (0, 0), (0, 0)], None)?;
    let [batch, depth] = [0, 1].map(|axis| padded.dim(axis));
    let (extent, stride) = (moves.extent(0), moves.strides[0]);
    if depth.known().is_some_and(|depth| depth < extent) {
        return invalid(format!("expected a kernel of at most {} planes, got {extent}", padded.shape()));
    }
    let planes = (depth - extent) / stride + 1;
    let flat = |x: AnyTensor<'g>| {
        let [batch, planes, rows, columns, channels] = [0, 1, 2, 3, 4].map(|axis| x.dim(axis));
        x.reshape([batch * planes, rows, columns, channels])
    };
    if moves.size[0] > 1 << 12 {
        return unsupported(format!("a kernel of {} planes", moves.size[0]));
    }
    let mut sum: Option<AnyTensor<'g>> = None;
    for plane in 0..moves.size[0] {
        let seen = padded.slice(vec![AxisRange::from(..), moves.seen(0, plane)]);
        let part = flat(seen).conv2d(kernel.slice(AxisRange::from(plane)), convolution);
        sum = Some(sum.map_or(part, |sum| sum + part));
    }
    let Some(sum) = sum else { return unsupported("a kernel without planes") };
    let [rows, columns, filters] = [1, 2, 3].map(|axis| sum.dim(axis));
    Ok(sum.reshape([batch, planes, rows, columns, filters]))
}

/// Each pixel times the kernel, added up: the whole of it, then cut to what the padding leaves.
fn transposed<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, w, axes) = operands(at)?;
    if axes == 3 {
        return unsupported("transposed convolutions along three axes");
    }
    let size = kernel_size(at, w)?;
    let groups = counts(&[at.int("group", 1)?], "group")?[0];
    let more = at
        .opt_ints("output_padding")?
        .map_or_else(|| Ok(vec![0; axes]), |it| counts(it, "output_padding"))?;
    let wanted = at.opt_ints("output_shape")?.map(|it| counts(it, "output_shape")).transpose()?;
    let auto = at.text("auto_pad", "NOTSET")?;
    // The padding that `Moves` works out is that of a convolution.
    let moves = Moves::of(at, size)?;
    let lengths = at.shape(0)?;
    let lengths: Vec<Option<usize>> = lengths.dims()[2..].to_vec();
    if lengths.iter().flatten().any(|&length| length > 1 << 31) {
        return unsupported(format!("images of lengths {lengths:?}"));
    }
    if more.len() != axes || wanted.as_ref().is_some_and(|wanted| wanted.len() < axes) {
        return invalid(format!(
            "attributes `output_padding` and `output_shape`: expected {axes} numbers, got others"
        ));
    }
    // Rows and columns taken away before and behind, in numbers below 0, or added.
    let mut cut = vec![(0, 0)];
    for axis in 0..axes {
        let (stride, extent) = (moves.strides[axis] as i64, moves.extent(axis) as i64);
        let whole = |length: usize| (length.max(1) as i64 - 1) * stride + extent;
        // What the transpose gives where a kernel is smaller than its stride.
        let surplus = (stride - extent).max(0);
        let target = match (&wanted, auto.as_str()) {
            (Some(wanted), _) => Some(wanted[wanted.len() - axes + axis] as i64),
            (None, "SAME_UPPER" | "SAME_LOWER") => match lengths[axis] {
                Some(length) => Some(length as i64 * stride),
                None => return unsupported("`auto_pad` of lengths that are fed"),
            },
            _ => None,
        };
        let (before, behind) = if let Some(target) = target {
            let Some(length) = lengths[axis] else {
                return unsupported("`output_shape` of lengths that are fed");
            };
            let all = whole(length) + more[axis] as i64 - target;
            let half = all.div_euclid(2);
            let before = if auto == "SAME_UPPER" { half } else { all - half };
            let before = if all < 0 { 0 } else { before };
            (before, whole(length) - before - target)
        } else {
            let (before, behind) =
                moves.pads.as_ref().and_then(|pads| pads.get(axis)).copied().unwrap_or_default();
            (before as i64, behind as i64 - more[axis] as i64)
        };
        cut.push((-before, -behind - surplus));
    }
    cut.push((0, 0));
    let (there, back) = channels_last(axes + 2);
    let convolution = Convolution::valid()
        .strides(last_two(&moves.strides))
        .dilations(last_two(&moves.dilations))
        .groups(groups);
    let (images, kernel) = (x.transpose_perm(there), w.transpose_perm(kernel_last(axes + 2)));
    let whole = if axes == 1 {
        images.conv1d_transpose(kernel, convolution)
    } else {
        images.conv2d_transpose(kernel, convolution)
    };
    let y = with_number(whole, &cut, None)?.transpose_perm(back);
    one(biased(y, at.optional(2)))
}
