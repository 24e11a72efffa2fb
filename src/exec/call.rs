//! A step that runs the plan of a function.
//!
//! All that the run needs lies in the frame, a buffer of the caller's plan: its arena, and the addresses of its buffers.

use super::Cause;
use super::addresses::{Addresses, lay_out, lay_out_parts};
use super::nesting::Level;
use super::schedule;
use super::workers::RunQueue;
use crate::plan::{FunctionCall, Place};

/// Runs the plan of a function, on this thread and on helpers.
///
/// # Safety
/// As for [`run_task`](super::steps::run_task): the step is the only one that touches its frame and what it writes.
// Apart, so that a step of any other kind does not pay for its frame.
#[inline(never)]
pub(super) unsafe fn run(
    call: &FunctionCall,
    addresses: Addresses<'_>,
    level: &Level,
    helpers: Option<&RunQueue>,
) -> Result<(), Box<Cause>> {
    let plan = &*call.plan;
    let frame = addresses.of(call.frame);
    let table = frame.wrapping_add(plan.addresses_offset()).cast::<*mut u8>();
    // SAFETY: the frame reaches so many addresses, at an aligned offset of aligned memory, which is initialized as all
    // of an arena is; this step alone touches it.
    let own = unsafe { std::slice::from_raw_parts_mut(table, plan.buffers.len()) };
    lay_out(plan, frame, own);
    for &buffer in &plan.given {
        // A function is given nothing but what it is fed.
        if let Place::Feed(position) = plan.buffers[buffer.index()].place {
            own[buffer.index()] = addresses.at(call.operands[position]);
        }
    }
    for (&buffer, &output) in plan.outputs.iter().zip(&call.outputs) {
        own[buffer.index()] = addresses.of(output);
    }
    lay_out_parts(plan, &plan.parts, own);
    // SAFETY: the addresses are those of the plan's buffers: what it is fed, which earlier steps have written and none
    // writes now, what it leaves, which this step writes, and the rest in constants and in the frame.
    let ran = unsafe { schedule::run_steps(plan, helpers, Addresses(own), level) };
    ran.map_err(|fault| fault.owned_in(plan).cause)
}
