//! The plan's invariant, established from the finished plan alone: by reading it, not by repeating
//! how it was made, in time that is linear but for trees. Runs on every plan in debug builds and tests.

mod calls;
mod joins;
mod lines;
mod order;
mod step;

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::{Buffer, BufferId, Kind, Place, Plan, Slot};
use crate::memory::ALIGNMENT;

use joins::Parts;
use lines::is_run_line_of;
use order::Waits;
use step::Touches;

impl Plan {
    /// Says what breaks the invariant, if something does:
    /// a step reads what nobody has written yet; a buffer is written twice or lies outside the arena;
    /// a step writes to what it may only read; or two buffers share bytes although the steps that use
    /// them could overlap.
    pub(crate) fn check(&self) -> Result<(), String> {
        let users = self.users();
        let waits = Waits::of(&self.order)?;
        self.check_places()?;
        let parts = Parts::of(self)?;
        for (index, step) in self.steps.iter().enumerate() {
            Touches::of(self, &parts, index, step).check()?;
        }
        for (id, buffer) in self.ids().zip(&self.buffers) {
            if let Place::Arena(_) | Place::Next(_) | Place::Output(_) | Place::Part { .. } = buffer.place {
                check_users(id, &users[id.index()], &waits)?;
            }
        }
        for fetch in &self.fetches {
            let size = fetch.dims.iter().product::<usize>() * fetch.dtype.size();
            if parts.are_apart(fetch.start.buffer) {
                return Err(format!("b{} is fetched, whose elements are apart", fetch.start.buffer.0));
            }
            if fetch.start.offset + size > self.buffers[fetch.start.buffer.index()].bytes {
                return Err(format!("b{} is too small for what is fetched from it", fetch.start.buffer.0));
            }
        }
        if self.line.as_ref().is_some_and(|line| !is_run_line_of(line, self)) {
            return Err("the line of calls is not what the plan does".to_owned());
        }
        self.check_overlaps(&users, &waits)
    }

    /// The buffer of which a buffer is a part, or itself.
    fn whole(&self, id: BufferId) -> BufferId {
        self.buffers[id.index()].place.whole(id)
    }

    fn ids(&self) -> impl Iterator<Item = BufferId> {
        (0..self.buffers.len() as u32).map(BufferId)
    }

    /// The steps that touch each buffer, and whether they write it.
    fn users(&self) -> Vec<Vec<(usize, bool)>> {
        let mut users = vec![Vec::new(); self.buffers.len()];
        for (index, step) in self.steps.iter().enumerate() {
            step.writes.iter().for_each(|buffer| users[buffer.index()].push((index, true)));
            step.reads.iter().for_each(|buffer| users[buffer.index()].push((index, false)));
        }
        users
    }

