//! Steps that run one of several plans, or a plan again and again.
//!
//! All memory of the runs lies in the step's frame, but for tapes. A run of a loop's plan reads the state in one of two
//! places and writes it in the other.

use std::ptr;

use smallvec::SmallVec;

use super::Cause;
use super::addresses::{Addresses, lay_out, lay_out_parts};
use super::call::run_in_frame;
use super::context::{Context, Iteration};
use super::loop_function::{self, Words};
use super::schedule;
use super::straight::{self, Places};
use super::tapes::{Rows, Tape};
use super::workers::RunQueue;
use crate::ir::Numbering;
use crate::plan::{Anchor, BranchCall, HANDLE_BYTES, LoopCall, LoopFeed, LoopTrips, Place, Start};

/// Runs the plan that the selector says: of two by a boolean, or by an index; beyond the last stands the last.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task): the step is the only one that touches its frame and what it writes.
// Apart, so that a step of any other kind does not pay for its frame.
#[inline(never)]
pub(super) unsafe fn run_branch(
    call: &BranchCall,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    let selector = addresses.at(call.selector);
    let selected = if call.is_index {
        // SAFETY: an earlier step has written the index there.
        let index = unsafe { selector.cast::<i64>().read_unaligned() };
        usize::try_from(index).unwrap_or(usize::MAX)
    } else {
        // SAFETY: an earlier step has written the boolean there.
        usize::from(unsafe { selector.read() } != 0)
    };
    let branch = &call.branches[selected.min(call.branches.len() - 1)];
    // SAFETY: the caller's promise; the frame is large enough for each of the plans.
    unsafe {
        run_in_frame(&branch.plan, &branch.operands, &call.outputs, call.frame, addresses, context, helpers)
    }
}

/// Runs a plan again and again, for the iterations of a task.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task): this step is the only one that touches its frame and what it writes. Of
/// its tasks each has a part of the frame, and rows of what is stacked, as [`LoopRun::begin`] gives them out.
#[inline(never)]
pub(super) unsafe fn run_loop(
    call: &LoopCall,
    task: usize,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    // SAFETY: the caller's promise.
    let mut run = unsafe { LoopRun::begin(call, task, addresses, context) }?;
    // SAFETY: the caller's promise, for a run that has begun.
    unsafe {
        let compiled =
            call.compiled.as_ref().and_then(|function| Some((function, Words::of(&run, function)?)));
        match (compiled, &call.straight) {
            (Some((function, words)), _) => loop_function::run(&mut run, function, words, context)?,
            (None, Some(line)) => straight::run(&mut run, line, context)?,
            (None, None) => run.run_plan(context, helpers)?,
        }
        run.end(context);
    }
    Ok(())
}

/// A loop as it is run.
pub(super) struct LoopRun<'r> {
    pub(super) call: &'r LoopCall,
    pub(super) addresses: Addresses<'r>,
    pub(super) frame: *mut u8,
    /// Iterations that are done.
    pub(super) trips: usize,
    /// Iterations at most.
    pub(super) most: usize,
    /// The first of their rows.
    first_row: usize,
    goes_on: bool,
    /// Where each iteration leaves whether to go on, if it does.
    condition: Option<*const u8>,
    /// By what is fed, the rows of the tape that it is read from.
    tapes_read: SmallVec<[Option<Rows>; 8]>,
    /// What is stacked, unless that is in arrays.
    tapes: SmallVec<[Tape; 8]>,
    /// Where the tapes have the iteration's row, where tapes grow.
    added: SmallVec<[*mut u8; 8]>,
}

