//! Order, counts, scans, segments, transforms and sparse products.

use flowgrad::SparseMatrix;
use flowgrad::ndarray::{Array1, arr1};
use flowgrad::prelude::*;

use super::super::build::{At, X};

use super::Kind::{Jumps, Kinked, Smooth};
use super::{EXACT, ROUNDED, Row, row};

/// Which of the segments each row is in: two rows in each, in order.
fn segments<'g>(at: &At<'_, 'g>, x: &X<'g>) -> (Tensor<'g, i64>, usize) {
    let ids: Array1<i64> = (0..x.dims[0]).map(|row| row as i64 / 2).collect();
    (at.graph().constant(ids), x.dims[0] / 2 + 1)
}

pub(crate) static ROWS: &[Row] = &[
    row("sort", Kinked, EXACT, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.sort_with(axis, at.number(2) == 0).into())
    }),
    row("argsort", Jumps, EXACT, |at| {
        let x = at.steady(|dims| !dims.is_empty())?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.argsort_with(axis, at.number(2) == 0).into())
    }),
    row("searchsorted", Jumps, EXACT, |at| {
        let x = at.steady(|dims| !dims.is_empty())?;
        Some(x.sort(-1).searchsorted_with(x.tensor, at.number(2) == 0).into())
    }),
    row("unique_counts", Jumps, EXACT, |at| {
        let x = at.steady(|dims| !dims.is_empty())?;
        Some(x.unique_counts(x.size()).0.into())
    }),
    row("nonzero", Jumps, EXACT, |at| {
        let x = at.steady(|dims| !dims.is_empty())?;
        Some(x.nonzero(x.size()).into())
    }),
    row("bincount", Jumps, EXACT, |at| {
        let x = at.steady(|dims| dims.len() == 1)?;
        let (numbers, length) = (x.argsort(0), x.dims[0] + 1);
        Some(match at.number(2) {
            0 => numbers.bincount(length).into(),
            _ => numbers.bincount_with(x.tensor, length).into(),
        })
    }),
    row("bincount_with", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() == 1)?;
        let (ids, count) = segments(at, &x);
        Some(ids.bincount_with(x.tensor, count).into())
    }),
    row("histogram", Jumps, EXACT, |at| {
        let x = at.steady(|_| true)?;
        Some(x.histogram(4, -2.0, 2.0).into())
    }),
    row("histogram_with", Jumps, EXACT, |at| {
        let x = at.steady(|_| true)?;
        Some(x.histogram_with(x.tensor, 4, -2.0, 2.0).into())
    }),
    row("cumprod", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        // Many factors are kept near 1.
        let x = x.tanh() * 0.1 + 1.0;
        Some(x.cumprod_with(axis, at.number(2) == 0, at.number(2) == 0).into())
    }),
    row("cummax and cummin", Kinked, EXACT, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(if at.number(2) == 0 { x.cummax(axis).0 } else { x.cummin(axis).0 }.into())
    }),
    row("logcumsumexp", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.logcumsumexp_with(axis, false, at.number(2) == 0).into())
    }),
    row("diff", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| !dims.is_empty() && !dims.contains(&0))?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.diff(1, axis).into())
    }),
    row("quantile", Kinked, ROUNDED, |at| {
        let x = at.any::<f64>(|dims| !dims.is_empty() && !dims.contains(&0))?;
        let (_, axis) = at.axis(x.rank())?;
        Some(if at.number(2) == 0 { x.median(axis) } else { x.quantile(0.3, axis) }.into())
    }),
    row("sums of segments", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (ids, count) = segments(at, &x);
        Some(
            if at.number(2) == 0 { x.segment_sum(ids, count) } else { x.unsorted_segment_sum(ids, count) }
                .into(),
        )
    }),
    row("means of segments", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (ids, count) = segments(at, &x);
        Some(
            if at.number(2) == 0 { x.segment_mean(ids, count) } else { x.unsorted_segment_mean(ids, count) }
                .into(),
        )
    }),
    row("products of segments", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (ids, count) = segments(at, &x);
        Some(
            if at.number(2) == 0 { x.segment_prod(ids, count) } else { x.unsorted_segment_prod(ids, count) }
                .into(),
        )
    }),
    row("extremes of segments", Kinked, EXACT, |at| {
        let x = at.any::<f64>(|dims| !dims.is_empty() && dims[0] > 0)?;
        let (ids, _) = segments(at, &x);
        // None is empty: the extreme of nothing is too large for what comes behind.
        let count = x.dims[0].div_ceil(2);
        Some(
            match at.number(4) {
                0 => x.segment_max(ids, count),
                1 => x.segment_min(ids, count),
                2 => x.unsorted_segment_max(ids, count),
                _ => x.unsorted_segment_min(ids, count),
            }
            .into(),
        )
    }),
    row("sparse_matmul", Smooth, ROUNDED, |at| {
        let x = at.any::<f64>(|dims| matches!(dims, &[rows, _] if rows > 0))?;
        // The first and the last element of each column of two rows.
        let (g, n) = (at.graph(), x.dims[0]);
        let values = g.constant(arr1(&[0.5, -0.75, 1.25]));
        let (indices, offsets) = (g.constant(arr1(&[0, n as i64 - 1, 0])), g.constant(arr1(&[0_i64, 2, 3])));
        Some(SparseMatrix::csr(values, indices, offsets, [2, n]).matmul(x.tensor).into())
    }),
    #[cfg(feature = "fft")]
    row("transforms", Smooth, ROUNDED, |at| {
        let x = at.any::<f64>(|dims| dims.last().is_some_and(|&points| points > 1))?;
        let (real, imaginary) = x.rfft();
        Some(
            match at.number(6) {
                0 => real,
                1 => imaginary,
                2 => real.irfft(imaginary * 0.5),
                3 => x.fft(x.tanh()).1,
                4 => x.ifft(x.tanh()).0,
                _ => x.dct(2, true),
            }
            .into(),
        )
    }),
    #[cfg(feature = "fft")]
    row("convolve", Smooth, ROUNDED, |at| {
        let x = at.any::<f64>(|dims| !dims.is_empty() && !dims.contains(&0))?;
        let (_, axis) = at.axis(x.rank())?;
        let mode = [ConvolveMode::Full, ConvolveMode::Same, ConvolveMode::Valid][at.number(3)];
        let method = [ConvolveMethod::Direct, ConvolveMethod::Fft][at.number(2)];
        let kernel = x.graph().constant([0.5, -1.0, 0.25]);
        Some(x.convolve_with(kernel, mode, axis, method).into())
    }),
];
