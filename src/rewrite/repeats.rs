//! A reduction along axes on which its operand only repeats needs no pass over the repetitions.

use super::{Rewrite, Tree};
use crate::ir::{Dims, Inst, Prim, Program, Reduce, Scalar, ScalarValue, View, size};
use crate::kernel::scalar;

pub(super) fn reduce_once(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::Reduce { reduce, first, end } = inst.prim else {
        return None;
    };
    let repeated = program.inst(inst.args[0]);
    if repeated.prim != Prim::View(View::Broadcast) || !inst.dtype.is_float() {
        return None;
    }
    let source = repeated.args[0];
    let mut dims = Dims::from_elem(1, repeated.dims.len() - program.inst(source).dims.len());
    dims.extend_from_slice(&program.inst(source).dims);
    let count = size(&repeated.dims[first..end]);
    if count == 0 || dims[first..end].iter().any(|&length| length != 1) {
        return None;
    }
    dims.drain(first..end);
    let dtype = inst.dtype;
    let view = |view, arg, dims| Tree::Inst { prim: Prim::View(view), args: vec![arg], dtype, dims };
    let once = view(View::Broadcast, view(View::Reshape, Tree::Val(source), dims), inst.dims.clone());
    let by = match reduce {
        Reduce::Max | Reduce::Min => once,
        // A power of its own would round otherwise.
        Reduce::Prod => return None,
        Reduce::Sum => {
            let count = scalar::evaluate(Scalar::Cast, dtype, &[ScalarValue::F64((count as f64).to_bits())])?;
            Tree::map(Scalar::Mul, vec![Tree::scalar(count, dtype), once], inst)
        }
    };
    Some(Rewrite { by, reason: "all repetitions are equal" })
}
