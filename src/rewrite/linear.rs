//! Known factors are taken out of sums and matrix products, which are linear: there they multiply
//! fewer elements, and meet other factors.
//!
//! A sum without its factor must not overflow where it would not with it, so the factor must not
//! shrink. In a matrix product it may, down to 2⁻⁶⁴ for `f64` and 2⁻³² for `f32`: only results beyond
//! 2⁹⁶⁰ and 2⁹⁶ could tell, and the mean of a loss puts such a factor into every gradient.

use super::{Rewrite, Tree, known_scalar};
use crate::element::DType;
use crate::ir::{Inst, Prim, Program, Reduce, Scalar, Val, View, size};

pub(super) fn factor_out(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if !inst.dtype.is_float() || !matches!(inst.prim, Prim::Reduce { reduce: Reduce::Sum, .. } | Prim::Dot) {
        return None;
    }
    inst.args.iter().enumerate().find_map(|(position, &arg)| {
        let (factor, rest) = scaled(program, arg)?;
        let number = known_scalar(program, factor)?;
        let least = match (&inst.prim, inst.dtype) {
            (Prim::Dot, DType::F64) => 1.0 / (1_u128 << 64) as f64,
            (Prim::Dot, DType::F32) => 1.0 / (1_u64 << 32) as f64,
            _ => 1.0,
        };
        if !number.is_normal() || number.to_f64().abs() < least {
            return None;
        }
        if size(&inst.dims) > size(&program.inst(rest).dims) {
            return None;
        }
        let mut args: Vec<Tree> = inst.args.iter().map(|&arg| Tree::Val(arg)).collect();
        args[position] = unscaled(program, arg, rest);
        let linear = Tree::Inst { prim: inst.prim.clone(), args, dtype: inst.dtype, dims: inst.dims.clone() };
        let by = Tree::map(Scalar::Mul, vec![Tree::scalar(number, inst.dtype), linear], inst);
        Some(Rewrite { by, reason: "a factor is cheaper outside" })
    })
}

/// A product of one number and the rest, seen through a transposition.
fn scaled(program: &Program, val: Val) -> Option<(Val, Val)> {
    let inst = program.inst(val);
    match &inst.prim {
        Prim::View(View::Permute(_)) => scaled(program, inst.args[0]),
        Prim::Map(Scalar::Mul) => {
            let (a, b) = (inst.args[0], inst.args[1]);
            let dims = |val: Val| &program.inst(val).dims;
            if size(dims(a)) == 1 && *dims(b) == inst.dims {
                Some((a, b))
            } else if size(dims(b)) == 1 && *dims(a) == inst.dims {
                Some((b, a))
            } else {
                None
            }
        }
        _ => None,
    }
}

/// The operand with `rest` where the product stood.
fn unscaled(program: &Program, val: Val, rest: Val) -> Tree {
    let inst = program.inst(val);
    match &inst.prim {
        Prim::View(_) => Tree::Inst {
            prim: inst.prim.clone(),
            args: vec![unscaled(program, inst.args[0], rest)],
            dtype: inst.dtype,
            dims: inst.dims.clone(),
        },
        _ => Tree::Val(rest),
    }
}
