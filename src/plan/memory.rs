//! Places for the intermediate values of a run in one arena, so that values which are not needed at
//! the same time share memory.
//!
//! Steps are taken in order. A buffer is placed at its first use, in the smallest free gap that
//! holds it, and its bytes are free again behind its last reader. When steps may run at once, a gap
//! is usable only for a step that waits for all steps that used those bytes before, or can be made to at no
//! cost ([`Ordering::may_follow`]). Neighboring gaps with other users stay apart therefore, and are
//! joined by a step that can use them all. A region that reads a buffer for the last time, row for row, makes its
//! result in the same place ([`Step::may_replace`]). What is made part by part, as a join's result is, is placed at the
//! first use of any part and dies behind the last.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use foldhash::HashMap;
use smallvec::SmallVec;

use super::order::Ordering;
use super::{Buffer, BufferId, Order, Place, Step, UNDECIDED};
use crate::memory::{ALIGNMENT, OutOfMemory};

/// Gaps that are tried for a buffer, those next to its size first: where so many are in use by steps that
/// may run at once, the rest will be as well, and planning must take linear time.
const MAX_TRIES: usize = 16;

/// Steps that may have used the memory of what is made part by part: all that write a part wait for each of them, which
/// would take quadratic time for many.
const MAX_USERS_BEFORE_PARTS: usize = 16;

/// How much memory the arena takes.
pub(super) struct Memory {
    pub(super) bytes: usize,
    pub(super) bytes_without_reuse: usize,
}

/// The steps that used some bytes last; nobody asks for them when steps run in order.
type Users = SmallVec<[u32; 4]>;

/// The bytes of all buffers without a place, which bound every offset in the arena; those that cannot be addressed
/// are refused here, so that all else may reckon with them.
fn total(buffers: &[Buffer]) -> Result<usize, OutOfMemory> {
    let undecided = buffers.iter().filter(|buffer| buffer.place == UNDECIDED);
    let bytes = undecided.fold(0_usize, |sum, buffer| {
        let aligned = buffer.bytes.checked_next_multiple_of(ALIGNMENT);
        sum.saturating_add(aligned.unwrap_or(usize::MAX))
    });
    if isize::try_from(bytes).is_ok() { Ok(bytes) } else { Err(OutOfMemory::bytes(bytes)) }
}

/// Places all buffers that are still undecided; `kept` are needed behind the last step. Gives what the
/// steps wait for, which may be more than what they read.
pub(super) fn assign(
    buffers: &mut [Buffer],
    steps: &[Step],
    kept: &[BufferId],
    inline_below: f64,
) -> Result<(Memory, Order), OutOfMemory> {
    let bytes_without_reuse = total(buffers)?;
    let mut ordering = Ordering::of(steps, buffers.len(), inline_below);
    let wholes: Vec<BufferId> =
        (0..).zip(&*buffers).map(|(id, buffer)| buffer.place.whole(BufferId(id))).collect();
    let mut dies = deaths(buffers, &wholes, steps, kept);
    // Of what is made part by part, the users before; each step that writes a part comes behind them.
    let mut before: HashMap<BufferId, Users> = HashMap::default();
    let mut readers: Vec<Users> = vec![Users::new(); if ordering.is_inline() { 0 } else { buffers.len() }];
    let mut arena = Free::default();
    for (index, step) in steps.iter().enumerate() {
        ordering.enter(index, step);
        for &written in &step.writes {
            let is_part = wholes[written.index()] != written;
            let written = wholes[written.index()];
            if buffers[written.index()].place != UNDECIDED {
                if let Some(users) = before.get(&written) {
                    ordering.follow(users);
                }
                continue;
            }
            let bytes = buffers[written.index()].bytes.next_multiple_of(ALIGNMENT);
            let no_users = Users::new();
            let users_of = |read: BufferId| readers.get(read.index()).unwrap_or(&no_users);
            let replaced = dies[index].iter().position(|&read| {
                let reads_part =
                    || step.reads.iter().any(|&part| part != read && wholes[part.index()] == read);
                // Only regions may, and they read few buffers, so that looking through those costs little.
                buffers[read.index()].bytes == buffers[written.index()].bytes
                    && step.may_replace(written, read)
                    && !is_part
                    && step.reads.contains(&read)
                    && !reads_part()
                    && ordering.may_follow(users_of(read))
            });
            buffers[written.index()].place = if let Some(position) = replaced {
                // The bytes pass on to the result, which gives them back in its turn.
                let read = dies[index].remove(position);
                ordering.follow(users_of(read));
                buffers[read.index()].place
            } else {
                let most_users = if is_part { MAX_USERS_BEFORE_PARTS } else { usize::MAX };
                let (start, users) = arena.take(bytes, most_users, &mut ordering);
                if is_part && !ordering.is_inline() {
                    before.insert(written, users);
                }
                Place::Arena(start)
            };
        }
        if !ordering.is_inline() {
            for &buffer in &step.reads {
                let readers = &mut readers[wholes[buffer.index()].index()];
                if readers.last() != Some(&(index as u32)) {
                    readers.push(index as u32);
                }
            }
        }
        // What nobody reads dies behind the step that writes it.
        for id in std::mem::take(&mut dies[index]) {
            if let Place::Arena(offset) = buffers[id.index()].place {
                let bytes = buffers[id.index()].bytes.next_multiple_of(ALIGNMENT);
                let mut users = readers.get_mut(id.index()).map(std::mem::take).unwrap_or_default();
                if users.is_empty() && !ordering.is_inline() {
                    users.push(index as u32);
                }
                arena.give(offset, Gap { bytes, users });
            }
        }
    }
    Ok((Memory { bytes: arena.end, bytes_without_reuse }, ordering.finish()))
}

