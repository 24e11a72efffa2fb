//! References: products, cofactors, sums of powers, iterations that go on until nothing changes.

use ndarray::{Array2, ArrayD, Axis, Ix2};

/// What a function of matrices gives for each of a batch.
pub(super) fn each(x: &ArrayD<f64>, of: impl Fn(&Array2<f64>) -> ArrayD<f64>) -> ArrayD<f64> {
    let (batch, matrix) = x.shape().split_at(x.ndim() - 2);
    let count: usize = batch.iter().product();
    let matrices = x.to_shape((count, matrix[0], matrix[1])).unwrap();
    let parts: Vec<ArrayD<f64>> = matrices.outer_iter().map(|x| of(&x.to_owned())).collect();
    // A batch of none has the lengths that a matrix of zeros gives.
    let one = parts.first().cloned().unwrap_or_else(|| of(&Array2::zeros((matrix[0], matrix[1]))));
    let lengths = [batch, one.shape()].concat();
    ArrayD::from_shape_vec(lengths, parts.into_iter().flatten().collect()).unwrap()
}

pub(super) fn positive(a: &Array2<f64>) -> Array2<f64> {
    a.dot(&a.t()) + Array2::<f64>::eye(a.nrows())
}

/// A factor by the formula for its elements.
pub(super) fn cholesky(a: &Array2<f64>) -> Array2<f64> {
    let mut l = Array2::zeros(a.raw_dim());
    for i in 0..a.nrows() {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
            l[[i, j]] = if i == j { (a[[i, i]] - sum).sqrt() } else { (a[[i, j]] - sum) / l[[j, j]] };
        }
    }
    l
}

/// The determinant by its first row.
pub(super) fn det(a: &Array2<f64>) -> f64 {
    if a.nrows() == 0 {
        return 1.0;
    }
    (0..a.ncols()).map(|j| cofactor(a, 0, j) * a[[0, j]]).sum()
}

pub(super) fn cofactor(a: &Array2<f64>, i: usize, j: usize) -> f64 {
    let others = |but: usize| (0..a.nrows()).filter(|&other| other != but).collect::<Vec<_>>();
    let sign = if (i + j).is_multiple_of(2) { 1.0 } else { -1.0 };
    sign * det(&a.select(Axis(0), &others(i)).select(Axis(1), &others(j)))
}

/// The inverse by cofactors.
pub(super) fn inverse(a: &Array2<f64>) -> Array2<f64> {
    let det = det(a);
    Array2::from_shape_fn(a.raw_dim(), |(i, j)| cofactor(a, j, i) / det)
}

pub(super) fn regular(a: &Array2<f64>) -> Array2<f64> {
    a + 3.0 * Array2::<f64>::from_shape_fn(a.raw_dim(), |(i, j)| f64::from(u8::from(i == j)))
}

/// The solution for a triangle.
pub(super) fn triangular(x: &[ArrayD<f64>], lower: bool, adjoint: bool, unit: bool) -> ArrayD<f64> {
    let b = x[1].clone().into_dimensionality::<Ix2>().unwrap();
    each(&x[0], |a| {
        let a = regular(a);
        let triangle = Array2::from_shape_fn(a.raw_dim(), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Equal if unit => 1.0,
            std::cmp::Ordering::Equal => a[[i, j]],
            order if (order == std::cmp::Ordering::Greater) == lower => a[[i, j]],
            _ => 0.0,
        });
        let triangle = if adjoint { triangle.reversed_axes() } else { triangle };
        inverse(&triangle).dot(&b).into_dyn()
    })
}

/// By Gram and Schmidt, with the signs of reflections.
pub(super) fn qr(a: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    let count = a.nrows().min(a.ncols());
    let mut q = Array2::<f64>::zeros((a.nrows(), count));
    for j in 0..count {
        let mut rest = a.column(j).to_owned();
        for _ in 0..2 {
            for k in 0..j {
                let part = q.column(k).dot(&rest);
                rest.scaled_add(-part, &q.column(k));
            }
        }
        let norm = rest.dot(&rest).sqrt();
        q.column_mut(j).assign(&(rest / norm));
    }
    let mut r = q.t().dot(a);
    // Of which each square is the same.
    r.indexed_iter_mut().filter(|((i, j), _)| i > j).for_each(|(_, x)| *x = 0.0);
    (q, r)
}

/// The sum of powers.
pub(super) fn exponential(a: &Array2<f64>) -> Array2<f64> {
    let small = a / 1024.0;
    let mut term = Array2::<f64>::eye(a.nrows());
    let mut sum = term.clone();
    for k in 1..20 {
        term = term.dot(&small) / f64::from(k);
        sum += &term;
    }
    (0..10).fold(sum, |power, _| power.dot(&power))
}

/// The orthogonal factor of a matrix, by Newton's iteration towards it.
pub(super) fn polar(a: &Array2<f64>) -> Array2<f64> {
    if a.is_empty() {
        return a.clone();
    }
    if a.nrows() < a.ncols() {
        return polar(&a.t().to_owned()).t().to_owned();
    }
    let norm = a.mapv(|x| x * x).sum().sqrt();
    let mut x = a / norm;
    for _ in 0..60 {
        x = (&x * 3.0 - x.dot(&x.t().dot(&x))) / 2.0;
    }
    x
}

/// Of full rank, by the normal equations.
pub(super) fn pinv(a: &Array2<f64>) -> Array2<f64> {
    if a.nrows() >= a.ncols() {
        inverse(&a.t().dot(a)).dot(&a.t())
    } else {
        a.t().dot(&inverse(&a.dot(&a.t())))
    }
}
