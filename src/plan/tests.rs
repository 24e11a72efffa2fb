//! Plans as text, and the checker against plans that have been spoilt.

mod joins;
mod lines;
mod recompute;
mod views;

use insta::assert_snapshot;
use smallvec::SmallVec;

use super::{Constants, INLINE_BELOW, Kind, MachineCode, Options, Place, Plan, plan};
use crate::kernel::isa::Isa;
use crate::lower::{Fetched, Lowered, Request, specialise};
use crate::prelude::*;
use crate::rewrite::rewrite;

/// The plan of some fetches, rewritten, for one thread or for several.
fn planned(g: &Graph, fetches: &[Operation<'_>], values: bool, parallel: bool) -> Plan {
    planned_below(g, fetches, values, if parallel { INLINE_BELOW } else { f64::INFINITY })
}

/// The same, for one thread where less is to be saved than so many nanoseconds.
fn planned_below(g: &Graph, fetches: &[Operation<'_>], values: bool, inline_below: f64) -> Plan {
    g.check().unwrap();
    let shared = g.shared();
    let fetches = fetches.iter().map(|fetch| Fetched { tensor: fetch.any.id(), value: values }).collect();
    let request = Request { feeds: SmallVec::new(), fetches };
    let program = specialise(&shared.read(), Lowered::default(), &request, &[]).unwrap();
    let (program, _) = rewrite(program, usize::MAX);
    let (isa, machine_code) = (Isa::detected(), MachineCode::AtOnce);
    let options = Options { isa, fuse: true, machine_code, inline_below, is_called: false };
    plan(&program, options, &Constants::default(), &[]).unwrap()
}

/// A variable of ones.
fn matrix(g: &Graph, rows: usize, columns: usize) -> Tensor<'_, f64> {
    g.variable(&format!("m{}", g.len()), ndarray::Array2::ones((rows, columns))).tensor()
}

/// One step of the reference experiment.
fn regression(g: &Graph) -> Operation<'_> {
    let x = g.constant(ndarray::Array2::<f64>::ones((10_000, 2)));
    let d = g.constant(ndarray::Array2::<f64>::ones((10_000, 1)));
    let w = g.variable("w", ndarray::Array2::<f64>::zeros((2, 1)));
    let mse = (x.matmul(w) - d).square().reduce_mean(..);
    let [gradient] = mse.gradients([w]);
    w.assign(w - 0.001 * gradient).op()
}

/// Several chains of products that do not depend on each other, and their sum.
fn branches(g: &Graph) -> Operation<'_> {
    let start = ndarray::Array2::<f64>::ones((128, 128));
    let chain = |index: usize| {
        let x = g.variable(&format!("x{index}"), start.clone()).tensor();
        (0..4).fold(x, |product, _| product.matmul(x))
    };
    (0..4).map(chain).reduce(|a, b| a + b).map_or_else(|| g.initializer(), Tensor::op)
}

#[test]
fn an_epoch_of_the_regression_is_one_pass_over_the_data() {
    let g = Graph::new();
    assert_snapshot!(planned(&g, &[regression(&g)], false, true), @r#"
    b0: 160000 bytes, constant 0
    b1: 16 bytes, variable 0
    b2: 80000 bytes, constant 1
    b3: 16 bytes, arena at 0
    b4: 8 bytes, constant 2
    b5: 16 bytes, next of variable 0
    b6: 512 bytes, arena at 64
    step 0: region of 10000 rows, tiles of 1024, 1 chunks
        t0 = project-sub b0, b1 whole, b2
        p0 <- accumulate b0, t0
        b3 = total of p0
    step 1: region of 2 rows, tiles of 2, 1 chunks
        b5 = mul-from b3, b4 whole, b1
    inline; arena 576 bytes, 576 without reuse
    "#);
}

#[test]
fn centring_rows_stays_in_the_rows() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array2::<f32>::ones((64, 100)));
    let centred = x - x.reduce_mean(Axes::of([-1]).keep_dims());
    assert_snapshot!(planned(&g, &[centred.square().reduce_sum(0).op()], true, false), @r#"
    b0: 25600 bytes, variable 0
    b1: 4 bytes, constant 0
    b2: 400 bytes, arena at 0
    b3: 448 bytes, arena at 448
    step 0: region of 64 rows, tiles of 20, 1 chunks
        t0 = sum b0
        t128 = div t0, b1 whole
        t0 = min b0
        t256 = max b0
        t384 = equal t0, t256
        t256 = select t384, t0, t128
        t448 = sub b0, t256
        t8448 = square t448
        p0 <- sum t8448
        b2 = total of p0
    fetch b2 : f32[100]
    inline; arena 896 bytes, 896 without reuse
    "#);
}

