//! Which of the values that can be computed early are: when the plan is made, of what depends on constants alone
//! ([`constants`](super::constants)), or before a loop, of what is the same in each of its iterations
//! ([`hoist`](super::hoist)). To compute early is worth while reading the result costs less than computing it.

use crate::ir::{Computation, Inst, Prim, Program, Val, View, is_one_piece};

/// How many times as many bytes a result may take as its operands do. Above, reading what was computed
/// costs more than computing it from operands that stay in the cache. A cast from booleans to `f32` is
/// within; an outer product of long vectors is not.
const MAX_GROWTH: usize = 4;

/// Bytes of a result that is computed early however small its operands are: it stays in the second-level cache.
const SMALL_BYTES: usize = 64 << 10;

/// The bounds of what is computed early: results, and bytes of them all.
pub(super) struct Most {
    pub(super) results: usize,
    pub(super) bytes: usize,
}

/// The values to compute early: those that can be, and that something needs which is not computed early itself. `known`
/// has the bytes that lie in memory for each value that can be. From the results backwards, so that of a chain only the
/// end is kept. A view is not, but what it shows is, unless it is a slice whose elements would be gathered each time.
pub(super) fn worth_computing(program: &Program, known: &[Option<usize>], most: Most) -> Vec<Val> {
    let mut needed = vec![false; program.insts.len()];
    program.results().for_each(|val| needed[val.index()] = true);
    let (mut targets, mut left) = (Vec::new(), most.bytes);
    for (index, inst) in program.insts.iter().enumerate().rev() {
        if !needed[index] {
            continue;
        }
        let is_computed = matches!(
            inst.prim,
            Prim::Map(_) | Prim::Reduce { .. } | Prim::Dot | Prim::Join | Prim::Kernel(_)
        ) || is_gathered(program, inst);
        if let (true, Some(bytes)) = (is_computed && targets.len() < most.results, known[index]) {
            let read = inst.args.iter().filter_map(|arg| known[arg.index()]).fold(0, usize::saturating_add);
            if bytes <= SMALL_BYTES.max(read.saturating_mul(MAX_GROWTH)).min(left) {
                left -= bytes;
                targets.push(Val(index as u32));
                continue;
            }
        }
        inst.args.iter().for_each(|arg| needed[arg.index()] = true);
    }
    targets
}

/// Whether the operands say all that an instruction gives, and it cannot fail or be seen to run: it may be done at any
/// time.
pub(super) fn says_all(inst: &Inst) -> bool {
    match &inst.prim {
        Prim::Map(function) => !function.can_fail(inst.dtype),
        Prim::Kernel(Computation { kernel, .. }) => !kernel.must_run(),
        Prim::Reduce { .. } | Prim::Dot | Prim::Join | Prim::View(_) => true,
        Prim::Nothing
        | Prim::Feed(_)
        | Prim::Scalar(_)
        | Prim::Constant(_)
        | Prim::Iota { .. }
        | Prim::Read(_)
        | Prim::RunCount
        | Prim::Call(_)
        | Prim::Branch(_)
        | Prim::Loop(_)
        | Prim::Output(_) => false,
    }
}

/// Whether an instruction is a slice of elements that do not lie in one piece, and are not counted wherever they are
/// read.
pub(super) fn is_gathered(program: &Program, inst: &Inst) -> bool {
    match &inst.prim {
        Prim::View(View::Slice(axes)) => {
            let of = program.inst(inst.args[0]);
            !matches!(of.prim, Prim::Iota { .. }) && !is_one_piece(axes, &inst.dims, &of.dims)
        }
        _ => false,
    }
}
