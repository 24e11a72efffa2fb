//! Reductions along axes, and where the largest elements are.

use super::at::{known, one};
use super::{At, Outputs, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::graph::op::SumLike;
use crate::io::import::known::{Arithmetic, Entry, Known};
use crate::shape::Axes;

pub(super) const OPS: &[Row] = &[
    ("All", |at| reduced(at, None, AnyTensor::reduce_all)),
    ("Any", |at| reduced(at, None, AnyTensor::reduce_any)),
    ("ArgMax", |at| place(at, |x, axis| x.argmax(axis))),
    ("ArgMin", |at| place(at, |x, axis| x.argmin(axis))),
    ("EuclideanNorm", |at| reduced(at, None, |x, axes| x.square().reduce_sum(axes).sqrt())),
    ("L2Loss", |at| at.unary(|x| x.square().reduce_sum(Axes::all()) * 0.5)),
    ("Max", |at| reduced(at, Some(Arithmetic::Max), AnyTensor::reduce_max)),
    ("Mean", |at| reduced(at, None, AnyTensor::reduce_mean)),
    ("Min", |at| reduced(at, Some(Arithmetic::Min), AnyTensor::reduce_min)),
    ("Prod", |at| reduced(at, Some(Arithmetic::Mul), AnyTensor::reduce_prod)),
    ("Sum", sum),
    ("Cumsum", |at| {
        let (axis, exclusive, reverse) = (at.axis(1)?, at.flag("exclusive")?, at.flag("reverse")?);
        at.unary(|x| x.cumsum_with(axis, exclusive, reverse))
    }),
    ("Cumprod", |at| {
        let (axis, exclusive, reverse) = (at.axis(1)?, at.flag("exclusive")?, at.flag("reverse")?);
        at.unary(|x| x.cumprod_with(axis, exclusive, reverse))
    }),
    ("CumulativeLogsumexp", |at| {
        let (axis, exclusive, reverse) = (at.axis(1)?, at.flag("exclusive")?, at.flag("reverse")?);
        at.unary(|x| x.logcumsumexp_with(axis, exclusive, reverse))
    }),
    ("InTopK", |at| in_top(at, at.int("k", 0)?)),
    ("InTopKV2", |at| in_top(at, at.number(2, "the number of elements")?)),
    ("TopK", |at| {
        let k = at.int("k", 0)?;
        top_k(at, k)
    }),
    ("TopKV2", |at| {
        let k = at.number(1, "the number of elements")?;
        top_k(at, k)
    }),
];

/// A reduction along axes that must be known; of whole numbers that are known it is made at once.
fn reduced<'g>(
    at: &At<'_, 'g>,
    arithmetic: Option<Arithmetic>,
    reduce: impl FnOnce(AnyTensor<'g>, Axes) -> AnyTensor<'g>,
) -> Outputs<'g> {
    let keeps = at.flag("keep_dims")?;
    let axes = at.numbers(1, "axes")?;
    if let Some(Val::Known(number, dtype)) = at.inputs.first()
        && number.shape().is_empty()
        && axes.is_empty()
        && arithmetic.is_some()
    {
        return known(number.clone(), *dtype);
    }
    if let (Some(arithmetic), Some(Val::Known(numbers, dtype))) = (arithmetic, at.inputs.first())
        && numbers.shape().len() == 1
        && axes.len() == 1
        && !keeps
        && let Some(total) = numbers.total(arithmetic)
    {
        return known(total, *dtype);
    }
    at.unary(|x| reduce(x, axes_of(&axes, keeps)))
}

/// Axes as reductions take them.
fn axes_of(axes: &[i64], keeps: bool) -> Axes {
    let axes = Axes::of(axes.iter().map(|&axis| axis as isize));
    if keeps { axes.keep_dims() } else { axes }
}

/// A sum, whose axes may be those of the gradient of broadcasting.
fn sum<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    match at.value(1)? {
        Val::Repeated { lengths, rank } => {
            let x = at.tensor(0)?;
            let behind = x.shape().rank().checked_sub(*rank);
            behind.ok_or_else(|| format!("expected {rank} axes at least, got {}", x.shape()))?;
            let added = rank.saturating_sub(lengths.entries().len());
            let own = lengths.lengths().ok_or("expected lengths of a shape, got other numbers")?;
            // Only the shape counts.
            let mut like = x.scalar_like(0.0).broadcast_to(own);
            let inner = x.lengths().split_off(*rank);
            if !inner.is_empty() {
                let ones = std::iter::repeat_n(Entry::Number(1), added);
                let inner = inner.into_iter().map(Entry::of);
                let all = ones.chain(lengths.entries().iter().copied()).chain(inner).collect();
                let all =
                    Known::list(all).lengths().ok_or("expected lengths of a shape, got other numbers")?;
                like = x.scalar_like(0.0).broadcast_to(all);
            }
            one(x.binary(SumLike, like))
        }
        _ => reduced(at, Some(Arithmetic::Add), AnyTensor::reduce_sum),
    }
}

/// Where along an axis one element is, as integers of the type that the node gives.
fn place<'g>(at: &At<'_, 'g>, of: impl FnOnce(AnyTensor<'g>, isize) -> AnyTensor<'g>) -> Outputs<'g> {
    let axis = at.axis(1)?;
    let to = if at.node.attr("output_type").is_some() { at.dtype("output_type")? } else { DType::I64 };
    at.unary(|x| {
        let place = of(x, axis);
        if to == DType::I64 { place } else { place.cast(to) }
    })
}

/// The largest elements and where they are.
fn top_k<'g>(at: &At<'_, 'g>, k: i64) -> Outputs<'g> {
    let k = usize::try_from(k).map_err(|_| format!("expected a number of elements, got {k}"))?;
    let (values, places) = at.tensor(0)?.top_k(k);
    let to = if at.node.attr("index_type").is_some() { at.dtype("index_type")? } else { DType::I32 };
    Ok(vec![Val::Tensor(values), Val::Tensor(if to == DType::I64 { places } else { places.cast(to) })])
}

/// Whether fewer than so many elements of a row are more than that of its class.
fn in_top<'g>(at: &At<'_, 'g>, k: i64) -> Outputs<'g> {
    let (x, classes) = (at.tensor(0)?, at.tensor(1)?.expand_dims(-1));
    let length = x.lengths().last().copied().ok_or("expected rows, got a number")?;
    let places = at.graph().ones::<i64>(length).any().cumsum_with(0, true, false);
    let is_own = classes.cast(DType::I64).equal(places);
    let own = is_own.select(x, x.zeros_like()).reduce_sum(Axes::from(-1).keep_dims());
    let before = x.greater(own).cast(DType::I64).reduce_sum(-1);
    one(before.less(before.scalar_like(k as f64)).logical_and(is_own.reduce_any(-1)))
}
