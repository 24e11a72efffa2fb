//! Resizing, axis by axis: each element of the result is a weighted mean of a few, whose indices and weights are worked
//! out while importing.

use ndarray::Array1;

use crate::element::{DType, Value};
use crate::graph::AnyTensor;
use crate::io::import::known::Entry;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, counts, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::Length;

pub(super) const ROWS: &[Row] = &[
    op("Resize", 10, |at| {
        let way =
            Way { coordinates: "asymmetric".to_owned(), nearest: "floor".to_owned(), ..Way::of_mode(at)? };
        resize(at, &way, &at.numbers(1)?)
    })
    .until(10),
    op("Resize", 11, |at| resize_to(at, &Way::of(at)?)),
    op("Upsample", 7, |at| {
        let way =
            Way { coordinates: "asymmetric".to_owned(), nearest: "floor".to_owned(), ..Way::of_mode(at)? };
        let scales = at.opt_floats("scales")?.unwrap_or_default();
        resize(at, &way, &scales.iter().map(|&scale| scale.into()).collect::<Vec<f64>>())
    })
    .until(8),
    op("Upsample", 9, |at| {
        let way =
            Way { coordinates: "asymmetric".to_owned(), nearest: "floor".to_owned(), ..Way::of_mode(at)? };
        resize(at, &way, &at.numbers(1)?)
    }),
];

/// How elements between those that there are come about.
struct Way {
    mode: String,
    coordinates: String,
    nearest: String,
    cubic: f64,
    antialias: bool,
    exclude_outside: bool,
    outside: f64,
}

impl Way {
    fn of_mode(at: &At<'_, '_>) -> Result<Self, NodeFault> {
        Ok(Way {
            mode: at.text("mode", "nearest")?,
            coordinates: "half_pixel".to_owned(),
            nearest: "round_prefer_floor".to_owned(),
            cubic: -0.75,
            antialias: false,
            exclude_outside: false,
            outside: 0.0,
        })
    }

    fn of(at: &At<'_, '_>) -> Result<Self, NodeFault> {
        Ok(Way {
            coordinates: at.text("coordinate_transformation_mode", "half_pixel")?,
            nearest: at.text("nearest_mode", "round_prefer_floor")?,
            cubic: at.float("cubic_coeff_a", -0.75)?,
            antialias: at.flag("antialias", false)?,
            exclude_outside: at.flag("exclude_outside", false)?,
            outside: at.float("extrapolation_value", 0.0)?,
            ..Way::of_mode(at)?
        })
    }

    /// Where an element of the result lies among those that there are.
    fn place(&self, index: f64, from: usize, to: usize, scale: f64, (start, end): (f64, f64)) -> Option<f64> {
        let (length, scaled) = (from as f64, scale * from as f64);
        Some(match self.coordinates.as_str() {
            "pytorch_half_pixel" if scaled == 1.0 => -0.5,
            "half_pixel" | "pytorch_half_pixel" => (index + 0.5) / scale - 0.5,
            "half_pixel_symmetric" => length / 2.0 * (1.0 - to as f64 / scaled) + (index + 0.5) / scale - 0.5,
            "asymmetric" => index / scale,
            "align_corners" if scaled == 1.0 => 0.0,
            "align_corners" => index * (length - 1.0) / (scaled - 1.0),
            "tf_crop_and_resize" if scaled == 1.0 => (start + end) * (length - 1.0) / 2.0,
            "tf_crop_and_resize" => {
                start * (length - 1.0) + index * (end - start) * (length - 1.0) / (scaled - 1.0)
            }
            _ => return None,
        })
    }

    /// The indices about a place, which may lie outside, and their weights.
    fn weights(&self, place: f64, scale: f64) -> Option<Vec<(i64, f64)>> {
        let squeeze = if self.antialias { scale.min(1.0) } else { 1.0 };
        let reach = match self.mode.as_str() {
            "nearest" => {
                let index = match self.nearest.as_str() {
                    "round_prefer_floor" => (place - 0.5).ceil(),
                    "round_prefer_ceil" => (place + 0.5).floor(),
                    "floor" => place.floor(),
                    "ceil" => place.ceil(),
                    _ => return None,
                };
                return Some(vec![(index as i64, 1.0)]);
            }
            "linear" => 1.0,
            "cubic" => 2.0,
            _ => return None,
        };
        let a = self.cubic;
        let weight = |distance: f64| {
            let d = (distance * squeeze).abs();
            match reach {
                1.0 => (1.0 - d).max(0.0),
                _ if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
                _ if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
                _ => 0.0,
            }
        };
        let (first, last) = ((place - reach / squeeze).ceil(), (place + reach / squeeze).floor());
        if last - first > MOST_WEIGHTS {
            return None;
        }
        Some((first as i64..=last as i64).map(|index| (index, weight(index as f64 - place))).collect())
    }
}