impl<'r> LoopRun<'r> {
    /// # Safety
    /// As for [`run_branch`].
    unsafe fn begin(
        call: &'r LoopCall,
        task: usize,
        addresses: Addresses<'r>,
        context: &Context<'_>,
    ) -> Result<Self, Box<Cause>> {
        // SAFETY: earlier steps have written handles there.
        let rows_of =
            |at: Start| context.tapes.rows(unsafe { addresses.at(at).cast::<f64>().read_unaligned() });
        let (goes_on, trips) = match &call.trips {
            LoopTrips::Known(count) => (true, *count),
            // SAFETY: an earlier step has written the boolean there.
            LoopTrips::While { first, most } => (unsafe { addresses.at(*first).read() } != 0, *most),
            LoopTrips::Tapes(tapes) => {
                (true, tapes.iter().map(|&tape| rows_of(tape).count).max().unwrap_or_default())
            }
        };
        // Of a loop that is split, each task has its rows, and a frame. The first task has those that come first, so that
        // the fault that is told is the one that a single thread would meet.
        let (first_row, most) = match call.per_task {
            None => (0, trips),
            Some(per_task) => {
                let before = task * per_task;
                let most = per_task.min(trips - before);
                (if call.reverse { trips - before - most } else { before }, most)
            }
        };
        let tapes_read = call.operands.iter().map(|operand| match *operand {
            LoopFeed::TapeRow { handle, .. } => Some(rows_of(handle)),
            _ => None,
        });
        let tapes_read = tapes_read.collect();
        let mut tapes: SmallVec<[Tape; 8]> = SmallVec::new();
        if !call.stacks_arrays() {
            tapes.extend(call.stacks.iter().map(|stack| context.tapes.begin(stack.row_bytes)));
            if call.condition().is_none() {
                tapes.iter_mut().try_for_each(|tape| tape.resize(most))?;
            }
        }
        let offsets = &call.offsets;
        let frame = addresses.of(call.frame).wrapping_add(task * offsets.end);
        // SAFETY: the frame has so many bytes of zeros, at least, between here and its end.
        unsafe { frame.wrapping_add(offsets.zeros).write_bytes(0, offsets.end - offsets.zeros) };
        let added = SmallVec::new();
        let condition = call.condition().map(|_| frame.wrapping_add(offsets.condition).cast_const());
        Ok(LoopRun {
            call,
            addresses,
            frame,
            trips: 0,
            most,
            first_row,
            goes_on,
            condition,
            tapes_read,
            tapes,
            added,
        })
    }

    /// The row of the next iteration, if there is one.
    #[inline]
    pub(super) fn next_row(&self) -> Option<usize> {
        if !self.goes_on() {
            return None;
        }
        let row = if self.call.reverse { self.most - 1 - self.trips } else { self.trips };
        Some(self.first_row + row)
    }

