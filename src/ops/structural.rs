//! The examples of the ops that graphs and gradients are made with, which live in `op`.

use super::laws::{Example, example};
use crate::graph::op::scaled::ScaledEither;
use crate::graph::op::{BroadcastLike, Expect, ExpectShape, Scaled, SumLike};

pub(super) fn examples() -> Vec<Example> {
    [broadcast(), constant(), scaled(), state(), parts()].into_iter().flatten().collect()
}

fn broadcast() -> Vec<Example> {
    use crate::graph::Tensor;
    use ndarray::Axis;
    vec![
        example!(
            "broadcast_like",
            &[&[3, 1], &[2, 3, 4]],
            |_, x| Tensor::typed(x[0].any().binary(BroadcastLike, x[1].any())),
            |x| x[0].broadcast(x[1].raw_dim()).unwrap().to_owned(),
        ),
        example!(
            "sum_like",
            &[&[2, 3, 4], &[3, 1]],
            |_, x| Tensor::typed(x[0].any().binary(SumLike, x[1].any())),
            |x| x[0].sum_axis(Axis(0)).sum_axis(Axis(1)).insert_axis(Axis(1)),
        ),
        example!(
            "expect_shape",
            &[&[2, 3], &[2, 3]],
            |_, x| Tensor::typed(x[0].any().binary(Expect(ExpectShape(None)), x[1].any())),
            |x| x[0].clone(),
        ),
    ]
}

fn constant() -> Vec<Example> {
    use ndarray::array;
    vec![
        example!("constant", &[&[2]], |g, x| x[0] + g.constant(array![1.0, 2.0]), |x| &x[0]
            + &array![1.0, 2.0],),
        example!(
            "constant that repeats its elements",
            &[&[2, 3]],
            |g, x| x[0] * g.constant(array![[2.0], [3.0]].broadcast((2, 3)).unwrap()),
            |x| &x[0] * &array![[2.0], [3.0]],
        ),
        example!("constant number", &[&[2]], |g, x| x[0] * g.constant(3.0), |x| &x[0] * 3.0),
        example!("constants alone", &[], |g, _| g.constant(3.0) / 2.0, |_| ndarray::arr0(1.5).into_dyn()),
        example!("placeholder", &[&[2, 2]], |_, x| x[0], |x| x[0].clone()),
    ]
}

fn scaled() -> Vec<Example> {
    use crate::graph::Tensor;
    vec![
        example!(
            "scaled",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(x[0].any().binary(Scaled, x[1].any())),
            |x| &x[0] * &x[1],
        ),
        example!(
            "scaled_either",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(x[0].any().binary(ScaledEither, x[1].any())),
            |x| &x[0] * &x[1],
        ),
    ]
}

fn state() -> Vec<Example> {
    use ndarray::array;
    vec![
        example!("variable", &[&[2]], |g, x| x[0] * g.variable("v", array![2.0, 3.0]), |x| &x[0]
            * &array![2.0, 3.0],),
        example!("assign", &[&[2]], |g, x| g.variable("v", array![2.0, 3.0]).assign(x[0]), |x| x[0].clone()),
        example!(
            "assign_add",
            &[&[2]],
            |g, x| g.variable("v", array![2.0, 3.0]).assign_add(x[0]),
            |x| &array![2.0, 3.0] + &x[0],
        ),
        example!(
            "assign_sub",
            &[&[]],
            |g, x| g.variable("v", array![2.0, 3.0]).assign_sub(x[0]),
            |x| &array![2.0, 3.0] - &x[0],
        ),
        example!(
            "group and initializer",
            &[&[2]],
            |g, x| {
                let v = g.variable("v", array![2.0, 3.0]);
                let add = v.assign_add(x[0]);
                let both = g.group([add.op(), g.group([])]);
                let reset = g.control_dependencies(&[both], || g.initializer());
                add - g.control_dependencies(&[reset], || v.identity())
            },
            |x| x[0].clone(),
        ),
    ]
}

fn parts() -> Vec<Example> {
    use crate::prelude::{AxisRange, Gradients, Pad};
    use ndarray::s;

    vec![example!(
        "gradient of parts that overlap",
        &[&[3, 5]],
        |_, x| {
            let inner = x[0].slice((1.., 1..4)).square().reduce_sum(..);
            let steps = x[0].slice((.., AxisRange::from(..).step(-2))).square().reduce_sum(..);
            let all = x[0].slice(..).square().reduce_sum(..);
            let row = x[0].slice(1).square().reduce_sum(..);
            let padded = x[0].pad([(1, 0), (0, 2)], Pad::Reflect).reduce_sum(..);
            Gradients::of([inner + steps + all + row + padded]).wrt_or_zeros(&[x[0]])[0]
        },
        |x| {
            let mut slope = &x[0] * 2.0;
            let twice = &x[0] * 2.0;
            slope.slice_mut(s![1.., 1..4]).zip_mut_with(&twice.slice(s![1.., 1..4]), |a, b| *a += b);
            slope.slice_mut(s![.., ..;2]).zip_mut_with(&twice.slice(s![.., ..;2]), |a, b| *a += b);
            slope.slice_mut(s![1, ..]).zip_mut_with(&twice.slice(s![1, ..]), |a, b| *a += b);
            let mut counts = ndarray::arr2(&[[1.0; 5], [2.0; 5], [1.0; 5]]);
            for (column, times) in [(2, 2.0), (3, 2.0)] {
                counts.column_mut(column).mapv_inplace(|count| count * times);
            }
            slope + counts
        },
    )]
}
