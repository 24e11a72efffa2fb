//! The exact program that each rule leaves, as text. That rewriting changes no result beyond
//! rounding is tested on every op by `ops::laws`, and on whole models by `tests/semantics`.

mod views;

use insta::assert_snapshot;
use smallvec::smallvec;

use super::{rewrite, trace_text};
use crate::ir::Names;
use crate::lower::{Fetched, Lowered, Request, specialise};
use crate::prelude::*;

/// The program of one tensor after at most `limit` rewrites, and the trace of these.
fn rewritten(tensor: Tensor<'_, f64>, limit: usize) -> String {
    let any = tensor.any();
    let shared = any.graph().shared();
    let request =
        Request { feeds: smallvec![], fetches: smallvec![Fetched { tensor: any.id(), value: true }] };
    let program = specialise(&shared.read(), Lowered::default(), &request, &[]).unwrap();
    program.verify().unwrap();
    let (program, applied) = rewrite(program, limit);
    program.verify().unwrap();
    let arena = shared.read();
    let names = Names::of(&**arena, &[]);
    trace_text(&applied, names) + &program.text(names)
}

fn matrix(g: &Graph, rows: usize, columns: usize) -> Tensor<'_, f64> {
    g.variable("m", ndarray::Array2::<f64>::ones((rows, columns))).tensor()
}

/// The rewrites and the program that a session plans.
fn optimised<'g>(g: &'g Graph, fetches: impl Fetch<'g>) -> String {
    let text = Session::new(g).unwrap().explain(fetches).unwrap();
    text.split_once("\nplan:").map(|(before, _)| before.to_owned()).unwrap_or_default()
}

#[test]
fn two_transpositions_are_none() {
    let g = Graph::new();
    assert_snapshot!(rewritten(matrix(&g, 2, 3).transpose().transpose(), usize::MAX), @r#"
    1. views: permute [1, 0] "transpose" : f64[2, 3] in "transpose_1" (two views are one)
    2. views: permute [0, 1] "m" : f64[2, 3] in "transpose_1" (the view changes nothing)
    %0 = read "m" : f64[2, 3]  "m"
    fetch %0
    "#);
}

#[test]
fn permutations_compose_and_trivial_ones_vanish() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array3::<f64>::ones((2, 1, 3))).tensor();
    assert_snapshot!(rewritten(x.transpose_perm([1, 0, 2]).transpose_perm([1, 2, 0]), usize::MAX), @r#"
    1. views: permute [1, 2, 0] "transpose" : f64[2, 3, 1] in "transpose_1" (two views are one)
    %0 = read "x" : f64[2, 1, 3]  "x"
    %1 = permute [0, 2, 1] %0 : f64[2, 3, 1]  "transpose_1"
    fetch %1
    "#);
}

