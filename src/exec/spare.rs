//! [`Spare`]: where a plan that is run several times in one leaves the variables that it changes.
//!
//! What was there before the first time stays as it is until the last time has succeeded. So the times write by turns
//! to a variable's next memory and to memory of their own.

use std::sync::Arc;

use crate::ir::VariableId;
use crate::memory::Memory;
use crate::plan::{Lacking, Owner, Place, Plan};

/// For each variable that is changed, a third memory.
pub(super) struct Spare {
    memories: Vec<Arc<Memory>>,
    /// Of each variable, the addresses of its next memory and of the third one.
    places: Vec<(VariableId, [*mut u8; 2])>,
}

impl Spare {
    /// Memory for these variables, of which a run of the plan writes the next values to these addresses.
    pub(super) fn of(plan: &Plan, changed: &[VariableId], addresses: &[*mut u8]) -> Result<Self, Lacking> {
        let mut spare = Spare { memories: Vec::new(), places: Vec::new() };
        for &id in changed {
            let next = plan.stored.iter().find(|next| plan.buffers[next.index()].place == Place::Next(id));
            let Some(next) = next else { continue };
            let bytes = plan.buffers[next.index()].bytes;
            let memory = Memory::zeroed(bytes).map_err(|lacking| lacking.owned_by(Owner::Variable(id)))?;
            spare.places.push((id, [addresses[next.index()], memory.start()]));
            spare.memories.push(Arc::new(memory));
        }
        Ok(spare)
    }

    /// Has a time read what the time before has left, and write to the other place.
    #[inline]
    pub(super) fn turn(&self, plan: &Plan, addresses: &mut [*mut u8], time: usize) {
        if time == 0 {
            return;
        }
        for &buffer in &plan.stored {
            let place = plan.buffers[buffer.index()].place;
            let (Place::Variable(id) | Place::Next(id)) = place else { continue };
            if let Some((_, places)) = self.places.iter().find(|(changed, _)| *changed == id) {
                let turn = if place == Place::Next(id) { time } else { time - 1 };
                addresses[buffer.index()] = places[turn % 2];
            }
        }
    }

    /// The memory that the last time has written to, by variable, if it was not the next one of each.
    pub(super) fn last(self, time: usize) -> Vec<Arc<Memory>> {
        if time % 2 == 1 { self.memories } else { Vec::new() }
    }
}
