//! Values that cross from region to region in plans.

use insta::assert_snapshot;

use super::{matrix, planned};
use crate::prelude::*;

#[test]
fn what_is_cheap_is_computed_where_it_is_read() {
    let g = Graph::new();
    let x = matrix(&g, 1000, 100);
    let centered = x - x.reduce_mean(0);
    let scaled = centered / centered.square().reduce_mean(0).sqrt();
    assert_snapshot!(planned(&g, &[scaled.op()], true, false), @r#"
    b0: 800 bytes, arena at 0
    b1: 800000 bytes, variable 0
    b2: 800 bytes, arena at 832
    b3: 800 bytes, arena at 1664
    b4: 8 bytes, constant 0
    b5: 800 bytes, arena at 2496
    b6: 800 bytes, arena at 1664
    b7: 800 bytes, arena at 0
    b8: 800 bytes, arena at 832
    b9: 800 bytes, arena at 2496
    b10: 800 bytes, arena at 3328
    b11: 800 bytes, arena at 832
    b12: 800000 bytes, arena at 19968
    b13: 7488 bytes, arena at 2496
    b14: 9984 bytes, arena at 9984
    step 0: region of 1000 rows, tiles of 30, 1 chunks
        p0 <- sum b1
        p832 <- min b1
        p1664 <- max b1
        b0 = total of p0
        b2 = total of p832
        b3 = total of p1664
    step 1: region of 100 rows, tiles of 64, 1 chunks
        b5 = div b0, b4 whole
    step 2: region of 100 rows, tiles of 64, 1 chunks
        t0 = equal b2, b3
        b6 = select t0, b2, b5
    step 3: region of 1000 rows, tiles of 7, 2 chunks
        once t0 = repeat_row b6 whole
        t5632 = sub b1, t0
        t11264 = square t5632
        p0 <- sum t11264
        p832 <- min t11264
        p1664 <- max t11264
        b7 = total of p0
        b8 = total of p832
        b9 = total of p1664
    step 4: region of 100 rows, tiles of 64, 1 chunks
        b10 = div b7, b4 whole
    step 5: region of 100 rows, tiles of 64, 1 chunks
        t0 = equal b8, b9
        t64 = select t0, b8, b10
        b11 = sqrt t64
    step 6: region of 1000 rows, tiles of 6, 1 chunks
        once t0 = repeat_row b6 whole
        once t9600 = repeat_row b11 whole
        t4800 = sub b1, t0
        b12 = div t4800, t9600
    fetch b12 : f64[1000, 100]
    inline; arena 819968 bytes, 825792 without reuse
    "#);
}

#[test]
fn what_is_dear_or_lies_in_memory_anyway_is_read() {
    let g = Graph::new();
    let x = matrix(&g, 1000, 100);
    let kept = |of: Tensor<'_, f64>, also: &[Operation<'_>]| {
        let result = of / of.square().reduce_mean(0);
        planned(&g, &[&[result.op()], also].concat(), true, false).arena_bytes
    };
    let one = 1000 * 100 * 8;
    let cheap = x * 2.0 - x.reduce_max(0);
    assert!((one..2 * one).contains(&kept(cheap, &[])));
    assert!(kept(cheap.tanh(), &[]) >= 2 * one);
    assert!(kept(cheap, &[cheap.op()]) >= 2 * one);
    // A product reads it too.
    assert!(kept(cheap, &[cheap.matmul_transposed(cheap, true, false).op()]) >= 2 * one);
    // Small ones stay in the cache.
    let y = matrix(&g, 100, 100);
    let small = y * 2.0 - y.reduce_max(0);
    let result = small / small.square().reduce_mean(0);
    assert!(planned(&g, &[result.op()], true, false).arena_bytes >= 2 * 100 * 100 * 8);
}