    /// Whether there is another iteration.
    #[inline]
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on && self.trips < self.most
    }

    /// Notes that so many iterations are done.
    ///
    /// # Safety
    /// They must have written all that they leave.
    #[inline]
    pub(super) unsafe fn advance(&mut self, iterations: usize) {
        self.trips += iterations;
        if let Some(condition) = self.condition {
            // SAFETY: the iteration has written the boolean there.
            self.goes_on = unsafe { condition.read() } != 0;
        }
    }

    /// Puts the first state into the first of its places.
    ///
    /// # Safety
    /// As for [`run_branch`], before the first iteration.
    pub(super) unsafe fn place_state(&mut self) {
        for state in &self.call.states {
            let to = self.frame.wrapping_add(state.offsets[0]);
            // SAFETY: an earlier step has written the first value there; the frame has room for it, apart from all else.
            unsafe { ptr::copy_nonoverlapping(self.addresses.at(state.first), to, state.bytes) };
        }
    }

    /// Puts the state out of the first of its places into the one where it is after as many iterations.
    ///
    /// # Safety
    /// It must lie there.
    pub(super) unsafe fn settle_state(&mut self) {
        for state in self.call.states.iter().filter(|_| self.trips % 2 == 1) {
            let [from, to] = state.offsets.map(|offset| self.frame.wrapping_add(offset));
            // SAFETY: the frame has room for it twice.
            unsafe { ptr::copy_nonoverlapping(from, to, state.bytes) };
        }
    }

    /// The tapes of which nobody knows how long they become.
    pub(super) fn growing_tapes(&mut self) -> &mut [Tape] {
        if self.condition.is_some() { &mut self.tapes } else { &mut [] }
    }

    /// Which of them has the rows of what is left at a position, if one has.
    pub(super) fn growing_tape(&self, position: usize) -> Option<usize> {
        let index = position.checked_sub(self.call.before_stacks())?;
        (self.condition.is_some() && index < self.tapes.len()).then_some(index)
    }

    /// Adds a row to tapes of which nobody knows how long they become; it is where [`left`](Self::left) says.
    #[inline]
    pub(super) fn add_rows(&mut self) -> Result<(), Box<Cause>> {
        if self.condition.is_none() || self.tapes.is_empty() {
            return Ok(());
        }
        self.added.clear();
        for tape in &mut self.tapes {
            self.added.push(tape.push()?);
        }
        Ok(())
    }

    /// Where lies what the iteration of a row is fed; counts of runs are written there.
    ///
    /// # Safety
    /// As for [`run_branch`].
    pub(super) unsafe fn fed(&self, position: usize, row: usize) -> *mut u8 {
        let &LoopRun { call, addresses, frame, trips, .. } = self;
        match call.operands[position] {
            LoopFeed::State(state) if trips == 0 => addresses.at(call.states[state].first),
            LoopFeed::State(state) => frame.wrapping_add(call.states[state].offsets[trips % 2]),
            LoopFeed::Row { of, bytes } => addresses.at(of).wrapping_add(row * bytes),
            LoopFeed::Whole(start) => addresses.at(start),
            LoopFeed::TapeRow { bytes, .. } => {
                let row = self.tapes_read[position].and_then(|rows| rows.row(row, bytes));
                row.map_or(frame.wrapping_add(call.offsets.zeros), <*const u8>::cast_mut)
            }
            LoopFeed::RunCount(start) => {
                let count = frame.wrapping_add(call.offsets.count);
                // SAFETY: the count of the runs lies there; the frame has room for one.
                unsafe {
                    let runs = addresses.at(start).cast::<i64>().read_unaligned();
                    count.cast::<i64>().write_unaligned(mixed(runs, row as u64));
                }
                count
            }
        }
    }

    /// Where the iteration of a row leaves what it does.
    pub(super) fn left(&self, position: usize, row: usize) -> *mut u8 {
        let &LoopRun { call, addresses, frame, trips, .. } = self;
        if let Some(state) = call.states.get(position) {
            return frame.wrapping_add(state.offsets[(trips + 1) % 2]);
        }
        let Some(index) = position.checked_sub(call.before_stacks()) else {
            return frame.wrapping_add(call.offsets.condition);
        };
        let stack = &call.stacks[index];
        match (self.added.get(index), self.tapes.get(index)) {
            (Some(&added), _) => added,
            (None, Some(tape)) => tape.row(row),
            (None, None) => addresses.of(stack.to).wrapping_add(row * stack.row_bytes),
        }
    }

    /// Where lies from iteration to iteration what an anchor stands for, if the first state has been put in its place in the
    /// frame; `None` for memory of the plan's own, and for what only a session has.
    pub(super) fn places(&self, of: Anchor) -> Option<Places> {
        match of {
            Anchor::Fed(position) => Some(self.fed_places(position)),
            Anchor::Left(position) => Some(self.left_places(position)),
            Anchor::Constant(index) => Some(Places::Same(self.call.plan.constants[index].start().cast_mut())),
            Anchor::Arena | Anchor::Scratch | Anchor::Given(_) => None,
        }
    }

    fn fed_places(&self, position: usize) -> Places {
        let &LoopRun { call, addresses, frame, most, first_row, .. } = self;
        match call.operands[position] {
            LoopFeed::State(state) => {
                Places::Alternating(call.states[state].offsets.map(|offset| frame.wrapping_add(offset)))
            }
            LoopFeed::Row { of, bytes } => self.rows(addresses.at(of), bytes),
            LoopFeed::Whole(start) => Places::Same(addresses.at(start)),
            LoopFeed::TapeRow { bytes, .. } => {
                match self.tapes_read[position].map(|rows| (rows.row(0, bytes), rows.count)) {
                    Some((Some(start), count)) if count >= first_row + most => {
                        self.rows(start.cast_mut(), bytes)
                    }
                    _ => Places::Asked,
                }
            }
            LoopFeed::RunCount(_) => Places::Asked,
        }
    }

    fn left_places(&self, position: usize) -> Places {
        let &LoopRun { call, addresses, frame, .. } = self;
        if let Some(state) = call.states.get(position) {
            let [even, odd] = state.offsets.map(|offset| frame.wrapping_add(offset));
            return Places::Alternating([odd, even]);
        }
        let Some(index) = position.checked_sub(call.before_stacks()) else {
            return Places::Same(frame.wrapping_add(call.offsets.condition));
        };
        let stack = &call.stacks[index];
        match self.tapes.get(index) {
            Some(_) if call.condition().is_some() => Places::Asked,
            Some(tape) if self.most > 0 => self.rows(tape.row(0), stack.row_bytes),
            Some(_) => Places::Asked,
            None => self.rows(addresses.of(stack.to), stack.row_bytes),
        }
    }

    /// Places that go through the rows of an array.
    fn rows(&self, start: *mut u8, bytes: usize) -> Places {
        if self.call.reverse {
            let last = start.wrapping_add((self.first_row + self.most.saturating_sub(1)) * bytes);
            return Places::Rows { first: last, by: -bytes.cast_signed() };
        }
        Places::Rows { first: start.wrapping_add(self.first_row * bytes), by: bytes.cast_signed() }
    }

    /// The iteration of a row, of the number by which it is named.
    pub(super) fn iteration<'i>(&self, row: usize, context: &Context<'i>) -> Iteration<'i> {
        let around = context.iteration;
        match (self.call.numbering, around) {
            (Numbering::From(first), _) => Iteration { index: first + row, outer: around },
            // It has its number among the rows of all blocks in the place of the block's.
            (Numbering::WithinBlock(rows), Some(block)) => {
                Iteration { index: block.index * rows + row, outer: block.outer }
            }
            (Numbering::Blocks | Numbering::WithinBlock(_), _) => Iteration { index: row, outer: around },
        }
    }

    /// Why an iteration of this number could not be done.
    // It passes through hands that have it boxed.
    #[allow(clippy::unnecessary_box_returns)]
    #[cold]
    pub(super) fn named(&self, cause: Box<Cause>, number: usize) -> Box<Cause> {
        match self.call.numbering {
            Numbering::Blocks => cause,
            Numbering::From(_) | Numbering::WithinBlock(_) => cause.in_iteration(self.call.node, number),
        }
    }

    /// Runs the plan's steps again and again.
    ///
    /// # Safety
    /// As for [`run_branch`].
    unsafe fn run_plan(
        &mut self,
        context: &Context<'_>,
        helpers: Option<&RunQueue>,
    ) -> Result<(), Box<Cause>> {
        let plan = &*self.call.plan;
        let table = self.frame.wrapping_add(plan.addresses_offset()).cast::<*mut u8>();
        // SAFETY: the frame reaches so many addresses, at an aligned offset of aligned memory, which is initialized as
        // all of an arena is; this step alone touches it.
        let own = unsafe { std::slice::from_raw_parts_mut(table, plan.buffers.len()) };
        lay_out(plan, self.frame, own);
        while let Some(row) = self.next_row() {
            self.add_rows()?;
            for &buffer in &plan.given {
                // A plan of a loop is given nothing but what it is fed.
                if let Place::Feed(position) = plan.buffers[buffer.index()].place {
                    // SAFETY: the caller's promise.
                    own[buffer.index()] = unsafe { self.fed(position, row) };
                }
            }
            for (position, &buffer) in plan.outputs.iter().enumerate() {
                own[buffer.index()] = self.left(position, row);
            }
            lay_out_parts(plan, &plan.parts, own);
            context.check_deadline()?;
            let iteration = self.iteration(row, context);
            let context = context.within(&iteration);
            // SAFETY: the addresses are those of the plan's buffers: what it is fed, which earlier steps or iterations have
            // written and none writes now, what it leaves, of which each iteration has places of its own but for the
            // state, that is written where it is not read, and the rest in constants and in the frame.
            let ran = unsafe { schedule::run_steps(plan, helpers, Addresses(own), &context) };
            ran.map_err(|fault| self.named(fault.owned_in(plan).cause, iteration.index))?;
            // SAFETY: the steps are done.
            unsafe { self.advance(1) };
        }
        Ok(())
    }

    /// Leaves the last state and the tapes.
    ///
    /// # Safety
    /// As for [`run_branch`].
    unsafe fn end(self, context: &Context<'_>) {
        let LoopRun { call, addresses, frame, trips, tapes, .. } = self;
        for state in &call.states {
            let Some(last) = state.last else { continue };
            let from = if trips == 0 {
                addresses.at(state.first)
            } else {
                frame.wrapping_add(state.offsets[trips % 2])
            };
            // SAFETY: both hold this many bytes, and are apart: nothing else lies where a step writes.
            unsafe { ptr::copy_nonoverlapping(from, addresses.of(last), state.bytes) };
        }
        for (stack, tape) in call.stacks.iter().zip(tapes) {
            const { assert!(HANDLE_BYTES == size_of::<f64>()) };
            let handle = context.tapes.keep(tape);
            // SAFETY: the buffer is there for a handle.
            unsafe { addresses.of(stack.to).cast::<f64>().write_unaligned(handle) };
        }
    }
}

/// A count of runs that differs from row to row and from run to run (the finalizer of `SplitMix64`).
fn mixed(runs: i64, row: u64) -> i64 {
    let mut bits = (runs as u64).wrapping_add(row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) as i64
}
