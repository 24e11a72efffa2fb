//! Images sampled at places that a tensor tells.

use ndarray::Array2;

use crate::element::{DType, Value};
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, counts, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::{AxisRange, Length};

pub(super) const ROWS: &[Row] = &[op("AffineGrid", 20, affine_grid), op("GridSample", 16, grid_sample)];

/// What lies beyond the edge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Zeros,
    Border,
    Reflection,
}

/// What lies between pixels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Nearest,
    Linear,
    Cubic,
}

/// One axis of images: its length, and the ends between which places are reflected.
struct Axis {
    length: usize,
    ends: (f64, f64),
}

/// Places reflected at two ends until they lie between them.
fn reflected(x: AnyTensor<'_>, (low, high): (f64, f64)) -> AnyTensor<'_> {
    let range = high - low;
    if range <= 0.0 {
        return x.zeros_like();
    }
    // There and back again.
    let turn = (x - low).modulo(x.scalar_like(2.0 * range));
    turn.minimum(turn.scalar_like(2.0 * range) - turn) + low
}

/// The pixels about a place along an axis, as far as they are images, and their weights.
fn about<'g>(
    place: AnyTensor<'g>,
    axis: &Axis,
    between: Between,
    beyond: Beyond,
) -> Vec<(AnyTensor<'g>, AnyTensor<'g>)> {
    let last = axis.length as f64 - 1.0;
    let inside = |x: AnyTensor<'g>| x.maximum(0.0).minimum(last);
    let place = if between == Between::Nearest { place.round() } else { place };
    let place = match beyond {
        Beyond::Zeros => place,
        Beyond::Border => inside(place),
        Beyond::Reflection => reflected(place, axis.ends),
    };
    let floor = place.floor();
    let ratio = place - floor;
    let one = ratio.ones_like();
    let taps: Vec<(AnyTensor<'g>, AnyTensor<'g>)> = match between {
        Between::Nearest => vec![(place, one)],
        Between::Linear => vec![(floor, one - ratio), (floor + 1.0, ratio)],
        Between::Cubic => (-1..=2)
            .map(|tap| {
                let d = (ratio - f64::from(tap)).abs();
                // Keys' kernel with a = -3/4.
                let near = (d * 1.25 - 2.25) * d * d + 1.0;
                let far = ((d * -0.75 + 3.75) * d - 6.0) * d + 3.0;
                (floor + f64::from(tap), d.less_equal(1.0).select(near, far))
            })
            .collect(),
    };
    let tap = |(index, weight): (AnyTensor<'g>, AnyTensor<'g>)| match beyond {
        Beyond::Zeros => {
            let is_inside = index.greater_equal(0.0).logical_and(index.less_equal(last));
            (inside(index), is_inside.select(weight, weight.zeros_like()))
        }
        Beyond::Border => (inside(index), weight),
        Beyond::Reflection => (inside(reflected(index, axis.ends)), weight),
    };
    // A pixel is a whole number, which reflection may have rounded.
    taps.into_iter().map(tap).map(|(index, weight)| (index.round().cast(DType::I64), weight)).collect()
}

