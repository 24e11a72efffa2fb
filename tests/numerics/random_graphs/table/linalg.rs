//! Linear algebra, of symmetric matrices not far from the identity: what is close to singular, or to a change of rows, is
//! not the same in all ways of computing it.

use flowgrad::prelude::*;

use super::super::build::At;

use super::Kind::{Kinked, Smooth};
use super::{ROUNDED, Row, row};

/// Rows of the largest matrix: factorizations without optimization take their time.
const MOST_ROWS: usize = 20;

/// The identity and up to a tenth more in each element.
fn near_identity<'g>(at: &mut At<'_, 'g>) -> Option<Tensor<'g, f64>> {
    let x = at.any::<f64>(|dims| matches!(*dims, [1..=MOST_ROWS, columns] if columns > 0))?;
    let (a, columns) = (x.tanh(), x.dims[1] as f64);
    Some(a.matmul_transposed(a, false, true) * (0.1 / columns) + at.graph().eye::<f64>(x.dims[0]))
}

/// An op of such a matrix, and of a vector made of it.
macro_rules! of_matrix {
    ($name:literal, |$a:ident, $b:ident| $built:expr) => {
        of_matrix!($name, Smooth, |$a, $b| $built)
    };
    ($name:literal, $kind:expr, |$a:ident, $b:ident| $built:expr) => {
        row($name, $kind, ROUNDED, |at| {
            let $a = near_identity(at)?;
            let $b = $a.reduce_sum(1).square();
            // Not all ops take both.
            let _ = $b;
            Some($built.into())
        })
    };
}

pub(crate) static ROWS: &[Row] = &[
    of_matrix!("cholesky", |a, b| a.cholesky()),
    of_matrix!("try_cholesky", |a, b| a.try_cholesky().0),
    of_matrix!("cholesky_solve", |a, b| a.cholesky().cholesky_solve(b)),
    of_matrix!("triangular_solve", |a, b| a.triangular_solve(b)),
    of_matrix!("lu", |a, b| a.lu().0),
    of_matrix!("qr", |a, b| a.qr().1),
    of_matrix!("solve", |a, b| a.solve(b)),
    of_matrix!("try_solve", |a, b| a.try_solve(b).0),
    of_matrix!("inv", |a, b| a.inv()),
    of_matrix!("try_inv", |a, b| a.try_inv().0),
    of_matrix!("pinv", |a, b| a.pinv()),
    of_matrix!("lstsq", |a, b| a.lstsq(b)),
    of_matrix!("det", |a, b| a.det()),
    of_matrix!("slogdet", |a, b| a.slogdet().1),
    of_matrix!("logdet", |a, b| a.logdet()),
    of_matrix!("trace", |a, b| a.trace()),
    of_matrix!("matrix_norm", |a, b| a.matrix_norm("fro")),
    of_matrix!("matrix_power", |a, b| a.matrix_power(-2)),
    of_matrix!("expm", |a, b| a.expm()),
    of_matrix!("kron", |a, b| a.kron(a)),
    of_matrix!("matrix_band_part", |a, b| a.matrix_band_part(0, 1)),
    of_matrix!("eigvalsh", Kinked, |a, b| a.eigvalsh()),
    of_matrix!("eigh", Kinked, |a, b| a.eigh().0),
    of_matrix!("svdvals", Kinked, |a, b| a.svdvals()),
    of_matrix!("svd", Kinked, |a, b| a.svd().1),
];
