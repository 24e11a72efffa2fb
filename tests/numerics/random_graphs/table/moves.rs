//! Elements at other places: cut out, put together, repeated, gathered and scattered.

use flowgrad::prelude::*;

use super::super::build::{At, X};
use super::Kind::{Discrete, Jumps, Smooth};
use super::{EXACT, ROUNDED, Row, row};

/// The largest rank that a row makes of a smaller one.
const MOST_AXES: usize = 4;

/// A range of an axis, by numbers: whole, an end cut off, backwards, every second, nothing, or one index.
fn range(at: &mut At<'_, '_>, length: usize) -> AxisRange {
    let (start, forms) = (at.number(3) as isize, if length == 0 { 6 } else { 8 });
    match at.number(forms) {
        0 => (..).into(),
        1 => (start..).into(),
        2 => (..-1).into(),
        3 => AxisRange::from(..).step(-1),
        4 => AxisRange::from(start..).step(2),
        5 => AxisRange::from(-1..).step(-2),
        6 => (at.number(length) as isize).into(),
        _ => (-1 - at.number(length) as isize).into(),
    }
}

/// Floats of the same lengths, but for one axis.
fn alike<'g>(at: &mut At<'_, 'g>, a: &X<'g>, but: Option<usize>) -> Option<X<'g>> {
    at.any(|dims| {
        let same = |i: usize| Some(i) == but || dims[i] == a.dims[i];
        dims.len() == a.rank() && (0..a.rank()).all(same)
    })
}