fn grid_sample<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, grid) = (at.tensor(0)?, at.tensor(1)?);
    let between = match at.text("mode", "linear")?.as_str() {
        "linear" | "bilinear" => Between::Linear,
        "nearest" => Between::Nearest,
        "cubic" | "bicubic" => Between::Cubic,
        other => {
            return invalid(format!("attribute `mode`: expected linear, nearest or cubic, got `{other}`"));
        }
    };
    let beyond = match at.text("padding_mode", "zeros")?.as_str() {
        "zeros" => Beyond::Zeros,
        "border" => Beyond::Border,
        "reflection" => Beyond::Reflection,
        other => {
            return invalid(format!(
                "attribute `padding_mode`: expected zeros, border or reflection, got `{other}`"
            ));
        }
    };
    let corners = at.flag("align_corners", false)?;
    let lengths = at.known_shape(0)?;
    let Some((&[_, _], spatial)) = lengths.split_first_chunk::<2>() else {
        return invalid(format!("expected images, got shape {lengths:?}"));
    };
    let axes = spatial.len();
    if !(1..=3).contains(&axes) || grid.shape().rank() != axes + 2 || grid.shape()[axes + 1] != Some(axes) {
        return unsupported(format!("images of shape {lengths:?} at places of shape {}", grid.shape()));
    }
    if spatial.contains(&0) {
        return invalid(format!("expected pixels, got shape {lengths:?}"));
    }
    let of_grid = grid.lengths();
    let places = grid.reshape([of_grid[0], Length::from(-1_isize), axes.into()]);
    // All combinations of the pixels about each place, with the number of the pixel in its image.
    let mut all: Vec<(Option<AnyTensor<'g>>, Option<AnyTensor<'g>>)> = vec![(None, None)];
    for (axis, &length) in spatial.iter().enumerate() {
        // Coordinates stand in the opposite order.
        let index = AxisRange::from(axes - 1 - axis);
        let unit = places.slice(vec![AxisRange::from(..), AxisRange::from(..), index]);
        let size = length as f64;
        let (place, ends) = if corners {
            ((unit + 1.0) * ((size - 1.0) / 2.0), (0.0, size - 1.0))
        } else {
            (((unit + 1.0) * size - 1.0) * 0.5, (-0.5, size - 0.5))
        };
        let taps = about(place, &Axis { length, ends }, between, beyond);
        let mut next = Vec::new();
        for (flat, weight) in all {
            for &(index, share) in &taps {
                let flat = flat.map_or(index, |flat: AnyTensor<'g>| flat * length as f64 + index);
                let weight = weight.map_or(share, |weight: AnyTensor<'g>| weight * share);
                next.push((Some(flat), Some(weight)));
            }
        }
        all = next;
    }
    let pixels: usize = spatial.iter().product();
    let images = x.reshape([lengths[0], lengths[1], pixels]).transpose_perm([0, 2, 1]);
    let mut sum: Option<AnyTensor<'g>> = None;
    for (flat, weight) in all {
        let (Some(flat), Some(weight)) = (flat, weight) else { continue };
        let part = images.gather_with(flat, 1, 1) * weight.cast(x.dtype()).expand_dims(-1);
        sum = Some(sum.map_or(part, |sum| sum + part));
    }
    let Some(sum) = sum else { return unsupported("images without axes") };
    let to = [&[of_grid[0], lengths[1].into()], &of_grid[1..=axes]].concat();
    one(sum.transpose_perm([0, 2, 1]).reshape(to))
}

/// The places of all pixels, turned and moved by a matrix for each image.
fn affine_grid<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (matrices, size) = (at.tensor(0)?, counts(&at.ints(1)?, "size")?);
    let corners = at.flag("align_corners", false)?;
    let Some((&[images, _], spatial)) = size.split_first_chunk::<2>() else {
        return invalid(format!("size: expected images, got {size:?}"));
    };
    let axes = spatial.len();
    let pixels =
        spatial.iter().try_fold(1_usize, |all, &length| all.checked_mul(length)).unwrap_or(usize::MAX);
    if !(2..=3).contains(&axes) || pixels > 1 << 24 {
        return unsupported(format!("images of size {size:?}"));
    }
    let unit = |index: usize, length: usize| {
        let (index, length) = (index as f64, length as f64);
        if !corners {
            (2.0 * index + 1.0) / length - 1.0
        } else if length == 1.0 {
            -1.0
        } else {
            2.0 * index / (length - 1.0) - 1.0
        }
    };
    // A row for each coordinate, in the opposite order, and one of ones.
    let mut places = Array2::<f64>::ones((axes + 1, pixels));
    for pixel in 0..pixels {
        let mut rest = pixel;
        for (row, &length) in spatial.iter().rev().enumerate() {
            places[[row, pixel]] = unit(rest % length, length);
            rest /= length;
        }
    }
    let places = Item::value(Value::from(places)).tensor(at.graph).cast(matrices.dtype());
    let moved = matrices.matmul(places).transpose_perm([0, 2, 1]);
    one(moved.reshape([&[images], spatial, &[axes]].concat()))
}

/// Whether lengths are those of a signal, whose last axis is 1 or 2 numbers.
pub(super) fn signal_axes(at: &At<'_, '_>) -> Result<usize, NodeFault> {
    let shape = at.shape(0)?;
    match shape.dims().last() {
        Some(Some(1 | 2)) if shape.rank() > 1 => Ok(shape.rank()),
        _ => invalid(format!("expected signals whose last axis is 1 or 2, got shape {shape}")),
    }
}
