//! The closed form: ordinary least squares by the Moore–Penrose pseudo-inverse, `w = X⁺·d = V·S⁺·Uᵀ·d`,
//! through faer's singular value decomposition `X = U·S·Vᵀ`.
//!
//! It computes in f64 for either element type: faer's decomposition of a tall matrix takes a column for
//! dependent on those before it when less than 16·N·ε of it is not, and in f32 that is all of it from N =
//! 524,288 on.
//!
//! The decomposition is of `X` with both columns scaled to length one, which changes nothing but the
//! rounding, and that greatly where `x` is far from zero (calendar years, say). Data that leaves a choice
//! (one row, or one input at all rows) must not be scaled, as the choice of the pseudo-inverse is the
//! shortest `w`, not the shortest scaled `w`.

use faer::linalg::svd::SvdError;
use faer::{Col, Mat};
use flowgrad::Numeric;

use super::{Problem, Scalar, WayError};

/// Singular values below this many ε·√N of the largest count as zero: those that are zero come out as some
/// ε·√N, from the rounding of N rows, and those of data that says anything are many times larger.
const ZERO: f64 = 4.0;

/// The best weights.
pub(crate) fn fit<T: Scalar>(problem: &Problem<T>) -> Result<[T; 2], WayError> {
    let Problem { x, d, .. } = problem;
    let matrix =
        Mat::from_fn(x.len(), 2, |row, column| if column == 0 { 1.0 } else { Numeric::as_f64(x[row]) });
    let d = Col::from_fn(d.len(), |row| Numeric::as_f64(d[row]));
    let length = [0, 1].map(|column| matrix.col(column).norm_l2());
    if length[1] > 0.0 {
        let scaled = Mat::from_fn(x.len(), 2, |row, column| matrix[(row, column)] / length[column]);
        let (w, rank) = solve(&scaled, &d)?;
        if rank == 2 {
            return Ok([T::from_f64(w[0] / length[0]), T::from_f64(w[1] / length[1])]);
        }
    }
    let (w, _) = solve(&matrix, &d)?;
    Ok(w.map(T::from_f64))
}

/// The shortest of the `w` for which `matrix·w` is closest to `d`, and the rank of the matrix.
fn solve(matrix: &Mat<f64>, d: &Col<f64>) -> Result<([f64; 2], usize), WayError> {
    let svd = matrix.thin_svd().map_err(|SvdError::NoConvergence| WayError::Svd)?;
    let (v, s, along) = (svd.V(), svd.S().column_vector(), svd.U().transpose() * d);
    let zero = ZERO * f64::EPSILON * (matrix.nrows() as f64).sqrt() * s[0];
    let mut w = [0.0; 2];
    let mut rank = 0;
    for k in (0..s.nrows()).filter(|&k| s[k] > zero) {
        for (column, w) in w.iter_mut().enumerate() {
            *w += v[(column, k)] * along[k] / s[k];
        }
        rank += 1;
    }
    Ok((w, rank))
}
