//! Pooling: one number for all that a window shows.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, counts, one, signed};
use crate::io::onnx::table::{Row, op};
use crate::ops::{Padding, Window};
use crate::shape::Axes;

use super::conv::{Moves, channels_last, last_two};
use super::pad::with_number;

pub(super) const ROWS: &[Row] = &[
    op("AveragePool", 1, average_pool),
    op("GlobalAveragePool", 1, |at| global(at, AnyTensor::reduce_mean)),
    op("GlobalLpPool", 2, |at| {
        let p = at.int("p", 2)? as f64;
        global(at, |x, axes| x.abs().pow(p).reduce_sum(axes).pow(1.0 / p))
    }),
    op("GlobalMaxPool", 1, |at| global(at, AnyTensor::reduce_max)),
    op("LpPool", 2, lp_pool),
    op("MaxPool", 1, max_pool),
    op("MaxUnpool", 9, max_unpool),
];

/// Over all but the first two axes.
fn global<'g>(at: &At<'_, 'g>, reduce: impl Fn(AnyTensor<'g>, Axes) -> AnyTensor<'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let axes: Vec<usize> = (2..x.shape().rank()).collect();
    one(reduce(x, Axes::from(axes).keep_dims()))
}

/// The window of a node, and how much of its padding at the end is there only for lengths to be rounded up.
fn window(at: &At<'_, '_>) -> Result<(Moves, Vec<usize>), NodeFault> {
    let x = at.shape(0)?;
    let Some(size) = at.opt_ints("kernel_shape")? else {
        return invalid("expected an attribute `kernel_shape`, got none");
    };
    let size = counts(size, "kernel_shape")?;
    let axes = size.len();
    if !(1..=3).contains(&axes) || x.rank() != axes + 2 || size.contains(&0) {
        return unsupported(format!("windows of {size:?} over shape {x}"));
    }
    let moves = Moves::of(at, size)?;
    let mut extra = vec![0; axes];
    if at.flag("ceil_mode", false)? {
        for axis in 0..axes {
            let Some(pads) = &moves.pads else { return unsupported("`ceil_mode` of lengths that are fed") };
            let Some(length) = x.dims()[axis + 2] else {
                return unsupported("`ceil_mode` of lengths that are fed");
            };
            let (before, behind) = pads[axis];
            let (stride, extent) = (moves.strides[axis], moves.extent(axis));
            let padded = length.saturating_add(before).saturating_add(behind);
            let mut places = padded.saturating_sub(extent).div_ceil(stride) + 1;
            // No window starts in the padding at the end.
            if (places - 1) * stride >= length + before {
                places -= 1;
            }
            extra[axis] = ((places.max(1) - 1) * stride + extent).saturating_sub(padded);
        }
    }
    Ok((moves, extra))
}

/// What pools images with channels behind the rows and columns.
type Pool<'p, 'g> = dyn Fn(AnyTensor<'g>, Window) -> AnyTensor<'g> + 'p;

/// Pools along one, two or three axes; along three, first along the last two of them.
fn pooled<'g>(x: AnyTensor<'g>, moves: &Moves, extra: &[usize], pool: &Pool<'_, 'g>) -> AnyTensor<'g> {
    let (there, back) = channels_last(moves.size.len() + 2);
    let padding = |axes: &[usize]| match &moves.pads {
        None => Padding::Same,
        Some(pads) => {
            let around = |axis: &usize| (pads[*axis].0, pads[*axis].1 + extra[*axis]);
            match axes.iter().map(around).collect::<Vec<_>>()[..] {
                [rows, columns] => Padding::Explicit([rows, columns]),
                [one] if moves.size.len() == 1 => Padding::Explicit([(0, 0), one]),
                [one] => Padding::Explicit([one, (0, 0)]),
                _ => Padding::Valid,
            }
        }
    };
    let images = x.transpose_perm(there);
    let lengths = images.lengths();
    let last: Vec<usize> = (moves.size.len().saturating_sub(2)..moves.size.len()).collect();
    let of_last = Window::of(last_two(&moves.size))
        .strides(last_two(&moves.strides))
        .dilations(last_two(&moves.dilations))
        .padding(padding(&last));
    let y = match moves.size.len() {
        1 => pool(images.expand_dims(1), of_last).squeeze(1_isize),
        2 => pool(images, of_last),
        _ => {
            let planes = images.reshape([lengths[0] * lengths[1], lengths[2], lengths[3], lengths[4]]);
            let planes = pool(planes, of_last);
            let of = [0, 1, 2, 3].map(|axis| planes.dim(axis));
            let rows = planes.reshape([lengths[0], lengths[1], of[1] * of[2], of[3]]);
            let first = Window::of([moves.size[0], 1])
                .strides([moves.strides[0], 1])
                .dilations([moves.dilations[0], 1])
                .padding(padding(&[0]));
            let y = pool(rows, first);
            let depth = y.dim(1);
            y.reshape([lengths[0], depth, of[1], of[2], of[3]])
        }
    };
    y.transpose_perm(back)
}

