//! Steps of optimizers: what `ai.onnx.preview.training` has.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built};
use crate::io::onnx::table::{Row, op};

const DOMAIN: &str = "ai.onnx.preview.training";

pub(super) const ROWS: &[Row] = &[
    op("Adagrad", 1, adagrad).of(DOMAIN),
    op("Adam", 1, adam).of(DOMAIN),
    op("Momentum", 1, momentum).of(DOMAIN),
];

/// The rate, the number of steps before, and for each variable its value, gradient and so many statistics.
struct Steps<'g> {
    rate: AnyTensor<'g>,
    before: AnyTensor<'g>,
    each: Vec<Vec<AnyTensor<'g>>>,
}

fn steps<'g>(at: &At<'_, 'g>, kinds: usize) -> Result<Steps<'g>, NodeFault> {
    let all = at.tensors();
    let Some((&[rate, before], rest)) = all.split_first_chunk::<2>() else {
        return invalid(format!("expected a rate and a number of steps, got {} inputs", all.len()));
    };
    if rest.is_empty() || rest.len() % kinds != 0 {
        return invalid(format!(
            "expected a multiple of {kinds} inputs behind the second, got {}",
            rest.len()
        ));
    }
    let count = rest.len() / kinds;
    let each =
        (0..count).map(|variable| rest.iter().skip(variable).step_by(count).copied().collect()).collect();
    Ok(Steps { rate, before, each })
}

/// New values of all variables, then of the first statistic of each, and so on.
#[allow(clippy::unnecessary_wraps, reason = "what builders give")]
fn in_order(each: Vec<Vec<AnyTensor<'_>>>) -> Built<'_> {
    let kinds = each.first().map_or(0, Vec::len);
    Ok((0..kinds)
        .flat_map(|kind| each.iter().filter_map(move |of| of.get(kind)))
        .copied()
        .map(Item::run)
        .collect())
}

fn adagrad<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let Steps { rate, before, each } = steps(at, 3)?;
    let (decay, epsilon) = (at.float("decay_factor", 0.0)?, at.float("epsilon", 1e-6)?);
    let penalty = at.float("norm_coefficient", 0.0)?;
    let step = |of: Vec<AnyTensor<'g>>| {
        let (x, gradient, squares) = (of[0], of[1], of[2]);
        let gradient = x * penalty + gradient;
        let rate = rate / (before.cast(rate.dtype()) * decay + 1.0);
        let squares = squares + gradient * gradient;
        vec![x - rate * gradient / (squares.sqrt() + epsilon), squares]
    };
    in_order(each.into_iter().map(step).collect())
}

fn adam<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let Steps { rate, before, each } = steps(at, 4)?;
    let (alpha, beta) = (at.float("alpha", 0.9)?, at.float("beta", 0.999)?);
    let epsilon = at.float("epsilon", 1e-6)?;
    let (penalty, after) = (at.float("norm_coefficient", 0.0)?, at.float("norm_coefficient_post", 0.0)?);
    let before = before.cast(rate.dtype());
    let without = |base: f64| rate.scalar_like(1.0) - rate.scalar_like(base).pow(before);
    let corrected = rate * without(beta).sqrt() / without(alpha);
    let rate = before.greater(0.0).select(corrected, rate);
    let step = |of: Vec<AnyTensor<'g>>| {
        let (x, gradient, mean, squares) = (of[0], of[1], of[2], of[3]);
        let gradient = x * penalty + gradient;
        let mean = mean * alpha + gradient * (1.0 - alpha);
        let squares = squares * beta + gradient * gradient * (1.0 - beta);
        let next = (x - rate * (mean / (squares.sqrt() + epsilon))) * (1.0 - after);
        vec![next, mean, squares]
    };
    in_order(each.into_iter().map(step).collect())
}

fn momentum<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let Steps { rate, before, each } = steps(at, 3)?;
    let (alpha, beta) = (at.float("alpha", 0.0)?, at.float("beta", 0.0)?);
    let penalty = at.float("norm_coefficient", 0.0)?;
    let nesterov = match at.text("mode", "standard")?.as_str() {
        "standard" => false,
        "nesterov" => true,
        other => return invalid(format!("attribute `mode`: expected standard or nesterov, got `{other}`")),
    };
    // The first gradient counts as a whole.
    let share = before.cast(DType::I64).greater(0_i64).select(rate.scalar_like(beta), rate.scalar_like(1.0));
    let step = |of: Vec<AnyTensor<'g>>| {
        let (x, gradient, velocity) = (of[0], of[1], of[2]);
        let gradient = x * penalty + gradient;
        let velocity = velocity * alpha + gradient * share;
        let along = if nesterov { gradient + velocity * alpha } else { velocity };
        vec![x - rate * along, velocity]
    };
    in_order(each.into_iter().map(step).collect())
}
