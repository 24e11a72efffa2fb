//! The exact program that each rule leaves, as text. That rewriting changes no result beyond
//! rounding is tested on every op by `ops::laws`, and on whole models by `tests/semantics.rs`.

use insta::assert_snapshot;

use super::{rewrite, trace_text};
use crate::lower::{Fetched, Request, specialise};
use crate::prelude::*;

/// The program of one tensor after at most `limit` rewrites, and the trace of these.
fn rewritten(tensor: Tensor<'_, f64>, limit: usize) -> String {
    let any = tensor.any();
    let shared = any.graph().shared();
    let request = Request { feeds: Vec::new(), fetches: vec![Fetched { node: any.id(), value: true }] };
    let program = specialise(&shared.read(), shared.seed, &request, &[]).unwrap();
    program.verify().unwrap();
    let (program, applied) = rewrite(&program, limit);
    program.verify().unwrap();
    format!("{}{program}", trace_text(&applied))
}

fn matrix(g: &Graph, rows: usize, columns: usize) -> Tensor<'_, f64> {
    g.variable("m", ndarray::Array2::<f64>::ones((rows, columns))).tensor()
}

#[test]
fn two_transpositions_are_none() {
    let g = Graph::new();
    assert_snapshot!(rewritten(matrix(&g, 2, 3).transpose().transpose(), usize::MAX), @r#"
    views: permute [1, 0] %1 : f64[2, 3] (two views are one)
    views: permute [0, 1] %0 : f64[2, 3] (the view changes nothing)
    %0 = read 0 : f64[2, 3]
    fetch %0
    "#);
}

#[test]
fn permutations_compose_and_trivial_ones_vanish() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array3::<f64>::ones((2, 1, 3))).tensor();
    assert_snapshot!(rewritten(x.transpose_perm([1, 0, 2]).transpose_perm([1, 2, 0]), usize::MAX), @r#"
    views: permute [1, 2, 0] %1 : f64[2, 3, 1] (two views are one)
    %0 = read 0 : f64[2, 1, 3]
    %1 = permute [0, 2, 1] %0 : f64[2, 3, 1]
    fetch %1
    "#);
}

#[test]
fn known_numbers_are_folded_and_neutral_ones_dropped() {
    let g = Graph::new();
    let one = g.constant(4.0) / 2.0 - 1.0;
    assert_snapshot!(rewritten(one * matrix(&g, 2, 2) + 0.0, usize::MAX), @r#"
    fold: div %0, %1 : f64[] (known while planning)
    fold: sub %1, %2 : f64[] (known while planning)
    algebra: mul %2, %3 : f64[2, 2] (1·x = x)
    algebra: add %3, %4 : f64[2, 2] (x+0 = x)
    %0 = read 0 : f64[2, 2]
    fetch %0
    "#);
}

#[test]
fn factors_gather_into_one() {
    let g = Graph::new();
    assert_snapshot!(rewritten(-(2.0 * (matrix(&g, 2, 2) * 3.0)), usize::MAX), @r#"
    algebra: mul %3, %2 : f64[2, 2] (one factor for two)
    algebra: neg %5 : f64[2, 2] (one factor for two)
    %0 = read 0 : f64[2, 2]
    %1 = scalar -6.0 : f64[]
    %2 = mul %1, %0 : f64[2, 2]
    fetch %2
    "#);
}

#[test]
fn the_gradient_of_a_mean_square_becomes_one_scaled_product() {
    let g = Graph::new();
    let x = g.constant(ndarray::Array2::<f64>::ones((4, 2)));
    let w = g.variable("w", ndarray::Array2::<f64>::zeros((2, 1)));
    let [gradient] = x.matmul(w).square().reduce_mean(..).gradients([w]);
    assert_snapshot!(rewritten(gradient, usize::MAX), @r#"
    fold: div %4, %3 : f64[] (known while planning)
    broadcast: mul %7, %9 : f64[4, 1] (the operand broadcasts by itself)
    linear: contract %11, %10 : f64[2, 1] (a factor is cheaper outside)
    views: reshape %6 : f64[] (two views are one)
    views: reshape %5 : f64[] (the view changes nothing)
    linear: contract %11, %9 : f64[2, 1] (a factor is cheaper outside)
    algebra: mul %5, %13 : f64[2, 1] (one factor for two)
    %0 = constant 0 : f64[4, 2]
    %1 = read 0 : f64[2, 1]
    %2 = contract %0, %1 : f64[4, 1]
    %3 = permute [1, 0] %0 : f64[2, 4]
    %4 = contract %3, %2 : f64[2, 1]
    %5 = scalar 0.5 : f64[]
    %6 = mul %5, %4 : f64[2, 1]
    fetch %6
    "#);
}

#[test]
fn equal_instructions_are_shared() {
    let g = Graph::new();
    let x = matrix(&g, 2, 2);
    assert_snapshot!(rewritten((x + 1.0) * (x + 1.0), usize::MAX), @r#"
    %0 = read 0 : f64[2, 2]
    %1 = scalar 1.0 : f64[]
    %2 = add %0, %1 : f64[2, 2]
    %3 = mul %2, %2 : f64[2, 2]
    fetch %3
    "#);
}

#[test]
fn what_is_small_is_computed_small() {
    let g = Graph::new();
    let row = g.variable("row", ndarray::Array1::<f64>::ones(3));
    let zeros = matrix(&g, 2, 3) * 0.0;
    let [spread] = (row + zeros.stop_gradient()).reduce_sum(..).gradients([row]);
    assert_snapshot!(rewritten(spread, usize::MAX), @r#"
    %0 = scalar 1.0 : f64[]
    %1 = reshape %0 : f64[1, 1]
    %2 = broadcast %1 : f64[2, 3]
    %3 = sum 0..1 %2 : f64[3]
    fetch %3
    "#);
}

#[test]
fn the_limit_stops_after_so_many_rewrites() {
    let g = Graph::new();
    let y = -(-(matrix(&g, 2, 2) * 1.0));
    assert_snapshot!(rewritten(y, 1), @r#"
    algebra: mul %0, %1 : f64[2, 2] (x·1 = x)
    %0 = read 0 : f64[2, 2]
    %1 = neg %0 : f64[2, 2]
    %2 = neg %1 : f64[2, 2]
    fetch %2
    "#);
}
