//! Functions of each element.

use super::at::{known, one};
use super::{At, Outputs, Row};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::hyperbolic;
use crate::io::import::known::Arithmetic;

/// Of one tensor.
pub(super) const OPS: &[Row] = &[
    ("Abs", |at| at.unary(AnyTensor::abs)),
    ("Acos", |at| at.unary(AnyTensor::acos)),
    ("Acosh", |at| at.unary(hyperbolic::acosh)),
    ("Asin", |at| at.unary(AnyTensor::asin)),
    ("Asinh", |at| at.unary(hyperbolic::asinh)),
    ("Atan", |at| at.unary(AnyTensor::atan)),
    ("Atanh", |at| at.unary(hyperbolic::atanh)),
    ("BesselI0", |at| at.unary(AnyTensor::i0)),
    ("BesselI0e", |at| at.unary(AnyTensor::i0e)),
    ("BesselI1", |at| at.unary(AnyTensor::i1)),
    ("BesselI1e", |at| at.unary(AnyTensor::i1e)),
    ("Ceil", |at| at.unary(AnyTensor::ceil)),
    ("CheckNumerics", |at| at.unary(AnyTensor::check_numerics)),
    ("Cos", |at| at.unary(AnyTensor::cos)),
    ("Cosh", |at| at.unary(AnyTensor::cosh)),
    ("Digamma", |at| at.unary(AnyTensor::digamma)),
    ("Elu", |at| at.unary(|x| x.elu())),
    ("Erf", |at| at.unary(AnyTensor::erf)),
    ("Erfc", |at| at.unary(AnyTensor::erfc)),
    ("Erfinv", |at| at.unary(AnyTensor::erfinv)),
    ("Exp", |at| at.unary(AnyTensor::exp)),
    ("Expm1", |at| at.unary(AnyTensor::expm1)),
    ("Floor", |at| at.unary(AnyTensor::floor)),
    ("Inv", |at| at.unary(AnyTensor::reciprocal)),
    ("IsFinite", |at| at.unary(|x| x.is_finite())),
    ("IsInf", |at| at.unary(|x| x.is_inf())),
    ("IsNan", |at| at.unary(|x| x.is_nan())),
    ("LeakyRelu", |at| {
        let alpha = at.float("alpha", 0.2)?;
        at.unary(|x| x.leaky_relu(alpha))
    }),
    ("Lgamma", |at| at.unary(AnyTensor::lgamma)),
    ("Log", |at| at.unary(AnyTensor::ln)),
    ("Log1p", |at| at.unary(AnyTensor::log1p)),
    ("LogicalNot", |at| at.unary(AnyTensor::logical_not)),
    ("Ndtri", |at| at.unary(AnyTensor::ndtri)),
    ("Neg", |at| at.unary(|x| -x)),
    ("Reciprocal", |at| at.unary(AnyTensor::reciprocal)),
    ("Relu", |at| at.unary(AnyTensor::relu)),
    ("Relu6", |at| at.unary(AnyTensor::relu6)),
    ("Rint", |at| at.unary(AnyTensor::round)),
    ("Round", |at| at.unary(|x| if x.dtype().is_float() { x.round() } else { x })),
    ("Rsqrt", |at| at.unary(AnyTensor::rsqrt)),
    ("Selu", |at| at.unary(AnyTensor::selu)),
    ("Sigmoid", |at| at.unary(AnyTensor::sigmoid)),
    ("Sign", |at| at.unary(AnyTensor::sign)),
    ("Sin", |at| at.unary(AnyTensor::sin)),
    ("Sinh", |at| at.unary(AnyTensor::sinh)),
    ("Softplus", |at| at.unary(AnyTensor::softplus)),
    ("Softsign", |at| at.unary(AnyTensor::softsign)),
    ("Sqrt", |at| at.unary(AnyTensor::sqrt)),
    ("Square", |at| arithmetic(at, &[0, 0], Arithmetic::Mul, |x, _| x.square())),
    ("Tan", |at| at.unary(AnyTensor::tan)),
    ("Tanh", |at| at.unary(AnyTensor::tanh)),
    ("Enter", identity),
    ("RefEnter", identity),
    ("Identity", identity),
    ("RefIdentity", identity),
    ("IdentityN", |at| Ok(at.inputs.clone())),
    ("PlaceholderWithDefault", identity),
    ("PreventGradient", identity),
    ("Snapshot", identity),
    ("StopGradient", |at| at.unary(AnyTensor::stop_gradient)),
    ("Print", identity),
    ("Cast", cast),
];

