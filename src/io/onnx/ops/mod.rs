//! The ops, a file a family: each has the rows of the table, and what builds them.

mod activation;
mod attention;
mod control;
mod conv;
mod elementwise;
mod fill;
mod index;
mod loss;
mod matmul;
mod normalization;
mod pad;
mod pool;
mod quantize;
mod rare;
mod recurrent;
mod reduce;
mod resize;
mod sample;
mod shape;
mod signal;
mod training;

use super::table::Row;

/// The rows of all families.
pub(super) const FAMILIES: &[&[Row]] = &[
    activation::ROWS,
    attention::ROWS,
    control::ROWS,
    conv::ROWS,
    elementwise::ROWS,
    fill::ROWS,
    index::ROWS,
    loss::ROWS,
    matmul::ROWS,
    normalization::ROWS,
    pad::ROWS,
    pool::ROWS,
    quantize::ROWS,
    rare::ROWS,
    recurrent::ROWS,
    reduce::ROWS,
    resize::ROWS,
    sample::ROWS,
    shape::ROWS,
    signal::ROWS,
    training::ROWS,
];
