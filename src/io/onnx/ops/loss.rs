//! Losses.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, one};
use crate::io::onnx::table::{Row, op};

pub(super) const ROWS: &[Row] = &[
    op("NegativeLogLikelihoodLoss", 12, |at| one(of_log_probabilities(at, at.tensor(0)?)?)),
    op("SoftmaxCrossEntropyLoss", 12, |at| {
        let log = at.tensor(0)?.log_softmax(1);
        Ok(vec![Item::run(of_log_probabilities(at, log)?), Item::run(log)])
    }),
];

/// Minus the logarithms of the classes that are right, weighted by class.
fn of_log_probabilities<'g>(at: &At<'_, 'g>, log: AnyTensor<'g>) -> Result<AnyTensor<'g>, NodeFault> {
    let classes = at.tensor(1)?.cast(DType::I64);
    let ignored = at.opt_int("ignore_index")?.map(|ignored| classes.equal(ignored));
    let classes = ignored.map_or(classes, |ignored| ignored.select(classes.zeros_like(), classes));
    let of_class = log.take_along_axis(classes.expand_dims(1), 1).squeeze(1_isize);
    let ones = || of_class.ones_like();
    let mut weights = at.optional(2).map(|weights| weights.gather(classes, 0));
    if let Some(ignored) = ignored {
        weights = Some(ignored.select(of_class.zeros_like(), weights.unwrap_or_else(ones)));
    }
    let losses = -weights.map_or(of_class, |weights| of_class * weights);
    match at.text("reduction", "mean")?.as_str() {
        "none" => Ok(losses),
        "sum" => Ok(losses.reduce_sum(..)),
        "mean" => Ok(losses.reduce_sum(..) / weights.unwrap_or_else(ones).reduce_sum(..)),
        other => invalid(format!("attribute `reduction`: expected none, sum or mean, got `{other}`")),
    }
}
