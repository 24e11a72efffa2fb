//! Elementwise functions broadcast by themselves: no operand needs to be stretched for one, and one
//! whose operands are all small is computed small and stretched afterwards.

use super::{Rewrite, Tree};
use crate::ir::{Args, Dims, Inst, Prim, Program, Val, View, size};

pub(super) fn imply(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::Map(scalar) = inst.prim else {
        return None;
    };
    let bare = |arg: Val| match program.inst(arg).prim {
        Prim::View(View::Broadcast) => program.inst(arg).args[0],
        _ => arg,
    };
    let args: Args = inst.args.iter().map(|&arg| bare(arg)).collect();
    let dims =
        args.iter().fold(Dims::new(), |dims, &arg| crate::ir::broadcast_dims(&dims, &program.inst(arg).dims));
    let trees = || args.iter().map(|&arg| Tree::Val(arg)).collect();
    if size(&dims) < size(&inst.dims) {
        let small = Tree::Inst { prim: inst.prim.clone(), args: trees(), dtype: inst.dtype, dims };
        let by = Tree::Inst {
            prim: Prim::View(View::Broadcast),
            args: vec![small],
            dtype: inst.dtype,
            dims: inst.dims.clone(),
        };
        return Some(Rewrite { by, reason: "computed before it is broadcast" });
    }
    (args != inst.args)
        .then(|| Rewrite { by: Tree::map(scalar, trees(), inst), reason: "the operand broadcasts by itself" })
}
