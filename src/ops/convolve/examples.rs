//! What the laws try on convolutions: sums, written out.

use ndarray::{ArrayD, Axis, IxDyn};

use super::{ConvolveMethod, ConvolveMode};
use crate::ops::laws::{Example, example};

/// The convolution of two rows.
fn of_rows(x: &[f64], kernel: &[f64], mode: ConvolveMode) -> Vec<f64> {
    let (n, m) = (x.len(), kernel.len());
    let mut full = vec![0.0; n + m - 1];
    for (i, x) in x.iter().enumerate() {
        for (j, tap) in kernel.iter().enumerate() {
            full[i + j] += x * tap;
        }
    }
    match mode {
        ConvolveMode::Full => full,
        ConvolveMode::Same => full[(m - 1) / 2..][..n].to_vec(),
        ConvolveMode::Valid => full[n.min(m) - 1..n.max(m)].to_vec(),
    }
}

/// Along the last axis, of operands of two axes or one each, of which those of length 1 broadcast.
fn convolved(x: &[ArrayD<f64>], mode: ConvolveMode) -> ArrayD<f64> {
    let rows = |x: &ArrayD<f64>| -> Vec<Vec<f64>> { x.rows().into_iter().map(|row| row.to_vec()).collect() };
    let (first, second) = (rows(&x[0]), rows(&x[1]));
    let count = if first.len() == 1 { second.len() } else { first.len() };
    let row = |rows: &[Vec<f64>], index: usize| rows[if rows.len() == 1 { 0 } else { index }].clone();
    let results: Vec<Vec<f64>> =
        (0..count).map(|index| of_rows(&row(&first, index), &row(&second, index), mode)).collect();
    let length =
        of_rows(&vec![0.0; x[0].shape()[x[0].ndim() - 1]], &vec![0.0; x[1].shape()[x[1].ndim() - 1]], mode);
    let is_one = x[0].ndim() == 1 && x[1].ndim() == 1;
    let dims = if is_one { vec![length.len()] } else { vec![count, length.len()] };
    ArrayD::from_shape_vec(IxDyn(&dims), results.concat()).unwrap()
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    use ConvolveMethod::{Auto, Direct, Fft};
    use ConvolveMode::{Full, Same, Valid};
    let mut examples: Vec<Example> = Vec::new();
    for dims in [
        [&[5][..], &[3]],
        [&[2], &[5]],
        [&[1], &[1]],
        [&[2, 6], &[3]],
        [&[2, 4], &[2, 4]],
        [&[3, 2], &[1, 7]],
        [&[0, 3], &[2]],
    ] {
        let dims = &dims[..];
        examples.extend([
            example!("convolve", dims, |_, x| x[0].convolve(x[1], Full), |x| convolved(x, Full)),
            example!(
                "same convolve by transforms",
                dims,
                |_, x| x[0].convolve_with(x[1], Same, -1, Fft),
                |x| convolved(x, Same)
            ),
            example!(
                "valid convolve of a square",
                dims,
                |_, x| x[0].square().convolve_with(x[1], Valid, -1, Direct),
                |x| convolved(&[x[0].mapv(|x| x * x), x[1].clone()], Valid)
            ),
            example!("same convolve", dims, |_, x| x[0].convolve_with(x[1], Same, -1, Auto), |x| convolved(
                x, Same
            )),
            example!(
                "full and valid convolve by transforms",
                dims,
                |_, x| {
                    let by = |mode| x[0].convolve_with(x[1], mode, -1, Fft);
                    by(Full).reduce_sum(-1) * by(Valid).reduce_sum(-1)
                },
                |x| {
                    let sums = |mode| convolved(x, mode).sum_axis(Axis(convolved(x, mode).ndim() - 1));
                    sums(Full) * sums(Valid)
                }
            ),
        ]);
    }
    examples.extend([
        example!(
            "convolve along columns",
            &[&[5, 2], &[3]],
            |_, x| x[0].convolve_with(x[1], Full, 0, Direct),
            |x| convolved(&[x[0].t().to_owned(), x[1].clone()], Full).reversed_axes()
        ),
        example!(
            "convolve along columns of both",
            &[&[4, 2], &[3, 2]],
            |_, x| x[0].convolve_with(x[1], Same, -2, Fft),
            |x| convolved(&[x[0].t().to_owned(), x[1].t().to_owned()], Same).reversed_axes()
        ),
        example!(
            "convolve of a transpose with itself",
            &[&[3, 4]],
            |_, x| x[0].transpose().convolve(x[0].transpose(), Valid),
            |x| convolved(&[x[0].t().to_owned(), x[0].t().to_owned()], Valid)
        ),
        example!(
            "convolve of more taps than one pass takes",
            &[&[9], &[6]],
            |_, x| x[0].convolve_with(x[1], Full, 0, Direct),
            |x| convolved(x, Full)
        ),
    ]);
    examples
}
