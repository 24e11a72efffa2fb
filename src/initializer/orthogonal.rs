//! Orthonormal columns of a random matrix.

use crate::memory::OutOfMemory;

/// Makes the columns of a row-major matrix orthonormal, or its rows if there are more columns: Q of its
/// decomposition QR, where R has a positive diagonal.
///
/// By Gram and Schmidt, each vector twice, after which it is orthogonal to those before it within rounding
/// (Giraud and others, *The loss of orthogonality in the Gram-Schmidt orthogonalization process*, 2005).
pub(super) fn orthonormal(matrix: Vec<f64>, columns: usize) -> Result<Vec<f64>, OutOfMemory> {
    let rows = matrix.len() / columns.max(1);
    if columns > rows {
        let mut vectors = matrix;
        orthonormalise(&mut vectors, columns);
        return Ok(vectors);
    }
    let mut vectors = transposed(&matrix, columns)?;
    orthonormalise(&mut vectors, rows);
    transposed(&vectors, rows)
}

/// The transpose of a row-major matrix of so many columns.
fn transposed(matrix: &[f64], columns: usize) -> Result<Vec<f64>, OutOfMemory> {
    let mut transposed = Vec::new();
    transposed.try_reserve_exact(matrix.len()).map_err(|_| OutOfMemory::elements::<f64>(matrix.len()))?;
    transposed.extend((0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns)));
    Ok(transposed)
}

/// Makes vectors of this length orthonormal, one after the other; there are at most as many as they are long.
fn orthonormalise(vectors: &mut [f64], length: usize) {
    for first in (0..vectors.len()).step_by(length.max(1)) {
        let (before, rest) = vectors.split_at_mut(first);
        let vector = &mut rest[..length];
        for _ in 0..2 {
            for other in before.chunks_exact(length) {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
            let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
            for a in &mut *vector {
                *a /= norm;
            }
        }
    }
}
