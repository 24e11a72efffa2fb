//! The ops, a file a family: each has the rows of the table, and what builds them.

mod activation;
mod conv;
mod elementwise;
mod fill;
mod index;
mod loss;
mod matmul;
mod normalization;
mod pad;
mod pool;
mod reduce;
mod shape;

use super::table::Row;

/// The rows of all families.
pub(super) const FAMILIES: &[&[Row]] = &[
    activation::ROWS,
    conv::ROWS,
    elementwise::ROWS,
    fill::ROWS,
    index::ROWS,
    loss::ROWS,
    matmul::ROWS,
    normalization::ROWS,
    pad::ROWS,
    pool::ROWS,
    reduce::ROWS,
    shape::ROWS,
];
