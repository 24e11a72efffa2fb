//! Identities of arithmetic, and chains of factors gathered into one.

use super::{Rewrite, Tree, known_scalar};
use crate::kernel::scalar;
use crate::lower::{Inst, Prim, Program, Scalar, ScalarValue, Val};

/// An operand that leaves the other as it is.
struct Neutral {
    function: Scalar,
    operand: usize,
    number: f64,
    reason: &'static str,
}

#[rustfmt::skip]
const NEUTRAL: &[Neutral] = &[
    Neutral { function: Scalar::Mul, operand: 0, number: 1.0, reason: "1·x = x" },
    Neutral { function: Scalar::Mul, operand: 1, number: 1.0, reason: "x·1 = x" },
    Neutral { function: Scalar::Div, operand: 1, number: 1.0, reason: "x/1 = x" },
    // The sum of 0 and -0 is 0, so of the two zeros only -0 leaves every float as it is, and 0 when subtracted.
    Neutral { function: Scalar::Add, operand: 0, number: -0.0, reason: "-0+x = x" },
    Neutral { function: Scalar::Add, operand: 1, number: -0.0, reason: "x+(-0) = x" },
    Neutral { function: Scalar::Sub, operand: 1, number: 0.0, reason: "x-0 = x" },
];

pub(super) fn identities(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::Map(function) = inst.prim else {
        return None;
    };
    if function == Scalar::Neg {
        let inner = program.inst(inst.args[0]);
        return (inner.prim == Prim::Map(Scalar::Neg) && inner.dims == inst.dims)
            .then(|| Rewrite { by: Tree::Val(inner.args[0]), reason: "-(-x) = x" })
            .filter(|_| program.inst(inner.args[0]).dims == inst.dims);
    }
    NEUTRAL.iter().filter(|row| row.function == function).find_map(|row| {
        let rest = inst.args[1 - row.operand];
        let is_neutral = known_scalar(program, inst.args[row.operand])?.is_exactly(row.number);
        (is_neutral && program.inst(rest).dims == inst.dims)
            .then_some(Rewrite { by: Tree::Val(rest), reason: row.reason })
    })
}

/// Powers for which there is a cheaper function, as exact or more so.
pub(super) fn powers(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if inst.prim != Prim::Map(Scalar::Pow) || program.inst(inst.args[0]).dims != inst.dims {
        return None;
    }
    let x = || Tree::Val(inst.args[0]);
    let exponent = known_scalar(program, inst.args[1])?;
    if exponent.is(1.0) {
        return Some(Rewrite { by: x(), reason: "x¹ = x" });
    }
    exponent
        .is(2.0)
        .then(|| Rewrite { by: Tree::map(Scalar::Square, vec![x()], inst), reason: "x² = square(x)" })
}

/// A product of a known number and the rest.
fn as_scaled(program: &Program, inst: &Inst) -> Option<(ScalarValue, Val)> {
    let Prim::Map(Scalar::Mul) = inst.prim else {
        return None;
    };
    let (a, b) = (inst.args[0], inst.args[1]);
    known_scalar(program, a).map(|number| (number, b)).or_else(|| Some((known_scalar(program, b)?, a)))
}

/// s·(t·x) = (s·t)·x and -(t·x) = (-t)·x, for floats, where no step comes nearer to the ends of the
/// range than before: both factors shrink or both grow, and their product is a normal number.
pub(super) fn factors(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if !inst.dtype.is_float() {
        return None;
    }
    let (factor, inner) = match inst.prim {
        Prim::Map(Scalar::Neg) => (None, inst.args[0]),
        Prim::Map(Scalar::Mul) => {
            let (number, rest) = as_scaled(program, inst)?;
            (Some(number), rest)
        }
        _ => return None,
    };
    let (number, x) = as_scaled(program, program.inst(inner))?;
    let product = match factor {
        Some(factor) => {
            let (s, t) = (factor.to_f64().abs(), number.to_f64().abs());
            let product = scalar::evaluate(Scalar::Mul, inst.dtype, &[factor, number])?;
            let is_monotone = (s >= 1.0 && t >= 1.0) || (s <= 1.0 && t <= 1.0);
            (is_monotone && product.is_normal()).then_some(product)?
        }
        None => scalar::evaluate(Scalar::Neg, inst.dtype, &[number])?,
    };
    let args = vec![Tree::scalar(product, inst.dtype), Tree::Val(x)];
    Some(Rewrite { by: Tree::map(Scalar::Mul, args, inst), reason: "one factor for two" })
}
