//! Where the buffers of a plan lie in a run.

use crate::plan::{Anchor, BufferId, Place, Plan, RunLine, Start, Word};

/// The addresses of a plan's buffers.
#[derive(Clone, Copy)]
pub(super) struct Addresses<'a>(pub(super) &'a [*mut u8]);

// SAFETY: what lies at the addresses is touched by steps only, and the plan orders those that write.
unsafe impl Send for Addresses<'_> {}
// SAFETY: the same.
unsafe impl Sync for Addresses<'_> {}

impl Addresses<'_> {
    pub(super) fn of(self, buffer: BufferId) -> *mut u8 {
        self.0[buffer.index()]
    }

    pub(super) fn at(self, Start { buffer, offset }: Start) -> *mut u8 {
        self.of(buffer).wrapping_add(offset)
    }
}

/// Sets the addresses of what lies in the arena that starts at `memory`, and of constants.
pub(super) fn lay_out(plan: &Plan, memory: *mut u8, addresses: &mut [*mut u8]) {
    for (address, buffer) in addresses.iter_mut().zip(&plan.buffers) {
        *address = match buffer.place {
            // The planner has made the arena large enough for every buffer at its offset.
            Place::Arena(offset) => memory.wrapping_add(offset),
            Place::Constant(index) => plan.constants[index].start().cast_mut(),
            Place::RunCount
            | Place::Feed(_)
            | Place::Variable(_)
            | Place::Next(_)
            | Place::Output(_)
            | Place::Part { .. } => continue,
        };
    }
}

/// The words of a plan's line: numbers, and the addresses of what lies in the arena that starts at `memory` and of
/// constants. All others are 0.
pub(super) fn lay_out_words(plan: &Plan, line: &RunLine, memory: *mut u8, words: &mut Vec<u64>) {
    words.clear();
    words.extend(line.line.words.iter().map(|&word| {
        let (start, offset) = match word {
            Word::Number(number) => return number as u64,
            Word::Address { of: Anchor::Arena, offset } => (memory, offset),
            Word::Address { of: Anchor::Constant(index), offset } => {
                (plan.constants[index].start().cast_mut(), offset)
            }
            Word::Address { .. } => return 0,
        };
        start.wrapping_add(offset).expose_provenance() as u64
    }));
}

/// Sets the addresses of parts, once those are set of which they are parts.
pub(super) fn lay_out_parts(plan: &Plan, parts: &[BufferId], addresses: &mut [*mut u8]) {
    for &buffer in parts {
        if let Place::Part { of, offset } = plan.buffers[buffer.index()].place {
            addresses[buffer.index()] = addresses[of.index()].wrapping_add(offset);
        }
    }
}