#[test]
fn known_numbers_are_folded_and_neutral_ones_dropped() {
    let g = Graph::new();
    let one = g.constant(4.0) / 2.0 - 1.0;
    assert_snapshot!(rewritten(one * matrix(&g, 2, 2) - 0.0, usize::MAX), @r#"
    1. fold: div 4.0, 2.0 : f64[] in "div" (known while planning)
    2. fold: sub 2.0, 1.0 : f64[] in "sub" (known while planning)
    3. algebra: mul 1.0, "m" : f64[2, 2] in "mul" (1·x = x)
    4. algebra: sub "m", 0.0 : f64[2, 2] in "sub_1" (x-0 = x)
    %0 = read "m" : f64[2, 2]  "m"
    fetch %0
    "#);
}

#[test]
fn factors_gather_into_one() {
    let g = Graph::new();
    assert_snapshot!(rewritten(-(2.0 * (matrix(&g, 2, 2) * 3.0)), usize::MAX), @r#"
    1. algebra: mul 2.0, "mul" : f64[2, 2] in "mul_1" (one factor for two)
    2. algebra: neg "mul_1" : f64[2, 2] in "neg" (one factor for two)
    %0 = read "m" : f64[2, 2]  "m"
    %1 = scalar -6.0 : f64[]  "neg"
    %2 = mul %1, %0 : f64[2, 2]  "neg"
    fetch %2
    "#);
}

#[test]
fn factors_gather_whether_they_grow_or_shrink() {
    let g = Graph::new();
    assert_snapshot!(rewritten(2e7 * (1e-7 * matrix(&g, 2, 2)), usize::MAX), @r#"
    1. algebra: mul 20000000.0, "mul" : f64[2, 2] in "mul_1" (one factor for two)
    %0 = read "m" : f64[2, 2]  "m"
    %1 = scalar 2.0 : f64[]  "mul_1"
    %2 = mul %1, %0 : f64[2, 2]  "mul_1"
    fetch %2
    "#);
    // The product of the two is not normal.
    let g = Graph::new();
    assert_snapshot!(rewritten(1e-200 * (1e-200 * matrix(&g, 2, 2)), usize::MAX), @r#"
    %0 = read "m" : f64[2, 2]  "m"
    %1 = scalar 1e-200 : f64[]  "constant"
    %2 = mul %1, %0 : f64[2, 2]  "mul"
    %3 = mul %1, %2 : f64[2, 2]  "mul_1"
    fetch %3
    "#);
}

#[test]
fn sums_and_products_take_signs_in() {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.variable(name, ndarray::arr1(&[1.0, 2.0])).tensor());
    assert_snapshot!(rewritten((x + (-y)) / (x - (-y)) * ((-x) + y), usize::MAX), @r#"
    1. algebra: add "x", "neg" : f64[2] in "add" (x + (-y) = x - y)
    2. algebra: sub "x", "neg" : f64[2] in "sub" (x - (-y) = x + y)
    3. algebra: add "neg_2", "y" : f64[2] in "add_1" ((-x) + y = y - x)
    %0 = read "x" : f64[2]  "x"
    %1 = read "y" : f64[2]  "y"
    %2 = sub %0, %1 : f64[2]  "add"
    %3 = add %0, %1 : f64[2]  "sub"
    %4 = div %2, %3 : f64[2]  "div"
    %5 = sub %1, %0 : f64[2]  "add_1"
    %6 = mul %4, %5 : f64[2]  "mul"
    fetch %6
    "#);
    assert_snapshot!(rewritten((-x) * 3.0 + (-x) * (y * 3.0), usize::MAX), @r#"
    1. algebra: mul "neg_3", 3.0 : f64[2] in "mul_1" ((-x)·y = x·(-y))
    2. algebra: mul "neg_3", "mul_2" : f64[2] in "mul_3" ((-x)·y = x·(-y))
    %0 = read "x" : f64[2]  "x"
    %1 = read "y" : f64[2]  "y"
    %2 = scalar -3.0 : f64[]  "mul_1"
    %3 = mul %0, %2 : f64[2]  "mul_1"
    %4 = mul %2, %1 : f64[2]  "mul_3"
    %5 = mul %0, %4 : f64[2]  "mul_3"
    %6 = add %3, %5 : f64[2]  "add_2"
    fetch %6
    "#);
    assert_snapshot!(rewritten(((-x) * (-y)) / (-x).square() + (-x) / 3.0, usize::MAX), @r#"
    1. algebra: mul "neg_5", "neg_6" : f64[2] in "mul_4" ((-x)·(-y) = x·y)
    2. algebra: square "neg_5" : f64[2] in "square" ((-x)² = x²)
    3. algebra: div "neg_5", 3.0 : f64[2] in "div_2" ((-x)/y = x/(-y))
    %0 = read "x" : f64[2]  "x"
    %1 = read "y" : f64[2]  "y"
    %2 = mul %0, %1 : f64[2]  "mul_4"
    %3 = square %0 : f64[2]  "square"
    %4 = div %2, %3 : f64[2]  "div_1"
    %5 = scalar -3.0 : f64[]  "div_2"
    %6 = div %0, %5 : f64[2]  "div_2"
    %7 = add %4, %6 : f64[2]  "add_3"
    fetch %7
    "#);
    // The sign of a difference that is 0 would not be kept.
    assert_snapshot!(rewritten(-(x - y), usize::MAX), @r#"
    %0 = read "x" : f64[2]  "x"
    %1 = read "y" : f64[2]  "y"
    %2 = sub %0, %1 : f64[2]  "sub_1"
    %3 = neg %2 : f64[2]  "neg_9"
    fetch %3
    "#);
}

#[test]
fn the_gradient_of_a_mean_square_becomes_one_scaled_product() {
    let g = Graph::new();
    let x = g.constant(ndarray::Array2::<f64>::ones((4, 2)));
    let w = g.variable("w", ndarray::Array2::<f64>::zeros((2, 1)));
    let [gradient] = x.matmul(w).square().reduce_mean(..).gradients([w]);
    assert_snapshot!(rewritten(gradient, usize::MAX), @r#"
    1. fold: maximum 4.0, 1.0 : f64[] in "gradients/maximum" (known while planning)
    2. fold: div 1.0, 4.0 : f64[] in "gradients/div" (known while planning)
    3. broadcast: mul "gradients/broadcast_along", "gradients/mul" : f64[4, 1] in "gradients/mul_1" (the operand broadcasts by itself)
    4. algebra: mul "gradients/broadcast_along", "gradients/mul" : f64[4, 1] in "gradients/mul_1" (one factor for two)
    5. linear: dot "gradients/matmul", "gradients/mul_1" : f64[2, 1] in "gradients/matmul" (a factor is cheaper outside)
    %0 = constant 0 : f64[4, 2]  "constant"
    %1 = read "w" : f64[2, 1]  "w"
    %2 = dot %0, %1 : f64[4, 1]  "matmul"
    %3 = scalar 0.5 : f64[]  "gradients/mul_1"
    %4 = permute [1, 0] %0 : f64[2, 4]  "gradients/matmul"
    %5 = dot %4, %2 : f64[2, 1]  "gradients/matmul"
    %6 = mul %3, %5 : f64[2, 1]  "gradients/matmul"
    fetch %6
    "#);
}

#[test]
fn equal_instructions_are_shared() {
    let g = Graph::new();
    let x = matrix(&g, 2, 2);
    assert_snapshot!(rewritten((x + 1.0) * (x + 1.0), usize::MAX), @r#"
    %0 = read "m" : f64[2, 2]  "m"
    %1 = scalar 1.0 : f64[]  "constant"
    %2 = add %0, %1 : f64[2, 2]  "add"
    %3 = mul %2, %2 : f64[2, 2]  "mul"
    fetch %3
    "#);
}

#[test]
fn what_is_small_is_computed_small() {
    let g = Graph::new();
    let row = g.variable("row", ndarray::Array1::<f64>::ones(3));
    let zeros = matrix(&g, 2, 3) * 0.0;
    let [broadcast] = (row + zeros.stop_gradient()).reduce_sum(..).gradients([row]);
    assert_snapshot!(rewritten(broadcast, usize::MAX), @r#"
    1. repeats: sum 0..1 "gradients/broadcast_along" : f64[3] in "gradients/sum_like" (all repetitions are equal)
    2. views: reshape "gradients/broadcast_along" : f64[1] in "gradients/sum_like" (two views are one)
    3. broadcast: mul 2.0, "gradients/sum_like" : f64[3] in "gradients/sum_like" (computed before it is broadcast)
    %0 = scalar 1.0 : f64[]  "constant_1"
    %1 = scalar 2.0 : f64[]  "gradients/sum_like"
    %2 = reshape %0 : f64[1]  "gradients/sum_like"
    %3 = mul %1, %2 : f64[1]  "gradients/sum_like"
    %4 = broadcast %3 : f64[3]  "gradients/sum_like"
    fetch %4
    "#);
}

#[test]
fn the_limit_stops_after_so_many_rewrites() {
    let g = Graph::new();
    let y = -(-(matrix(&g, 2, 2) * 1.0));
    assert_snapshot!(rewritten(y, 1), @r#"
    1. algebra: mul "m", 1.0 : f64[2, 2] in "mul" (x·1 = x)
    %0 = read "m" : f64[2, 2]  "m"
    %1 = neg %0 : f64[2, 2]  "neg"
    %2 = neg %1 : f64[2, 2]  "neg_1"
    fetch %2
    "#);
}

#[test]
fn small_powers_are_cheaper_functions() {
    let g = Graph::new();
    let x = matrix(&g, 2, 2);
    assert_snapshot!(rewritten(x.pow(2.0) + x.pow(1.0), usize::MAX), @r#"
    1. algebra: pow "m", 2.0 : f64[2, 2] in "pow" (x² = square(x))
    2. algebra: pow "m", 1.0 : f64[2, 2] in "pow_1" (x¹ = x)
    %0 = read "m" : f64[2, 2]  "m"
    %1 = square %0 : f64[2, 2]  "pow"
    %2 = add %1, %0 : f64[2, 2]  "add"
    fetch %2
    "#);
}

#[test]
fn gradients_of_powers_are_products() {
    let g = Graph::new();
    let x = matrix(&g, 2, 2);
    let [slope] = x.pow(3.0).gradients([x]);
    assert_snapshot!(rewritten(slope, usize::MAX), @r#"
    1. fold: sub 3.0, 1.0 : f64[] in "gradients/sub" (known while planning)
    2. algebra: pow "m", 2.0 : f64[2, 2] in "gradients/pow" (x² = square(x))
    3. algebra: scaled 3.0, "gradients/pow" : f64[2, 2] in "gradients/scaled" (scaled(c, x) = c·x for c other than 0)
    4. broadcast: mul "broadcast_like", "gradients/scaled" : f64[2, 2] in "gradients/mul" (the operand broadcasts by itself)
    5. algebra: mul 1.0, "gradients/scaled" : f64[2, 2] in "gradients/mul" (1·x = x)
    %0 = read "m" : f64[2, 2]  "m"
    %1 = scalar 3.0 : f64[]  "constant"
    %2 = square %0 : f64[2, 2]  "gradients/pow"
    %3 = mul %1, %2 : f64[2, 2]  "gradients/scaled"
    fetch %3
    "#);
}

#[test]
fn the_logarithm_of_a_softmax_keeps_its_digits() {
    let g = Graph::new();
    let x = matrix(&g, 2, 2);
    assert_snapshot!(rewritten(x.softmax(-1).ln(), usize::MAX), @r#"
    1. stable: ln "softmax" : f64[2, 2] in "ln" (ln(eˣ/s) = x - ln s)
    %0 = read "m" : f64[2, 2]  "m"
    %1 = max 1..2 %0 : f64[2]  "reduce_max"
    %2 = reshape %1 : f64[2, 1]  "reduce_max"
    %3 = sub %0, %2 : f64[2, 2]  "sub"
    %4 = exp %3 : f64[2, 2]  "exp"
    %5 = sum 1..2 %4 : f64[2]  "reduce_sum"
    %6 = reshape %5 : f64[2, 1]  "reduce_sum"
    %7 = ln %6 : f64[2, 1]  "ln"
    %8 = sub %3, %7 : f64[2, 2]  "ln"
    fetch %8
    "#);
    let far = g.constant(ndarray::arr1(&[0.0, 1000.0]));
    let logarithms = Session::new(&g).unwrap().run(far.softmax(0).ln()).unwrap();
    assert_eq!(logarithms, ndarray::arr1(&[-1000.0, 0.0]).into_dyn());
}

#[test]
fn logistic_forms_keep_their_digits() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::arr1(&[-800.0_f64, 0.0, 50.0]));
    assert_snapshot!(rewritten(x.sigmoid().ln(), usize::MAX), @r#"
    1. stable: ln "sigmoid" : f64[3] in "ln" (ln σ(x) = min(x, 0) - ln(1 + e^-|x|))
    %0 = read "x" : f64[3]  "x"
    %1 = scalar 0.0 : f64[]  "ln"
    %2 = minimum %0, %1 : f64[3]  "ln"
    %3 = neg %0 : f64[3]  "ln"
    %4 = maximum %0, %3 : f64[3]  "ln"
    %5 = neg %4 : f64[3]  "ln"
    %6 = exp %5 : f64[3]  "ln"
    %7 = log1p %6 : f64[3]  "ln"
    %8 = sub %2, %7 : f64[3]  "ln"
    fetch %8
    "#);
    assert_snapshot!(rewritten(1.0 - x.sigmoid(), usize::MAX), @r#"
    1. stable: sub 1.0, "sigmoid_1" : f64[3] in "sub" (1 - σ(x) = σ(-x))
    %0 = read "x" : f64[3]  "x"
    %1 = neg %0 : f64[3]  "sub"
    %2 = sigmoid %1 : f64[3]  "sub"
    fetch %2
    "#);
    let session = Session::new(&g).unwrap();
    let logarithms = session.run(x.sigmoid().ln()).unwrap();
    assert_eq!((logarithms[0], logarithms[1]), (-800.0, -std::f64::consts::LN_2));
    let complement = session.run(1.0 - x.sigmoid()).unwrap();
    assert!((complement[2] / (-50.0_f64).exp() - 1.0).abs() < 1e-15);
}

#[test]
fn exponentials_and_logarithms_near_one_keep_their_digits() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::arr1(&[1e-20_f64]));
    assert_snapshot!(rewritten((x.exp() - 1.0) + (1.0 + x).ln(), usize::MAX), @r#"
    1. stable: sub "exp", 1.0 : f64[1] in "sub" (eˣ - 1 = expm1(x))
    2. stable: ln "add" : f64[1] in "ln" (ln(1 + x) = log1p(x))
    %0 = read "x" : f64[1]  "x"
    %1 = expm1 %0 : f64[1]  "sub"
    %2 = log1p %0 : f64[1]  "ln"
    %3 = add %1, %2 : f64[1]  "add_1"
    fetch %3
    "#);
    let sum = Session::new(&g).unwrap().run((x.exp() - 1.0) + (1.0 + x).ln()).unwrap();
    assert_eq!(sum[0], 2e-20);
}

#[test]
fn repetitions_are_not_summed_one_by_one() {
    let g = Graph::new();
    let x = matrix(&g, 2, 3);
    let [gradient] = (x.reduce_sum(0) * 1.0).gradients([x]);
    assert_snapshot!(rewritten(gradient.reduce_sum(1), usize::MAX), @r#"
    1. broadcast: mul "broadcast_like", 1.0 : f64[3] in "gradients/mul" (computed before it is broadcast)
    2. fold: mul 1.0, 1.0 : f64[] in "gradients/mul" (known while planning)
    3. views: reshape "broadcast_like" : f64[1, 3] in "gradients/broadcast_along" (one number has any shape)
    4. views: reshape 1.0 : f64[] in "gradients/broadcast_along" (the view changes nothing)
    5. views: broadcast "gradients/broadcast_along" : f64[2, 3] in "gradients/broadcast_along" (two views are one)
    6. repeats: sum 1..2 "gradients/broadcast_along" : f64[2] in "reduce_sum_1" (all repetitions are equal)
    7. broadcast: mul 3.0, "reduce_sum_1" : f64[2] in "reduce_sum_1" (computed before it is broadcast)
    %0 = scalar 1.0 : f64[]  "constant"
    %1 = scalar 3.0 : f64[]  "reduce_sum_1"
    %2 = reshape %0 : f64[1]  "reduce_sum_1"
    %3 = mul %1, %2 : f64[1]  "reduce_sum_1"
    %4 = broadcast %3 : f64[2]  "reduce_sum_1"
    fetch %4
    "#);
}

#[test]
fn what_depends_on_constants_alone_is_computed_once() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array2::<f64>::ones((5, 2))).tensor();
    let table = g.constant(ndarray::Array2::<f64>::ones((3, 2)));
    // Of a chain the end is kept; the transposition stays a view of it.
    let scaled = (table * 2.0).square();
    assert_snapshot!(optimised(&g, x.matmul(scaled.transpose()) + scaled.reduce_sum(..)), @r#"
    rewrites: rule: what stood there, of numbers and nodes : type in its node (why it went)
    1. constants: sum 0..2 "square" : f64[] in "reduce_sum" (depends on constants alone)
    2. constants: square "mul" : f64[3, 2] in "square" (depends on constants alone)

    program: %value = what is done, to which values : type  the node that it comes from
    %0 = read "x" : f64[5, 2]  "x"
    %1 = constant 1 : f64[3, 2]  "square"
    %2 = permute [1, 0] %1 : f64[2, 3]  "transpose"
    %3 = dot %0, %2 : f64[5, 3]  "matmul"
    %4 = scalar 24.0 : f64[]  "reduce_sum"
    %5 = add %3, %4 : f64[5, 3]  "add"
    fetch %5
    "#);
    // What only views show is not touched.
    assert_snapshot!(optimised(&g, x.matmul(table.transpose())), @r#"
    rewrites: rule: what stood there, of numbers and nodes : type in its node (why it went)

    program: %value = what is done, to which values : type  the node that it comes from
    %0 = read "x" : f64[5, 2]  "x"
    %1 = constant 0 : f64[3, 2]  "constant"
    %2 = permute [1, 0] %1 : f64[2, 3]  "transpose_1"
    %3 = dot %0, %2 : f64[5, 3]  "matmul_1"
    fetch %3
    "#);
}

#[test]
fn nothing_is_folded_that_is_fed_or_could_fail() {
    let g = Graph::new();
    let c = g.constant(ndarray::arr1(&[4_i64, 9]));
    let sum = c + c;
    let session = Session::new(&g).unwrap();
    let fed = ndarray::arr1(&[10_i64, 20]);
    assert_eq!(session.run(sum * 2).unwrap(), ndarray::arr1(&[16, 36]).into_dyn());
    assert_eq!(session.feed(sum, &fed).run(sum * 2).unwrap(), ndarray::arr1(&[20, 40]).into_dyn());
    assert_eq!(session.feed(c, &fed).run(sum * 2).unwrap(), ndarray::arr1(&[40, 80]).into_dyn());
    assert_snapshot!(optimised(&g, (sum / (c - 4) + 1).reduce_sum(..)), @r#"
    rewrites: rule: what stood there, of numbers and nodes : type in its node (why it went)
    1. constants: sub "constant", 4 : i64[2] in "sub" (depends on constants alone)
    2. constants: add "constant", "constant" : i64[2] in "add" (depends on constants alone)

    program: %value = what is done, to which values : type  the node that it comes from
    %0 = constant 2 : i64[2]  "add"
    %1 = constant 1 : i64[2]  "sub"
    %2 = div %0, %1 : i64[2]  "div"
    %3 = scalar 1 : i64[]  "constant_5"
    %4 = add %2, %3 : i64[2]  "add_1"
    %5 = sum 0..1 %4 : i64[]  "reduce_sum"
    fetch %5
    check %2
    "#);
}

fn column(g: &Graph, length: usize) -> Tensor<'_, f64> {
    g.constant(ndarray::Array2::<f64>::ones((length, 1)))
}

#[test]
fn folded_results_keep_to_their_budget() {
    type Build = for<'g> fn(&'g Graph) -> Tensor<'g, f64>;
    let cases: [(&str, usize, Build); 4] = [
        ("an outer product of 32 kB", 1, |g| column(g, 64).exp() * column(g, 64).transpose()),
        ("the operands of one of 8 MB", 2, |g| column(g, 1000).exp() * column(g, 1000).transpose().sin()),
        ("two of four results of 6 MB", 2, |g| {
            let sum = g.variable("w", 1.0_f64).tensor();
            (0..4).fold(sum, |sum, i| sum + (column(g, 750_000) + f64::from(i)).sqrt())
        }),
        ("a number, not its repetitions", 1, |g| {
            column(g, 1).exp() * 0.5 + g.variable("w", ndarray::Array2::<f64>::ones((1000, 1000)))
        }),
    ];
    for (name, expected, build) in cases {
        let g = Graph::new();
        let text = optimised(&g, build(&g) * g.variable("v", 1.0_f64));
        assert_eq!(text.matches("constants:").count(), expected, "{name}: {text}");
    }
}

#[test]
fn bisection_finds_the_rewrite_that_changes_a_result() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::arr1(&[0.0, 1000.0])).tensor();
    let y = -(-((x * 1.0).softmax(-1).ln() - 0.0));
    let after = |max_rewrites| Session::builder(&g).max_rewrites(max_rewrites).build().unwrap();
    let plain = Session::builder(&g).optimize(false).build().unwrap().run(y).unwrap();
    assert_eq!(after(0).run(y).unwrap(), plain);
    let blamed = (1..100).find(|&count| after(count).run(y).unwrap() != plain).unwrap();
    let text = after(blamed).explain(y).unwrap();
    let last = text.lines().take_while(|line| !line.is_empty()).last().unwrap();
    assert_snapshot!(last, @r#"
    2. stable: ln "softmax" : f64[2] in "ln" (ln(eˣ/s) = x - ln s)
    "#);
}