/// Elements that one is made of along an axis.
const MOST_WEIGHTS: f64 = 4096.0;

/// The indices that each element of an axis is made of, their weights, and which elements lie outside.
struct Taps {
    indices: Vec<Vec<i64>>,
    weights: Vec<Vec<f64>>,
    outside: Vec<bool>,
}

fn taps(way: &Way, from: usize, to: usize, scale: f64, roi: (f64, f64)) -> Result<Taps, NodeFault> {
    let last = from as i64 - 1;
    let (mut all, mut total) = (Vec::new(), 0);
    let mut outside = Vec::new();
    for index in 0..to {
        let place = way.place(index as f64, from, to, scale, roi);
        let Some(mut weights) = place.and_then(|place| way.weights(place, scale)) else {
            return unsupported(format!(
                "mode `{}` with `{}` and `{}`",
                way.mode, way.coordinates, way.nearest
            ));
        };
        let is_outside = way.coordinates == "tf_crop_and_resize"
            && place.is_some_and(|place| place < 0.0 || place > last as f64);
        outside.push(is_outside);
        if way.exclude_outside {
            for it in weights.iter_mut().filter(|(index, _)| !(0..=last).contains(index)) {
                it.1 = 0.0;
            }
        }
        if way.exclude_outside || way.antialias {
            let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
            let divisor = if sum == 0.0 { 1.0 } else { sum };
            for it in &mut weights {
                it.1 /= divisor;
            }
        }
        for it in &mut weights {
            it.0 = it.0.clamp(0, last);
        }
        total += weights.len();
        if total > 1 << 22 {
            return unsupported(format!("resizing {from} elements to {to}, of more than 2²² weights"));
        }
        all.push(weights);
    }
    let most = all.iter().map(Vec::len).max().unwrap_or(0);
    let tap = |tap: usize| all.iter().map(move |weights| weights.get(tap).copied().unwrap_or((0, 0.0)));
    Ok(Taps {
        indices: (0..most).map(|it| tap(it).map(|(index, _)| index).collect()).collect(),
        weights: (0..most).map(|it| tap(it).map(|(_, weight)| weight).collect()).collect(),
        outside,
    })
}

/// One axis at another length.
fn along<'g>(x: AnyTensor<'g>, axis: usize, taps: &Taps, outside: f64) -> AnyTensor<'g> {
    let graph = x.graph();
    let behind = x.shape().rank().saturating_sub(axis + 1);
    let beside = |value: Value| {
        let tensor = Item::value(value).tensor(graph);
        (0..behind).fold(tensor, |tensor, _| tensor.expand_dims(-1))
    };
    let mut sum: Option<AnyTensor<'g>> = None;
    for (indices, weights) in taps.indices.iter().zip(&taps.weights) {
        let picked = x.gather(Item::value(super::shape::list(indices.clone())).tensor(graph), axis as isize);
        let part = if weights.iter().all(|&weight| weight == 1.0) {
            picked
        } else {
            picked * beside(Value::from(Array1::from(weights.clone()))).cast(x.dtype())
        };
        sum = Some(sum.map_or(part, |sum| sum + part));
    }
    let y = sum.unwrap_or(x);
    if taps.outside.contains(&true) {
        let mask = beside(Value::from(Array1::from(taps.outside.clone())));
        return mask.select(y.scalar_like(outside), y);
    }
    y
}