/// Of several tensors.
pub(super) const OF_TWO: &[Row] = &[
    ("Add", |at| arithmetic(at, &[0, 1], Arithmetic::Add, |a, b| a + b)),
    ("AddN", |at| {
        let terms = at.tensors(0)?;
        let (first, rest) = terms.split_first().ok_or("expected one term at least, got none")?;
        one(rest.iter().fold(*first, |sum, &term| sum + term))
    }),
    ("AddV2", |at| arithmetic(at, &[0, 1], Arithmetic::Add, |a, b| a + b)),
    ("Atan2", |at| at.binary(|y, x| y.atan2(x))),
    ("Betainc", |at| at.ternary(|a, b, x| a.betainc(b, x))),
    ("ClipByValue", |at| at.ternary(|x, low, high| x.clip(low, high))),
    // Integers are divided towards 0.
    ("Div", |at| arithmetic(at, &[0, 1], Arithmetic::TruncatedDiv, |a, b| a / b)),
    ("DivNoNan", |at| at.binary(|a, b| no_nan(b, a / b))),
    ("Equal", |at| at.binary(|a, b| a.equal(b))),
    ("FloorDiv", |at| arithmetic(at, &[0, 1], Arithmetic::FloorDiv, |a, b| a.floor_div(b))),
    ("FloorMod", |at| arithmetic(at, &[0, 1], Arithmetic::FloorMod, |a, b| a.modulo(b))),
    ("Greater", |at| at.binary(|a, b| a.greater(b))),
    ("GreaterEqual", |at| at.binary(|a, b| a.greater_equal(b))),
    ("BitwiseAnd", |at| at.binary(|a, b| a.bitwise_and(b))),
    ("BitwiseOr", |at| at.binary(|a, b| a.bitwise_or(b))),
    ("BitwiseXor", |at| at.binary(|a, b| a.bitwise_xor(b))),
    ("Igamma", |at| at.binary(|a, x| a.gammainc(x))),
    ("Igammac", |at| at.binary(|a, x| a.gammaincc(x))),
    ("Less", |at| at.binary(|a, b| a.less(b))),
    ("LessEqual", |at| at.binary(|a, b| a.less_equal(b))),
    ("LogicalAnd", |at| at.binary(|a, b| a.logical_and(b))),
    ("LogicalOr", |at| at.binary(|a, b| a.logical_or(b))),
    ("Maximum", |at| arithmetic(at, &[0, 1], Arithmetic::Max, |a, b| a.maximum(b))),
    ("Minimum", |at| arithmetic(at, &[0, 1], Arithmetic::Min, |a, b| a.minimum(b))),
    ("Mul", |at| arithmetic(at, &[0, 1], Arithmetic::Mul, |a, b| a * b)),
    ("MulNoNan", |at| at.binary(|a, b| no_nan(b, a * b))),
    ("NotEqual", |at| at.binary(|a, b| a.not_equal(b))),
    ("Polygamma", |at| {
        let order = at.constant(0, "the order of the derivative")?;
        if order < 0.0 || order.fract() != 0.0 || order > 1e6 {
            return Err(format!("expected a whole order of 0 or more, got {order}").into());
        }
        let x = at.tensor(1)?;
        one(if order == 0.0 { x.digamma() } else { x.polygamma(order as usize) })
    }),
    ("Pow", power),
    ("RealDiv", |at| at.binary(|a, b| a / b)),
    ("Select", select),
    ("SelectV2", |at| at.ternary(|condition, a, b| condition.select(a, b))),
    ("SquaredDifference", |at| at.binary(|a, b| (a - b).square())),
    ("Sub", |at| arithmetic(at, &[0, 1], Arithmetic::Sub, |a, b| a - b)),
    ("TruncateDiv", |at| arithmetic(at, &[0, 1], Arithmetic::TruncatedDiv, |a, b| a / b)),
    ("Xdivy", |at| at.binary(|a, b| no_nan(a, a / b))),
    ("Xlog1py", |at| at.binary(|a, b| no_nan(a, a * b.log1p()))),
    ("Xlogy", |at| at.binary(|a, b| no_nan(a, a * b.ln()))),
];

/// The value where a factor or divisor is not 0, else 0.
fn no_nan<'g>(number: AnyTensor<'g>, value: AnyTensor<'g>) -> AnyTensor<'g> {
    number.equal(0.0).select(0.0, value)
}

/// Arithmetic, which is done at once where the numbers are known.
fn arithmetic<'g>(
    at: &At<'_, 'g>,
    inputs: &[usize; 2],
    arithmetic: Arithmetic,
    of: impl FnOnce(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>,
) -> Outputs<'g> {
    if let Some((all, dtype)) = at.all_known()
        && let [Some(a), Some(b)] = inputs.map(|input| all.get(input))
        && let Some(result) = a.with(arithmetic, b)
    {
        return known(result, dtype);
    }
    one(of(at.tensor(inputs[0])?, at.tensor(inputs[1])?))
}

/// The input itself; a node of its own where it is ordered behind others.
fn identity<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let value = at.value(0)?;
    match value {
        super::Val::Tensor(_) | super::Val::Variable { .. } if at.graph().builds_in_order() => {
            at.unary(AnyTensor::identity)
        }
        super::Val::Variable { .. } => one(at.tensor(0)?),
        _ => Ok(vec![value.clone()]),
    }
}

/// Elements of another type. Whole numbers that are known stay so.
fn cast<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let to = at.dtype("DstT")?;
    if let (Some(numbers), DType::I32 | DType::I64) = (at.known(0), to) {
        return known(numbers.clone(), to);
    }
    at.unary(|x| if x.dtype() == to { x } else { x.cast(to) })
}

/// The rows of one tensor or another, or their elements.
fn select<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    at.ternary(|condition, a, b| {
        let (rank, of_rows) = (a.shape().rank(), condition.shape().rank() == 1 && a.shape().rank() > 1);
        let condition = if of_rows {
            (1..rank).fold(condition, |condition, _| condition.expand_dims(-1))
        } else {
            condition
        };
        condition.select(a, b)
    })
}

/// A power; of integers, one that is known.
fn power<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let x = at.tensor(0)?;
    if x.dtype().is_float() {
        return at.binary(|a, b| a.pow(b));
    }
    let exponent = at.number(1, "the exponent of integers")?;
    let most = i64::from(u64::BITS);
    if !(0..=most).contains(&exponent) {
        return Err(format!("expected an exponent from 0 to {most} of integers, got {exponent}").into());
    }
    one((0..exponent).fold(x.ones_like(), |power, _| power * x))
}