/// Images with their padding made part of them.
fn padded<'g>(x: AnyTensor<'g>, moves: &Moves, number: f64) -> Result<(AnyTensor<'g>, Moves), NodeFault> {
    let Some(pads) = &moves.pads else { return unsupported("`auto_pad` of lengths that are fed") };
    let around = pads.iter().map(|&(before, behind)| (before as i64, behind as i64));
    let each: Vec<(i64, i64)> = [(0, 0), (0, 0)].into_iter().chain(around).collect();
    let number = if number == 0.0 { None } else { Some(x.scalar_like(number)) };
    let moves = Moves { pads: Some(vec![(0, 0); pads.len()]), ..moves.clone() };
    Ok((with_number(x, &each, number)?, moves))
}

fn average_pool<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (moves, extra) = window(at)?;
    let x = at.tensor(0)?;
    let average = |x: AnyTensor<'g>, window: Window| x.avg_pool2d(window);
    if !at.flag("count_include_pad", false)? {
        return one(pooled(x, &moves, &extra, &average));
    }
    let (x, moves) = padded(x, &moves, 0.0)?;
    one(pooled(x, &moves, &extra, &average))
}

/// (Σ|x|ᵖ)^(1/p).
fn lp_pool<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (moves, extra) = window(at)?;
    let p = at.int("p", 2)? as f64;
    let powers = at.tensor(0)?.abs().pow(p);
    let (powers, mut moves) = padded(powers, &moves, 0.0)?;
    let behind: Vec<(usize, usize)> = extra.iter().map(|&extra| (0, extra)).collect();
    moves.pads = Some(behind);
    let (powers, moves) = padded(powers, &moves, 0.0)?;
    let size: usize = moves.size.iter().product();
    let none = vec![0; moves.size.len()];
    let mean = pooled(powers, &moves, &none, &|x, window| x.avg_pool2d(window));
    one((mean * size as f64).pow(1.0 / p))
}

fn max_pool<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (moves, extra) = window(at)?;
    let by_column = at.int("storage_order", 0)? != 0;
    let x = at.tensor(0)?;
    let y = pooled(x, &moves, &extra, &|x, window| x.max_pool2d(window));
    if !at.wants(1) {
        return one(y);
    }
    Ok(vec![Item::run(y), Item::run(places(at, x, &moves, &extra, by_column)?)])
}