#[test]
fn what_follows_a_product_runs_on_its_rows_while_they_are_near() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array2::<f32>::ones((1024, 256)));
    let kernel = g.variable("kernel", ndarray::Array2::<f32>::ones((256, 64)));
    let bias = g.variable("bias", ndarray::Array1::<f32>::ones(64));
    let y = (x.matmul(kernel) + bias).relu();
    assert_snapshot!(planned(&g, &[y.op()], true, true), @r#"
    b0: 1048576 bytes, variable 0
    b1: 65536 bytes, variable 1
    b2: 256 bytes, variable 2
    b3: 4 bytes, constant 0
    b4: 262144 bytes, arena at 0
    step 0: region of 1024 rows, tiles of 32, 10 chunks
        producer panel = b0·b1 of [1024, 256, 64]
        once t0 = repeat_row b2 whole
        b4 = add-maximum panel, t0, b3 whole
    fetch b4 : f32[1024, 64]
    parallel; arena 262144 bytes, 262144 without reuse
    "#);
}

#[test]
fn a_result_is_made_where_its_operand_is_read_for_the_last_time() {
    let g = Graph::new();
    let x = g.variable("x", ndarray::Array1::<f32>::ones(100_000));
    let y = (x * 2.0 + 1.0).exp();
    let centred = (y - y.reduce_mean(..)) * 3.0;
    let plan = planned(&g, &[centred.op()], true, false);
    assert!(plan.arena_bytes < plan.arena_bytes_without_reuse / 2 + 4096, "{plan}");
    let results = [true, false].map(|optimize| {
        let session = Session::builder(&g).optimize(optimize).build().unwrap();
        session.run(centred).unwrap()
    });
    // The mean of equal numbers near 20 may be off by some roundings of their sum.
    assert!(results[0].iter().zip(&results[1]).all(|(a, b)| (a - b).abs() < 1e-3), "{results:?}");
}

