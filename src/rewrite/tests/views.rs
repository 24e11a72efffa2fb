//! Slices and joins as programs: what is left of several, and of those of constants.

use insta::assert_snapshot;

use super::{matrix, optimised, rewritten};
use crate::prelude::*;

#[test]
fn slices_compose_and_repeat_nothing() {
    let g = Graph::new();
    let x = matrix(&g, 8, 6);
    let inner = x.slice((AxisRange::of(1, -1), AxisRange::from(..).step(-1)));
    assert_snapshot!(rewritten(inner.slice((AxisRange::from(..).step(-2), 1..4)), usize::MAX), @r#"
    1. views: slice [5::-2, 1:4] "slice" : f64[3, 3] in "slice_1" (two views are one)
    %0 = read "m" : f64[8, 6]  "m"
    %1 = slice [6:0:-2, 4:1:-1] %0 : f64[3, 3]  "slice_1"
    fetch %1
    "#);
    assert_snapshot!(rewritten(x.reverse(..).reverse(..), usize::MAX), @r#"
    1. views: slice [7::-1, 5::-1] "reverse" : f64[8, 6] in "reverse_1" (two views are one)
    2. views: slice [0:8, 0:6] "m" : f64[8, 6] in "reverse_1" (the view changes nothing)
    %0 = read "m" : f64[8, 6]  "m"
    fetch %0
    "#);
    let column = x.reduce_sum(Axes::of([1]).keep_dims());
    let repeated = column.broadcast_to([8, 50]);
    assert_snapshot!(rewritten(repeated.slice((2..5, 10..20)), usize::MAX), @r#"
    1. views: slice [2:5, 10:20] "broadcast_to" : f64[3, 10] in "slice_2" (cut before it is broadcast)
    %0 = read "m" : f64[8, 6]  "m"
    %1 = sum 1..2 %0 : f64[8]  "reduce_sum"
    %2 = reshape %1 : f64[8, 1]  "reduce_sum"
    %3 = slice [2:5, 0:1] %2 : f64[3, 1]  "slice_2"
    %4 = broadcast %3 : f64[3, 10]  "slice_2"
    fetch %4
    "#);
}

#[test]
fn joins_are_flat_and_cut_where_they_were_joined() {
    let g = Graph::new();
    let [x, y] = [matrix(&g, 3, 4), g.variable("y", ndarray::Array2::<f64>::ones((3, 4))).tensor()];
    let wide = g.concat(&[x, g.concat(&[x, y], 1)], 1);
    assert_snapshot!(rewritten(wide, usize::MAX), @r#"
    1. joins: join "m", "concat" : f64[3, 12] in "concat_1" (two joins are one)
    %0 = read "m" : f64[3, 4]  "m"
    %1 = read "y" : f64[3, 4]  "y"
    %2 = join %0, %0, %1 : f64[3, 12]  "concat_1"
    fetch %2
    "#);
    assert_snapshot!(rewritten(wide.slice((1.., AxisRange::of(11, 7).step(-2))), usize::MAX), @r#"
    1. joins: join "m", "concat" : f64[3, 12] in "concat_1" (two joins are one)
    2. joins: slice [1:3, 11:7:-2] "concat_1" : f64[2, 2] in "slice" (cut out of one operand)
    %0 = read "y" : f64[3, 4]  "y"
    %1 = slice [1:3, 3::-2] %0 : f64[2, 2]  "slice"
    fetch %1
    "#);
    // Rows of rows are made where they come to lie anyway.
    let rows = g.concat(&[g.concat(&[x, y], 0), x], 0);
    assert_snapshot!(rewritten(rows, usize::MAX), @r#"
    %0 = read "m" : f64[3, 4]  "m"
    %1 = read "y" : f64[3, 4]  "y"
    %2 = join %0, %1 : f64[6, 4]  "concat_2"
    %3 = join %2, %0 : f64[9, 4]  "concat_3"
    fetch %3
    "#);
    // Four in a square would be two rows in the order of two columns.
    let square = g.concat(&[g.concat(&[x, y], 0), g.concat(&[y, x], 0)], 1);
    assert_snapshot!(rewritten(square.slice((1..5, ..2)), usize::MAX), @r#"
    1. joins: slice [1:5, 0:2] "concat_6" : f64[4, 2] in "slice_1" (cut out of one operand)
    %0 = read "m" : f64[3, 4]  "m"
    %1 = read "y" : f64[3, 4]  "y"
    %2 = join %0, %1 : f64[6, 4]  "concat_4"
    %3 = slice [1:5, 0:2] %2 : f64[4, 2]  "slice_1"
    fetch %3
    "#);
}

#[test]
fn a_slice_of_constants_is_gathered_once() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array2::<f64>::ones((3, 2))).tensor();
    let table = g.constant(ndarray::Array2::<f64>::ones((3, 8)));
    // Rows are read where they lie.
    let rows = g.constant(ndarray::Array2::<f64>::ones((8, 2))).slice(2..5);
    assert_snapshot!(optimised(&g, x * table.slice((.., 1..3)) + rows), @r#"
    rewrites: rule: what stood there, of numbers and nodes : type in its node (why it went)
    1. constants: slice [0:3, 1:3] "constant" : f64[3, 2] in "slice_1" (depends on constants alone)

    program: %value = what is done, to which values : type  the node that it comes from
    %0 = read "x" : f64[3, 2]  "x"
    %1 = constant 1 : f64[8, 2]  "constant_1"
    %2 = slice [2:5, 0:2] %1 : f64[3, 2]  "slice"
    %3 = constant 2 : f64[3, 2]  "slice_1"
    %4 = mul %0, %3 : f64[3, 2]  "mul"
    %5 = add %4, %2 : f64[3, 2]  "add"
    fetch %5
    "#);
}

#[test]
fn reductions_look_through_moved_axes() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array3::<f64>::ones((2, 3, 4))).tensor();
    let has = |y: Tensor<f64>, lines: &[&str]| {
        let program = rewritten(y, usize::MAX);
        for line in lines {
            assert!(program.contains(line), "expected `{line}`, got\n{program}");
        }
    };
    has(x.transpose_perm([2, 0, 1]).reduce_max([1, 2]), &["%1 = max 0..2 %0 : f64[4]", "fetch %1"]);
    has(
        x.transpose_perm([1, 2, 0]).reduce_max([0]),
        &["%1 = max 1..2 %0 : f64[2, 4]", "%2 = permute [1, 0] %1 : f64[4, 2]"],
    );
    // The axes of the maximum are side by side in the transpose alone.
    has(x.transpose_perm([0, 2, 1]).reduce_max([0, 1]), &["%1 = permute [0, 2, 1] %0 : f64[2, 4, 3]"]);
}
