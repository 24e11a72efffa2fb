//! Fourier transforms, by their definition: a product with a matrix of sines and cosines.

use std::f64::consts::PI;

use ndarray::Array2;

use crate::element::Value;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, count, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::AxisRange;

use super::pad::with_number;
use super::sample::signal_axes;

pub(super) const ROWS: &[Row] = &[
    op("DFT", 17, |at| {
        let axis = at.int("axis", 1)?;
        dft(at, axis)
    })
    .until(19),
    op("DFT", 20, |at| {
        let axis = if at.has(2) { at.one_int(2)? } else { -2 };
        dft(at, axis)
    }),
    op("MelWeightMatrix", 17, mel_weights),
    op("STFT", 17, stft),
];

/// The most elements of a matrix of sines: a transform of 4,096 points.
const MOST: usize = 1 << 24;

/// What a transform makes of signals whose real and imaginary parts are apart, each `[.., points]`.
fn transform<'g>(
    at: &At<'_, 'g>,
    [real, imaginary]: [Option<AnyTensor<'g>>; 2],
    points: usize,
    bins: usize,
    inverse: bool,
) -> Result<[AnyTensor<'g>; 2], NodeFault> {
    if points.saturating_mul(bins) > MOST || points == 0 {
        return unsupported(format!("a transform of {points} points to {bins}"));
    }
    let Some(like) = real.or(imaginary) else { return invalid("expected a signal, got none") };
    let matrix = |f: fn(f64) -> f64| {
        let entry =
            |(point, bin): (usize, usize)| f(2.0 * PI * ((point * bin) % points) as f64 / points as f64);
        Item::value(Value::from(Array2::from_shape_fn((points, bins), entry)))
            .tensor(at.graph)
            .cast(like.dtype())
    };
    // e^(∓iφ) = cos φ ∓ i·sin φ.
    let (cos, sin) = (matrix(f64::cos), matrix(f64::sin));
    let sin = if inverse { -sin } else { sin };
    let product = |x: Option<AnyTensor<'g>>, matrix: AnyTensor<'g>| x.map(|x| x.matmul(matrix));
    let sum = |a: Option<AnyTensor<'g>>, b: Option<AnyTensor<'g>>| match (a, b) {
        (Some(a), Some(b)) => a + b,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => like,
    };
    let real_part = sum(product(real, cos), product(imaginary, sin));
    let imaginary_part = sum(product(imaginary, cos), product(real, sin).map(|x| -x));
    let scale = if inverse { 1.0 / points as f64 } else { 1.0 };
    Ok([real_part, imaginary_part].map(|part| if inverse { part * scale } else { part }))
}

/// The real and the imaginary part, with an axis at the end.
fn parts(x: AnyTensor<'_>, axis: usize) -> [Option<AnyTensor<'_>>; 2] {
    let rank = x.shape().rank();
    let part = |index: usize| {
        let mut ranges = vec![AxisRange::from(..); rank - 1];
        ranges.push(AxisRange::from(index));
        swapped(x.slice(ranges), axis)
    };
    let is_complex = x.shape().dims().last() == Some(&Some(2));
    [Some(part(0)), is_complex.then(|| part(1))]
}

