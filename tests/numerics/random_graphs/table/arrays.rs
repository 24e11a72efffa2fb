//! Other shapes and places for the same elements, and what reduces them along axes.

use flowgrad::Length;

use super::Kind::{Discrete, Jumps, Kinked, Smooth};
use super::{EXACT, ROUNDED, Row, row};

/// A reduction of floats along some axes.
macro_rules! reduction {
    ($name:ident, $kind:expr, $exact:expr) => {
        row(stringify!($name), $kind, $exact, |at| {
            let x = at.float()?;
            let (axes, _) = at.axes(x.rank());
            Some(x.$name(axes).into())
        })
    };
}

pub(crate) static ROWS: &[Row] = &[
    // -- views -------------------------------------------------------------------------------------
    row("reshape_last", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| (1..=3).contains(&dims.len()))?;
        let axes = 1 + at.number(x.rank());
        let length: usize = x.dims[x.rank() - axes..].iter().product();
        let part = [2, 3, 1].into_iter().find(|&part| length.is_multiple_of(part))?;
        Some(x.reshape_last(axes, [part as isize, (length / part) as isize]).into())
    }),
    row("reshape", Smooth, EXACT, |at| {
        let x = at.float()?;
        let size = x.size();
        // A divisor of the size, or the length 0 if there is nothing.
        let wanted = 1 + at.number(4);
        let part = (1..=wanted).rev().find(|part| size % part == 0)?;
        let (part, rest) = (part as isize, (size / part) as isize);
        let forms: [&[isize]; 4] = [&[part, -1], &[rest, part, 1], &[-1], &[rest, part]];
        // Nothing remains to be worked out beside a length of 0.
        let forms = if size == 0 { [forms[1], forms[1], forms[3], forms[3]] } else { forms };
        Some(x.reshape(forms[at.number(4)].to_vec()).into())
    }),
    row("reshape by computed lengths", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let rest = x.lengths()[1..].iter().fold(Length::from(1), |size, &length| size * length);
        let first = (x.dim(0) * 2 + 1) / 2;
        Some(if at.number(2) == 0 { x.reshape((rest, first)) } else { x.reshape((1, first, rest)) }.into())
    }),
    row("broadcast_to computed lengths", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| (1..3).contains(&dims.len()))?;
        let longer = x.dim(0) + 1 + at.number(2);
        let lengths: Vec<Length> = std::iter::once(longer - x.dim(0)).chain(x.lengths()).collect();
        Some(x.broadcast_to(lengths).into())
    }),
    row("expand_dims", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() < 4)?;
        let (_, axis) = at.axis(x.rank() + 1)?;
        Some(x.expand_dims(axis).into())
    }),
    row("squeeze", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.contains(&1))?;
        let axes: Vec<isize> =
            (0..x.rank()).filter(|&axis| x.dims[axis] == 1).map(|axis| axis as isize).collect();
        let first = axes.first().copied()?;
        let is_known = !x.shape().dims().contains(&None);
        Some(match (at.number(2), is_known) {
            (0, true) => x.squeeze(..).into(),
            (0, false) => x.squeeze(axes).into(),
            _ => x.squeeze([first]).into(),
        })
    }),
    row("broadcast_to", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() < 3)?;
        let mut lengths: Vec<usize> = x.dims.clone();
        let longer = at.number(3) + 1;
        lengths.iter_mut().filter(|length| **length == 1).for_each(|length| *length = longer);
        lengths.insert(0, at.number(3) + 1);
        Some(x.broadcast_to(lengths).into())
    }),
    row("transpose", Smooth, EXACT, |at| Some(at.ranked(2)?.transpose().into())),
    row("transpose_perm", Smooth, EXACT, |at| {
        let x = at.ranked(2)?;
        let (rank, shift, swap) = (x.rank(), at.number(3), at.number(2) == 0);
        let mut permutation: Vec<isize> = (0..rank).map(|axis| ((axis + shift) % rank) as isize).collect();
        if swap {
            permutation.swap(0, 1);
        }
        Some(x.transpose_perm(permutation).into())
    }),
    // -- reductions --------------------------------------------------------------------------------
    reduction!(reduce_sum, Smooth, EXACT),
    reduction!(reduce_mean, Smooth, ROUNDED),
    reduction!(reduce_max, Kinked, EXACT),
    reduction!(reduce_min, Kinked, EXACT),
    reduction!(reduce_variance, Smooth, ROUNDED),
    reduction!(reduce_log_sum_exp, Smooth, ROUNDED),
    reduction!(norm, Kinked, ROUNDED),
    row("norm of what is not 0", Smooth, ROUNDED, |at| {
        let x = at.positive()?;
        let (axes, along) = at.axes(x.rank());
        // The norm of nothing is 0, where it has a kink.
        let is_empty = along.iter().any(|&axis| x.dims[axis] == 0);
        if is_empty { None } else { Some(x.norm(axes).into()) }
    }),
    row("reduce_prod", Smooth, EXACT, |at| {
        let x = at.float()?;
        let (axes, along) = at.axes(x.rank());
        let factors = along.iter().map(|&axis| x.dims[axis]).product::<usize>();
        // Many factors are kept near 1.
        let x = if factors > 9 { x.tanh() * 0.1 + 1.0 } else { x.tensor };
        Some(x.reduce_prod(axes).into())
    }),
    row("cumsum", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(match at.number(4) {
            0 => x.cumsum(axis).into(),
            1 => x.cumsum_with(axis, true, false).into(),
            2 => x.cumsum_with(axis, false, true).into(),
            _ => x.cumsum_with(axis, true, true).into(),
        })
    }),
    row("argmax and argmin", Jumps, EXACT, |at| {
        let x = at.steady(|dims| !dims.is_empty() && !dims.contains(&0))?;
        let (_, axis) = at.axis(x.rank())?;
        Some(if at.number(2) == 0 { x.argmax(axis) } else { x.argmin(axis) }.into())
    }),
    row("top_k", Kinked, EXACT, |at| {
        let x = at.ranked(1)?;
        let k = at.number(1 + x.dims.last().copied()?);
        Some(x.top_k(k).0.into())
    }),
    row("indices of top_k", Jumps, EXACT, |at| {
        let x = at.steady(|dims| !dims.is_empty())?;
        let k = at.number(1 + x.dims.last().copied()?);
        Some(x.top_k(k).1.into())
    }),
    row("top_k of what is apart", Smooth, EXACT, |at| {
        // Elements so far apart that no difference that is tried changes their order.
        let x = at.any::<f64>(|dims| dims.len() == 1 && dims[0] < 5)?;
        let k = at.number(1 + x.dims[0]);
        let apart = at.graph().range(0.0, x.dims[0] as f64, 1.0).reverse(0) * 4.0;
        Some((x.tanh() + apart).top_k(k).0.into())
    }),
    row("reduce_any and reduce_all", Discrete, EXACT, |at| {
        let x = at.any::<bool>(|_| true)?;
        let (axes, _) = at.axes(x.rank());
        Some(if at.number(2) == 0 { x.reduce_any(axes) } else { x.reduce_all(axes) }.into())
    }),
    row("reduction of integers", Discrete, EXACT, |at| {
        let x = at.any::<i64>(|_| true)?;
        let (axes, along) = at.axes(x.rank());
        let is_empty = along.iter().any(|&axis| x.dims[axis] == 0);
        let made = match at.number(if is_empty { 2 } else { 4 }) {
            0 => x.reduce_sum(axes),
            1 => x.clip(-2, 2).reduce_prod(axes).modulo(1000),
            2 => x.reduce_max(axes),
            _ => x.reduce_min(axes),
        };
        Some(made.into())
    }),
    row("comparison with the mean", Jumps, EXACT, |at| {
        // Of a sum, which is exact; a mean may be rounded.
        let x = at.steady(|_| true)?;
        let count = x.size().max(1) as f64;
        Some((*x * count).greater(x.reduce_sum(..)).into())
    }),
];
