//! [`Spare`]: where a plan that is run several times in one leaves the variables that it changes.
//!
//! What was there before the first time stays as it is until the last time has succeeded. So the times write by turns
//! to a variable's next memory and to memory of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ir::VariableId;
use crate::memory::Memory;
use crate::plan::{BufferId, Lacking, Owner, Place, Plan};

/// For each variable that is changed, a third memory.
pub(super) struct Spare {
    memories: Vec<Arc<Memory>>,
    /// The buffers that lie in these variables, with the addresses of the next memory and of the third one in turns: for
    /// what reads, in the order in which they are read.
    turns: Vec<(BufferId, [*mut u8; 2])>,
}

impl Spare {
    /// Memory for these variables, of which a run of the plan writes the next values to these addresses.
    pub(super) fn of(plan: &Plan, changed: &[VariableId], addresses: &[*mut u8]) -> Result<Self, Lacking> {
        let mut spare = Spare { memories: Vec::new(), turns: Vec::new() };
        if changed.is_empty() {
            return Ok(spare);
        }
        let places = plan.stored.iter().map(|&buffer| (buffer, &plan.buffers[buffer.index()]));
        let mut made = BTreeMap::new();
        for (buffer, of) in places.clone() {
            if let Place::Next(id) = of.place {
                let memory = Memory::zeroed(of.bytes);
                let memory = memory.map_err(|lacking| lacking.owned_by(Owner::Variable(id)))?;
                made.insert(id, (addresses[buffer.index()], Arc::new(memory)));
            }
        }
        for (buffer, of) in places {
            let (Place::Variable(id) | Place::Next(id)) = of.place else { continue };
            let Some((next, third)) = made.get(&id) else { continue };
            let [next, third] = [*next, third.start()];
            let is_next = matches!(of.place, Place::Next(_));
            spare.turns.push((buffer, if is_next { [next, third] } else { [third, next] }));
        }
        let mut third = |id: &VariableId| made.remove(id).map(|(_, third)| third);
        spare.memories = changed.iter().filter_map(&mut third).collect();
        Ok(spare)
    }

    /// Has a time read what the time before has left, and write to the other place.
    #[inline]
    pub(super) fn turn(&self, addresses: &mut [*mut u8], time: usize) {
        if time > 0 {
            self.turns.iter().for_each(|&(buffer, places)| addresses[buffer.index()] = places[time % 2]);
        }
    }

    /// The memory that the last time has written to, by variable, if it was not the next one of each.
    pub(super) fn last(self, time: usize) -> Vec<Arc<Memory>> {
        if time % 2 == 1 { self.memories } else { Vec::new() }
    }
}