/// By one factor for each axis.
fn resize<'g>(at: &At<'_, 'g>, way: &Way, scales: &[f64]) -> Built<'g> {
    if at.shape(0)?.known().is_none() {
        let axes: Vec<usize> = (0..at.rank(0)?).collect();
        return by_factors(at, way, &axes, scales);
    }
    let lengths = at.known_shape(0)?;
    if scales.len() != lengths.len() {
        return invalid(format!("expected {} scales, got {}", lengths.len(), scales.len()));
    }
    let all: Vec<usize> = (0..lengths.len()).collect();
    let sizes = lengths.iter().zip(scales).map(|(&length, &scale)| (length as f64 * scale).floor());
    let sizes = counts(&sizes.map(|size| size as i64).collect::<Vec<_>>(), "sizes")?;
    resized(at, way, &all, &sizes, scales, None)
}

/// To sizes or by factors that are inputs.
fn resize_to<'g>(at: &At<'_, 'g>, way: &Way) -> Built<'g> {
    let rank = at.rank(0)?;
    let axes = match at.opt_ints("axes")? {
        Some(axes) => At::axes_of(axes, rank)?,
        None => (0..rank).collect(),
    };
    if at.shape(0)?.known().is_none() || at.has(3) && at.ints(3).is_err() {
        return if at.has(2) && !at.numbers(2)?.is_empty() {
            by_factors(at, way, &axes, &at.numbers(2)?)
        } else {
            let sizes = at.entries(3)?;
            let sizes: Option<Vec<Length<'g>>> = sizes.iter().map(|size| size.length()).collect();
            let Some(sizes) = sizes.filter(|sizes| sizes.len() == axes.len()) else {
                return invalid(format!("expected {} sizes of 0 or more", axes.len()));
            };
            let policy = at.text("keep_aspect_ratio_policy", "stretch")?;
            if policy != "stretch" {
                return unsupported(format!("`keep_aspect_ratio_policy` {policy} of lengths that are fed"));
            }
            at.opt_float("extrapolation_value")?;
            fed(at, way, &axes, &sizes)
        };
    }
    let lengths = at.known_shape(0)?;
    let roi = if at.has(1) { Some(at.numbers(1)?).filter(|roi| !roi.is_empty()) } else { None };
    let policy = at.text("keep_aspect_ratio_policy", "stretch")?;
    let own = |axis: &usize| lengths[*axis] as f64;
    let scales = if at.has(2) { at.numbers(2)? } else { Vec::new() };
    if !scales.is_empty() {
        if scales.len() != axes.len() {
            return invalid(format!("expected {} scales, got {}", axes.len(), scales.len()));
        }
        let sizes: Vec<i64> =
            axes.iter().zip(&scales).map(|(axis, scale)| (own(axis) * scale).floor() as i64).collect();
        return resized(at, way, &axes, &counts(&sizes, "sizes")?, &scales, roi.as_deref());
    }
    let sizes = counts(&at.ints(3)?, "sizes")?;
    if sizes.len() != axes.len() {
        return invalid(format!("expected {} sizes, got {}", axes.len(), sizes.len()));
    }
    let mut scales: Vec<f64> = axes.iter().zip(&sizes).map(|(axis, &size)| size as f64 / own(axis)).collect();
    let kept = match policy.as_str() {
        "stretch" => None,
        "not_larger" => scales.iter().copied().reduce(f64::min),
        "not_smaller" => scales.iter().copied().reduce(f64::max),
        other => {
            return invalid(format!(
                "attribute `keep_aspect_ratio_policy`: expected stretch, not_larger or not_smaller, got `{other}`"
            ));
        }
    };
    let mut sizes = sizes;
    if let Some(scale) = kept {
        scales.fill(scale);
        sizes = axes.iter().map(|axis| (scale * own(axis) + 0.5).floor().max(0.0) as usize).collect();
    }
    resized(at, way, &axes, &sizes, &scales, roi.as_deref())
}

/// By whole factors, or whole parts, of lengths that are fed.
fn by_factors<'g>(at: &At<'_, 'g>, way: &Way, axes: &[usize], scales: &[f64]) -> Built<'g> {
    let x = at.tensor(0)?;
    at.text("keep_aspect_ratio_policy", "stretch")?;
    if scales.len() != axes.len() {
        return invalid(format!("expected {} scales, got {}", axes.len(), scales.len()));
    }
    let size = |(&axis, &scale): (&usize, &f64)| {
        let (length, part) = (x.dim(axis as isize), 1.0 / scale);
        match () {
            () if scale >= 1.0 && scale.fract() == 0.0 && scale < 1e6 => Some(length * scale as usize),
            () if part >= 1.0 && part.fract() == 0.0 && part < 1e6 => Some(length / part as usize),
            () => None,
        }
    };
    match axes.iter().zip(scales).map(size).collect::<Option<Vec<_>>>() {
        Some(sizes) => fed(at, way, axes, &sizes),
        None => unsupported(format!("scales {scales:?} of lengths that are fed")),
    }
}

