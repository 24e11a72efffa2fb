//! Joins in plans: the step that makes an operand writes it to its place in the result.

use insta::assert_snapshot;

use super::{matrix, planned, planned_below};
use crate::plan::{Kind, PieceSource, Place};
use crate::prelude::*;

#[test]
fn operands_are_made_where_they_come_to_lie() {
    let g = Graph::new();
    let x = matrix(&g, 50, 40);
    let w = matrix(&g, 40, 40);
    let joined = g.concat(&[x * 2.0, x.matmul(w), x, x.reduce_sum(Axes::of([0]).keep_dims())], 0);
    assert_snapshot!(planned(&g, &[joined.op()], true, false), @r#"
    b0: 48320 bytes, arena at 0
    b1: 16000 bytes, part of b0
    b2: 16000 bytes, variable 0
    b3: 8 bytes, constant 0
    b4: 320 bytes, part of b0+48000
    b5: 16000 bytes, part of b0+16000
    b6: 12800 bytes, variable 1
    b7: 320 bytes, arena at 48320
    step 0: region of 50 rows, tiles of 38, 1 chunks
        b1 = mul b2, b3 whole
        p0 <- sum b2
        b4 = total of p0
    step 1: b5 = b2·b6 of [50, 40, 40] in panels of [50, 40]
    step 2: b0 = join b1, b5, copy b2, b4
    fetch b0 : f64[151, 40]
    inline; arena 48640 bytes, 48640 without reuse
    "#);
}

#[test]
fn columns_are_written_between_those_of_others() {
    let g = Graph::new();
    let x = matrix(&g, 50, 40);
    let joined = g.concat(&[x.exp(), x.tanh()], 1);
    assert_snapshot!(planned(&g, &[(joined * 2.0).reduce_sum(1).op()], true, false), @r#"
    b0: 16000 bytes, variable 0
    b1: 32000 bytes, arena at 0
    b2: 31680 bytes, part of b1
    b3: 31680 bytes, part of b1+320
    b4: 8 bytes, constant 0
    b5: 400 bytes, arena at 32000
    step 0: region of 2000 rows, tiles of 1536, 1 chunks
        t0 = exp b0
        b2 = scatter t0
        t0 = tanh b0
        b3 = scatter t0
    step 1: b1 = join b2, b3
    step 2: region of 50 rows, tiles of 37, 1 chunks
        t0 = sum b1
        b5 = mul b4 whole, t0
    fetch b5 : f64[50]
    inline; arena 32448 bytes, 32448 without reuse
    "#);
}

#[test]
fn a_frame_is_copied_around_what_is_made_within() {
    let g = Graph::new();
    let padded = matrix(&g, 50, 40).exp().pad([(1, 2), (3, 0)], Pad::Constant(0.5));
    assert_snapshot!(planned(&g, &[padded.op()], true, false), @r#"
    b0: 16000 bytes, variable 0
    b1: 18232 bytes, arena at 0
    b2: 17176 bytes, part of b1+368
    b3: 8 bytes, constant 0
    step 0: region of 2000 rows, tiles of 1536, 1 chunks
        t0 = exp b0
        b2 = scatter t0
    step 1: b1 = join copy b3, copy b3, b2, copy b3
    fetch b1 : f64[53, 43]
    inline; arena 18240 bytes, 18240 without reuse
    "#);
}

#[test]
fn joins_within_joins_take_no_memory_of_their_own() {
    let g = Graph::new();
    let x = matrix(&g, 10, 40);
    let inner = g.concat(&[x.exp(), x.tanh()], 0);
    let outer = g.concat(&[x * 2.0, inner, x.sin()], 0);
    let v = g.variable("v", ndarray::Array2::<f64>::ones((40, 40)));
    let plan = planned(&g, &[v.assign(outer).op(), inner.reduce_sum(0).op()], true, false);
    assert_snapshot!(plan, @r#"
    b0: 12800 bytes, next of variable 1
    b1: 3200 bytes, part of b0+3200
    b2: 3200 bytes, variable 0
    b3: 3200 bytes, part of b0+6400
    b4: 3200 bytes, part of b0
    b5: 8 bytes, constant 0
    b6: 3200 bytes, part of b0+9600
    b7: 6400 bytes, part of b0+3200
    b8: 320 bytes, arena at 0
    b9: 320 bytes, arena at 320
    step 0: region of 400 rows, tiles of 384, 1 chunks
        b1 = exp b2
        b3 = tanh b2
        b4 = mul b2, b5 whole
        b6 = sin b2
    step 1: b7 = join b1, b3
    step 2: b0 = join b4, b7, b6
    step 3: region of 20 rows, tiles of 20, 1 chunks
        p0 <- sum b7
        b8 = total of p0
    fetch b0 : f64[40, 40]
    fetch b8 : f64[40]
    inline; arena 640 bytes, 640 without reuse
    "#);
}

#[test]
fn who_writes_a_part_comes_behind_those_before() {
    let g = Graph::new();
    let start = ndarray::Array2::<f64>::ones((256, 256));
    let x: Vec<_> = (0..3).map(|i| g.variable(&format!("x{i}"), start.clone()).tensor()).collect();
    let ends: Vec<_> = x.iter().map(|&x| x.matmul(x).matmul(x).tanh()).collect();
    let joined = g.concat(&ends, 0);
    let rows = joined.matmul(x[0]).split(3, 0);
    let again = g.concat(&[rows[2].matmul(x[1]), rows[0].exp(), rows[1].matmul(x[2])], 1).reduce_sum(0);
    for inline_below in [0.0, f64::INFINITY] {
        let plan = planned_below(&g, &[again.op()], true, inline_below);
        assert_eq!(plan.order.inline, inline_below > 0.0);
        assert!(plan.arena_bytes < plan.arena_bytes_without_reuse, "{plan}");
    }
}

#[test]
fn the_checker_sees_parts_that_are_not_theirs() {
    let g = Graph::new();
    let x = matrix(&g, 50, 40);
    let (y, z) = (x.exp(), x.tanh());
    let [rows, columns] = [g.concat(&[y, z, x], 0), g.concat(&[x.sin(), z * 2.0], 1)];
    let sound = || planned(&g, &[rows.op(), columns.op()], true, false);
    assert_eq!(sound().check(), Ok(()));

    let mut elsewhere = sound();
    for buffer in &mut elsewhere.buffers {
        if let Place::Part { offset, .. } = &mut buffer.place {
            *offset = 0;
        }
    }
    assert!(elsewhere.check().is_err_and(|why| why.contains("has its place")));

    let mut larger = sound();
    for part in larger.parts.clone() {
        larger.buffers[part.index()].bytes += 1 << 20;
    }
    assert!(larger.check().is_err_and(|why| why.contains("does not lie in")));

    let assemblies = |spoil: &dyn Fn(&mut crate::plan::Assembly)| {
        let mut plan = sound();
        for step in &mut plan.steps {
            if let Kind::Join { assembly, .. } = &mut step.kind {
                spoil(assembly);
            }
        }
        plan.check()
    };
    let swapped = assemblies(&|assembly| assembly.pieces.reverse());
    assert!(swapped.is_err());
    let missing = assemblies(&|assembly| drop(assembly.pieces.pop()));
    assert!(missing.is_err_and(|why| why.contains("do not fill")));
    let halves = assemblies(&|assembly| {
        for part in &mut assembly.parts {
            part.rows.end /= 2;
        }
    });
    assert!(halves.is_err_and(|why| why.contains("not copied to its place")));
    let shifted = assemblies(&|assembly| {
        for piece in &mut assembly.pieces {
            if let PieceSource::Copied { to, .. } = &mut piece.from {
                *to += 8;
            }
        }
    });
    assert!(shifted.is_err_and(|why| why.contains("not copied to its place")));

    // Nothing but the join has to do with parts between those of others.
    let is_refused = |part| {
        let mut plan = sound();
        plan.fetches[0].start.buffer = part;
        plan.check().is_err_and(|why| why.contains("are apart"))
    };
    assert_eq!(sound().parts.into_iter().filter(|&part| is_refused(part)).count(), 2);

    // A scatter to other places, and a result that takes the bytes of another.
    let mut wider = sound();
    for step in &mut wider.steps {
        if let Kind::Region(region) = &mut step.kind {
            for op in &mut region.ops {
                if let Some(strided) = op.operands.strided.as_deref_mut() {
                    strided.lead.iter_mut().for_each(|axis| axis.1 += 1);
                }
            }
        }
    }
    assert!(wider.check().is_err_and(|why| why.contains("at other places")));
    let mut overlapping = sound();
    for buffer in &mut overlapping.buffers {
        if let Place::Arena(offset) = &mut buffer.place {
            *offset = 0;
        }
    }
    assert!(overlapping.check().is_err_and(|why| why.contains("share bytes")));
}
