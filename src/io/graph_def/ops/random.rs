//! Random numbers: of the same distributions, and not the same ones.

use super::at::{known, one};
use super::{At, Outputs, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::known::{Entry, Known};

pub(super) const OPS: &[Row] = &[
    ("Multinomial", |at| {
        let samples = at.number(1, "a number of samples")?;
        let samples =
            usize::try_from(samples).map_err(|_| format!("expected a number of samples, got {samples}"))?;
        let to = if at.node.attr("output_dtype").is_some() { Some(at.dtype("output_dtype")?) } else { None };
        at.unary(|logits| {
            let drawn = logits.categorical(samples);
            to.filter(|&to| to != drawn.dtype()).map_or(drawn, |to| drawn.cast(to))
        })
    }),
    ("RandomShuffle", |at| at.unary(AnyTensor::shuffle)),
    ("RandomStandardNormal", |at| {
        one(at.graph().random_normal_any(at.dtype("dtype")?, at.lengths(0)?, 0.0, 1.0))
    }),
    ("RandomUniform", |at| one(at.graph().random_uniform_any(at.dtype("dtype")?, at.lengths(0)?, 0.0, 1.0))),
    ("RandomUniformInt", uniform_integers),
    ("StatelessRandomGetAlg", |_| known(Known::scalar(Entry::Number(1)), DType::I32)),
    // What draws has a seed of its own.
    ("StatelessRandomGetKeyCounter", |_| {
        let zeros = |count| Val::Known(Known::list(vec![Entry::Number(0); count]), DType::I64);
        Ok(vec![zeros(1), zeros(2)])
    }),
    ("StatelessRandomNormalV2", |at| {
        one(at.graph().random_normal_any(at.dtype("dtype")?, at.lengths(0)?, 0.0, 1.0))
    }),
    ("StatelessRandomUniformV2", |at| {
        one(at.graph().random_uniform_any(at.dtype("dtype")?, at.lengths(0)?, 0.0, 1.0))
    }),
    ("StatelessTruncatedNormalV2", |at| {
        one(at.graph().truncated_normal_any(at.dtype("dtype")?, at.lengths(0)?, 0.0, 1.0))
    }),
    ("TruncatedNormal", |at| {
        one(at.graph().truncated_normal_any(at.dtype("dtype")?, at.lengths(0)?, 0.0, 1.0))
    }),
];

/// Whole numbers from one to before another.
fn uniform_integers<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (low, high) = (at.number(1, "the least number")?, at.number(2, "the limit")?);
    one(at.graph().random_uniform_any(at.dtype("Tout")?, at.lengths(0)?, low, high))
}
