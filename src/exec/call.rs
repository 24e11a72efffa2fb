//! A step that runs the plan of a function.
//!
//! All that the run needs lies in the frame, a buffer of the caller's plan: its arena, and the addresses of its buffers.

use super::Cause;
use super::addresses::{Addresses, lay_out, lay_out_parts};
use super::context::Context;
use super::schedule;
use super::workers::RunQueue;
use crate::plan::{BufferId, FunctionCall, Place, Plan, Start};

/// Runs the plan of a function, on this thread and on helpers.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task): the step is the only one that touches its frame and what it writes.
// Apart, so that a step of any other kind does not pay for its frame.
#[inline(never)]
pub(super) unsafe fn run(
    call: &FunctionCall,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    // SAFETY: the caller's promise.
    unsafe {
        run_in_frame(&call.plan, &call.operands, &call.outputs, call.frame, addresses, context, helpers)
    }
}

/// Runs a plan that is fed and leaves what lies in buffers of its caller's plan.
///
/// # Safety
/// As for [`run`].
pub(super) unsafe fn run_in_frame(
    plan: &Plan,
    operands: &[Start],
    outputs: &[BufferId],
    frame: BufferId,
    addresses: Addresses<'_>,
    context: &Context<'_>,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    let frame = addresses.of(frame);
    let table = frame.wrapping_add(plan.addresses_offset()).cast::<*mut u8>();
    // SAFETY: the frame reaches so many addresses, at an aligned offset of aligned memory, which is initialized as all
    // of an arena is; this step alone touches it.
    let own = unsafe { std::slice::from_raw_parts_mut(table, plan.buffers.len()) };
    lay_out(plan, frame, own);
    for &buffer in &plan.given {
        // A function is given nothing but what it is fed.
        if let Place::Feed(position) = plan.buffers[buffer.index()].place {
            own[buffer.index()] = addresses.at(operands[position]);
        }
    }
    for (&buffer, &output) in plan.outputs.iter().zip(outputs) {
        own[buffer.index()] = addresses.of(output);
    }
    lay_out_parts(plan, &plan.parts, own);
    // SAFETY: the addresses are those of the plan's buffers: what it is fed, which earlier steps have written and none
    // writes now, what it leaves, which this step writes, and the rest in constants and in the frame.
    let ran = unsafe { schedule::run_steps(plan, helpers, Addresses(own), context) };
    ran.map_err(|fault| fault.owned_in(plan).cause)
}
