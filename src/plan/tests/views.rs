//! Slices in plans: nothing is copied where the reader of a slice can follow its strides.

use insta::assert_snapshot;

use super::{matrix, planned};
use crate::prelude::*;

#[test]
fn a_slice_is_read_where_it_lies() {
    let g = Graph::new();
    let x = matrix(&g, 100, 40);
    let differences = x.slice(1..) - x.slice(..-1);
    assert_snapshot!(planned(&g, &[differences.op()], true, false), @r#"
    b0: 32000 bytes, variable 0
    b1: 31680 bytes, arena at 0
    step 0: region of 3960 rows, tiles of 1024, 1 chunks
        b1 = sub b0+320, b0
    fetch b1 : f64[99, 40]
    inline; arena 31680 bytes, 31680 without reuse
    "#);
    let g = Graph::new();
    let x = matrix(&g, 100, 40);
    let inner = x.slice((AxisRange::from(..).step(-2), AxisRange::of(1, -1))).exp();
    assert_snapshot!(planned(&g, &[inner.op()], true, false), @r#"
    b0: 32000 bytes, variable 0
    b1: 15200 bytes, arena at 0
    step 0: region of 1900 rows, tiles of 1536, 1 chunks
        t0 = gather b0+31688 whole
        b1 = exp t0
    fetch b1 : f64[50, 38]
    inline; arena 15232 bytes, 15232 without reuse
    "#);
}

#[test]
fn what_is_fetched_or_reduced_apart_may_be_a_piece_of_something() {
    let g = Graph::new();
    let x = matrix(&g, 100, 40);
    let y = x.tanh();
    let sums = y.slice(20..).reshape([8, 10, 40]).reduce_sum(1);
    assert_snapshot!(planned(&g, &[y.slice(-1).op(), y.slice((.., 3)).op(), sums.op()], true, false), @r#"
    b0: 32000 bytes, variable 0
    b1: 2560 bytes, arena at 32000
    b2: 32000 bytes, arena at 0
    b3: 800 bytes, arena at 34560
    step 0: region of 4000 rows, tiles of 1536, 1 chunks
        b2 = tanh b0
    step 1: b1 = reduce b2+6400 over the middle of [8, 10, 40]
    step 2: region of 100 rows, tiles of 64, 1 chunks
        b3 = gather b2+24 whole
    fetch b2+31680 : f64[40]
    fetch b3 : f64[100]
    fetch b1 : f64[8, 40]
    inline; arena 35392 bytes, 35392 without reuse
    "#);
}

#[test]
fn products_read_rows_that_stand_apart() {
    let g = Graph::new();
    let (x, w) = (matrix(&g, 64, 96), matrix(&g, 96, 64));
    let part = x.slice((.., 32..)).matmul(w.slice((32.., ..32)));
    assert_snapshot!(planned(&g, &[part.op()], true, false), @r#"
    b0: 16384 bytes, arena at 0
    b1: 49152 bytes, variable 0
    b2: 49152 bytes, variable 1
    step 0: b0 = b1+256·b2+16384 of [64, 64, 32] in panels of [64, 32]
    fetch b0 : f64[64, 32]
    inline; arena 16384 bytes, 16384 without reuse
    "#);
    // Every second column would have to be gathered again and again.
    let g = Graph::new();
    let (x, w) = (matrix(&g, 64, 96), matrix(&g, 48, 64));
    let part = x.slice((.., AxisRange::from(..).step(2))).matmul(w);
    assert_snapshot!(planned(&g, &[part.op()], true, false), @r#"
    b0: 49152 bytes, variable 0
    b1: 32768 bytes, arena at 24576
    b2: 24576 bytes, arena at 0
    b3: 24576 bytes, variable 1
    step 0: region of 3072 rows, tiles of 3072, 1 chunks
        b2 = gather b0 whole
    step 1: b1 = b2·b3 of [64, 48, 64] in panels of [64, 64]
    fetch b1 : f64[64, 64]
    inline; arena 57344 bytes, 57344 without reuse
    "#);
}

#[test]
fn numbers_are_counted_where_they_are_read() {
    let g = Graph::new();
    let classes = g.variable("classes", ndarray::Array1::<i64>::zeros(300));
    let rows = classes.one_hot::<f32>(10) * 2.0;
    assert_snapshot!(planned(&g, &[rows.op()], true, false), @r#"
    b0: 2400 bytes, variable 0
    b1: 4 bytes, constant 0
    b2: 12000 bytes, arena at 0
    step 0: region of 300 rows, tiles of 64, 1 chunks
        once t5120 = count
        t0 = repeat_element b0
        t10240 = equal t0, t5120
        t10880 = cast t10240
        b2 = mul t10880, b1 whole
    fetch b2 : f32[300, 10]
    inline; arena 12032 bytes, 12032 without reuse
    "#);
}
