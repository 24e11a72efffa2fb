//! How much memory a plan takes by itself, to tell how many are worth keeping.

use super::{Kind, LoopFunction, Native, Piece, Plan, Region, RunLine, Step, Straight};

/// Bytes of a page, of which a loop's function has its own.
const PAGE_BYTES: usize = 4096;

impl Plan {
    /// Bytes of the plan, within a few percent; its constants are not among them.
    pub(crate) fn bytes(&self) -> usize {
        let called = self.calls().into_iter().map(|(_, plan)| plan.own_bytes());
        self.own_bytes() + called.sum::<usize>()
    }

    /// The same without the plans of what is called.
    fn own_bytes(&self) -> usize {
        let successors = self.order.successors.iter().map(|successors| bytes_of(successors)).sum::<usize>();
        size_of::<Self>()
            + bytes_of(&self.buffers)
            + bytes_of(&self.steps)
            + self.steps.iter().map(Step::bytes_behind).sum::<usize>()
            + bytes_of(&self.origins)
            + bytes_of(&self.constants)
            + bytes_of(&self.fetches)
            + bytes_of(&self.variables)
            + bytes_of(&self.stored)
            + bytes_of(&self.given)
            + bytes_of(&self.parts)
            + self.line.as_ref().map_or(0, RunLine::bytes)
            + bytes_of(&self.order.successors)
            + successors
            + bytes_of(&self.order.waits_for)
    }
}

impl RunLine {
    fn bytes(&self) -> usize {
        let RunLine { line, given, scratch } = self;
        line.bytes() + bytes_of(given) + bytes_of(scratch)
    }
}

impl Straight {
    fn bytes(&self) -> usize {
        bytes_of(&self.calls) + bytes_of(&self.words)
    }
}

impl LoopFunction {
    fn bytes(&self) -> usize {
        let code = self.function.instructions().len().next_multiple_of(PAGE_BYTES);
        code + bytes_of(&self.streams) + bytes_of(&self.roles) + bytes_of(&self.copies)
    }
}

impl Step {
    /// Bytes that the step points to.
    fn bytes_behind(&self) -> usize {
        let kind = match &self.kind {
            Kind::Region(region) => region.bytes(),
            Kind::Product { factors, .. } => size_of_val(&**factors),
            Kind::Join { assembly, .. } => assembly.bytes(),
            Kind::Kernel(call) => size_of_val(&**call),
            Kind::Call(call) => size_of_val(&**call) + bytes_of(&call.operands) + bytes_of(&call.outputs),
            Kind::Branch(call) => {
                let operands = call.branches.iter().map(|branch| bytes_of(&branch.operands)).sum::<usize>();
                size_of_val(&**call) + bytes_of(&call.branches) + operands + bytes_of(&call.outputs)
            }
            Kind::Loop(call) => {
                size_of_val(&**call)
                    + bytes_of(&call.operands)
                    + bytes_of(&call.states)
                    + bytes_of(&call.stacks)
                    + call.straight.as_ref().map_or(0, Straight::bytes)
                    + call.compiled.as_ref().map_or(0, LoopFunction::bytes)
            }
            Kind::Reduce { .. } | Kind::Copy { .. } => 0,
        };
        kind + bytes_of(&self.reads) + bytes_of(&self.writes)
    }
}

impl Region {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + bytes_of(&self.once)
            + bytes_of(&self.ops)
            + bytes_of(&self.prefetched)
            + bytes_of(&self.accumulators)
            + bytes_of(&self.pieces)
            + self.pieces.iter().map(Piece::bytes).sum::<usize>()
    }
}

impl Piece {
    fn bytes(&self) -> usize {
        match self {
            Piece::Op(_) => 0,
            Piece::Program(native) => {
                let Native { program, streams, code_bytes, .. } = &**native;
                size_of::<Native>() + bytes_of(&program.insts) + bytes_of(streams) + code_bytes
            }
        }
    }
}

/// Bytes of a list's elements, without what these point to.
fn bytes_of<T>(list: &[T]) -> usize {
    size_of_val(list)
}
