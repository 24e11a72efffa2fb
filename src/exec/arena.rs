//! What runs need beside their plans, lent to them by their session and given back.
//!
//! Nothing of an arena is needed between runs, so any will do that is large enough, or that is made so. The session
//! keeps some, for runs to allocate nothing as long as they are like those before. The invariant: what lies idle is no
//! more than the budget, or than what is lent at the moment, whichever is more: threads that run again and again find
//! what they gave back, and when the last of many runs ends, no more is left than the budget. Where none is given, it
//! is what one run needs: as much as the largest of late.

use std::sync::Arc;

use super::parallel;
use super::tapes::Tapes;
use crate::memory::{Memory, OutOfMemory};
use crate::plan::Plan;

/// Runs that are looked back on, once to twice as many, to tell what a run needs. A larger one is so rare that it may
/// take its time to get memory.
const OF_LATE: u32 = 256;

/// What one run needs beside its plan.
#[derive(Debug, Default)]
pub(super) struct Arena {
    pub(super) memory: Memory,
    /// The address of each buffer.
    pub(super) addresses: Vec<*mut u8>,
    /// The words of the plan's line, if it has one.
    pub(super) words: Vec<u64>,
    /// The plan, by its id, of which the addresses and words are those that last as long as the memory does; 0 for none.
    pub(super) laid_out_for: u64,
    /// Keep the values of variables as they are, for a run that does not hold the turn to assign.
    pub(super) pins: Vec<Arc<Memory>>,
    /// What threads share of a run, if it is worth more than one. A worker may hold it longer than the run goes on, and
    /// then finds nothing in it to do, or the next run.
    pub(super) shared: Option<Arc<parallel::Run>>,
    pub(super) tapes: Tapes,
    /// Bytes of the tapes' memory, which is kept.
    tape_bytes: usize,
    /// Bytes of all but the memory.
    tables: usize,
    /// What the run needs that the arena is lent to.
    need: Need,
    /// As how many bytes it is counted until it is given back.
    pub(super) lent_bytes: usize,
}

// SAFETY: the addresses point into the arena's own memory, or are set anew by each run; an arena that is lent
// belongs to its run alone, and one that is not to its session.
unsafe impl Send for Arena {}

/// Bytes that a run needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Need {
    memory: usize,
    tables: usize,
    /// What it has taken for tapes, which is known behind it.
    tapes: usize,
}

impl Need {
    pub(super) fn of(plan: &Plan) -> Self {
        let steps = if plan.order.inline { 0 } else { plan.steps.len() };
        Need {
            memory: plan.arena_bytes,
            tables: plan.buffers.len() * size_of::<*mut u8>()
                + plan.line.as_ref().map_or(0, |line| line.line.words.len() * size_of::<u64>())
                + plan.stored.len() * size_of::<Arc<Memory>>()
                + parallel::Run::bytes(steps),
            tapes: 0,
        }
    }

    fn max(self, other: Need) -> Need {
        Need {
            memory: self.memory.max(other.memory),
            tables: self.tables.max(other.tables),
            tapes: self.tapes.max(other.tapes),
        }
    }

    fn is_within(self, other: Need) -> bool {
        self.memory <= other.memory && self.tables <= other.tables && self.tapes <= other.tapes
    }

    fn bytes(self) -> usize {
        self.memory.saturating_add(self.tables).saturating_add(self.tapes)
    }
}

impl Arena {
    /// What the arena has.
    fn size(&self) -> Need {
        Need { memory: self.memory.bytes(), tables: self.tables, tapes: self.tape_bytes }
    }

    fn bytes(&self) -> usize {
        self.memory.bytes() + self.tables + self.tape_bytes
    }

    /// Ends the run's tapes, whose memory is kept as one more need.
    #[inline]
    fn end_tapes(&mut self) {
        self.need.tapes = self.tapes.end();
        self.tape_bytes = self.tapes.idle_bytes();
    }

    /// Makes the arena as large as the run needs; what its memory holds is of no use to anybody.
    #[inline]
    pub(super) fn fit(&mut self) -> Result<(), OutOfMemory> {
        if self.memory.bytes() < self.need.memory {
            self.laid_out_for = 0;
            self.memory = Memory::empty();
            self.memory = Memory::zeroed(self.need.memory)?;
        }
        self.tables = self.tables.max(self.need.tables);
        Ok(())
    }
}

/// The arenas of a session. They are boxed, for they pass through many hands.
#[derive(Debug, Default)]
#[allow(clippy::vec_box)]
pub(super) struct Arenas {
    /// The smallest first, by their memory.
    idle: Vec<Box<Arena>>,
    idle_bytes: usize,
    lent_bytes: usize,
    /// Bytes that may lie idle while nothing is lent.
    budget: usize,
    /// Whether the budget is what a run needs.
    is_budget_a_need: bool,
    /// The most that runs have needed, those of late and those before them.
    needs: [Need; 2],
    /// How many runs are those of late.
    given_back: u32,
}

impl Arenas {
    /// No arenas yet. The budget is bytes, or as many as a run needs.
    pub(super) fn new(budget: Option<usize>) -> Self {
        Arenas { budget: budget.unwrap_or_default(), is_budget_a_need: budget.is_none(), ..Arenas::default() }
    }

