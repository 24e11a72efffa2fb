//! Factors give the matrix again, and orthogonal ones are: of random and of structured matrices, of all forms and sizes.

use flowgrad::ndarray::{Array2, ArrayD, Axis, Ix2, stack};
use flowgrad::prelude::*;

use crate::{apart, random, size};

type T<'g> = Tensor<'g, f64>;

fn matrix(m: usize, n: usize, of: impl Fn(f64, f64) -> f64) -> ArrayD<f64> {
    Array2::from_shape_fn((m, n), |(i, j)| of(i as f64, j as f64)).into_dyn()
}

fn product(a: &ArrayD<f64>, b: &ArrayD<f64>) -> ArrayD<f64> {
    let [a, b] = [a, b].map(|x| x.view().into_dimensionality::<Ix2>().unwrap());
    a.dot(&b).into_dyn()
}

/// Matrices that are hard in one way or another.
fn structured(m: usize, n: usize) -> Vec<(&'static str, ArrayD<f64>)> {
    let rank = m.min(n).min(2);
    vec![
        ("random", random(&[m, n], (m * 100 + n) as u64)),
        ("Hilbert", matrix(m, n, |i, j| 1.0 / (i + j + 1.0))),
        ("graded", random(&[m, n], 5) * matrix(m, n, |i, j| 10_f64.powf(-0.5 * (i + j)))),
        ("of rank 2", product(&random(&[m, rank], 3), &random(&[rank, n], 4))),
        ("identity", matrix(m, n, |i, j| f64::from(u8::from(i == j)))),
        ("zero", matrix(m, n, |_, _| 0.0)),
        ("large", random(&[m, n], 6) * 1e150),
        ("small", random(&[m, n], 7) * 1e-150),
    ]
}

const FORMS: [[usize; 2]; 16] = [
    [1, 1],
    [2, 2],
    [3, 5],
    [5, 3],
    [8, 8],
    [9, 16],
    [16, 12],
    [17, 17],
    [20, 33],
    [33, 20],
    [40, 30],
    [30, 40],
    [1, 40],
    [40, 1],
    [64, 64],
    [100, 100],
];

