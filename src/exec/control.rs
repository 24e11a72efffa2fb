//! Steps that run one of several plans, or a plan again and again.
//!
//! All memory of the runs lies in the step's frame, but for tapes. A run of a loop's plan reads the state in one of two
//! places and writes it in the other.

use smallvec::SmallVec;

use super::Cause;
use super::addresses::{Addresses, lay_out, lay_out_parts};
use super::call::run_in_frame;
use super::context::Context;
use super::schedule;
use super::tapes::{Rows, Tape};
use super::workers::RunQueue;
use crate::plan::{BranchCall, HANDLE_BYTES, LoopCall, LoopFeed, LoopTrips, Place, Start};

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

/// Runs a plan again and again.
///
/// # Safety
/// As for [`run_branch`].
#[inline(never)]
pub(super) unsafe fn run_loop(
    call: &LoopCall,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    let (plan, offsets) = (&*call.plan, &call.offsets);
    let frame = addresses.of(call.frame);
    let table = frame.wrapping_add(plan.addresses_offset()).cast::<*mut u8>();
    // SAFETY: the frame reaches so many addresses, at an aligned offset of aligned memory, which is initialized as all
    // of an arena is; this step alone touches it.
    let own = unsafe { std::slice::from_raw_parts_mut(table, plan.buffers.len()) };
    lay_out(plan, frame, own);

    // SAFETY: earlier steps have written handles there.
    let rows_of = |at: Start| context.tapes.rows(unsafe { addresses.at(at).cast::<f64>().read_unaligned() });
    let (mut goes_on, most) = match &call.trips {
        LoopTrips::Known(count) => (true, *count),
        // SAFETY: an earlier step has written the boolean there.
        LoopTrips::While { first, most } => (unsafe { addresses.at(*first).read() } != 0, *most),
        LoopTrips::Tapes(tapes) => {
            (true, tapes.iter().map(|&tape| rows_of(tape).count).max().unwrap_or_default())
        }
    };
    let tapes_read: SmallVec<[Option<Rows>; 8]> = call
        .operands
        .iter()
        .map(|operand| match *operand {
            LoopFeed::TapeRow { handle, .. } => Some(rows_of(handle)),
            _ => None,
        })
        .collect();
    let mut tapes: SmallVec<[Tape; 8]> = SmallVec::new();
    if !call.stacks_arrays() {
        tapes.extend(call.stacks.iter().map(|stack| context.tapes.begin(stack.row_bytes)));
        if call.condition().is_none() {
            tapes.iter_mut().try_for_each(|tape| tape.resize(most))?;
        }
    }
    let condition = frame.wrapping_add(offsets.condition);
    let count_of_runs = frame.wrapping_add(offsets.count).cast::<i64>();
    let zeros = frame.wrapping_add(offsets.zeros);
    // SAFETY: the frame has so many bytes of zeros, at least, between here and its end.
    unsafe { zeros.write_bytes(0, offsets.end - offsets.zeros) };

    let mut trips = 0;
    while goes_on && trips < most {
        let row = if call.reverse { most - 1 - trips } else { trips };
        for &buffer in &plan.given {
            // A plan of a loop is given nothing but what it is fed.
            let Place::Feed(position) = plan.buffers[buffer.index()].place else { continue };
            own[buffer.index()] = match call.operands[position] {
                LoopFeed::State(state) if trips == 0 => addresses.at(call.states[state].first),
                LoopFeed::State(state) => frame.wrapping_add(call.states[state].offsets[trips % 2]),
                LoopFeed::Row { of, bytes } => addresses.at(of).wrapping_add(row * bytes),
                LoopFeed::Whole(start) => addresses.at(start),
                LoopFeed::TapeRow { bytes, .. } => {
                    let row = tapes_read[position].and_then(|rows| rows.row(row, bytes));
                    row.map_or(zeros, <*const u8>::cast_mut)
                }
                LoopFeed::RunCount(start) => {
                    // SAFETY: the count of the runs lies there; the frame has room for one.
                    unsafe {
                        let runs = addresses.at(start).cast::<i64>().read_unaligned();
                        count_of_runs.write_unaligned(mixed(runs, row as u64));
                    }
                    count_of_runs.cast()
                }
            };
        }
        for (position, &buffer) in plan.outputs.iter().enumerate() {
            own[buffer.index()] = if let Some(state) = call.states.get(position) {
                frame.wrapping_add(state.offsets[(trips + 1) % 2])
            } else if position < call.before_stacks() {
                condition
            } else {
                let index = position - call.before_stacks();
                match tapes.get_mut(index) {
                    None => {
                        addresses.of(call.stacks[index].to).wrapping_add(row * call.stacks[index].row_bytes)
                    }
                    Some(tape) if call.condition().is_some() => tape.push()?,
                    Some(tape) => tape.row(row),
                }
            };
        }
        lay_out_parts(plan, &plan.parts, own);
        context.check_deadline()?;
        // SAFETY: the addresses are those of the plan's buffers: what it is fed, which earlier steps or iterations have
        // written and none writes now, what it leaves, of which each iteration has places of its own but for the
        // state, that is written where it is not read, and the rest in constants and in the frame.
        let ran = unsafe { schedule::run_steps(plan, helpers, Addresses(own), context) };
        ran.map_err(|fault| fault.owned_in(plan).cause.in_iteration(call.node, row))?;
        trips += 1;
        if call.condition().is_some() {
            // SAFETY: the iteration has written the boolean there.
            goes_on = unsafe { condition.read() } != 0;
        }
    }

    for state in &call.states {
        let Some(last) = state.last else { continue };
        let from =
            if trips == 0 { addresses.at(state.first) } else { frame.wrapping_add(state.offsets[trips % 2]) };
        // SAFETY: both hold this many bytes, and are apart: nothing else lies where a step writes.
        unsafe { std::ptr::copy_nonoverlapping(from, addresses.of(last), state.bytes) };
    }
    for (stack, tape) in call.stacks.iter().zip(tapes) {
        const { assert!(HANDLE_BYTES == size_of::<f64>()) };
        let handle = context.tapes.keep(tape);
        // SAFETY: the buffer is there for a handle.
        unsafe { addresses.of(stack.to).cast::<f64>().write_unaligned(handle) };
    }
    Ok(())
}

/// A count of runs that differs from row to row and from run to run (the finalizer of `SplitMix64`).
fn mixed(runs: i64, row: u64) -> i64 {
    let mut bits = (runs as u64).wrapping_add(row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) as i64
}