    fn check_places(&self) -> Result<(), String> {
        for (id, buffer) in self.ids().zip(&self.buffers) {
            match buffer.place {
                Place::Arena(offset) => {
                    let end = offset.checked_add(buffer.bytes);
                    if offset % ALIGNMENT != 0 || end.is_none_or(|end| end > self.arena_bytes) {
                        return Err(format!("b{} does not lie in the arena", id.0));
                    }
                }
                Place::Part { of, offset } => {
                    let Buffer { place, bytes } = self.buffers[of.index()];
                    let is_made = matches!(place, Place::Arena(_) | Place::Next(_) | Place::Output(_));
                    if !is_made || offset.checked_add(buffer.bytes).is_none_or(|end| end > bytes) {
                        return Err(format!("b{} does not lie in b{}", id.0, of.0));
                    }
                    if self.parts.binary_search(&id).is_err() {
                        return Err(format!("b{} is not listed as a part", id.0));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a region makes `later` in exactly the place of `earlier` without losing a row that is still to be
    /// read.
    fn passes_on(&self, step: usize, earlier: BufferId, later: BufferId) -> bool {
        let Kind::Region(region) = &self.steps[step].kind else { return false };
        let mut is_made = false;
        for op in &region.ops {
            let [dst, operands @ ..] = op.operands.slots();
            let is_part = |slot: &Slot| {
                slot.buffer().is_some_and(|buffer| buffer != earlier && self.whole(buffer) == earlier)
            };
            if operands.iter().any(is_part) {
                return false;
            }
            let makes = dst.buffer() == Some(later);
            for slot in operands.iter().filter(|slot| slot.buffer() == Some(earlier)) {
                // Behind the op that makes the row it is gone; at that op only the same row may be read.
                let in_time = !is_made && (!makes || op.instruction.works_in_place());
                if !in_time || slot.row_bytes == 0 || op.operands.stride > 0 || slot.offset > 0 {
                    return false;
                }
                if makes && (dst.row_bytes != slot.row_bytes || dst.offset > 0) {
                    return false;
                }
            }
            is_made |= makes;
        }
        let elsewhere =
            region.once.iter().flat_map(|op| op.operands.slots()).filter_map(|slot| slot.buffer());
        let multiplied = region
            .producer
            .iter()
            .flat_map(|producer| [producer.factors.a.buffer, producer.factors.b.buffer]);
        let places = [earlier, later]
            .map(|buffer| (self.buffers[buffer.index()].place, self.buffers[buffer.index()].bytes));
        is_made && places[0] == places[1] && !elsewhere.chain(multiplied).any(|buffer| buffer == earlier)
    }

    /// Whether bytes that hold a value are given to another one only when all steps that use the first are done.
    ///
    /// The check goes step by step and keeps which value holds each byte of the arena. A value must come behind all
    /// users of the values whose bytes it takes. Its own users come behind the step that writes it, so the next value
    /// in these bytes comes behind the former holders as well, and need not be compared with them.
    ///
    /// What is made part by part counts as one value, which each step that writes a part may be the first to make: all of
    /// these must come behind the former holders.
    fn check_overlaps(&self, users: &[Vec<(usize, bool)>], waits: &Waits<'_>) -> Result<(), String> {
        let mut kept = vec![false; self.buffers.len()];
        self.fetches.iter().for_each(|fetch| kept[self.whole(fetch.start.buffer).index()] = true);
        let mut users_of_whole: Vec<Vec<(usize, bool)>> = vec![Vec::new(); self.buffers.len()];
        for (id, users) in self.ids().zip(users) {
            users_of_whole[self.whole(id).index()].extend_from_slice(users);
        }
        let mut holders = Holders::default();
        let mut former: HashMap<BufferId, Vec<BufferId>> = HashMap::default();
        for (index, step) in self.steps.iter().enumerate() {
            for &written in &step.writes {
                let later = self.whole(written);
                let Place::Arena(start) = self.buffers[later.index()].place else { continue };
                let taken = holders.take(start, start + self.buffers[later.index()].bytes, later);
                let former = former.entry(later).or_default();
                // In order, a step that comes behind the first step comes behind the former holders as well.
                let checked = if self.order.inline { former.len() } else { 0 };
                former.extend(taken.into_iter().filter(|&earlier| earlier != later));
                for &earlier in &former[checked..] {
                    let is_done = |&(user, writes): &(usize, bool)| {
                        waits.is_after(index, user)
                            || (user == index && !writes && self.passes_on(index, earlier, later))
                    };
                    if kept[earlier.index()] || !users_of_whole[earlier.index()].iter().all(is_done) {
                        let (first, second) = (earlier.0.min(later.0), earlier.0.max(later.0));
                        return Err(format!("b{first} and b{second} share bytes while both are in use"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// One step must write the buffer, and all steps that read it must wait for that.
fn check_users(id: BufferId, users: &[(usize, bool)], waits: &Waits<'_>) -> Result<(), String> {
    let mut writers = users.iter().filter(|(_, writes)| *writes).map(|&(step, _)| step);
    let (Some(writer), None) = (writers.next(), writers.next()) else {
        return Err(format!("b{} is not written by exactly one step", id.0));
    };
    match users.iter().find(|&&(step, writes)| !writes && !waits.is_after(step, writer)) {
        Some((reader, _)) => Err(format!("step {reader} may read b{} before step {writer} writes it", id.0)),
        None => Ok(()),
    }
}

/// Which buffers hold which bytes of the arena: ranges that do not overlap, by where they start.
#[derive(Default)]
struct Holders(BTreeMap<usize, (usize, BufferId)>);

impl Holders {
    /// Gives the bytes to a buffer, and tells which buffers held some of them so far.
    fn take(&mut self, start: usize, end: usize, by: BufferId) -> Vec<BufferId> {
        let mut former = Vec::new();
        while start < end
            && let Some((&first, &(last, holder))) = self.0.range(..end).next_back()
            && last > start
        {
            self.0.remove(&first);
            former.push(holder);
            if last > end {
                self.0.insert(end, (last, holder));
            }
            if first < start {
                self.0.insert(first, (start, holder));
            }
        }
        if start < end {
            self.0.insert(start, (end, by));
        }
        former
    }
}