    /// Lends the smallest arena that is large enough, or else the largest there is, which must be made to
    /// [fit](Arena::fit).
    // Boxed as it is kept.
    #[allow(clippy::unnecessary_box_returns)]
    #[inline]
    pub(super) fn lend(&mut self, need: Need) -> Box<Arena> {
        let place = self.place(need.memory);
        // Mostly there is one, and nothing behind it to move.
        let mut arena = if place + 1 < self.idle.len() {
            self.idle.remove(place)
        } else {
            self.idle.pop().unwrap_or_default()
        };
        self.idle_bytes -= arena.bytes();
        arena.need = need;
        arena.lent_bytes =
            if need.is_within(arena.size()) { arena.bytes() } else { need.max(arena.size()).bytes() };
        self.lent_bytes = self.lent_bytes.saturating_add(arena.lent_bytes);
        arena
    }

    /// How many idle arenas have less memory than this.
    fn place(&self, bytes: usize) -> usize {
        self.idle.partition_point(|arena| arena.memory.bytes() < bytes)
    }

    /// Ends the loan of an arena of so many bytes, which does not come back.
    pub(super) fn lose(&mut self, lent_bytes: usize) {
        self.lent_bytes = self.lent_bytes.saturating_sub(lent_bytes);
    }

    /// Takes an arena back. Gives what is not to be kept, so that the session's lock is let go before memory is.
    #[inline]
    #[must_use]
    #[allow(clippy::vec_box)]
    pub(super) fn take_back(&mut self, mut arena: Box<Arena>) -> Vec<Box<Arena>> {
        self.lose(arena.lent_bytes);
        arena.end_tapes();
        self.given_back += 1;
        if self.given_back == OF_LATE || !arena.need.is_within(self.needs[0]) {
            self.note(arena.need);
        }
        self.idle_bytes += arena.bytes();
        self.idle.insert(self.place(arena.memory.bytes()), arena);
        let most = self.budget.max(self.lent_bytes);
        if self.idle_bytes > most { self.surplus(most) } else { Vec::new() }
    }

    /// Notes what a run has needed, if it is more than others of late, or when it is time to forget those before.
    #[cold]
    fn note(&mut self, need: Need) {
        if self.given_back == OF_LATE {
            self.given_back = 0;
            self.needs = [Need::default(), self.needs[0]];
        }
        self.needs[0] = self.needs[0].max(need);
        if self.is_budget_a_need {
            self.budget = self.needs[0].max(self.needs[1]).bytes();
        }
    }

    /// Takes out what is more than so many bytes.
    #[cold]
    #[allow(clippy::vec_box)]
    fn surplus(&mut self, most: usize) -> Vec<Box<Arena>> {
        let mut surplus = Vec::new();
        while self.idle_bytes > most {
            // The largest if it could never be kept, or else the one that is missed least.
            let largest = self.idle.pop_if(|largest| largest.bytes() > most);
            let arena = largest.unwrap_or_else(|| self.idle.remove(0));
            self.idle_bytes -= arena.bytes();
            surplus.push(arena);
        }
        surplus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(memory: usize) -> Need {
        Need { memory, tables: 0, tapes: 0 }
    }

    #[allow(clippy::unnecessary_box_returns)]
    fn borrow(arenas: &mut Arenas, bytes: usize) -> Box<Arena> {
        let mut arena = arenas.lend(need(bytes));
        arena.fit().unwrap();
        arena
    }

    fn idle(arenas: &Arenas) -> Vec<usize> {
        let mut sizes: Vec<usize> = arenas.idle.iter().map(|arena| arena.memory.bytes()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes.iter().sum::<usize>(), arenas.idle_bytes);
        sizes
    }

    #[test]
    fn runs_one_after_the_other_share_one_arena_as_large_as_the_largest_needs() {
        let mut arenas = Arenas::new(None);
        for bytes in (1..=40).chain((1..40).rev()) {
            let arena = borrow(&mut arenas, bytes * 64);
            drop(arenas.take_back(arena));
        }
        assert_eq!(idle(&arenas), [40 * 64]);
    }

    #[test]
    fn a_burst_leaves_what_one_run_needs() {
        let mut arenas = Arenas::new(None);
        let lent: Vec<_> = (0..64).map(|_| borrow(&mut arenas, 640)).collect();
        for (index, arena) in lent.into_iter().enumerate() {
            let surplus = arenas.take_back(arena);
            assert_eq!(surplus.is_empty(), index < 32, "those that are still lent may need as many again");
        }
        assert_eq!((idle(&arenas), arenas.lent_bytes), (vec![640], 0));
    }

    #[test]
    fn a_budget_keeps_more_or_nothing() {
        for (budget, kept) in [(640 * 3 + 1, vec![640; 3]), (639, vec![])] {
            let mut arenas = Arenas::new(Some(budget));
            let lent: Vec<_> = (0..8).map(|_| borrow(&mut arenas, 640)).collect();
            for arena in lent {
                drop(arenas.take_back(arena));
            }
            assert_eq!(idle(&arenas), kept);
        }
    }

    #[test]
    fn a_large_run_is_forgotten_after_many_small_ones() {
        let mut arenas = Arenas::new(None);
        for bytes in std::iter::once(1 << 16).chain((0..2 * OF_LATE).map(|_| 64)) {
            let arena = borrow(&mut arenas, bytes);
            drop(arenas.take_back(arena));
        }
        let arena = borrow(&mut arenas, 64);
        assert_eq!((arena.memory.bytes(), arena.lent_bytes), (64, 64));
    }
}
