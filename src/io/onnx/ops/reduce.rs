//! Reductions, cumulative sums, and where extremes lie.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid};
use crate::io::onnx::node::{At, Built, one, signed};
use crate::io::onnx::table::{Row, op};
use crate::shape::Axes;

/// A reduction over axes.
type Reduce = for<'g> fn(AnyTensor<'g>, Axes) -> AnyTensor<'g>;

/// The rows of a reduction, whose axes are an attribute up to a version and an input behind it.
macro_rules! reductions {
    ($($name:literal until $last:literal $build:expr;)*) => {
        [$(
            op($name, 1, |at| reduced(at, attribute_axes(at)?, $build)).until($last),
            op($name, $last + 1, |at| reduced(at, input_axes(at)?, $build)),
        )*]
    };
}

const REDUCTIONS: &[Row] = &reductions! {
    "ReduceL1" until 17 |x, axes| x.abs().reduce_sum(axes);
    "ReduceL2" until 17 |x, axes| in_floats(x, |x| x.norm(axes.clone()));
    "ReduceLogSum" until 17 |x, axes| in_floats(x, |x| x.reduce_sum(axes.clone()).ln());
    "ReduceLogSumExp" until 17 |x, axes| in_floats(x, |x| x.reduce_log_sum_exp(axes.clone()));
    "ReduceMax" until 17 |x, axes| if x.dtype() == DType::Bool { x.reduce_any(axes) } else { x.reduce_max(axes) };
    "ReduceMean" until 17 mean;
    "ReduceMin" until 17 |x, axes| if x.dtype() == DType::Bool { x.reduce_all(axes) } else { x.reduce_min(axes) };
    "ReduceProd" until 17 |x, axes| x.reduce_prod(axes);
    "ReduceSum" until 12 |x, axes| x.reduce_sum(axes);
    "ReduceSumSquare" until 17 |x, axes| (x * x).reduce_sum(axes);
};

const OTHERS: &[Row] = &[
    op("ArgMax", 1, |at| arg(at, |x, axis| x.argmax(axis))),
    op("ArgMin", 1, |at| arg(at, |x, axis| x.argmin(axis))),
    op("CumProd", 26, |at| cumulative(at, AnyTensor::cumprod_with)),
    op("CumSum", 11, |at| cumulative(at, AnyTensor::cumsum_with)),
];

/// The rows of both.
pub(super) const ROWS: &[Row] = &{
    const COUNT: usize = REDUCTIONS.len() + OTHERS.len();
    let mut rows = [const { op("", 0, |_| Ok(Vec::new())) }; COUNT];
    let mut index = 0;
    while index < COUNT {
        let row =
            if index < REDUCTIONS.len() { &REDUCTIONS[index] } else { &OTHERS[index - REDUCTIONS.len()] };
        rows[index] = row.copied();
        index += 1;
    }
    rows
};

/// Of integers, in double precision and back.
fn in_floats<'g>(x: AnyTensor<'g>, f: impl Fn(AnyTensor<'g>) -> AnyTensor<'g>) -> AnyTensor<'g> {
    if x.dtype().is_float() { f(x) } else { f(x.cast(DType::F64)).cast(x.dtype()) }
}

/// Of integers, the quotient rounded towards 0.
fn mean(x: AnyTensor<'_>, axes: Axes) -> AnyTensor<'_> {
    if x.dtype().is_float() {
        return x.reduce_mean(axes);
    }
    x.reduce_sum(axes.clone()) / x.ones_like().reduce_sum(axes)
}

/// Axes that an attribute lists.
fn attribute_axes(at: &At<'_, '_>) -> Result<Option<Vec<i64>>, NodeFault> {
    Ok(at.opt_ints("axes")?.map(<[i64]>::to_vec))
}

/// Axes that an input lists.
fn input_axes(at: &At<'_, '_>) -> Result<Option<Vec<i64>>, NodeFault> {
    if at.has(1) { at.ints(1).map(Some) } else { Ok(None) }
}

fn reduced<'g>(at: &At<'_, 'g>, axes: Option<Vec<i64>>, reduce: Reduce) -> Built<'g> {
    let x = at.tensor(0)?;
    let keeps = at.flag("keepdims", true)?;
    let axes = match axes.filter(|axes| !axes.is_empty()) {
        Some(axes) => Axes::from(At::axes_of(&axes, x.shape().rank())?),
        None if at.flag("noop_with_empty_axes", false)? => Axes::of([]),
        None => Axes::all(),
    };
    at.flag("noop_with_empty_axes", false)?;
    one(reduce(x, if keeps { axes.keep_dims() } else { axes }))
}

fn arg<'g>(at: &At<'_, 'g>, find: impl Fn(AnyTensor<'g>, isize) -> AnyTensor<'g>) -> Built<'g> {
    let (x, axis) = (at.tensor(0)?, at.axis("axis", 0)? as isize);
    let keeps = at.flag("keepdims", true)?;
    let index = if at.flag("select_last_index", false)? {
        let last = x.dim(axis).tensor(at.graph).any() - 1.0;
        last - find(x.reverse(axis), axis)
    } else {
        find(x, axis)
    };
    one(if keeps { index.expand_dims(axis) } else { index })
}

fn cumulative<'g>(
    at: &At<'_, 'g>,
    f: impl Fn(AnyTensor<'g>, isize, bool, bool) -> AnyTensor<'g>,
) -> Built<'g> {
    let x = at.tensor(0)?;
    let axis = At::axis_of(at.one_int(1)?, x.shape().rank())?;
    let (exclusive, reverse) = (at.flag("exclusive", false)?, at.flag("reverse", false)?);
    one(f(x, axis as isize, exclusive, reverse))
}

/// A tensor without some axes of length 1, or an error.
pub(super) fn squeezed<'g>(x: AnyTensor<'g>, axes: &[i64]) -> Result<AnyTensor<'g>, NodeFault> {
    let rank = x.shape().rank();
    let axes = At::axes_of(axes, rank)?;
    if let Some(&axis) = axes.iter().find(|&&axis| x.shape()[axis].is_some_and(|length| length != 1)) {
        return invalid(format!(
            "expected an axis of length 1 to drop, got axis {axis} of shape {}",
            x.shape()
        ));
    }
    Ok(x.squeeze(signed(&axes)))
}
