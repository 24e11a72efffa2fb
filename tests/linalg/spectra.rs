//! Eigenvalues and singular values that are known, and matrices that are hard to divide and conquer: equal values, values
//! that are nearly equal, matrices of several pieces, and such as fall off by many orders of magnitude.

use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;

use crate::{apart, random, size};

fn matrix(n: usize, of: impl Fn(usize, usize) -> f64) -> ArrayD<f64> {
    Array2::from_shape_fn((n, n), |(i, j)| of(i, j)).into_dyn()
}

/// A symmetric tridiagonal matrix.
fn tridiagonal(n: usize, diagonal: impl Fn(usize) -> f64, beside: impl Fn(usize) -> f64) -> ArrayD<f64> {
    matrix(n, |i, j| match i.abs_diff(j) {
        0 => diagonal(i),
        1 => beside(i.min(j)),
        _ => 0.0,
    })
}

fn values_of(a: &ArrayD<f64>) -> [ArrayD<f64>; 2] {
    let g = Graph::new();
    let a = g.constant(a);
    Session::new(&g).unwrap().run([a.eigh().0, a.svd().1]).unwrap()
}

#[test]
fn known_values_are_found() {
    for n in [3, 16, 17, 60, 200] {
        let known = |of: fn(f64) -> f64, step: f64| {
            ArrayD::from_shape_fn(vec![n], |index| of(std::f64::consts::PI * (index[0] + 1) as f64 * step))
        };
        let [second_differences, _] = values_of(&tridiagonal(n, |_| 2.0, |_| -1.0));
        let expected = known(|angle| 2.0 - 2.0 * angle.cos(), 1.0 / (n + 1) as f64);
        assert!(apart(&second_differences, &expected) < 2e-15 * (n as f64).sqrt().max(4.0), "{n}");
        let [_, differences] = values_of(&matrix(n, |i, j| match j.wrapping_sub(i) {
            0 => 1.0,
            1 => -1.0,
            _ => 0.0,
        }));
        let expected = known(|angle| 2.0 * angle.cos(), 1.0 / (2 * n + 1) as f64);
        assert!(apart(&differences, &expected) < 2e-15 * (n as f64).sqrt().max(4.0), "{n}");
    }
}

/// Matrices of one order, by what is hard about them.
fn hard(n: usize) -> Vec<(&'static str, ArrayD<f64>)> {
    let noise = random(&[n], 1);
    let wilkinson = |i: usize| (i % 21) as f64 - 10.0;
    vec![
        (
            "Wilkinson's, glued",
            tridiagonal(n, |i| wilkinson(i).abs(), |i| if i % 21 == 20 { 1e-10 } else { 1.0 }),
        ),
        ("nearly the identity", tridiagonal(n, |_| 1.0, |i| 1e-9 * noise[i])),
        ("nothing on the diagonal", tridiagonal(n, |_| 0.0, |_| 1.0)),
        ("nothing but for rounding on it", tridiagonal(n, |i| 1e-15 * noise[i], |_| 1.0)),
        ("in pieces", tridiagonal(n, |i| f64::from(u8::from(i % 3 > 0)), |i| f64::from(u8::from(i % 7 > 2)))),
        ("falling off", tridiagonal(n, |i| 0.6_f64.powi(i as i32), |i| 0.3 * 0.6_f64.powi(i as i32))),
        ("growing", tridiagonal(n, |i| 0.6_f64.powi((n - i) as i32), |i| 0.3 * 0.6_f64.powi((n - i) as i32))),
        ("even", tridiagonal(n, |i| i as f64, |_| 1e-3)),
        ("small", tridiagonal(n, |i| 1e-160 * noise[i], |_| 1e-160)),
        ("large", tridiagonal(n, |i| 1e140 * noise[i], |_| 1e140)),
        ("ones", matrix(n, |_, _| 1.0)),
    ]
}

#[test]
fn vectors_of_hard_matrices_are_orthogonal_and_give_them_again() {
    for n in [13, 40, 110] {
        for (name, a) in hard(n) {
            let g = Graph::new();
            let scale = a.outer_iter().map(|row| row.iter().map(|x| x.abs()).sum()).fold(0.0, f64::max);
            let a = g.constant(a);
            let (w, v) = a.eigh();
            let (u, s, vt) = a.svd();
            let eye = g.eye::<f64>(n);
            let parts = [
                ((v * w).matmul_transposed(v, false, true) - a) / scale,
                v.matmul_transposed(v, true, false) - eye,
                ((u * s).matmul(vt) - a) / scale,
                u.matmul_transposed(u, true, false) - eye,
                vt.matmul_transposed(vt, false, true) - eye,
            ];
            for (part, error) in Session::new(&g).unwrap().run(parts).unwrap().iter().enumerate() {
                assert!(size(error) < 2e-14, "{n}, {name}, part {part}: {:e}", size(error));
            }
        }
    }
}

#[test]
fn small_eigenvalues_of_graded_matrices_keep_their_digits() {
    for n in [2, 3, 5, 8, 11, 16] {
        let noise = random(&[n, n], n as u64);
        let even = matrix(n, |i, j| {
            let (row, column) = (i.max(j), i.min(j));
            f64::from(u8::from(i == j)) + 0.3 / n as f64 * noise[[row, column]]
        });
        // Powers of two, so the matrix has no rounding, and its determinant is that of the even one times their squares.
        for (exponent, turned) in [(-2, false), (-2, true), (-5, false), (-5, true)] {
            let power = |i: usize| 2_f64.powi(exponent * if turned { n - 1 - i } else { i } as i32);
            let graded = matrix(n, |i, j| even[[i, j]] * power(i) * power(j));
            let g = Graph::new();
            let (w, v) = g.constant(&graded).eigh();
            let (w, alone, det, _) = Session::new(&g)
                .unwrap()
                .run((w, g.constant(&graded).eigvalsh(), g.constant(&even).det(), v))
                .unwrap();
            let mut squares: Vec<f64> = (0..n).map(|i| power(i) * power(i)).collect();
            squares.sort_by(f64::total_cmp);
            let ratio = w.iter().zip(squares).map(|(w, square)| w / square).product::<f64>() / det[[]];
            assert!((ratio - 1.0).abs() < 1e-11, "{n}, {exponent}, {turned}: {ratio}");
            assert_eq!(w, alone, "{n}, {exponent}, {turned}");
        }
    }
}
