//! What the laws try on Fourier transforms: sums of cosines and sines, written out.

use std::f64::consts::PI;

use ndarray::{ArrayD, Axis, Slice};

use crate::ops::laws::{Example, example};

/// For each place k of so many in each row the sum of the elements times a factor of j and k.
fn transformed(x: &ArrayD<f64>, count: usize, factor: impl Fn(f64, f64) -> f64) -> ArrayD<f64> {
    let last = Axis(x.ndim() - 1);
    let mut dims = x.shape().to_vec();
    dims[last.0] = count;
    let mut y = ArrayD::zeros(dims);
    for (mut to, from) in y.lanes_mut(last).into_iter().zip(x.lanes(last)) {
        for (k, to) in to.iter_mut().enumerate() {
            *to = from.iter().enumerate().map(|(j, x)| x * factor(j as f64, k as f64)).sum();
        }
    }
    y
}

/// One of the parts of a transform of real and imaginary parts with a sign.
fn dft(x: &[ArrayD<f64>], sign: f64, part: usize) -> ArrayD<f64> {
    let n = x[0].len_of(Axis(x[0].ndim() - 1));
    let angle = move |j: f64, k: f64| sign * 2.0 * PI * j * k / n as f64;
    let cosines = |x: &ArrayD<f64>| transformed(x, n, |j, k| angle(j, k).cos());
    let sines = |x: &ArrayD<f64>| transformed(x, n, |j, k| angle(j, k).sin());
    if part == 0 { cosines(&x[0]) - sines(&x[1]) } else { sines(&x[0]) + cosines(&x[1]) }
}

/// One of the parts of the first half of the transform of numbers.
fn rdft(x: &ArrayD<f64>, part: usize) -> ArrayD<f64> {
    let n = x.len_of(Axis(x.ndim() - 1));
    let angle = move |j: f64, k: f64| 2.0 * PI * j * k / n as f64;
    transformed(x, n / 2 + 1, |j, k| if part == 0 { angle(j, k).cos() } else { -angle(j, k).sin() })
}

/// So many numbers of the first half of their transform.
fn inverse(x: &[ArrayD<f64>], n: usize) -> ArrayD<f64> {
    let weight = move |k: f64| if k == 0.0 || 2.0 * k == n as f64 { 1.0 } else { 2.0 } / n as f64;
    let angle = move |k: f64, j: f64| 2.0 * PI * j * k / n as f64;
    transformed(&x[0], n, |k, j| weight(k) * angle(k, j).cos())
        - transformed(
            &x[1],
            n,
            |k, j| if weight(k) * n as f64 == 1.0 { 0.0 } else { weight(k) * angle(k, j).sin() },
        )
}

/// The last axis cut off or filled up by zeros.
fn fit(x: &ArrayD<f64>, length: usize) -> ArrayD<f64> {
    let last = Axis(x.ndim() - 1);
    let mut dims = x.shape().to_vec();
    dims[last.0] = length;
    let (mut y, kept) = (ArrayD::zeros(dims), length.min(x.len_of(last)));
    y.slice_axis_mut(last, Slice::from(..kept)).assign(&x.slice_axis(last, Slice::from(..kept)));
    y
}

fn dct(x: &ArrayD<f64>, kind: usize, ortho: bool) -> ArrayD<f64> {
    let n = x.len_of(Axis(x.ndim() - 1));
    let of_one = |one: f64| if ortho { ((1.0 + f64::from(one > 0.0)) / n as f64).sqrt() } else { 2.0 };
    let cosine = |k: f64, j: f64| (PI * k * (2.0 * j + 1.0) / (2 * n) as f64).cos();
    match kind {
        2 => transformed(x, n, |j, k| of_one(k) * cosine(k, j)),
        _ => transformed(x, n, |k, j| {
            let weight = if k == 0.0 && !ortho { 1.0 } else { of_one(k) };
            weight * cosine(k, j)
        }),
    }
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[5][..], &[2, 4], &[1], &[2, 1, 7], &[3, 2], &[0, 3]] {
        examples.extend([
            example!("real part of fft", &[dims, dims], |_, x| x[0].fft(x[1]).0, |x| dft(x, -1.0, 0)),
            example!(
                "fft of a square",
                &[dims, dims],
                |_, x| {
                    let (real, imaginary) = x[0].square().fft(x[1]);
                    real * 0.5 + imaginary
                },
                |x| {
                    let x = [x[0].mapv(|x| x * x), x[1].clone()];
                    dft(&x, -1.0, 0) * 0.5 + dft(&x, -1.0, 1)
                }
            ),
            example!("imaginary part of ifft", &[dims, dims], |_, x| x[0].ifft(x[1]).1, |x| {
                dft(x, 1.0, 1) / x[0].shape().last().copied().unwrap_or(1) as f64
            }),
            example!(
                "rfft",
                &[dims],
                |_, x| {
                    let (real, imaginary) = x[0].rfft();
                    real + imaginary * real
                },
                |x| rdft(&x[0], 0) + rdft(&x[0], 1) * rdft(&x[0], 0)
            ),
            example!("imaginary part of rfft", &[dims], |_, x| x[0].square().rfft().1, |x| rdft(
                &x[0].mapv(|x| x * x),
                1
            )),
            example!("rfft of four", &[dims], |_, x| x[0].rfft_with(4).0, |x| rdft(&fit(&x[0], 4), 0)),
            example!("irfft of six", &[dims, dims], |_, x| x[0].irfft_with(x[1], 6), |x| inverse(
                &[fit(&x[0], 4), fit(&x[1], 4)],
                6
            )),
            example!("irfft of three", &[dims, dims], |_, x| x[0].irfft_with(x[1] * x[1], 3), |x| inverse(
                &[fit(&x[0], 2), fit(&x[1].mapv(|x| x * x), 2)],
                3
            )),
            example!("dct", &[dims], |_, x| x[0].dct(2, false) * x[0], |x| dct(&x[0], 2, false) * &x[0]),
            example!("dct of kind 3", &[dims], |_, x| x[0].square().dct(3, false), |x| dct(
                &x[0].mapv(|x| x * x),
                3,
                false
            )),
            example!("orthogonal dct", &[dims], |_, x| x[0].dct(2, true), |x| dct(&x[0], 2, true)),
            example!("orthogonal dct of kind 3", &[dims], |_, x| x[0].dct(3, true), |x| dct(&x[0], 3, true)),
        ]);
    }
    examples.extend([
        example!("irfft", &[&[2, 5], &[2, 5]], |_, x| x[0].irfft(x[1]), |x| inverse(x, 8)),
        example!(
            "fft of a computed length",
            &[&[3, 4], &[3, 4]],
            |_, x| x[0].fft_with(x[1], x[0].dim(0) * 2).1,
            |x| dft(&[fit(&x[0], 6), fit(&x[1], 6)], -1.0, 1)
        ),
        example!("ifft cut off", &[&[5], &[5]], |_, x| x[0].ifft_with(x[1], 3).0, |x| {
            dft(&[fit(&x[0], 3), fit(&x[1], 3)], 1.0, 0) / 3.0
        }),
        example!("rfft of a transpose", &[&[4, 3]], |_, x| x[0].transpose().rfft().0, |x| rdft(
            &x[0].t().to_owned(),
            0
        )),
    ]);
    examples
}
