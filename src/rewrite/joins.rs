//! Joins of joins are one join, and what is cut out of one operand of a join is cut out of that operand.

use super::{Rewrite, Tree};
use crate::ir::{AxisSlice, Dims, Inst, Prim, Program, Val, View, is_piece_at, places};

/// Operands of a join that takes in the operands of others, or of which something is cut: chains of joins, each of which
/// has one operand more than the one before, and joins that are cut into as many parts as they have would otherwise take
/// quadratic time. Nothing is lost by it: stacks of 65 to 4,000 rows of 1 KB and of 16 KB that are taken apart again run as
/// fast per row whether they are cut or not, and 4,000 that are cut take 1.1 s to plan in place of 0.15 s.
const MAX_OPERANDS: usize = 64;

pub(super) fn flatten(program: &Program, inst: &Inst) -> Option<Rewrite> {
    if inst.prim != Prim::Join {
        return None;
    }
    if let [only] = inst.args[..] {
        return Some(Rewrite { by: Tree::Val(only), reason: "nothing stands beside it" });
    }
    let lengths = |vals: &[Val]| -> Vec<&[usize]> {
        vals.iter().map(|&val| program.inst(val).dims.as_slice()).collect()
    };
    let starts = places(&inst.dims, lengths(&inst.args))?;
    // A join whose place is one piece is made there by the plan, for its other readers as well.
    let opens = |(&arg, start): (&Val, &Dims)| {
        let of = program.inst(arg);
        of.prim == Prim::Join && !is_piece_at(start, &of.dims, &inst.dims)
    };
    let operands = || inst.args.iter().zip(&starts);
    if !operands().any(opens) {
        return None;
    }
    let (mut flat, mut expected): (Vec<Val>, Vec<Dims>) = (Vec::new(), Vec::new());
    for (arg, start) in operands() {
        let of = program.inst(*arg);
        if !opens((arg, start)) {
            flat.push(*arg);
            expected.push(start.clone());
            continue;
        }
        flat.extend_from_slice(&of.args);
        let inner = places(&of.dims, lengths(&of.args))?;
        let moved = |inner: Dims| inner.iter().zip(start).map(|(inner, outer)| inner + outer).collect();
        expected.extend(inner.into_iter().map(moved));
        if flat.len() > MAX_OPERANDS {
            return None;
        }
    }
    // In one order they fill the result in one way, but it need not be that in which two joins fill it.
    if places(&inst.dims, lengths(&flat))? != expected {
        return None;
    }
    let args = flat.into_iter().map(Tree::Val).collect();
    let by = Tree::Inst { prim: Prim::Join, args, dtype: inst.dtype, dims: inst.dims.clone() };
    Some(Rewrite { by, reason: "two joins are one" })
}

pub(super) fn cut(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::View(View::Slice(axes)) = &inst.prim else {
        return None;
    };
    let join = program.inst(inst.args[0]);
    if join.prim != Prim::Join || join.args.len() > MAX_OPERANDS {
        return None;
    }
    // The first and the last index of each axis, whichever comes first.
    let ends: Option<Vec<[usize; 2]>> = axes
        .iter()
        .zip(&inst.dims)
        .map(|(axis, &length)| {
            let last = axis.index(length.checked_sub(1)?)?;
            Some([axis.first.min(last), axis.first.max(last)])
        })
        .collect();
    let (ends, lengths) = (ends?, |&val: &Val| program.inst(val).dims.as_slice());
    let starts = places(&join.dims, join.args.iter().map(lengths))?;
    let (&of, start) = join.args.iter().zip(&starts).find(|(of, start)| {
        let room = start.iter().zip(lengths(of));
        room.zip(&ends).all(|((&start, &length), &[low, high])| start <= low && high < start + length)
    })?;
    let axes = axes.iter().zip(start).map(|(axis, start)| AxisSlice { first: axis.first - start, ..*axis });
    let prim = Prim::View(View::Slice(axes.collect()));
    let by = Tree::Inst { prim, args: vec![Tree::Val(of)], dtype: inst.dtype, dims: inst.dims.clone() };
    Some(Rewrite { by, reason: "cut out of one operand" })
}
