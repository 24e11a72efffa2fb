//! Random numbers: those of TensorFlow, which have the same distributions and other values.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Port, number, of_type};
use crate::element::DType;
use crate::io::tensorflow::Attr;

pub(super) const OPS: &[Row] = &[
    ("bernoulli", bernoulli),
    ("bernoulli_like", bernoulli),
    ("random_normal", |at| normal(at, "RandomStandardNormal")),
    ("random_normal_like", |at| normal(at, "RandomStandardNormal")),
    ("random_uniform", uniform),
    ("random_uniform_like", uniform),
    ("truncated_normal", |at| normal(at, "TruncatedNormal")),
    ("truncated_normal_like", |at| normal(at, "TruncatedNormal")),
];

/// Whether functions in which an op stands must be run as often as they are called.
pub(super) fn draws(op: &str) -> bool {
    OPS.iter().any(|row| row.0 == op)
}

/// What tells the draws of a node from others, of the name that it has.
fn seeds(at: &At<'_, '_>) -> [(&'static str, Attr); 2] {
    let seed = crate::initializer::seed_for(0, &at.item.name) >> 1;
    [("seed", Attr::Int(seed as i64 | 1)), ("seed2", Attr::Int((at.block.len() as i64) | 1))]
}

/// The lengths of what is drawn: those that are known, or an input's.
fn lengths(at: &mut At<'_, '_>) -> Result<Port, String> {
    let known = at.output(0).shape.known();
    if let Some(known) = known {
        let lengths: Vec<i64> = known.into_iter().map(|length| length as i64).collect();
        return Ok(at.block.longs(&lengths));
    }
    match at.inputs {
        [like, ..] if at.types[0].shape == at.output(0).shape => Ok(at.block.shape(*like)),
        _ => Err("expected lengths that are known or those of the input".to_owned()),
    }
}

fn drawn(at: &mut At<'_, '_>, op: &str, dtype: DType) -> Result<Port, String> {
    let lengths = lengths(at)?;
    let attributes = [of_type("dtype", number(dtype)), of_type("T", number(I64))].into_iter();
    let attributes = attributes.chain(seeds(at)).collect();
    Ok(at.block.node(op, &[lengths], attributes, number(dtype)))
}

/// A product and a sum with numbers.
fn scaled(at: &mut At<'_, '_>, x: Port, by: f64, plus: f64) -> Port {
    let [by, plus] = [by, plus].map(|number| at.block.scalar(number, x.dtype));
    let x = at.block.same("Mul", &[x, by]);
    at.block.same("AddV2", &[x, plus])
}

fn uniform(at: &mut At<'_, '_>) -> Ports {
    let dtype = at.output(0).dtype;
    if !dtype.is_float() {
        let (low, high): (i64, i64) = (at.attribute("low")?, at.attribute("high")?);
        let lengths = lengths(at)?;
        let [low, high] = [low, high].map(|bound| at.block.long(bound));
        let [low, high] = [low, high].map(|bound| at.block.cast(bound, number(dtype)));
        let attributes = [of_type("Tout", number(dtype)), of_type("T", number(I64))].into_iter();
        let attributes = attributes.chain(seeds(at)).collect();
        return one(at.block.node("RandomUniformInt", &[lengths, low, high], attributes, number(dtype)));
    }
    let (low, high): (f64, f64) = (at.attribute("low")?, at.attribute("high")?);
    let x = drawn(at, "RandomUniform", dtype)?;
    one(scaled(at, x, high - low, low))
}

fn normal(at: &mut At<'_, '_>, op: &str) -> Ports {
    let dtype = at.output(0).dtype;
    let (mean, stddev): (f64, f64) = (at.attribute("mean")?, at.attribute("stddev")?);
    let x = drawn(at, op, dtype)?;
    one(scaled(at, x, stddev, mean))
}

fn bernoulli(at: &mut At<'_, '_>) -> Ports {
    let probability: f64 = at.attribute("probability")?;
    let x = drawn(at, "RandomUniform", DType::F64)?;
    let probability = at.block.scalar(probability, x.dtype);
    let drawn = at.block.compare("Less", &[x, probability]);
    let to = number(at.output(0).dtype);
    one(at.block.cast(drawn, to))
}
