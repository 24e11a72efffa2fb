//! Views of views are one view, and views that change nothing are none; a reduction looks through one that moves axes.

use super::{Rewrite, Tree};
use crate::ir::{AxisSlice, Dims, Inst, Prim, Program, View, size};

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
        View::Slice(axes) => inner.dims == inst.dims && axes.iter().all(|&axis| axis == AxisSlice::WHOLE),
    };
    if identity {
        return Some(Rewrite { by: Tree::Val(source), reason: "the view changes nothing" });
    }
    let seen =
        |view, arg, dims| Tree::Inst { prim: Prim::View(view), args: vec![arg], dtype: inst.dtype, dims };
    if let (View::Reshape, Prim::View(View::Broadcast)) = (view, &inner.prim)
        && size(&program.inst(inner.args[0]).dims) == 1
    {
        let number = seen(View::Reshape, Tree::Val(inner.args[0]), Dims::new());
        let by = seen(View::Broadcast, number, inst.dims.clone());
        return Some(Rewrite { by, reason: "one number has any shape" });
    }
    if let (View::Slice(axes), Prim::View(View::Broadcast)) = (view, &inner.prim) {
        let (axes, dims) = slice_of_repeated(axes, &inst.dims, &program.inst(inner.args[0]).dims);
        let by =
            seen(View::Broadcast, seen(View::Slice(axes), Tree::Val(inner.args[0]), dims), inst.dims.clone());
        return Some(Rewrite { by, reason: "cut before it is broadcast" });
    }
    let view = match (view, &inner.prim) {
        (View::Reshape, Prim::View(View::Reshape)) => View::Reshape,
        (View::Broadcast, Prim::View(View::Broadcast)) => View::Broadcast,
        (View::Permute(outer), Prim::View(View::Permute(inner))) => {
            View::Permute(outer.iter().map(|&axis| inner[axis]).collect())
        }
        (View::Slice(outer), Prim::View(View::Slice(inner))) => {
            let axes = outer.iter().zip(inner).zip(&inst.dims);
            View::Slice(
                axes.map(|((outer, inner), &length)| inner.then(*outer, length)).collect::<Option<_>>()?,
            )
        }
        _ => return None,
    };
    let by = seen(view, Tree::Val(inner.args[0]), inst.dims.clone());
    Some(Rewrite { by, reason: "two views are one" })
}

/// A reduction of an array whose axes stand in another order, where those that are reduced are side by side in the array:
/// what is left stands in another order.
pub(super) fn reduce_within(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::Reduce { reduce, first, end } = inst.prim else {
        return None;
    };
    let permuted = program.inst(inst.args[0]);
    let Prim::View(View::Permute(order)) = &permuted.prim else {
        return None;
    };
    let reduced = &order[first..end];
    let start = *reduced.first()?;
    if !reduced.iter().copied().eq(start..start + reduced.len()) {
        return None;
    }
    let own = &program.inst(permuted.args[0]).dims;
    let is_left = |axis: &usize| !reduced.contains(axis);
    let dims: Dims = (0..own.len()).filter(is_left).map(|axis| own[axis]).collect();
    let place = |axis: &usize| if *axis < start { *axis } else { *axis - reduced.len() };
    let order = order.iter().filter(|&axis| is_left(axis)).map(place).collect();
    let prim = Prim::Reduce { reduce, first: start, end: start + reduced.len() };
    let within = Tree::Inst { prim, args: vec![Tree::Val(permuted.args[0])], dtype: inst.dtype, dims };
    let by = Tree::Inst {
        prim: Prim::View(View::Permute(order)),
        args: vec![within],
        dtype: inst.dtype,
        dims: inst.dims.clone(),
    };
    Some(Rewrite { by, reason: "reduced before axes are moved" })
}

/// A slice to these lengths of an array that is broadcast from other lengths: the slice of that array that gives the
/// same when it is broadcast, and its lengths.
fn slice_of_repeated(axes: &[AxisSlice], to: &[usize], from: &[usize]) -> (Vec<AxisSlice>, Dims) {
    let added = to.len() - from.len();
    let own = axes[added..].iter().zip(&to[added..]).zip(from);
    own.map(|((&axis, &length), &from)| if from == 1 { (AxisSlice::WHOLE, 1) } else { (axis, length) })
        .unzip()
}