/// To lengths of which some are fed, as are the indices and weights then.
fn fed<'g>(at: &At<'_, 'g>, way: &Way, axes: &[usize], sizes: &[Length<'g>]) -> Built<'g> {
    if way.antialias || way.exclude_outside || way.mode == "cubic" {
        return unsupported(format!("mode `{}` of lengths that are fed", way.mode));
    }
    let x = at.tensor(0)?;
    let mut y = x;
    for (&axis, &size) in axes.iter().zip(sizes) {
        let length = y.dim(axis as isize);
        if size.known().is_some() && size.known() == length.known()
            || Entry::Length(size).is(Entry::Length(length))
        {
            continue;
        }
        let as_number = |length: Length<'g>| length.tensor(at.graph).any().cast(DType::F64);
        let (from, to) = (as_number(length), as_number(size));
        let index = at.graph.ones::<f64>([size]).any().cumsum_with(0, true, false);
        let place = match way.coordinates.as_str() {
            "half_pixel" | "half_pixel_symmetric" | "pytorch_half_pixel" => (index + 0.5) * (from / to) - 0.5,
            "asymmetric" => index * (from / to),
            "align_corners" => index.divide_no_nan(to - 1.0) * (from - 1.0),
            other => return unsupported(format!("`{other}` of lengths that are fed")),
        };
        let picked = |index: AnyTensor<'g>| {
            y.gather(index.maximum(0.0).minimum(from - 1.0).cast(DType::I64), axis as isize)
        };
        y = match (way.mode.as_str(), way.nearest.as_str()) {
            ("linear", _) => {
                let behind = y.shape().rank().saturating_sub(axis + 1);
                let floor = place.floor();
                let share =
                    (0..behind).fold((place - floor).cast(x.dtype()), |share, _| share.expand_dims(-1));
                picked(floor) * (share.scalar_like(1.0) - share) + picked(floor + 1.0) * share
            }
            ("nearest", "round_prefer_floor") => picked((place - 0.5).ceil()),
            ("nearest", "round_prefer_ceil") => picked((place + 0.5).floor()),
            ("nearest", "floor") => picked(place.floor()),
            ("nearest", "ceil") => picked(place.ceil()),
            (mode, nearest) => return unsupported(format!("mode `{mode}` with `{nearest}`")),
        };
    }
    one(y)
}

fn resized<'g>(
    at: &At<'_, 'g>,
    way: &Way,
    axes: &[usize],
    sizes: &[usize],
    scales: &[f64],
    roi: Option<&[f64]>,
) -> Built<'g> {
    let x = at.tensor(0)?;
    let lengths = at.known_shape(0)?;
    if scales.iter().any(|scale| !(scale.is_finite() && *scale > 0.0))
        || sizes.iter().any(|&size| size > 1 << 24)
    {
        return invalid(format!(
            "expected scales above 0 and lengths below 2²⁴, got {scales:?} and {sizes:?}"
        ));
    }
    let crops = way.coordinates == "tf_crop_and_resize";
    let roi_of = |place: usize| match roi {
        Some(roi) if roi.len() == 2 * axes.len() => Some((roi[place], roi[place + axes.len()])),
        _ if crops => None,
        _ => Some((0.0, 1.0)),
    };
    let mut y = if x.dtype().is_float() || way.mode == "nearest" { x } else { x.cast(DType::F64) };
    for (place, &axis) in axes.iter().enumerate() {
        let Some(roi) = roi_of(place) else {
            return invalid(format!("expected a `roi` of {} numbers, got another", 2 * axes.len()));
        };
        let is_same = sizes[place] == lengths[axis] && scales[place] == 1.0;
        if is_same && (!crops || roi == (0.0, 1.0)) {
            continue;
        }
        if lengths[axis] == 0 {
            return invalid(format!("expected elements to resize, got shape {}", x.shape()));
        }
        y = along(y, axis, &taps(way, lengths[axis], sizes[place], scales[place], roi)?, way.outside);
    }
    one(y.cast(x.dtype()))
}
