//! Examples of what is drawn, each as its reference whatever the numbers are.

use super::beside;
use crate::ops::laws::{Example, example};
use crate::prelude::*;

pub(in crate::ops) fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3][..], &[0, 3], &[1], &[]] {
        examples.extend([
            example!(
                "random_uniform_like",
                &[dims],
                |_, x| beside(x[0], x[0].random_uniform_like(-1.0, 2.0)),
                |x| x[0].clone()
            ),
            example!(
                "random_normal_like",
                &[dims],
                |_, x| beside(x[0], x[0].random_normal_like(1.0, 2.0)),
                |x| x[0].clone()
            ),
            example!("bernoulli_like", &[dims], |_, x| beside(x[0], x[0].bernoulli_like(0.5).cast()), |x| x
                [0]
            .clone()),
            example!(
                "random_uniform of computed lengths",
                &[dims],
                |g, x| beside(x[0], g.random_uniform(x[0].lengths(), -1.0, 2.0)),
                |x| x[0].clone()
            ),
            example!(
                "random_normal of computed lengths",
                &[dims],
                |g, x| beside(x[0], g.random_normal(x[0].lengths(), 1.0, 2.0)),
                |x| x[0].clone()
            ),
            example!(
                "truncated_normal of computed lengths",
                &[dims],
                |g, x| beside(x[0], g.truncated_normal(x[0].lengths(), 1.0, 2.0)),
                |x| x[0].clone()
            ),
        ]);
    }
    examples.extend([
        example!("random_uniform", &[&[2, 3]], |g, x| beside(x[0], g.random_uniform([3], 0.0, 1.0)), |x| x
            [0]
        .clone()),
        example!(
            "random_uniform of integers",
            &[&[2]],
            |g, x| beside(x[0], g.random_uniform([2], 0_i64, 3).cast()),
            |x| x[0].clone()
        ),
        example!(
            "random_uniform at one place",
            &[&[2]],
            |g, x| x[0] + g.random_uniform([2], 0.5, 0.5),
            |x| &x[0] + 0.5
        ),
        example!("random_normal", &[&[3]], |g, x| beside(x[0], g.random_normal([2, 1], 0.0, 1.0)), |x| {
            x[0].broadcast(ndarray::IxDyn(&[2, 3])).unwrap().to_owned()
        }),
        example!("random_normal at one place", &[&[2]], |g, x| x[0] * g.random_normal([], 1.5, 0.0), |x| &x
            [0]
            * 1.5),
        example!("truncated_normal", &[&[2]], |g, x| beside(x[0], g.truncated_normal([], 0.0, 1.0)), |x| x
            [0]
        .clone()),
        example!(
            "bernoulli of certainties",
            &[&[2]],
            |g, x| x[0] + (g.bernoulli([2], 1.0).cast() - g.bernoulli([], 0.0).cast()),
            |x| &x[0] + 1.0
        ),
    ]);
    examples
}
