//! Memory for the tiles of a region: those that are not in use at once share it.

use foldhash::HashMap;

use super::compile::Draft;
use super::{Base, Slot};

/// A tile in the thread's memory. Until it has a place, the offset of a scratch slot is an index of these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Register {
    /// Bytes for each row of the tile.
    pub(super) row_bytes: usize,
    /// Bytes whatever the tile.
    pub(super) fixed_bytes: usize,
    /// Filled once, for all tiles.
    pub(super) lasting: bool,
}

/// Registers of one size that share memory.
pub(super) struct Place {
    pub(super) row_bytes: usize,
    pub(super) fixed_bytes: usize,
}

/// Gives the place of each register, by its index, and the places.
pub(super) fn share(registers: &[Register], ops: &[Draft]) -> (Vec<usize>, Vec<Place>) {
    let mut uses: Vec<Option<(usize, usize)>> = vec![None; registers.len()];
    for (index, op) in ops.iter().enumerate() {
        for Slot { offset: register, .. } in
            op.operands.slots().into_iter().filter(|slot| slot.base == Base::Scratch)
        {
            let first = uses[register].map_or(index, |(first, _)| first);
            uses[register] = Some((first, index));
        }
    }
    let mut in_order: Vec<usize> = (0..registers.len()).collect();
    in_order.sort_by_key(|&register| uses[register].map_or(0, |(first, _)| first));
    let mut place_of = vec![usize::MAX; registers.len()];
    let mut places: Vec<Place> = Vec::new();
    // For each size, the places and the op after which each is free.
    let mut free: HashMap<usize, Vec<(usize, usize)>> = HashMap::default();
    for index in in_order {
        let register = registers[index];
        // A register that a merged instruction used has no use left, and needs no memory.
        let Some((first, last)) = uses[index].or(register.lasting.then_some((0, 0))) else { continue };
        let candidates = free.entry(register.row_bytes).or_default();
        // An op's result must not overlap its operands, so a place is free only behind its last use.
        let reusable = candidates.iter().position(|&(_, last_use)| last_use < first);
        let place = if let Some(position) = reusable.filter(|_| !register.lasting) {
            candidates.swap_remove(position).0
        } else {
            places.push(Place { row_bytes: register.row_bytes, fixed_bytes: register.fixed_bytes });
            places.len() - 1
        };
        if !register.lasting {
            candidates.push((place, last));
        }
        place_of[index] = place;
    }
    (place_of, places)
}
