//! Normalizations.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, count, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::{AxisRange, Length};
use crate::shape::Axes;

pub(super) const ROWS: &[Row] = &[
    op("BatchNormalization", 7, |at| batch_normalization(at, false)).until(13),
    op("BatchNormalization", 14, |at| {
        let trains = at.flag("training_mode", false)?;
        batch_normalization(at, trains)
    }),
    op("Dropout", 7, |at| {
        at.float("ratio", 0.5)?;
        dropout(at, None)
    })
    .until(11)
    .unfolded(),
    op("Dropout", 12, |at| {
        let trains = at.has(2) && at.one_int(2)? != 0;
        let ratio = match trains {
            true if at.has(1) => at.one_number(1)?,
            true => 0.5,
            false => 0.0,
        };
        dropout(at, trains.then_some(ratio))
    })
    .unfolded(),
    op("GroupNormalization", 18, |at| group_normalization(at, true)).until(20),
    op("GroupNormalization", 21, |at| group_normalization(at, false)),
    op("InstanceNormalization", 6, |at| {
        let x = at.tensor(0)?;
        let axes = Axes::from((2..x.shape().rank()).collect::<Vec<usize>>()).keep_dims();
        let y = standardized(x, &axes, at.float("epsilon", 1e-5)?).0;
        one(y * channelwise(at.tensor(1)?, x) + channelwise(at.tensor(2)?, x))
    }),
    op("LRN", 1, local_response),
    op("LayerNormalization", 17, layer_normalization),
    op("LpNormalization", 1, |at| {
        let (x, axis) = (at.tensor(0)?, at.axis("axis", -1)?);
        let axes = Axes::from(axis).keep_dims();
        let norm = match at.int("p", 2)? {
            1 => x.abs().reduce_sum(axes),
            2 => x.norm(axes),
            other => return invalid(format!("attribute `p`: expected 1 or 2, got {other}")),
        };
        // Of nothing but zeros they are zeros.
        one(x.divide_no_nan(norm))
    }),
    op("MeanVarianceNormalization", 9, |at| {
        let x = at.tensor(0)?;
        let axes = At::axes_of(at.opt_ints("axes")?.unwrap_or(&[0, 2, 3]), x.shape().rank())?;
        let axes = Axes::from(axes).keep_dims();
        let centered = x - x.reduce_mean(axes.clone());
        let deviation = centered.square().reduce_mean(axes).sqrt();
        one(centered / (deviation + 1e-9))
    }),
    op("RMSNormalization", 23, |at| {
        let x = at.tensor(0)?;
        let (wide, axes) = (stashed(at, x)?, last_axes(at)?);
        let mean = wide.square().reduce_mean(axes);
        let y = wide * (mean + at.float("epsilon", 1e-5)?).rsqrt();
        one(y.cast(x.dtype()) * at.tensor(1)?)
    }),
];

/// One number for each channel, beside images.
pub(super) fn channelwise<'g>(numbers: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    let ones = x.shape().rank().saturating_sub(2);
    (0..ones).fold(numbers, |numbers, _| numbers.expand_dims(-1))
}

/// With mean 0 and variance 1 along axes; also the mean and the inverse of the deviation.
fn standardized<'g>(
    x: AnyTensor<'g>,
    axes: &Axes,
    epsilon: f64,
) -> (AnyTensor<'g>, AnyTensor<'g>, AnyTensor<'g>) {
    let mean = x.reduce_mean(axes.clone());
    let centered = x - mean;
    let inverse = (centered.square().reduce_mean(axes.clone()) + epsilon).rsqrt();
    (centered * inverse, mean, inverse)
}

/// All axes from one on.
fn last_axes(at: &At<'_, '_>) -> Result<Axes, NodeFault> {
    let rank = at.rank(0)?;
    Ok(Axes::from((at.axis("axis", -1)?..rank).collect::<Vec<usize>>()).keep_dims())
}

/// In the type that statistics are computed in; ours are no narrower.
fn stashed<'g>(at: &At<'_, 'g>, x: AnyTensor<'g>) -> Result<AnyTensor<'g>, NodeFault> {
    let element = At::element(at.int("stash_type", 1)?)?;
    Ok(if x.dtype() == DType::F64 { x } else { x.cast(element.dtype) })
}

fn layer_normalization<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let (wide, axes) = (stashed(at, x)?, last_axes(at)?);
    let (y, mean, inverse) = standardized(wide, &axes, at.float("epsilon", 1e-5)?);
    let mut y = y.cast(x.dtype()) * at.tensor(1)?;
    if let Some(bias) = at.optional(2) {
        y = y + bias;
    }
    Ok(vec![Item::run(y), Item::run(mean), Item::run(inverse)])
}

