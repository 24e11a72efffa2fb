//! What gradients of activations, biases and pictures are made of in TensorFlow.

use super::at::one;
use super::{At, Outputs, Row};
use crate::graph::AnyTensor;

pub(super) const OPS: &[Row] = &[
    ("EluGrad", |at| at.binary(|dy, y| y.less(0.0).select(dy * (y + 1.0), dy))),
    ("InvGrad", |at| at.binary(|y, dy| -dy * y * y)),
    ("LeakyReluGrad", |at| {
        let alpha = at.float("alpha", 0.2)?;
        at.binary(|dy, x| x.greater(0.0).select(dy, dy * alpha))
    }),
    ("ReciprocalGrad", |at| at.binary(|y, dy| -dy * y * y)),
    ("Relu6Grad", |at| at.binary(|dy, x| x.greater(0.0).logical_and(x.less(6.0)).select(dy, 0.0))),
    ("ReluGrad", |at| at.binary(|dy, x| x.greater(0.0).select(dy, 0.0))),
    ("RsqrtGrad", |at| at.binary(|y, dy| dy * y * y * y * -0.5)),
    ("SeluGrad", selu),
    ("SigmoidGrad", |at| at.binary(|y, dy| dy * y * (-y + 1.0))),
    ("SoftplusGrad", |at| at.binary(|dy, x| dy * x.sigmoid())),
    ("SoftsignGrad", |at| at.binary(|dy, x| dy / (x.abs() + 1.0).square())),
    ("SqrtGrad", |at| at.binary(|y, dy| dy * 0.5 / y)),
    ("TanhGrad", |at| at.binary(|y, dy| dy * (-y * y + 1.0))),
];

/// The limits of the scaled exponential, negative and positive.
fn selu<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    const SCALE: f64 = 1.050_700_987_355_480_5;
    const SCALED_ALPHA: f64 = 1.758_099_340_847_376_6;
    let of = |dy: AnyTensor<'g>, y: AnyTensor<'g>| y.less(0.0).select(dy * (y + SCALED_ALPHA), dy * SCALE);
    one(of(at.tensor(0)?, at.tensor(1)?))
}
