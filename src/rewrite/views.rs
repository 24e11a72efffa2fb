//! Views of views are one view, and views that change nothing are none.

use super::{Rewrite, Tree};
use crate::lower::{Inst, Prim, Program, View};

pub(super) fn compose(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::View(view) = &inst.prim else {
        return None;
    };
    let source = inst.args[0];
    let inner = program.inst(source);
    let identity = match view {
        View::Permute(axes) => {
            // Axes of length 1 may move without moving an element.
            axes.iter().filter(|&&axis| inner.dims[axis] != 1).is_sorted() && inner.dims == inst.dims
        }
        View::Reshape | View::Broadcast => inner.dims == inst.dims,
    };
    if identity {
        return Some(Rewrite { by: Tree::Val(source), reason: "the view changes nothing" });
    }
    let view = match (view, &inner.prim) {
        (View::Reshape, Prim::View(View::Reshape)) => View::Reshape,
        (View::Broadcast, Prim::View(View::Broadcast)) => View::Broadcast,
        (View::Permute(outer), Prim::View(View::Permute(inner))) => {
            View::Permute(outer.iter().map(|&axis| inner[axis]).collect())
        }
        _ => return None,
    };
    let (args, dtype, dims) = (vec![Tree::Val(inner.args[0])], inst.dtype, inst.dims.clone());
    Some(Rewrite {
        by: Tree::Inst { prim: Prim::View(view), args, dtype, dims },
        reason: "two views are one",
    })
}