pub(crate) static ROWS: &[Row] = &[
    // -- parts -------------------------------------------------------------------------------------
    row("slice", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let given = 1 + at.number(x.rank());
        let ranges: Vec<AxisRange> = x.dims[..given].iter().map(|&length| range(at, length)).collect();
        Some(x.slice(ranges).into())
    }),
    row("reverse", Smooth, EXACT, |at| {
        let x = at.float()?;
        let (axes, _) = at.axes(x.rank());
        Some(x.reverse(axes).into())
    }),
    row("split", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let parts = (1..=1 + at.number(4)).rev().find(|parts| x.dims[axis] % parts == 0)?;
        let part = at.number(parts);
        Some((*x.split(parts, signed).get(part)?).into())
    }),
    row("split_sizes", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let first = at.number(x.dims[axis] + 1);
        let parts = x.split_sizes([first, x.dims[axis] - first, 0], signed);
        let part = at.number(2);
        Some((*parts.get(part)?).into())
    }),
    row("unstack", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let part = at.number(x.dims[axis].clamp(1, 4));
        if x.dims[axis] > 4 || x.dims[axis] == 0 {
            return None;
        }
        if x.shape().dims()[axis].is_some() {
            return Some((*x.unstack(signed).get(part)?).into());
        }
        // How many there are must be known while building.
        let mut ranges: Vec<AxisRange> = vec![(..).into(); axis];
        ranges.push((part as isize).into());
        Some(x.slice(ranges).into())
    }),
    // -- more --------------------------------------------------------------------------------------
    row("pad", Smooth, EXACT, |at| {
        let x = at.float()?;
        let reflects = at.number(2) == 0 && !x.dims.contains(&0);
        let most = |length: usize| if reflects { length.min(3) } else { 3 };
        let paddings: Vec<(usize, usize)> =
            x.dims.iter().map(|&length| (at.number(most(length)), at.number(most(length)))).collect();
        let with = if reflects { Pad::Reflect } else { Pad::Constant(at.quarter()) };
        Some(x.pad(paddings, with).into())
    }),
    row("tile", Smooth, EXACT, |at| {
        let x = at.float()?;
        let multiples: Vec<usize> = x.dims.iter().map(|_| [1, 2, 1, 3, 0][at.number(5)]).collect();
        Some(x.tile(multiples).into())
    }),
    row("roll", Smooth, EXACT, |at| {
        let x = at.float()?;
        let (axes, along) = at.axes(x.rank());
        // Half of the time one shift for all axes.
        let count = if at.number(2) == 0 { 1 } else { along.len() };
        let shifts: Vec<isize> = (0..count).map(|_| at.number(7) as isize - 3).collect();
        Some(x.roll(shifts, axes).into())
    }),
    row("meshgrid", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() < 2)?;
        let y = at.any::<f64>(|dims| dims.len() == 1)?;
        let indexing = [Indexing::Xy, Indexing::Ij][at.number(2)];
        Some((*at.graph().meshgrid(&[x.tensor, y.tensor], indexing).get(at.number(2))?).into())
    }),
    row("concat", Smooth, EXACT, |at| {
        let a = at.ranked(1)?;
        let (axis, signed) = at.axis(a.rank())?;
        let (b, c) = (alike(at, &a, Some(axis))?, alike(at, &a, Some(axis))?);
        let all = [a.tensor, b.tensor, c.tensor];
        Some(at.graph().concat(&all[..=at.number(3)], signed).into())
    }),
    row("the slope of a concatenation's square", Smooth, EXACT, |at| {
        let a = at.ranked(1)?;
        let (axis, signed) = at.axis(a.rank())?;
        let b = alike(at, &a, Some(axis))?;
        let [slope] = at.graph().concat(&[b.tensor, a.tensor], signed).square().gradients([a.tensor]);
        Some(slope.into())
    }),
    row("stack", Smooth, EXACT, |at| {
        let a = at.any::<f64>(|dims| dims.len() < MOST_AXES)?;
        let (_, signed) = at.axis(a.rank() + 1)?;
        let (b, c) = (alike(at, &a, None)?, alike(at, &a, None)?);
        let all = [a.tensor, b.tensor, c.tensor];
        Some(at.graph().stack(&all[..=at.number(3)], signed).into())
    }),
    // -- by indices --------------------------------------------------------------------------------
    row("gather", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| (1..MOST_AXES).contains(&dims.len()))?;
        let (axis, signed) = at.axis(x.rank())?;
        let shapes: [&[usize]; 4] = [&[3], &[], &[2, 2], &[0]];
        let shape = shapes[at.number(4)];
        let indices = at.indices(shape, x.dims[axis])?;
        Some(x.gather(indices, signed).into())
    }),
    row("gather by integers of the graph", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() == 1 && dims[0] > 0)?;
        let indices = at.any::<i64>(|_| true)?;
        Some(x.gather(indices.modulo(x.dims[0] as i64), 0).into())
    }),
    row("gather_nd", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let deep = 1 + at.number(x.rank());
        // All axes have the shortest one's indices.
        let shortest = *x.dims[..deep].iter().min()?;
        let indices = at.indices(&[3, deep], shortest)?;
        Some(x.gather_nd(indices).into())
    }),
    row("take_along_axis", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let mut dims = x.dims.clone();
        dims[axis] = 1 + at.number(3);
        let indices = at.indices(&dims, x.dims[axis])?;
        Some(x.take_along_axis(indices, signed).into())
    }),
    row("gather_with", Smooth, EXACT, |at| {
        let x = at.ranked(2)?;
        let batch_dims = 1 + at.number(x.rank() - 1);
        let axis = batch_dims + at.number(x.rank() - batch_dims);
        let mut dims = x.dims[..batch_dims].to_vec();
        dims.extend((0..at.number(2)).map(|_| 2));
        let indices = at.indices(&dims, x.dims[axis])?;
        Some(x.gather_with(indices, axis as isize, batch_dims).into())
    }),
    row("gather_nd_with", Smooth, EXACT, |at| {
        let x = at.ranked(2)?;
        let batch_dims = 1 + at.number(x.rank() - 1);
        let indices = at.indices(&[&x.dims[..batch_dims], &[2, 1]].concat(), x.dims[batch_dims])?;
        Some(x.gather_nd_with(indices, batch_dims).into())
    }),
    row("scatter_set", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let updates = alike(at, &x, Some(axis))?;
        let indices = at.indices(&[updates.dims[axis]], x.dims[axis])?;
        Some(x.scatter_set(indices, updates.tensor, signed).into())
    }),
    row("boolean_mask", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let mask = at.indices(&[x.dims[axis]], 2)?.equal(1);
        let size = x.dims[axis] + at.number(2);
        Some(x.boolean_mask(mask, signed, size).into())
    }),
    row("scatter_add", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (axis, signed) = at.axis(x.rank())?;
        let updates = alike(at, &x, Some(axis))?;
        let indices = at.indices(&[updates.dims[axis]], x.dims[axis])?;
        Some(x.scatter_add(indices, updates.tensor, signed).into())
    }),
    row("one_hot", Discrete, EXACT, |at| {
        let indices = at.any::<i64>(|dims| dims.len() < MOST_AXES)?;
        Some(indices.one_hot::<f64>(at.number(4)).into())
    }),
    // -- matrices ----------------------------------------------------------------------------------
    row("diag", Smooth, EXACT, |at| Some(at.any::<f64>(|dims| dims.len() == 1)?.diag().into())),
    row("diag_part", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() == 2)?;
        let square = if x.dims[0] == x.dims[1] { x.tensor } else { x.matmul(x.transpose()) };
        Some(square.diag_part().into())
    }),
    row("tril", Smooth, EXACT, |at| {
        let (x, k) = (at.ranked(2)?, at.number(5) as isize - 2);
        Some(x.tril(k).into())
    }),
    row("triu", Smooth, EXACT, |at| {
        let (x, k) = (at.ranked(2)?, at.number(5) as isize - 2);
        Some(x.triu(k).into())
    }),
    // -- of other types ----------------------------------------------------------------------------
    row("shape_of", Discrete, EXACT, |at| Some(at.float()?.shape_of().into())),
    row("range", Discrete, EXACT, |at| {
        let g = at.graph();
        let (limit, step) = (at.quarter(), at.number(3) + 1);
        Some(match at.number(2) {
            0 => g.range(-1.0, limit, 0.25 * step as f64).into(),
            _ => g.range(2, limit as i64, -(step as i64)).into(),
        })
    }),
    row("linspace", Discrete, ROUNDED, |at| {
        let (start, stop, count) = (at.quarter(), at.quarter(), at.number(5));
        Some(at.graph().linspace(start, stop, count).into())
    }),
    row("eye", Discrete, EXACT, |at| {
        let n = at.number(4);
        Some(at.graph().eye::<f64>(n).into())
    }),
    row("zeros_like", Discrete, EXACT, |at| Some(at.float()?.zeros_like().into())),
    row("ones_like", Discrete, EXACT, |at| Some(at.float()?.ones_like().into())),
    row("full_like", Smooth, EXACT, |at| {
        let (x, value) = (at.float()?, at.any::<f64>(<[usize]>::is_empty)?);
        Some(x.full_like(value.tensor).into())
    }),
    row("moves of booleans", Discrete, EXACT, |at| {
        let x = at.any::<bool>(|dims| !dims.is_empty())?;
        let (_, axis) = at.axis(x.rank())?;
        let both = at.graph().concat(&[x.reverse(axis), x.logical_not()], axis);
        Some(both.slice(1..).into())
    }),
    row("moves of integers", Discrete, EXACT, |at| {
        let x = at.any::<i64>(|dims| !dims.is_empty() && dims[0] > 0)?;
        let indices = at.indices(&[3], x.dims[0])?;
        let rows = x.gather(indices, 0);
        Some(rows.scatter_add(at.indices(&[3], 3)?, rows, 0).modulo(101).into())
    }),
    row("count by indices", Jumps, EXACT, |at| {
        let x = at.steady(|dims| dims.len() == 1)?;
        let indices = x.abs().cast::<i64>().modulo(3);
        let ones = indices.cast::<f64>() * 0.0 + 1.0;
        Some((at.graph().range(0.0, 3.0, 1.0) * 0.0).scatter_add(indices, ones, 0).into())
    }),
];
