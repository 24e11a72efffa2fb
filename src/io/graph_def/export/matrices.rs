//! Factorizations and solutions.

use super::at::{At, Ports, Row, one};
use super::block::{Port, of_type};
use crate::io::tensorflow::Attr;

pub(super) const OPS: &[Row] = &[
    ("cholesky", |at| one(at.block.same("Cholesky", at.inputs))),
    ("det", |at| one(at.block.same("MatrixDeterminant", at.inputs))),
    ("inv", |at| one(at.block.same("MatrixInverse", at.inputs))),
    ("slogdet", |at| {
        let sign = at.block.same("LogMatrixDeterminant", at.inputs);
        Ok(vec![sign, Port { output: 1, ..sign }])
    }),
    ("triangular_solve", triangular_solve),
];

fn triangular_solve(at: &mut At<'_, '_>) -> Ports {
    let (lower, adjoint): (bool, bool) = (at.attribute("lower")?, at.attribute("adjoint")?);
    if at.attribute("unit_diagonal")? {
        return Err("expected a diagonal that is read, got one of ones".to_owned());
    }
    if at.rank(1) < 2 {
        return Err("expected columns of right sides, got a single one".to_owned());
    }
    let x = at.inputs[0];
    let attributes =
        vec![of_type("T", x.dtype), ("lower", Attr::Bool(lower)), ("adjoint", Attr::Bool(adjoint))];
    one(at.block.node("MatrixTriangularSolve", at.inputs, attributes, x.dtype))
}
