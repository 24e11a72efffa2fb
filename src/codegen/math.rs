//! Elementary functions as instructions of a program.

use super::build::Builder;
use super::program::{Binary, Compare, Logic, Unary, Value};
use crate::ir::Scalar;

/// The value of a function of one operand; `None` where the vocabulary has none.
pub(crate) fn unary(builder: &mut Builder, function: Scalar, x: Value) -> Option<Value> {
    match function {
        Scalar::Neg => builder.neg(x),
        Scalar::Abs => builder.abs(x),
        Scalar::Sign => {
            let (zero, one) = (builder.number(0.0), builder.number(1.0));
            let sign = builder.copy_sign(one, x)?;
            let is_zero = builder.compare(Compare::Equal, x, zero)?;
            let or_zero = builder.select(is_zero, zero, sign)?;
            let is_nan = builder.compare(Compare::Unordered, x, x)?;
            builder.select(is_nan, x, or_zero)
        }
        Scalar::Square => builder.binary(Binary::Mul, x, x),
        Scalar::Sqrt => builder.unary(Unary::Sqrt, x),
        Scalar::Floor => builder.unary(Unary::Floor, x),
        Scalar::Ceil => builder.unary(Unary::Ceil, x),
        Scalar::Round => builder.unary(Unary::Round, x),
        Scalar::Not => builder.not(x),
        _ => None,
    }
}

/// The value of a function of two operands; `None` where the vocabulary has none.
pub(crate) fn binary(builder: &mut Builder, function: Scalar, a: Value, b: Value) -> Option<Value> {
    match function {
        Scalar::Add => builder.binary(Binary::Add, a, b),
        Scalar::Sub => builder.binary(Binary::Sub, a, b),
        Scalar::Mul => builder.binary(Binary::Mul, a, b),
        Scalar::Div => builder.binary(Binary::Div, a, b),
        Scalar::Scaled => {
            let zero = builder.number(0.0);
            let product = builder.binary(Binary::Mul, a, b)?;
            let is_zero = builder.compare(Compare::Equal, a, zero)?;
            builder.select(is_zero, zero, product)
        }
        Scalar::Maximum => extreme(builder, Binary::Larger, a, b),
        Scalar::Minimum => extreme(builder, Binary::Smaller, a, b),
        Scalar::Equal => builder.compare(Compare::Equal, a, b),
        Scalar::NotEqual => builder.compare(Compare::NotEqual, a, b),
        Scalar::Less => builder.compare(Compare::Less, a, b),
        Scalar::LessEqual => builder.compare(Compare::LessEqual, a, b),
        Scalar::And => builder.logic(Logic::And, a, b),
        Scalar::Or => builder.logic(Logic::Or, a, b),
        Scalar::Xor => builder.logic(Logic::Xor, a, b),
        _ => None,
    }
}

/// The larger or the smaller; NaN if either is.
fn extreme(builder: &mut Builder, which: Binary, a: Value, b: Value) -> Option<Value> {
    let is_number = |value: Value| builder.known_number(value).is_some_and(|number| !number.is_nan());
    let (a_is_number, b_is_number) = (is_number(a), is_number(b));
    // A NaN on the right is taken, as a comparison with it is false.
    if a_is_number {
        return builder.binary(which, a, b);
    }
    if b_is_number {
        let (first, second) = if which == Binary::Larger { (a, b) } else { (b, a) };
        let is_a = builder.compare(Compare::NotLessEqual, first, second)?;
        return builder.select(is_a, a, b);
    }
    let other = builder.binary(which, a, b)?;
    let is_nan = builder.compare(Compare::Unordered, a, a)?;
    builder.select(is_nan, a, other)
}
