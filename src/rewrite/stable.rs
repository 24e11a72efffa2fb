//! Forms that keep their digits where the written ones lose them: logarithms of what is tiny, and
//! differences of what is nearly 1.

use super::{Rewrite, Tree, known_scalar};
use crate::element::DType;
use crate::ir::{Inst, Prim, Program, Scalar, ScalarValue, Val};

/// The operands of a value that is the given function and has the lengths of `like`.
fn operands<'p>(program: &'p Program, val: Val, function: Scalar, like: &Inst) -> Option<&'p [Val]> {
    let inst = program.inst(val);
    (inst.prim == Prim::Map(function) && inst.dims == like.dims).then_some(inst.args.as_slice())
}

fn is_number(program: &Program, val: Val, number: f64) -> bool {
    known_scalar(program, val).is_some_and(|known| known.is(number))
}

/// The number 0 of a float type.
fn zero(dtype: DType) -> ScalarValue {
    if dtype == DType::F32 { ScalarValue::F32(0) } else { ScalarValue::F64(0) }
}

/// What is divided by what, also by way of a reciprocal.
fn quotient(program: &Program, val: Val, like: &Inst) -> Option<(Val, Val)> {
    if let Some(&[numerator, denominator]) = operands(program, val, Scalar::Div, like) {
        return Some((numerator, denominator));
    }
    let &[a, b] = operands(program, val, Scalar::Mul, like)? else { return None };
    [(a, b), (b, a)].into_iter().find_map(|(numerator, reciprocal)| {
        let reciprocal = program.inst(reciprocal);
        let is_reciprocal =
            reciprocal.prim == Prim::Map(Scalar::Div) && is_number(program, reciprocal.args[0], 1.0);
        is_reciprocal.then(|| (numerator, reciprocal.args[1]))
    })
}

/// Rewrites of logarithms.
pub(super) fn logarithms(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if inst.prim != Prim::Map(Scalar::Ln) {
        return None;
    }
    let tree = |function, args| Tree::map(function, args, inst);
    let arg = inst.args[0];
    // The exponential may have fewer elements than the quotient; then it is not the larger operand.
    if let Some((numerator, denominator)) = quotient(program, arg, inst)
        && let Some(&[exponent]) = operands(program, numerator, Scalar::Exp, inst)
    {
        let lengths = program.inst(denominator).dims.clone();
        let (prim, args, dtype) = (Prim::Map(Scalar::Ln), vec![Tree::Val(denominator)], inst.dtype);
        let logarithm = Tree::Inst { prim, args, dtype, dims: lengths };
        let by = tree(Scalar::Sub, vec![Tree::Val(exponent), logarithm]);
        return Some(Rewrite { by, reason: "ln(eˣ/s) = x - ln s" });
    }
    if let Some(&[x]) = operands(program, arg, Scalar::Sigmoid, inst) {
        let x = || Tree::Val(x);
        let magnitude = tree(Scalar::Maximum, vec![x(), tree(Scalar::Neg, vec![x()])]);
        let decay = tree(Scalar::Exp, vec![tree(Scalar::Neg, vec![magnitude])]);
        let negative = tree(Scalar::Minimum, vec![x(), Tree::scalar(zero(inst.dtype), inst.dtype)]);
        let by = tree(Scalar::Sub, vec![negative, tree(Scalar::Log1p, vec![decay])]);
        return Some(Rewrite { by, reason: "ln σ(x) = min(x, 0) - ln(1 + e^-|x|)" });
    }
    let &[a, b] = operands(program, arg, Scalar::Add, inst)? else { return None };
    let x = if is_number(program, a, 1.0) { b } else { a };
    (is_number(program, a, 1.0) || is_number(program, b, 1.0))
        .then(|| Rewrite { by: tree(Scalar::Log1p, vec![Tree::Val(x)]), reason: "ln(1 + x) = log1p(x)" })
}

/// Rewrites of differences.
pub(super) fn differences(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if inst.prim != Prim::Map(Scalar::Sub) {
        return None;
    }
    let (a, b) = (inst.args[0], inst.args[1]);
    if let (true, Some(&[x])) = (is_number(program, a, 1.0), operands(program, b, Scalar::Sigmoid, inst)) {
        let by = Tree::map(Scalar::Sigmoid, vec![Tree::map(Scalar::Neg, vec![Tree::Val(x)], inst)], inst);
        return Some(Rewrite { by, reason: "1 - σ(x) = σ(-x)" });
    }
    if let (true, Some(&[x])) = (is_number(program, b, 1.0), operands(program, a, Scalar::Exp, inst)) {
        let by = Tree::map(Scalar::Expm1, vec![Tree::Val(x)], inst);
        return Some(Rewrite { by, reason: "eˣ - 1 = expm1(x)" });
    }
    None
}