#[test]
fn products_share_memory_and_run_at_once() {
    let g = Graph::new();
    assert_snapshot!(planned(&g, &[branches(&g)], true, true), @r#"
    b0: 131072 bytes, arena at 0
    b1: 131072 bytes, variable 0
    b2: 131072 bytes, arena at 131072
    b3: 131072 bytes, arena at 0
    b4: 131072 bytes, arena at 131072
    b5: 131072 bytes, arena at 262144
    b6: 131072 bytes, variable 1
    b7: 131072 bytes, arena at 393216
    b8: 131072 bytes, arena at 262144
    b9: 131072 bytes, arena at 524288
    b10: 131072 bytes, variable 2
    b11: 131072 bytes, arena at 655360
    b12: 131072 bytes, arena at 524288
    b13: 131072 bytes, arena at 0
    b14: 131072 bytes, arena at 786432
    b15: 131072 bytes, variable 3
    b16: 131072 bytes, arena at 917504
    b17: 131072 bytes, arena at 786432
    b18: 131072 bytes, arena at 393216
    b19: 131072 bytes, arena at 0
    step 0: b0 = b1·b1 of [128, 128, 128] in panels of [128, 128]
    step 1: b2 = b0·b1 of [128, 128, 128] in panels of [128, 128]
    step 2: b3 = b2·b1 of [128, 128, 128] in panels of [128, 128]
    step 3: b4 = b3·b1 of [128, 128, 128] in panels of [128, 128]
    step 4: b5 = b6·b6 of [128, 128, 128] in panels of [128, 128]
    step 5: b7 = b5·b6 of [128, 128, 128] in panels of [128, 128]
    step 6: b8 = b7·b6 of [128, 128, 128] in panels of [128, 128]
    step 7: region of 128 rows, tiles of 8, 1 chunks
        producer panel = b8·b6 of [128, 128, 128]
        b13 = add b4, panel
    step 8: b9 = b10·b10 of [128, 128, 128] in panels of [128, 128]
    step 9: b11 = b9·b10 of [128, 128, 128] in panels of [128, 128]
    step 10: b12 = b11·b10 of [128, 128, 128] in panels of [128, 128]
    step 11: region of 128 rows, tiles of 8, 1 chunks
        producer panel = b12·b10 of [128, 128, 128]
        b18 = add b13, panel
    step 12: b14 = b15·b15 of [128, 128, 128] in panels of [128, 128]
    step 13: b16 = b14·b15 of [128, 128, 128] in panels of [128, 128]
    step 14: b17 = b16·b15 of [128, 128, 128] in panels of [128, 128]
    step 15: region of 128 rows, tiles of 8, 1 chunks
        producer panel = b17·b15 of [128, 128, 128]
        b19 = add b18, panel
    fetch b19 : f64[128, 128]
    parallel; arena 1048576 bytes, 2097152 without reuse
    "#);
}

#[test]
fn a_gradient_is_used_up_where_it_is_made() {
    const LAYERS: usize = 16;
    let g = Graph::new();
    // The weights are larger than what flows through them.
    let x = g.constant(ndarray::Array2::<f32>::ones((32, 128)));
    let start = ndarray::Array2::<f32>::zeros((128, 128));
    let kernels: Vec<_> = (0..LAYERS).map(|layer| g.variable(&format!("k{layer}"), start.clone())).collect();
    let y = kernels.iter().fold(x, |y, &kernel| y.matmul(kernel).tanh());
    let gradients = Gradients::of([y.square().reduce_mean(..)]).wrt(&kernels);
    let updates = kernels.iter().zip(gradients);
    let step = g.group(updates.filter_map(|(kernel, by)| Some(kernel.assign_sub(by? * 0.1).op())));
    for parallel in [false, true] {
        let plan = planned(&g, &[step], false, parallel);
        assert_eq!(plan.order.inline, !parallel);
        // Two values for each layer wait for the way back; of the gradients there are a few at once.
        let (value, gradient) = (32 * 128 * 4, 128 * 128 * 4);
        let peak = plan.arena_bytes;
        assert!(peak < 2 * LAYERS * value + 4 * gradient, "{peak} bytes, parallel: {parallel}");
    }
}

#[test]
fn chains_that_are_built_side_by_side_run_one_after_the_other() {
    let g = Graph::new();
    let start = ndarray::Array2::<f64>::ones((64, 64));
    let x: Vec<Tensor<'_, f64>> =
        (0..8).map(|index| g.variable(&format!("x{index}"), start.clone()).tensor()).collect();
    let mut ends = x.clone();
    for _ in 0..4 {
        ends = ends.iter().zip(&x).map(|(&end, &x)| end.matmul(x)).collect();
    }
    let sums: Vec<Operation<'_>> = ends.iter().map(|end| end.reduce_sum(..).op()).collect();
    let plan = planned(&g, &sums, true, false);
    let product = 64 * 64 * 8;
    // Side by side, the ends of all eight would wait for the last.
    assert!(plan.arena_bytes < 4 * product, "{} bytes", plan.arena_bytes);
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let g = Graph::new();
    let operation = branches(&g);
    let sound = || planned(&g, &[operation], true, true);
    assert_eq!(sound().check(), Ok(()));

    let mut overlapping = sound();
    for buffer in &mut overlapping.buffers {
        if let Place::Arena(offset) = &mut buffer.place {
            *offset = 0;
        }
    }
    assert!(overlapping.check().is_err_and(|why| why.contains("share bytes")));

    let mut outside = sound();
    outside.arena_bytes = 64;
    assert!(outside.check().is_err_and(|why| why.contains("does not lie in the arena")));

    let mut unordered = sound();
    unordered.order.successors.iter_mut().for_each(Vec::clear);
    assert!(unordered.check().is_err_and(|why| why.contains("may read")));

    let mut undeclared = sound();
    undeclared.steps[0].reads.clear();
    assert!(undeclared.check().is_err_and(|why| why.contains("without declaring")));

    let mut twice = sound();
    let (first, second) = (twice.steps[0].writes.clone(), &mut twice.steps[1]);
    second.writes.extend(first);
    assert!(twice.check().is_err_and(|why| why.contains("exactly one step")));

    let mut reversed = planned(&g, &[operation], true, false);
    reversed.steps.reverse();
    assert!(reversed.check().is_err());
    assert!(reversed.steps.iter().any(|step| matches!(step.kind, Kind::Product { .. })));
}

#[test]
fn a_step_of_a_wide_regression_reads_the_columns_where_they_lie() {
    let g = Graph::new();
    let x = g.constant(ndarray::Array2::<f64>::ones((40, 50)));
    let d = g.constant(ndarray::Array2::<f64>::ones((40, 1)));
    let w = g.variable("w", ndarray::Array2::<f64>::zeros((50, 1)));
    let mse = (x.matmul(w) - d).square().reduce_mean(..);
    let [gradient] = mse.gradients([w]);
    let step = w.assign(w - 0.001 * gradient).op();
    // With as many columns as rows that are long, the transposed matrix could be read as rows too: gathered ones.
    assert_snapshot!(planned(&g, &[step], false, true), @r#"
    b0: 16000 bytes, constant 0
    b1: 400 bytes, variable 0
    b2: 320 bytes, constant 1
    b3: 8 bytes, constant 2
    b4: 400 bytes, arena at 0
    b5: 8 bytes, constant 3
    b6: 400 bytes, next of variable 0
    b7: 448 bytes, arena at 448
    step 0: region of 40 rows, tiles of 40, 1 chunks
        t0 = project b0, b1 whole
        t320 = sub-mul t0, b2, b3 whole
        p0 <- accumulate b0, t320
        b4 = total of p0
    step 1: region of 50 rows, tiles of 50, 1 chunks
        b6 = mul-from b4, b5 whole, b1
    inline; arena 896 bytes, 896 without reuse
    "#);
}

/// Graphs of many small ops, none of which is worth another thread's coming.
#[test]
fn what_is_cheaper_alone_is_not_handed_out() {
    type Build = fn(&Graph) -> Operation<'_>;
    let chain: Build = |g| {
        let v = g.variable("v", ndarray::Array1::<f32>::ones(4096));
        v.assign((0..200).fold(v.tensor(), |x, _| x * 0.9 - x.reduce_mean(..))).op()
    };
    let apart: Build = |g| {
        let variables =
            (0..200).map(|index| g.variable(&format!("v{index}"), ndarray::Array1::<f32>::ones(512)));
        g.group(variables.map(|v| v.assign(v.tanh() * 0.5).op()).collect::<Vec<_>>())
    };
    let products: Build = |g| {
        let square = || ndarray::Array2::<f32>::ones((32, 32));
        let variables = (0..100).map(|index| g.variable(&format!("v{index}"), square()));
        g.group(variables.map(|v| v.assign(v.matmul(v)).op()).collect::<Vec<_>>())
    };
    let recurrence: Build = |g| {
        let w = g.variable("w", ndarray::Array2::<f32>::ones((64, 64)));
        let x = g.constant(ndarray::Array2::<f32>::ones((8, 64)));
        let last = (0..200).fold(x, |h, _| (h.matmul(w) + x).tanh());
        let [gradient] = last.square().reduce_mean(..).gradients([w]);
        w.assign_sub(gradient).op()
    };
    for (name, build) in
        [("chain", chain), ("apart", apart), ("products", products), ("recurrence", recurrence)]
    {
        let g = Graph::new();
        let plan = planned(&g, &[build(&g)], false, true);
        assert!(plan.order.inline && plan.steps.len() >= 100, "{name}: {} steps", plan.steps.len());
    }
}

/// Work that is long enough beside each other.
#[test]
fn what_pays_is_shared() {
    type Build = fn(&Graph) -> Operation<'_>;
    let elementwise: Build = |g| {
        let v = g.variable("v", ndarray::Array1::<f32>::ones(1 << 20));
        v.assign(v.tanh() * 0.5).op()
    };
    let regression: Build = |g| {
        let x = g.constant(ndarray::Array2::<f32>::ones((100_000, 20)));
        let w = g.variable("w", ndarray::Array2::<f32>::zeros((20, 1)));
        let [gradient] = (x.matmul(w) - 1.0).square().reduce_mean(..).gradients([w]);
        w.assign_sub(gradient).op()
    };
    let chains: Build = |g| branches(g);
    for (name, build) in [("elementwise", elementwise), ("regression", regression), ("chains", chains)] {
        let g = Graph::new();
        assert!(!planned(&g, &[build(&g)], true, true).order.inline, "{name}");
    }
}
