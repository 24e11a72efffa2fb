//! The closed form: ordinary least squares by the Moore–Penrose pseudo-inverse, `w = X⁺·d = V·S⁺·Uᵀ·d`,
//! through the singular value decomposition `X = U·S·Vᵀ`.
//!
//! `X` has two columns, so that the decomposition is one-sided Jacobi's, which is a rotation of the two against each
//! other until they are at right angles (Hestenes, 1958): `X·V = U·S`. It computes in f64 for either element type.
//!
//! The decomposition is of `X` with both columns scaled to length one, which changes nothing but the
//! rounding, and that greatly where `x` is far from zero (calendar years, say). Data that leaves a choice
//! (one row, or one input at all rows) must not be scaled so, as the choice of the pseudo-inverse is the
//! shortest `w`, not the shortest scaled `w`.

use flowgrad::Numeric;

use super::{Problem, Scalar};

/// Singular values below this many ε·√N of the largest count as zero: those that are zero come out as some
/// ε·√N, from the rounding of N rows, and those of data that says anything are many times larger.
const ZERO: f64 = 4.0;

/// Rotations at most. The second removes what rounding leaves of the first.
const MAX_ROTATIONS: usize = 10;

/// The columns of `X`.
type Columns = [Vec<f64>; 2];

/// The best weights.
pub(crate) fn fit<T: Scalar>(problem: &Problem<T>) -> [T; 2] {
    let numbers = |numbers: &[T]| numbers.iter().map(|&x| Numeric::as_f64(x)).collect::<Vec<_>>();
    let (x, d) = (numbers(&problem.x), numbers(&problem.d));
    let columns = [vec![1.0; x.len()], x];
    let [ones, xs] = [0, 1].map(|column| length(&columns[column]));
    if xs > 0.0 {
        let ([w0, w1], rank) = solve(scaled(&columns, [ones, xs]), &d);
        if rank == 2 {
            return [w0 / ones, w1 / xs].map(T::from_f64);
        }
    }
    // A factor for the whole keeps squares in range, and the shortest the shortest.
    let longest = ones.max(xs).max(f64::MIN_POSITIVE);
    solve(scaled(&columns, [longest; 2]), &d).0.map(|w| T::from_f64(w / longest))
}

/// The shortest of the `w` for which the matrix of these columns times `w` is closest to `d`, and its rank.
fn solve(mut columns: Columns, d: &[f64]) -> ([f64; 2], usize) {
    let rows = d.len() as f64;
    let v = orthogonalize(&mut columns);
    let s = [0, 1].map(|k| length(&columns[k]));
    let zero = ZERO * f64::EPSILON * rows.sqrt() * s[0].max(s[1]);
    let mut w = [0.0; 2];
    let mut rank = 0;
    for k in (0..2).filter(|&k| s[k] > zero) {
        let along = columns[k].iter().zip(d).map(|(u, d)| u / s[k] * d).sum::<f64>() / s[k];
        w.iter_mut().zip(v[k]).for_each(|(w, v)| *w += v * along);
        rank += 1;
    }
    (w, rank)
}

/// Rotates the columns until they are at right angles; gives the columns of the rotation.
fn orthogonalize([a, b]: &mut Columns) -> [[f64; 2]; 2] {
    let mut v = [[1.0, 0.0], [0.0, 1.0]];
    for _ in 0..MAX_ROTATIONS {
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
        if ab.abs() <= f64::EPSILON * (aa * bb).sqrt() {
            break;
        }
        // The smaller of the two angles whose tangent solves t² + 2·zeta·t = 1.
        let zeta = (bb - aa) / (2.0 * ab);
        let t = zeta.signum() / (zeta.abs() + 1.0_f64.hypot(zeta));
        let cos = 1.0 / 1.0_f64.hypot(t);
        let sin = cos * t;
        let rotate = |x: &mut f64, y: &mut f64| (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
        a.iter_mut().zip(b.iter_mut()).for_each(|(x, y)| rotate(x, y));
        let [x, y] = &mut v;
        x.iter_mut().zip(y).for_each(|(x, y)| rotate(x, y));
    }
    v
}

/// The columns over these lengths.
fn scaled(columns: &Columns, lengths: [f64; 2]) -> Columns {
    [0, 1].map(|column| columns[column].iter().map(|x| x / lengths[column]).collect())
}

/// The length of a vector whose squares may be out of range.
fn length(vector: &[f64]) -> f64 {
    let largest = vector.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        0.0
    } else {
        vector.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt() * largest
    }
}