/// For each step, the buffers without a place that nobody needs behind it, nor any part of them.
fn deaths(
    buffers: &[Buffer],
    wholes: &[BufferId],
    steps: &[Step],
    kept: &[BufferId],
) -> Vec<SmallVec<[BufferId; 2]>> {
    let mut last_user: Vec<Option<usize>> = vec![None; buffers.len()];
    for (index, step) in steps.iter().enumerate() {
        for buffer in step.writes.iter().chain(&step.reads) {
            last_user[wholes[buffer.index()].index()] = Some(index);
        }
    }
    for buffer in kept {
        last_user[wholes[buffer.index()].index()] = None;
    }
    let mut dies = vec![SmallVec::new(); steps.len()];
    for (index, buffer) in buffers.iter().enumerate() {
        if let (UNDECIDED, Some(last)) = (buffer.place, last_user[index]) {
            dies[last].push(BufferId(index as u32));
        }
    }
    dies
}

/// A free range of bytes.
struct Gap {
    bytes: usize,
    users: Users,
}

/// What is free of the arena.
#[derive(Default)]
struct Free {
    /// The gaps by where they start.
    gaps: BTreeMap<usize, Gap>,
    /// The same by size, then start.
    sizes: BTreeSet<(usize, usize)>,
    /// Where the arena ends so far.
    end: usize,
}

impl Free {
    /// Takes bytes for the step that is entered: from the smallest gap that it may use, from several
    /// that lie side by side, or from the arena's end. Gives their start, and the steps that have used them, no more
    /// than so many.
    fn take(&mut self, bytes: usize, most_users: usize, ordering: &mut Ordering) -> (usize, Users) {
        if bytes == 0 {
            return (0, Users::new());
        }
        let fitting = self.sizes.range((bytes, 0)..).take(MAX_TRIES);
        let smaller = self.sizes.range(..(bytes, 0)).rev().take(MAX_TRIES);
        let mut starts = fitting.chain(smaller).map(|&(_, start)| start);
        if let Some(start) = starts.find(|&start| self.may_use(start..start + bytes, most_users, ordering)) {
            return (start, self.use_up(start, bytes, ordering));
        }
        let start = self.end;
        self.end += bytes;
        (start, Users::new())
    }

    /// Whether the range, which begins with a gap, is free for the step that is entered, and at most so many steps have
    /// used it.
    fn may_use(&self, range: Range<usize>, most_users: usize, ordering: &Ordering) -> bool {
        let (mut reached, mut users) = (range.start, 0);
        for (&start, gap) in self.gaps.range(range.clone()) {
            users += gap.users.len();
            if start != reached || users > most_users || !ordering.may_follow(&gap.users) {
                return false;
            }
            reached = start + gap.bytes;
        }
        reached >= range.end
    }

    /// Takes the range out of the gaps that it covers, whose users it gives.
    fn use_up(&mut self, start: usize, bytes: usize, ordering: &mut Ordering) -> Users {
        let (end, mut users) = (start + bytes, Users::new());
        while let Some((start, gap)) =
            self.gaps.range(start..end).next().map(|(&start, gap)| (start, gap.bytes))
            && let Some(gap) = self.remove(start, gap)
        {
            ordering.follow(&gap.users);
            users.extend_from_slice(&gap.users);
            if start + gap.bytes > end {
                self.insert(end, Gap { bytes: start + gap.bytes - end, ..gap });
            }
        }
        users
    }

    /// Gives bytes back, joined with the gaps on either side that have the same users.
    fn give(&mut self, mut start: usize, mut gap: Gap) {
        if gap.bytes == 0 {
            return;
        }
        let is_alike = |other: &Gap| other.users == gap.users;
        let before = self.gaps.range(..start).next_back().filter(|(_, other)| is_alike(other));
        let before = before.map(|(&start, other)| (start, other.bytes));
        let after =
            self.gaps.get(&(start + gap.bytes)).filter(|other| is_alike(other)).map(|other| other.bytes);
        if let Some(bytes) = after {
            self.remove(start + gap.bytes, bytes);
            gap.bytes += bytes;
        }
        if let Some((earlier, bytes)) = before.filter(|(earlier, bytes)| earlier + bytes == start) {
            self.remove(earlier, bytes);
            gap.bytes += bytes;
            start = earlier;
        }
        self.insert(start, gap);
    }

    fn insert(&mut self, start: usize, gap: Gap) {
        self.sizes.insert((gap.bytes, start));
        self.gaps.insert(start, gap);
    }

    fn remove(&mut self, start: usize, bytes: usize) -> Option<Gap> {
        self.sizes.remove(&(bytes, start));
        self.gaps.remove(&start)
    }
}