/// The errors of what a matrix is factored into.
fn errors(name: &str, a: &ArrayD<f64>, of: impl for<'g> Fn(T<'g>) -> Vec<(&'static str, T<'g>)>) {
    let g = Graph::new();
    let parts = of(g.constant(a));
    let (names, zeros): (Vec<&str>, Vec<T<'_>>) = parts.into_iter().unzip();
    let found = Session::new(&g).unwrap().run(zeros).unwrap_or_else(|error| panic!("{name}: {error}"));
    let longest = *a.shape().iter().max().unwrap() as f64;
    for (part, error) in names.iter().zip(found) {
        let unit = if part.starts_with("orthogonal") { 1.0 } else { size(a) };
        assert!(
            size(&error) <= 4e-15 * longest.max(4.0) * unit,
            "{name} {:?}: {part} {:e}",
            a.shape(),
            size(&error)
        );
    }
}

fn off_identity(product: T<'_>) -> T<'_> {
    product - product.ones_like().tril(0).triu(0)
}

#[test]
fn factors_give_the_matrix_again() {
    for [m, n] in FORMS {
        for (name, a) in structured(m, n) {
            errors(name, &a, |a| {
                let (lu, order) = a.lu();
                let least = m.min(n);
                let [lower, upper] = [lu.tril(-1), lu.triu(0)];
                let lower =
                    lower.slice((.., ..least)) + lower.graph().ones::<f64>([m, least]).tril(0).triu(0);
                let (q, r) = a.qr();
                let (full, rest) = a.qr_with(true);
                let (u, s, vt) = a.svd();
                let (left, _, right) = a.svd_with(true);
                vec![
                    ("lu", lower.matmul(upper.slice((..least, ..))) - a.gather(order, 0)),
                    ("qr", q.matmul(r) - a),
                    ("full qr", full.matmul(rest) - a),
                    ("triangle of qr", r.tril(-1)),
                    ("orthogonal q", off_identity(q.matmul_transposed(q, true, false))),
                    ("orthogonal full q", off_identity(full.matmul_transposed(full, true, false))),
                    ("svd", (u * s).matmul(vt) - a),
                    ("svdvals", a.svdvals() - s),
                    ("orthogonal u", off_identity(u.matmul_transposed(u, true, false))),
                    ("orthogonal v", off_identity(vt.matmul_transposed(vt, false, true))),
                    ("orthogonal full u", off_identity(left.matmul_transposed(left, true, false))),
                    ("orthogonal full v", off_identity(right.matmul_transposed(right, false, true))),
                ]
            });
        }
    }
}

#[test]
fn symmetric_factors_give_the_matrix_again() {
    for n in [1, 2, 5, 16, 17, 40, 100] {
        for (name, a) in structured(n, n) {
            let symmetric = &a + &a.t();
            errors(name, &symmetric, |a| {
                let (w, v) = a.eigh();
                let again = (v * w).matmul_transposed(v, false, true);
                vec![
                    ("eigh", again - a),
                    ("eigvalsh", a.eigvalsh() - w),
                    ("orthogonal v", off_identity(v.matmul_transposed(v, true, false))),
                ]
            });
            let scale = size(&a).max(1e-150);
            let scaled = &a / scale;
            let positive =
                product(&scaled, &scaled.t().to_owned()) + matrix(n, n, |i, j| f64::from(u8::from(i == j)));
            errors(name, &positive, |a| {
                let l = a.cholesky();
                vec![("cholesky", l.matmul_transposed(l, false, true) - a), ("triangle", l.triu(1))]
            });
        }
    }
}

/// Everything that is made of matrices one by one.
fn all(a: T<'_>) -> Vec<T<'_>> {
    let (lu, order) = a.lu();
    let (q, r) = a.qr();
    let (u, s, vt) = a.svd();
    let (w, v) = a.eigh();
    let b = a.graph().ones::<f64>([19]);
    vec![
        lu,
        order.cast(),
        q,
        r,
        u,
        s,
        vt,
        w,
        v,
        a.inv(),
        a.det(),
        a.slogdet().1,
        a.expm(),
        a.pinv(),
        a.solve(b),
        a.lstsq(b),
    ]
}

#[test]
fn a_batch_is_its_matrices() {
    let parts: Vec<ArrayD<f64>> = (0..6).map(|seed| random(&[19, 19], seed + 20)).collect();
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let batch = stack(Axis(0), &views).unwrap().into_shape_with_order(vec![2, 3, 19, 19]).unwrap();
    let run = |threads: usize, x: &ArrayD<f64>| {
        let g = Graph::new();
        let parts = all(g.constant(x));
        Session::builder(&g).threads(threads).build().unwrap().run(parts).unwrap()
    };
    let (one, three) = (run(1, &batch), run(3, &batch));
    let bits = |x: &[ArrayD<f64>]| x.iter().flatten().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one), bits(&three), "bits on one thread and on three");
    for (index, part) in parts.iter().enumerate() {
        for (of_batch, alone) in one.iter().zip(run(1, part)) {
            let of_batch = of_batch.index_axis(Axis(0), index / 3).index_axis(Axis(0), index % 3).to_owned();
            assert_eq!(bits(&[of_batch]), bits(&[alone]), "of the batch and alone");
        }
    }
}

#[test]
fn solutions_solve() {
    for (n, k) in [(1, 1), (3, 2), (16, 5), (17, 40), (100, 3)] {
        let (a, b) = (random(&[n, n], n as u64), random(&[n, k], 9));
        let g = Graph::new();
        let (a, b) = (g.constant(a), g.constant(b));
        let positive = a.matmul_transposed(a, false, true) + g.eye::<f64>(n);
        let triangle = a.tril(0) * 0.1 + g.eye::<f64>(n);
        let residuals = [
            a.matmul(a.solve(b)) - b,
            a.matmul(a.inv()) - g.eye::<f64>(n),
            positive.matmul(positive.cholesky().cholesky_solve(b)) - b,
            triangle.matmul(triangle.triangular_solve(b)) - b,
            triangle.matmul_transposed(triangle.triangular_solve_with(b, true, true, false), true, false) - b,
            a.matmul(a.lstsq(b)) - b,
            a.matmul(a.pinv()) - g.eye::<f64>(n),
        ];
        for (place, residual) in Session::new(&g).unwrap().run(residuals).unwrap().iter().enumerate() {
            assert!(size(residual) < 1e-10, "{n}×{n}, {k} columns, residual {place}: {:e}", size(residual));
        }
    }
}

#[test]
fn exponentials_are_those_of_their_parts() {
    let g = Graph::new();
    // Of a nilpotent matrix, of a rotation, and of one that is squared 20 times.
    let nilpotent = g.constant(ndarray_of(&[[0.0, 1.0, 2.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]));
    let turn = g.constant(ndarray_of(&[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]));
    let far = g.constant(ndarray_of(&[[-1e6, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]));
    let found = Session::new(&g).unwrap().run([nilpotent, turn, far].map(|x| x.expm())).unwrap();
    let (sine, cosine) = 1.0_f64.sin_cos();
    let expected = [
        ndarray_of(&[[1.0, 1.0, 3.5], [0.0, 1.0, 3.0], [0.0, 0.0, 1.0]]),
        ndarray_of(&[[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]),
        ndarray_of(&[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0_f64.exp()]]),
    ];
    for (found, expected) in found.iter().zip(&expected) {
        assert!(apart(found, expected) < 1e-9, "{found} is not {expected}");
    }
}

fn ndarray_of(rows: &[[f64; 3]; 3]) -> ArrayD<f64> {
    flowgrad::ndarray::arr2(rows).into_dyn()
}
