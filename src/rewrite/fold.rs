//! Arithmetic on numbers that are known now is done now, by the functions that the kernels use.

use super::{Rewrite, Tree, known_scalar};
use crate::ir::{Inst, Prim, Program, ScalarValue};
use crate::kernel::scalar;

pub(super) fn scalars(program: &Program, inst: &Inst) -> Option<Rewrite> {
    let Prim::Map(function) = inst.prim else {
        return None;
    };
    if !inst.dims.is_empty() {
        return None;
    }
    let numbers: Vec<ScalarValue> =
        inst.args.iter().map(|&arg| known_scalar(program, arg)).collect::<Option<_>>()?;
    let number = scalar::evaluate(function, inst.dtype, &numbers)?;
    Some(Rewrite { by: Tree::scalar(number, inst.dtype), reason: "known while planning" })
}