/// With an axis in the place of the last one.
pub(super) fn swapped(x: AnyTensor<'_>, axis: usize) -> AnyTensor<'_> {
    let mut axes: Vec<isize> = (0..x.shape().rank() as isize).collect();
    let last = axes.len().saturating_sub(1);
    if axis >= last {
        return x;
    }
    axes.swap(axis, last);
    x.transpose_perm(axes)
}

/// Cut, or with zeros at the end, to so many points.
fn fitted(x: AnyTensor<'_>, points: usize) -> Result<AnyTensor<'_>, NodeFault> {
    let Some(length) = x.shape().dims().last().copied().flatten() else {
        return unsupported("a transform of signals of fed lengths");
    };
    let mut each = vec![(0, 0); x.shape().rank()];
    if let Some(last) = each.last_mut() {
        *last = (0, points as i64 - length as i64);
    }
    with_number(x, &each, None)
}

fn dft<'g>(at: &At<'_, 'g>, axis: i64) -> Built<'g> {
    let rank = signal_axes(at)?;
    let x = at.tensor(0)?;
    let axis = At::axis_of(axis, rank)?;
    if axis == rank - 1 {
        return invalid("expected an axis of signals, got that of real and imaginary parts");
    }
    let (inverse, onesided) = (at.flag("inverse", false)?, at.flag("onesided", false)?);
    let [real, imaginary] = parts(x, axis);
    let length = x.shape()[axis];
    let points = if at.has(1) { Some(count(at.one_int(1)?, "dft_length")?) } else { None };
    if inverse && onesided {
        // Half of a spectrum, of which the rest mirrors it, to a real signal.
        let points = match (points, length) {
            (Some(points), _) => points,
            (None, Some(length)) => 2 * (length.max(1) - 1),
            (None, None) => return unsupported("a transform of signals of fed lengths"),
        };
        let half = points / 2 + 1;
        let cut = |x: AnyTensor<'g>| fitted(x, half);
        let (real, imaginary) = (real.map(cut).transpose()?, imaginary.map(cut).transpose()?);
        let mirrored = |x: AnyTensor<'g>, sign: f64| {
            let mut ranges = vec![AxisRange::from(..); x.shape().rank().saturating_sub(1)];
            ranges.push(AxisRange::of(1, (points - half + 1) as isize));
            at.graph.concat_any(&[x, x.slice(ranges).reverse(-1_isize) * sign], -1)
        };
        let whole = [real.map(|x| mirrored(x, 1.0)), imaginary.map(|x| mirrored(x, -1.0))];
        let [signal, _] = transform(at, whole, points, points, true)?;
        return one(swapped(signal, axis).expand_dims(-1));
    }
    let Some(points) = points.or(length) else { return unsupported("a transform of signals of fed lengths") };
    let cut = |x: AnyTensor<'g>| fitted(x, points);
    let whole = [real.map(cut).transpose()?, imaginary.map(cut).transpose()?];
    let bins = if onesided { points / 2 + 1 } else { points };
    let both = transform(at, whole, points, bins, inverse)?.map(|part| swapped(part, axis));
    one(at.graph.stack_any(&both, -1))
}

/// A transform of each part of a signal that a window shows.
fn stft<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let rank = signal_axes(at)?;
    let onesided = at.flag("onesided", true)?;
    let step = count(at.one_int(1)?, "frame_step")?;
    let window = at.optional(2);
    let told = if at.has(3) { Some(count(at.one_int(3)?, "frame_length")?) } else { None };
    let points = told.or_else(|| window.and_then(|window| window.shape().size()));
    let (Some(points), 3, true) = (points, rank, step > 0) else {
        return invalid(format!(
            "expected signals of three axes and frames, got shape {} and step {step}",
            at.shape(0)?
        ));
    };
    let Some(length) = at.shape(0)?[1].filter(|&length| length >= points) else {
        return invalid(format!("expected signals of at least {points} points, got shape {}", at.shape(0)?));
    };
    let frames = (length - points) / step + 1;
    if frames.saturating_mul(points) > MOST {
        return unsupported(format!("{frames} frames of {points} points"));
    }
    let places = (0..frames * points).map(|place| (place / points * step + place % points) as i64).collect();
    let places = Item::value(super::shape::list(places)).tensor(at.graph);
    let framed = |x: AnyTensor<'g>| {
        let frames = x.gather(places, -1).reshape_last(1, [frames, points]);
        window.map_or(frames, |window| frames * window)
    };
    let whole = parts(at.tensor(0)?, 1).map(|part| part.map(framed));
    let bins = if onesided { points / 2 + 1 } else { points };
    one(at.graph.stack_any(&transform(at, whole, points, bins, false)?, -1))
}

/// Triangles over the frequencies of a transform, evenly spaced in mel.
fn mel_weights<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (bands, points) = (count(at.one_int(0)?, "num_mel_bins")?, count(at.one_int(1)?, "dft_length")?);
    let (rate, low, high) = (at.one_number(2)?, at.one_number(3)?, at.one_number(4)?);
    let dtype = At::element(at.int("output_datatype", 1)?)?.dtype;
    let bins = points / 2 + 1;
    if bands.saturating_mul(bins) > MOST || bands > MOST {
        return unsupported(format!("{bands} bands of {bins} frequencies"));
    }
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let step = (mel(high) - mel(low)) / (bands + 2) as f64;
    let place = |band: usize| {
        let hertz = 700.0 * (10_f64.powf((mel(low) + band as f64 * step) / 2595.0) - 1.0);
        ((points + 1) as f64 * hertz / rate).floor()
    };
    let weight = |(bin, band): (usize, usize)| {
        let (bin, [left, center, right]) = (bin as f64, [place(band), place(band + 1), place(band + 2)]);
        let falls = bin >= center && bin < right;
        match () {
            () if falls => (right - bin) / (right - center),
            () if center == left && bin == center => 1.0,
            () if bin >= left && bin <= center && center > left => (bin - left) / (center - left),
            () => 0.0,
        }
    };
    let weights = Item::value(Value::from(Array2::from_shape_fn((bins, bands), weight)));
    one(weights.tensor(at.graph).cast(dtype))
}
