//! Places for the intermediate values of a run in one arena, so that values which are not needed at
//! the same time share memory.
//!
//! Steps are taken in order. A buffer is placed at its first use, in the smallest free gap that
//! holds it, and its bytes are free again behind its last reader. When steps may run at once, a gap
//! is usable only for a step that must wait for all who used those bytes before.

use std::collections::BTreeMap;

use super::{Buffer, BufferId, Order, Place, Step, UNDECIDED};
use crate::exec::ALIGNMENT;

/// How much memory the arena takes.
pub(super) struct Memory {
    pub(super) bytes: usize,
    pub(super) bytes_without_reuse: usize,
}

/// A free range of bytes, and the steps that used it last.
struct Gap {
    bytes: usize,
    users: Vec<usize>,
}

/// Places all buffers that are still undecided; `kept` are needed behind the last step.
pub(super) fn assign(buffers: &mut [Buffer], steps: &[Step], kept: &[BufferId], order: &mut Order) -> Memory {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); buffers.len()];
    for (index, step) in steps.iter().enumerate() {
        for buffer in step.writes.iter().chain(&step.reads) {
            users[buffer.index()].push(index);
        }
    }
    let mut dies_after: Vec<Vec<BufferId>> = vec![Vec::new(); steps.len()];
    for (index, _) in buffers.iter().enumerate().filter(|(_, buffer)| buffer.place == UNDECIDED) {
        let id = BufferId(index as u32);
        if let (Some(&last), false) = (users[index].last(), kept.contains(&id)) {
            dies_after[last].push(id);
        }
    }
    let mut memory = Memory { bytes: 0, bytes_without_reuse: 0 };
    let mut gaps: BTreeMap<usize, Gap> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        for &written in &step.writes {
            let buffer = &mut buffers[written.index()];
            if buffer.place == UNDECIDED {
                let bytes = buffer.bytes.next_multiple_of(ALIGNMENT);
                memory.bytes_without_reuse = memory.bytes_without_reuse.saturating_add(bytes);
                buffer.place = Place::Arena(take(&mut gaps, bytes, index, order, &mut memory));
            }
        }
        for id in &dies_after[index] {
            if let Place::Arena(offset) = buffers[id.index()].place {
                let bytes = buffers[id.index()].bytes.next_multiple_of(ALIGNMENT);
                release(&mut gaps, offset, bytes, std::mem::take(&mut users[id.index()]));
            }
        }
    }
    memory
}

/// Takes bytes for a step from the smallest gap that it may use, or from the arena's end.
fn take(
    gaps: &mut BTreeMap<usize, Gap>,
    bytes: usize,
    step: usize,
    order: &mut Order,
    memory: &mut Memory,
) -> usize {
    if bytes == 0 {
        return 0;
    }
    let mut fitting: Vec<(usize, usize)> =
        gaps.iter().filter(|(_, gap)| gap.bytes >= bytes).map(|(&offset, gap)| (gap.bytes, offset)).collect();
    fitting.sort_unstable();
    for (size, offset) in fitting {
        if gaps[&offset].users.iter().all(|&user| order.ensure_after(step, user)) {
            let gap = gaps.remove(&offset);
            if size > bytes {
                let users = gap.map_or_else(Vec::new, |gap| gap.users);
                gaps.insert(offset + bytes, Gap { bytes: size - bytes, users });
            }
            return offset;
        }
    }
    let offset = memory.bytes;
    // An arena that no machine can hold is refused when it is asked for.
    memory.bytes = memory.bytes.saturating_add(bytes);
    offset
}

/// Gives bytes back, joined with the gaps on either side.
fn release(gaps: &mut BTreeMap<usize, Gap>, offset: usize, bytes: usize, users: Vec<usize>) {
    if bytes == 0 {
        return;
    }
    let (mut start, mut gap) = (offset, Gap { bytes, users });
    let before = gaps.range(..offset).next_back().map(|(&start, gap)| (start, gap.bytes));
    for neighbour in
        before.into_iter().filter(|(start, bytes)| start + bytes == offset).map(|(start, _)| start)
    {
        if let Some(earlier) = gaps.remove(&neighbour) {
            start = neighbour;
            gap.bytes += earlier.bytes;
            gap.users.extend(earlier.users);
        }
    }
    if let Some(later) = gaps.remove(&(offset + bytes)) {
        gap.bytes += later.bytes;
        gap.users.extend(later.users);
    }
    gap.users.sort_unstable();
    gap.users.dedup();
    gaps.insert(start, gap);
}
