//! Random draws: the same in each way of running the same run.

use super::Kind::{Discrete, Jumps, Smooth};
use super::{EXACT, ROUNDED, Row, row};

pub(crate) static ROWS: &[Row] = &[
    row("random_uniform", Discrete, ROUNDED, |at| {
        let lengths = vec![at.number(4), 1 + at.number(3)];
        let g = at.graph();
        Some(if at.number(2) == 0 {
            g.random_uniform(lengths, -1.0, 1.0).into()
        } else {
            g.random_uniform(lengths, 0_i64, 5).into()
        })
    }),
    row("random_normal", Discrete, ROUNDED, |at| {
        let lengths = vec![1 + at.number(3), at.number(4)];
        let g = at.graph();
        Some(
            if at.number(2) == 0 {
                g.random_normal(lengths, 0.5, 0.5)
            } else {
                g.truncated_normal(lengths, 0.0, 0.5)
            }
            .into(),
        )
    }),
    row("bernoulli", Discrete, ROUNDED, |at| {
        let lengths = vec![at.number(4), 1 + at.number(3)];
        Some(at.graph().bernoulli(lengths, 0.5).into())
    }),
    row("draws of a tensor's shape", Smooth, ROUNDED, |at| {
        let x = at.float()?;
        Some(match at.number(4) {
            0 => x.random_uniform_like(-1.0, 1.0).into(),
            1 => x.random_normal_like(0.0, 0.5).into(),
            2 => x.bernoulli_like(0.25).into(),
            _ => x.bernoulli_like(0.25).select(0.0, *x / 0.75).into(),
        })
    }),
    row("random_permutation", Discrete, EXACT, |at| Some(at.graph().random_permutation(at.number(5)).into())),
    row("shuffle", Smooth, EXACT, |at| Some(at.ranked(1)?.shuffle().into())),
    row("bernoulli of probabilities", Jumps, EXACT, |at| {
        Some(at.steady(|_| true)?.clip(0.0, 1.0).bernoulli().into())
    }),
    row("categorical", Jumps, EXACT, |at| {
        let logits = at.steady(|dims| dims.last().is_some_and(|&classes| classes > 0))?;
        Some(logits.categorical(at.number(3)).into())
    }),
    // Rejection jumps, so parameters are those that no rounding moves.
    row("random_gamma", Discrete, ROUNDED, |at| {
        let shapes = at.graph().fill(vec![at.number(4), 1 + at.number(3)], 2.5);
        Some(if at.number(2) == 0 { shapes.random_gamma() } else { shapes.random_log_gamma() }.into())
    }),
    row("draws by parameters", Discrete, ROUNDED, |at| {
        let numbers = at.graph().fill(vec![at.number(4), 1 + at.number(3)], 3.0);
        Some(
            match at.number(3) {
                0 => numbers.random_poisson(),
                1 => numbers.random_binomial(0.25),
                _ => numbers.random_von_mises(),
            }
            .into(),
        )
    }),
];
