//! Steps that are written as rewrites look for them, which others rarely are by chance.

use super::super::build::At;
use super::Kind::Smooth;
use super::{EXACT, ROUNDED, Row, row};

pub(crate) static ROWS: &[Row] = &[
    row("neutral numbers", Smooth, EXACT, |at| {
        let x = at.float()?.tensor;
        let forms = [
            x + 0.0,
            x + -0.0,
            0.0 + x,
            -0.0 + x,
            x - 0.0,
            x - -0.0,
            x * 1.0,
            1.0 * x,
            x / 1.0,
            x.pow(1.0),
            x.pow(2.0),
            x * 0.0 + x,
        ];
        Some(forms[at.number(forms.len())].into())
    }),
    row("signs", Smooth, EXACT, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        let (a, b) = (a.tensor, b.tensor);
        let forms = [
            -a + b,
            -a - b,
            a - -b,
            a + -b,
            -a * b,
            a * -b,
            -a * -b,
            -(-a),
            (-a).square(),
            -(a - b),
            -(a * 0.5),
        ];
        Some(forms[at.number(forms.len())].into())
    }),
    row("signs of quotients", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let b = at.beside(&a)?;
        let (a, b) = (a.tensor, At::above(&b).tensor);
        let forms = [-a / b, a / -b, -a / -b, -(a / b), -3.0 / -b];
        Some(forms[at.number(forms.len())].into())
    }),
    row("chains of factors", Smooth, ROUNDED, |at| {
        let x = at.float()?.tensor;
        let (a, b) = (at.quarter(), [0.3, -1.5, 4.0, 0.001][at.number(4)]);
        let forms = [a * (b * x), (x * a) * b, a * -(x * b), (x * a) / b, (x / b) / b, a * (x / b), -(a * x)];
        Some(forms[at.number(forms.len())].into())
    }),
    row("factors inside sums", Smooth, ROUNDED, |at| {
        let x = at.float()?;
        let (axes, _) = at.axes(x.rank());
        let (x, a) = (x.tensor, at.quarter());
        let forms = [
            (x * a).reduce_sum(axes.clone()) * 0.3,
            (-x).reduce_sum(axes.clone()),
            (0.7 * x.sin()).reduce_mean(axes.clone()),
            (x * a + x * 0.3).reduce_sum(axes.clone()),
            (x / 3.0).reduce_sum(axes),
        ];
        Some(forms[at.number(forms.len())].into())
    }),
    row("factors inside products", Smooth, ROUNDED, |at| {
        let x = at.ranked(2)?.tensor;
        let y = x.transpose_perm(last_two(x.shape().rank()));
        let a = at.quarter();
        let forms = [
            (x * a).matmul(y * 0.3),
            (x * 0.3).matmul(-y) * a,
            (-x).matmul(y) * 0.5,
            x.matmul(y * a) / 3.0,
            (x * a).matmul_transposed(x, false, true) - y.matmul_transposed(-y, true, false),
        ];
        Some(forms[at.number(forms.len())].into())
    }),
    row("logarithms", Smooth, ROUNDED, |at| {
        let x = at.float()?.tensor;
        let forms =
            [x.sigmoid().ln(), (x.square() + 1.0).ln(), (1.0 + x.tanh() * 0.5).ln(), -(1.0 + x.exp()).ln()];
        Some(forms[at.number(forms.len())].into())
    }),
    row("logarithms of softmax", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.softmax(axis).ln().into())
    }),
    row("differences", Smooth, ROUNDED, |at| {
        let x = at.float()?.tensor;
        let forms = [x.exp() - 1.0, 1.0 - x.sigmoid(), 1.0 - x.tanh(), 1.0 - x.exp(), -1.0 + x.exp()];
        Some(forms[at.number(forms.len())].into())
    }),
    row("repetitions", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| dims.len() < 3)?;
        let mut lengths = x.dims.clone();
        lengths.insert(0, 2);
        let repeated = x.broadcast_to(lengths);
        let forms = [
            repeated.reduce_sum(0),
            repeated.reduce_max(0),
            repeated.reduce_prod(0),
            (repeated + repeated).transpose(),
            repeated.reshape([-1]),
        ];
        // No length can be worked out if there is nothing.
        let many = if x.dims.contains(&0) { forms.len() - 1 } else { forms.len() };
        Some(forms[at.number(many)].into())
    }),
    row("views of views", Smooth, EXACT, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        let x = x.tensor;
        let forms = [
            x.transpose().transpose(),
            x.expand_dims(0).squeeze([0]),
            x.reverse(axis).reverse(axis),
            x.transpose().expand_dims(-1).transpose(),
            x.reverse(axis).transpose().reverse(..),
        ];
        Some(forms[at.number(forms.len())].into())
    }),
];

/// The permutation that swaps the last two axes.
fn last_two(rank: usize) -> Vec<isize> {
    let mut permutation: Vec<isize> = (0..rank as isize).collect();
    permutation.swap(rank - 2, rank - 1);
    permutation
}