/// Where the largest pixel of each place lies in all of the images.
fn places<'g>(
    at: &At<'_, 'g>,
    x: AnyTensor<'g>,
    moves: &Moves,
    extra: &[usize],
    by_column: bool,
) -> Result<AnyTensor<'g>, NodeFault> {
    let lengths = at.known_shape(0)?;
    let [_, _, ref spatial @ ..] = lengths[..] else { return unsupported("indices of such images") };
    if spatial.len() > 2 {
        return unsupported("indices along three axes");
    }
    if lengths.iter().product::<usize>() > 1 << 26 {
        return unsupported(format!("indices of more than 2²⁶ pixels, of shape {lengths:?}"));
    }
    let lowest = if x.dtype().is_float() { f64::NEG_INFINITY } else { 0.0 };
    let mut with_extra = moves.clone();
    if let Some(pads) = &mut with_extra.pads {
        pads.iter_mut().zip(extra).for_each(|(pad, extra)| pad.1 += extra);
    }
    // The number of each pixel in its image.
    let pixels: usize = spatial.iter().product();
    let numbers = (0..pixels as i64).map(|place| match (by_column, spatial) {
        (true, [rows, columns]) => {
            let (row, column) = (place / *columns as i64, place % *columns as i64);
            column * *rows as i64 + row
        }
        _ => place,
    });
    let numbers = Item::value(super::shape::list(numbers.collect())).tensor(at.graph);
    let like_images = [&[1, 1], spatial].concat();
    let numbers = numbers.reshape(like_images);
    let (x, moves) = padded(x, &with_extra, lowest)?;
    let (numbers, _) = padded(numbers, &with_extra, 0.0)?;
    let (there, back) = channels_last(spatial.len() + 2);
    let window = Window::of(last_two(&moves.size))
        .strides(last_two(&moves.strides))
        .dilations(last_two(&moves.dilations));
    let patches = |x: AnyTensor<'g>| {
        let images = x.transpose_perm(there.clone());
        let images = if spatial.len() == 1 { images.expand_dims(1) } else { images };
        let patches = images.extract_patches(window);
        let of = [0, 1, 2, 3, 4, 5].map(|axis| patches.dim(axis));
        patches.reshape([of[0], of[1], of[2], of[3] * of[4], of[5]])
    };
    let largest = patches(x).argmax(3).expand_dims(3);
    let of = [0, 1, 2, 3, 4].map(|axis| largest.dim(axis));
    let (channels, images) = (of[4], of[0]);
    let window_size: usize = moves.size.iter().product();
    let numbers = patches(numbers).broadcast_to([images, of[1], of[2], window_size.into(), channels]);
    let place = numbers.take_along_axis(largest, 3).squeeze(3_isize);
    let place = if spatial.len() == 1 { place.squeeze(1_isize) } else { place };
    let place = place.transpose_perm(back);
    // Images lie one behind the other.
    let planes: Vec<i64> = (0..(lengths[0] * lengths[1]) as i64).map(|plane| plane * pixels as i64).collect();
    let planes = Item::value(super::shape::list(planes)).tensor(at.graph);
    let ones = vec![1_usize; spatial.len()];
    Ok(place + planes.reshape([&lengths[..2], &ones].concat()))
}

/// The pixels at their places in larger images of zeros.
fn max_unpool<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let lengths = at.known_shape(0)?;
    let axes = lengths.len().saturating_sub(2);
    let size = counts(at.opt_ints("kernel_shape")?.unwrap_or_default(), "kernel_shape")?;
    let strides = at.opt_ints("strides")?.map_or_else(|| Ok(vec![1; axes]), |it| counts(it, "strides"))?;
    let pads = at.opt_ints("pads")?.map_or_else(|| Ok(vec![0; 2 * axes]), |it| counts(it, "pads"))?;
    if lengths.len() < 3 || size.len() != axes || strides.len() != axes || pads.len() != 2 * axes {
        return invalid(format!(
            "expected attributes of {axes} axes, got {size:?}, {strides:?} and {pads:?}"
        ));
    }
    let natural = |axis: usize| {
        let whole = (lengths[axis + 2].max(1) - 1) * strides[axis] + size[axis];
        whole.saturating_sub(pads[axis] + pads[axis + axes])
    };
    let own: Vec<usize> = lengths[..2].iter().copied().chain((0..axes).map(natural)).collect();
    let wanted = if at.has(2) { counts(&at.ints(2)?, "output_shape")? } else { own.clone() };
    if wanted.len() != own.len() {
        return invalid(format!("expected {} lengths, got {}", own.len(), wanted.len()));
    }
    let total: usize = own.iter().product();
    let zeros = at.scalar(0.0, at.dtype(0)?).broadcast_to([total]);
    let places = at.tensor(1)?.cast(DType::I64).reshape([-1]);
    // Places are those of the image as it was.
    let put = zeros.scatter_set(places, at.tensor(0)?.reshape([-1]), 0).reshape(signed(&own));
    let each: Vec<(i64, i64)> =
        own.iter().zip(&wanted).map(|(&own, &wanted)| (0, wanted as i64 - own as i64)).collect();
    one(with_number(put, &each, None)?)
}
