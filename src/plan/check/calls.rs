//! Steps that run other plans: what these are fed, what they leave, and the memory that they run in.

use super::super::{BranchCall, BufferId, HANDLE_BYTES, LoopCall, LoopFeed, LoopTrips, Place, Plan, Start};
use super::lines::{is_function_of, is_line_of};
use super::step::Touches;
use crate::ir::size;
use crate::memory::ALIGNMENT;

impl Touches<'_> {
    /// Whether a plan may be called, with what it is fed.
    pub(super) fn check_called(&self, plan: &Plan, operands: &[Start]) -> Result<(), String> {
        self.is_closed(plan)?;
        if operands.len() != plan.fed.len() {
            return Err(self.does_not_fit());
        }
        operands
            .iter()
            .zip(&plan.fed)
            .try_for_each(|(&operand, (dtype, dims))| self.may_feed(operand, size(dims) * dtype.size()))
    }

    /// Whether a plan reads and changes nothing beyond what it is fed.
    fn is_closed(&self, plan: &Plan) -> Result<(), String> {
        let counts_runs = plan.given.iter().any(|given| plan.buffers[given.index()].place == Place::RunCount);
        if counts_runs || !plan.stored.is_empty() || !plan.fetches.is_empty() {
            let index = self.index();
            return Err(format!("step {index} calls what reads or changes more than it is fed"));
        }
        Ok(())
    }

    fn does_not_fit(&self) -> String {
        format!("step {} does not fit what it calls", self.index())
    }

    /// Whether so many bytes may be fed that lie there.
    fn may_feed(&self, operand: Start, bytes: usize) -> Result<(), String> {
        self.may_read(operand.buffer)?;
        if self.writes_to(operand.buffer) {
            return Err(format!("step {} feeds b{}, which it writes", self.index(), operand.buffer.0));
        }
        self.holds(operand.buffer, operand.offset + bytes)
    }

    /// Whether buffers may take what a plan leaves.
    pub(super) fn check_left(&self, plan: &Plan, outputs: &[BufferId]) -> Result<(), String> {
        if outputs.len() != plan.outputs.len() {
            return Err(self.does_not_fit());
        }
        outputs.iter().zip(&plan.outputs).try_for_each(|(&output, left)| {
            self.may_write(output)?;
            self.holds(output, plan.buffers[left.index()].bytes)
        })
    }

    pub(super) fn check_branches(&self, call: &BranchCall) -> Result<(), String> {
        self.may_feed(call.selector, if call.is_index { size_of::<i64>() } else { 1 })?;
        if call.branches.is_empty() || (!call.is_index && call.branches.len() != 2) {
            return Err(self.does_not_fit());
        }
        self.check_apart(call.outputs.len() + 1)?;
        self.may_write(call.frame)?;
        call.branches.iter().try_for_each(|branch| {
            self.check_called(&branch.plan, &branch.operands)?;
            self.check_left(&branch.plan, &call.outputs)?;
            self.holds(call.frame, branch.plan.frame_bytes())
        })
    }

    pub(super) fn check_loop(&self, call: &LoopCall) -> Result<(), String> {
        let LoopCall { plan, operands, states, trips, stacks, frame, offsets, .. } = call;
        self.is_closed(plan)?;
        if call.straight.as_ref().is_some_and(|line| !is_line_of(line, plan)) {
            return Err(format!("the line of step {} is not what its plan does", self.index()));
        }
        if operands.len() != plan.fed.len() || plan.outputs.len() != call.before_stacks() + stacks.len() {
            return Err(self.does_not_fit());
        }
        if call.compiled.as_ref().is_some_and(|function| !is_function_of(function, call)) {
            return Err(format!("the function of step {} is not what its line does", self.index()));
        }
        let bytes_left = |position: usize| plan.buffers[plan.outputs[position].index()].bytes;
        for (position, state) in states.iter().enumerate() {
            self.may_feed(state.first, state.bytes)?;
            if bytes_left(position) != state.bytes {
                return Err(self.does_not_fit());
            }
            if let Some(last) = state.last {
                self.may_write(last)?;
                self.holds(last, state.bytes)?;
            }
        }
        for (operand, (dtype, dims)) in operands.iter().zip(&plan.fed) {
            let needed = size(dims) * dtype.size();
            match (*operand, trips) {
                (LoopFeed::State(state), _)
                    if states.get(state).is_some_and(|state| state.bytes == needed) => {}
                (LoopFeed::Row { of, bytes }, &LoopTrips::Known(rows)) if bytes == needed => {
                    self.may_feed(of, bytes * rows)?;
                }
                (LoopFeed::TapeRow { handle, bytes }, _) if bytes == needed => {
                    self.may_feed(handle, HANDLE_BYTES)?;
                    self.is_within(offsets.zeros + bytes, offsets.end)?;
                }
                (LoopFeed::Whole(start), _) => self.may_feed(start, needed)?,
                (LoopFeed::RunCount(start), _) if needed == size_of::<i64>() => {
                    self.may_feed(start, needed)?;
                }
                _ => return Err(self.does_not_fit()),
            }
        }
        match trips {
            LoopTrips::Known(rows) => stacks.iter().try_for_each(|stack| {
                self.may_write(stack.to)?;
                self.holds(stack.to, stack.row_bytes * rows)
            })?,
            LoopTrips::While { first, .. } => {
                self.may_feed(*first, 1)?;
                if bytes_left(states.len()) != 1 {
                    return Err(self.does_not_fit());
                }
            }
            LoopTrips::Tapes(tapes) => {
                tapes.iter().try_for_each(|&tape| self.may_feed(tape, HANDLE_BYTES))?;
            }
        }
        for (position, stack) in stacks.iter().enumerate() {
            if bytes_left(call.before_stacks() + position) != stack.row_bytes {
                return Err(self.does_not_fit());
            }
            if !call.stacks_arrays() {
                self.may_write(stack.to)?;
                self.holds(stack.to, HANDLE_BYTES)?;
            }
        }
        self.check_apart(states.iter().filter(|state| state.last.is_some()).count() + stacks.len() + 1)?;
        // One behind the other, each in its own place.
        let mut end = plan.frame_bytes();
        let turns = states.iter().flat_map(|state| state.offsets.map(|offset| (offset, state.bytes)));
        let others = [(offsets.condition, 1), (offsets.count, size_of::<i64>()), (offsets.zeros, 0)];
        for (offset, bytes) in turns.chain(others) {
            if offset < end {
                return Err(format!("the memory of step {} is used twice", self.index()));
            }
            end = offset.saturating_add(bytes);
        }
        self.is_within(end, offsets.end)?;
        self.may_write(*frame)?;
        let may_be_split = states.is_empty() && matches!(trips, LoopTrips::Known(_));
        if call.per_task.is_some_and(|per_task| !may_be_split || per_task == 0)
            || !offsets.end.is_multiple_of(ALIGNMENT)
        {
            return Err(self.does_not_fit());
        }
        self.holds(*frame, offsets.end.saturating_mul(call.tasks()))
    }

    fn is_within(&self, bytes: usize, end: usize) -> Result<(), String> {
        if bytes <= end { Ok(()) } else { Err(self.does_not_fit()) }
    }

    /// Whether the step writes so many buffers, each for something else.
    pub(super) fn check_apart(&self, count: usize) -> Result<(), String> {
        if self.count_of_writes() == count {
            return Ok(());
        }
        Err(format!("the outputs and the frame of step {} are not apart", self.index()))
    }
}
