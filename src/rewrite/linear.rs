//! Factors that are one number are taken out of sums and matrix products, which are linear: there
//! they multiply fewer elements, and meet other factors.

use super::{Rewrite, Tree};
use crate::lower::{Fold, Inst, Prim, Program, Scalar, Val, View, size};

pub(super) fn factor_out(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if !inst.dtype.is_float() || !matches!(inst.prim, Prim::Fold { fold: Fold::Sum, .. } | Prim::Contract) {
        return None;
    }
    inst.args.iter().enumerate().find_map(|(position, &arg)| {
        let (factor, rest) = scaled(program, arg)?;
        if size(&inst.dims) > size(&program.inst(rest).dims) {
            return None;
        }
        let mut args: Vec<Tree> = inst.args.iter().map(|&arg| Tree::Val(arg)).collect();
        args[position] = unscaled(program, arg, rest);
        let linear = Tree::Inst { prim: inst.prim.clone(), args, dtype: inst.dtype, dims: inst.dims.clone() };
        let by = Tree::map(Scalar::Mul, vec![as_number(program, factor), linear], inst);
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

/// A value of one element as one without axes.
fn as_number(program: &Program, val: Val) -> Tree {
    let inst = program.inst(val);
    if inst.dims.is_empty() {
        return Tree::Val(val);
    }
    let prim = Prim::View(View::Reshape);
    Tree::Inst { prim, args: vec![Tree::Val(val)], dtype: inst.dtype, dims: Vec::new() }
}