fn batch_normalization<'g>(at: &At<'_, 'g>, trains: bool) -> Built<'g> {
    let x = at.tensor(0)?;
    let (epsilon, momentum) = (at.float("epsilon", 1e-5)?, at.float("momentum", 0.9)?);
    if at.version < 9 && at.int("spatial", 1)? != 1 {
        return crate::io::onnx::error::unsupported("attribute `spatial` of 0");
    }
    let (mean, variance) = (at.tensor(3)?, at.tensor(4)?);
    let (scale, bias) = (channelwise(at.tensor(1)?, x), channelwise(at.tensor(2)?, x));
    if !trains {
        let inverse = (channelwise(variance, x) + epsilon).rsqrt();
        return one((x - channelwise(mean, x)) * (inverse.cast(x.dtype()) * scale) + bias);
    }
    let axes: Vec<usize> = (0..x.shape().rank()).filter(|&axis| axis != 1).collect();
    let of_batch = x.reduce_mean(Axes::from(axes.clone()));
    let spread = (x - channelwise(of_batch, x)).square().reduce_mean(Axes::from(axes));
    let y = (x - channelwise(of_batch, x)) * (channelwise(spread, x) + epsilon).rsqrt() * scale + bias;
    let moved = |old: AnyTensor<'g>, new: AnyTensor<'g>| Item::run(old * momentum + new * (1.0 - momentum));
    Ok(vec![Item::run(y), moved(mean, of_batch), moved(variance, spread)])
}

fn group_normalization<'g>(at: &At<'_, 'g>, by_group: bool) -> Built<'g> {
    let x = at.tensor(0)?;
    at.int("stash_type", 1)?;
    let groups = count(at.required_int("num_groups")?, "num_groups")?;
    let lengths = x.lengths();
    if lengths.len() < 2 || groups == 0 {
        return invalid(format!("expected channels in groups, got {groups} groups of shape {}", x.shape()));
    }
    let each = lengths[1] / groups;
    let grouped = x.reshape([lengths[0], groups.into(), Length::from(-1_isize)]);
    let y = standardized(grouped, &Axes::from(-1_isize).keep_dims(), at.float("epsilon", 1e-5)?).0;
    let scaled = |numbers: AnyTensor<'g>| {
        if by_group {
            let repeated = numbers.expand_dims(1).broadcast_to([groups.into(), each]);
            repeated.reshape([-1])
        } else {
            numbers
        }
    };
    let (scale, bias) = (scaled(at.tensor(1)?), scaled(at.tensor(2)?));
    one(y.reshape(lengths) * channelwise(scale, x) + channelwise(bias, x))
}

/// x/(bias + alpha/size·Σx²)^beta, summed over channels nearby.
fn local_response<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let size = count(at.required_int("size")?, "size")?;
    let (alpha, beta, bias) = (at.float("alpha", 1e-4)?, at.float("beta", 0.75)?, at.float("bias", 1.0)?);
    let Some(channels) = x.shape().dims().get(1).copied().flatten() else {
        return invalid(format!("expected images of known channels, got shape {}", x.shape()));
    };
    if size == 0 || size > 1 << 12 {
        return invalid(format!("attribute `size`: expected a number from 1 to 2¹², got {size}"));
    }
    let mut each = vec![(0, 0); x.shape().rank()];
    each[1] = (((size - 1) / 2) as i64, (size / 2) as i64);
    let squares = super::pad::with_number(x.square(), &each, None)?;
    let part = |first: usize| {
        let range = AxisRange::of(first as isize, (first + channels) as isize);
        squares.slice(vec![AxisRange::from(..), range])
    };
    let sum = (0..size).map(part).reduce(|a, b| a + b);
    let Some(sum) = sum else { return one(x) };
    one(x / (sum * (alpha / size as f64) + bias).pow(beta))
}

/// Elements as they are, or with the dropped ones 0 and the others larger; and which ones are kept.
fn dropout<'g>(at: &At<'_, 'g>, ratio: Option<f64>) -> Built<'g> {
    let x = at.tensor(0)?;
    let seed = at.opt_int("seed")?;
    let all = || x.ones_like().cast(DType::Bool);
    let Some(ratio) = ratio.filter(|&ratio| ratio > 0.0) else {
        return Ok(vec![Item::run(x), Item::run(all())]);
    };
    if !(0.0..1.0).contains(&ratio) {
        return invalid(format!("ratio: expected a number from 0 to below 1, got {ratio}"));
    }
    let draw = || x.bernoulli_like(1.0 - ratio);
    let kept = match seed {
        Some(seed) => at.graph.seed_scope(seed.cast_unsigned(), draw),
        None => draw(),
    };
    let y = kept.select(x / x.scalar_like(1.0 - ratio), x.zeros_like());
    Ok(vec![Item::run(y), Item::run(kept)])
}
