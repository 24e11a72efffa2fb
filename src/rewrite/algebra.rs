//! Identities of arithmetic, signs that cost nothing, and chains of factors gathered into one.

use super::{Rewrite, Tree, known_scalar};
use crate::ir::{Inst, Prim, Program, Scalar, ScalarValue, Val};
use crate::kernel::scalar;

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
    if function == Scalar::Scaled {
        let is_zero = known_scalar(program, inst.args[0])?.is(0.0);
        let product = || inst.args.iter().map(|&arg| Tree::Val(arg)).collect();
        return (!is_zero).then(|| Rewrite {
            by: Tree::map(Scalar::Mul, product(), inst),
            reason: "scaled(c, x) = c·x for c other than 0",
        });
    }
    NEUTRAL.iter().filter(|row| row.function == function).find_map(|row| {
        let rest = inst.args[1 - row.operand];
        let is_neutral = known_scalar(program, inst.args[row.operand])?.is_exactly(row.number);
        (is_neutral && program.inst(rest).dims == inst.dims)
            .then_some(Rewrite { by: Tree::Val(rest), reason: row.reason })
    })
}

/// The operand of a negation.
fn negated(program: &Program, val: Val) -> Option<Val> {
    let inst = program.inst(val);
    (inst.prim == Prim::Map(Scalar::Neg) && program.inst(inst.args[0]).dims == inst.dims)
        .then(|| inst.args[0])
}

/// Negations that another function takes in for nothing. All are exact: IEEE 754 defines x - y as
/// x + (-y), also for zeros, the sign of a product or quotient is that of its operands' signs together,
/// and integers wrap around. What is not exact is left: -(x - y) and y - x are zeros of unlike signs if
/// x = y.
pub(super) fn signs(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::Map(function) = inst.prim else {
        return None;
    };
    let [a, b] = match inst.args[..] {
        [a, b] => [a, b],
        [x] if function == Scalar::Square => {
            let by = Tree::map(function, vec![Tree::Val(negated(program, x)?)], inst);
            return Some(Rewrite { by, reason: "(-x)² = x²" });
        }
        _ => return None,
    };
    let instead = |function, x: Val, y: Tree, reason| {
        Some(Rewrite { by: Tree::map(function, vec![Tree::Val(x), y], inst), reason })
    };
    match (function, negated(program, a), negated(program, b)) {
        (Scalar::Add, _, Some(y)) => instead(Scalar::Sub, a, Tree::Val(y), "x + (-y) = x - y"),
        (Scalar::Add, Some(x), None) => instead(Scalar::Sub, b, Tree::Val(x), "(-x) + y = y - x"),
        (Scalar::Sub, _, Some(y)) => instead(Scalar::Add, a, Tree::Val(y), "x - (-y) = x + y"),
        (Scalar::Mul, Some(x), Some(y)) => instead(Scalar::Mul, x, Tree::Val(y), "(-x)·(-y) = x·y"),
        (Scalar::Mul, Some(x), None) | (Scalar::Mul, None, Some(x)) => {
            let other = if negated(program, a).is_some() { b } else { a };
            instead(Scalar::Mul, x, opposite(program, other)?, "(-x)·y = x·(-y)")
        }
        // The least integer over -1 wraps around, so quotients of integers would differ.
        (Scalar::Div, Some(x), Some(y)) if inst.dtype.is_float() => {
            instead(Scalar::Div, x, Tree::Val(y), "(-x)/(-y) = x/y")
        }
        (Scalar::Div, Some(x), None) if inst.dtype.is_float() => {
            instead(Scalar::Div, x, opposite(program, b)?, "(-x)/y = x/(-y)")
        }
        _ => None,
    }
}

/// The negative of a value that is a known number, or the product of one and the rest.
fn opposite(program: &Program, val: Val) -> Option<Tree> {
    let inst = program.inst(val);
    let negative =
        |number| Some(Tree::scalar(scalar::evaluate(Scalar::Neg, inst.dtype, &[number])?, inst.dtype));
    if let Some(number) = known_scalar(program, val) {
        return negative(number);
    }
    let (number, rest) = as_scaled(program, inst)?;
    Some(Tree::map(Scalar::Mul, vec![negative(number)?, Tree::Val(rest)], inst))
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

/// s·(t·x) = (s·t)·x and -(t·x) = (-t)·x, for floats, where the product p of s and t is a normal number.
///
/// Let r be s·t·x exactly. The left side rounds t·x and then s times that, the right side rounds p, here, and
/// then p·x. As p is normal, it is off by half a unit in its last place at most, whatever x is: the right side
/// is r within two roundings, and leaves the range only where r does. As p is neither 0 nor infinite, neither
/// are s and t, and so zeros, infinities and NaN in x give the same, with the same sign, on either side. The
/// left side differs from r by no more
/// - if |s| and |t| are at least 1: |t·x| ≤ |r|, so it overflows only where r does;
/// - if |s| and |t| are at most 1: |t·x| ≥ |r|, so it underflows only where r does;
///
/// and may differ by more, so that the right side is the better one,
/// - if |t| < 1 < |s|: t·x may underflow, to 0 even, where r does not, and s magnifies the loss;
/// - if |s| < 1 < |t|: t·x may overflow where r does not.
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
            let product = scalar::evaluate(Scalar::Mul, inst.dtype, &[factor, number])?;
            product.is_normal().then_some(product)?
        }
        None => scalar::evaluate(Scalar::Neg, inst.dtype, &[number])?,
    };
    let args = vec![Tree::scalar(product, inst.dtype), Tree::Val(x)];
    Some(Rewrite { by: Tree::map(Scalar::Mul, args, inst), reason: "one factor for two" })
}
