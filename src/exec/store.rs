//! The values of a session's variables, and the runs that read and change them.
//!
//! A run reads the values as they are when it begins, and no other changes them meanwhile: a run that assigns holds the
//! [`Turn`], any other pins the versions that it reads. New values are made beside the old ones and put in their place
//! when the run has succeeded, all at once: one that fails leaves every variable as it was, and nobody sees half of
//! another's. So runs are as if one after the other, those that assign in the order in which they end and the others in
//! that in which they begin, and those that read wait for nobody.
//!
//! A version that was replaced is where the next one is made, unless somebody still reads it; then memory is taken
//! anew, and the last reader gives the old one back.
//!
//! The state is locked at the beginning and at the end of a run, for as long as it takes to walk over its variables; a
//! run that assigns and is [brief](Plan::is_brief), which nobody could get in between anyway, keeps it locked from the
//! one to the other, which saves half of the locking. Meanwhile, memory is taken for the lists of a run at most, or for
//! what a brief one fetches, and none is given back but by the latter; nothing else is locked but the list of the kernels
//! that wait for turns, and none of the user's code runs.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::atomic::{self, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::arena::{Arena, Arenas, Need};
use super::feed::value_at;
use super::nesting::{Level, Nested};
use super::spare::Spare;
use super::turn::Turn;
use super::{Failure, Moments, Ready, Record, Threads};
use crate::element::{DType, Value};
use crate::graph::Shared;
use crate::ir::VariableId;
use crate::memory::{Memory, OutOfMemory};
use crate::plan::{Lacking, Owner};
use crate::plan::{Place, Plan};

/// What is asked of a run beside its results.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// To do once more a run before which there were so many, without counting it.
    pub(crate) again: Option<i64>,
    /// When to give up.
    pub(crate) deadline: Option<Instant>,
    /// How many times more it is done, each time on what the time before has left. It is one run for all others: they
    /// see what the last time leaves, or nothing of it.
    pub(crate) more: usize,
}

/// A session's variables, the memory of its runs, and their count.
#[derive(Debug)]
pub(crate) struct Store {
    turn: Turn,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The variables that have been needed so far, by their ids. They never lose their values.
    slots: Vec<Option<Slot>>,
    arenas: Arenas,
    /// How many runs have begun.
    begun: i64,
    /// Whether one of these assigns and has not ended: it holds the turn.
    assigns: bool,
    /// How many runs it counts as.
    under_way: i64,
}

/// One variable's memory.
#[derive(Debug)]
struct Slot {
    current: Arc<Memory>,
    /// Where the next value is made, or the value from before the current one while somebody reads that.
    next: Option<Arc<Memory>>,
}

/// What a session holds at one moment.
#[derive(Debug)]
pub(crate) struct Moment {
    /// The values of all variables of the graph, by name.
    pub(crate) variables: BTreeMap<String, Value>,
    /// The count of the runs whose effects these are.
    pub(crate) runs: i64,
}

/// Why a session does not take values for its variables.
#[derive(Debug)]
pub(crate) enum NotSet {
    Nested(Nested),
    OutOfMemory(Lacking),
}

impl Store {
    /// A store without values, which keeps at most so many bytes for the next runs; `None` is as many as one needs.
    pub(crate) fn new(budget: Option<usize>) -> Self {
        let arenas = Arenas::new(budget);
        let state = State { slots: Vec::new(), arenas, begun: 0, assigns: false, under_way: 0 };
        Store { turn: Turn::default(), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic comes between changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a plan on the variables, hands each fetched value to `fetched`, and notes in `record`, if there is one,
    /// what was done when. Once more `again` a run before which there were so many, which is not counted.
    ///
    /// The plan must have been made for the graph whose variables the store holds.
    pub(crate) fn run(
        &self,
        ready: &Ready<'_>,
        graph: &Shared,
        threads: &Threads,
        Terms { again, deadline, more }: Terms,
        mut record: Option<&mut Record>,
        fetched: &mut dyn FnMut(Value),
    ) -> Result<(), Box<Failure>> {
        let plan = ready.plan();
        if let Some(record) = record.as_deref_mut() {
            self.initialize(graph, &plan.variables)?;
            record.initialized = Instant::now();
        }
        let level = Level::run(graph, (!plan.commits.is_empty()).then_some(&self.turn));
        level.check()?;
        let mut running = Running::of(self);
        let mut arena = running.begin(plan, graph, again, more)?;
        arena.fit().map_err(|lacking| lacking.owned_by(plan.largest.map_or(Owner::Whole, Owner::Node)))?;
        // SAFETY: `Ready` proves that the feeds are what the plan was made for. The variables' memory has the size that
        // their graph says, for which the plan was made. Nobody writes the current values, which are pinned, or may be
        // replaced only by the run that holds the turn; and nobody else touches the next ones, which nobody had pinned,
        // and which are made current only by this run.
        let moments = Moments { count: running.count, deadline };
        let mut spare = None;
        let ran = if more == 0 {
            // SAFETY: as above.
            unsafe { super::run(ready, threads, moments, &level, &mut arena, record) }
        } else {
            // SAFETY: the same.
            unsafe { repeat(ready, threads, moments, more, &level, &mut arena, &mut spare) }
        };
        // SAFETY: the last time is over, the arena is still lent to it, and the spare memory is still there.
        let ran = ran.and_then(|()| unsafe { super::fetch(plan, &arena.addresses, fetched) });
        let made = spare.map(|spare| spare.last(more)).unwrap_or_default();
        running.end(arena, if ran.is_ok() { &plan.commits } else { &[] }, made);
        ran
    }

    /// How many runs there have been: those that assign from their end on, when their values are there to be read, and
    /// the others from their beginning on.
    pub(crate) fn runs(&self) -> i64 {
        self.lock().runs()
    }

    /// Goes on as if there had been so many runs.
    pub(crate) fn set_runs(&self, runs: i64) {
        self.lock().set_runs(runs);
    }

    /// Gives a starting value to those of the variables that have no value yet.
    fn initialize(&self, graph: &Shared, variables: &[VariableId]) -> Result<(), Lacking> {
        let lacking: Vec<VariableId> = {
            let state = self.lock();
            variables.iter().copied().filter(|&id| state.slot(id).is_none()).collect()
        };
        if lacking.is_empty() {
            return Ok(());
        }
        let starts: Vec<_> = {
            let arena = graph.read();
            let records = lacking.iter().map(|id| &arena.variables[id.index()]);
            records.map(|record| (record.start.clone(), record.seed(graph.seed))).collect()
        };
        let mut made = Vec::with_capacity(lacking.len());
        // Drawing takes its time, and nobody waits for it.
        for (id, (start, seed)) in lacking.into_iter().zip(starts) {
            let slot = start.value(seed).and_then(|start| Slot::of(&start));
            made.push((id, slot.map_err(|error| error.owned_by(Owner::Variable(id)))?));
        }
        let mut state = self.lock();
        for (id, slot) in made {
            // Another run may have been faster, with the same value, and assignments may have followed.
            state.room_for(id).get_or_insert(slot);
        }
        Ok(())
    }

    /// All variables of the graph and the count of runs, at one moment.
    pub(crate) fn moment(&self, graph: &Shared) -> Result<Moment, Lacking> {
        let records: Vec<(String, DType, Vec<usize>)> = {
            let arena = graph.read();
            let all = arena.variables.iter();
            all.map(|record| (record.name.clone(), record.dtype, record.dims.clone())).collect()
        };
        let all: Vec<VariableId> = (0..records.len() as u32).map(VariableId).collect();
        self.initialize(graph, &all)?;
        let (pins, runs) = {
            let state = self.lock();
            let pins: Vec<Option<Arc<Memory>>> =
                all.iter().map(|&id| state.slot(id).map(|slot| Arc::clone(&slot.current))).collect();
            (pins, state.runs())
        };
        let held = records.into_iter().zip(pins).zip(all).filter_map(|(((name, dtype, dims), pin), id)| {
            let current = pin?;
            // SAFETY: the slot was made from a value of the record's type and lengths, or set to one that was checked
            // to be; nobody writes a version that is pinned.
            let value = unsafe { value_at(current.start(), dtype, &dims) };
            let value = value.map_err(|error| error.owned_by(Owner::Variable(id)));
            Some(value.map(|value| (name, value)))
        });
        Ok(Moment { variables: held.collect::<Result<_, _>>()?, runs })
    }

    /// Sets variables by index to values of their types and lengths, and the count of runs if one is given, all at
    /// once.
    pub(crate) fn set(&self, values: &[(usize, Value)], runs: Option<i64>) -> Result<(), NotSet> {
        let made = values.iter().map(|(index, value)| {
            let id = VariableId(*index as u32);
            Ok((id, Slot::of(value).map_err(|error| error.owned_by(Owner::Variable(id)))?))
        });
        let made: Vec<(VariableId, Slot)> = made.collect::<Result<_, _>>().map_err(NotSet::OutOfMemory)?;
        let mut replaced = Vec::with_capacity(made.len());
        let mut state = self.turn.wait(self.lock(), |state| state.assigns).map_err(NotSet::Nested)?;
        for (id, slot) in made {
            replaced.push(state.room_for(id).replace(slot));
        }
        if let Some(runs) = runs {
            state.set_runs(runs);
        }
        drop(state);
        // Nothing was taken, but somebody else may wait as this has.
        self.turn.end();
        drop(replaced);
        Ok(())
    }
}

/// Runs a plan so many times more than once, each time on what the time before has left. Gives the memory of its own to
/// which times have written, which must be there as long as what they have left is read.
///
/// # Safety
/// As for [`run`](super::run).
// Apart, so that a single run does not pay for it.
#[inline(never)]
unsafe fn repeat(
    ready: &Ready<'_>,
    threads: &Threads,
    first: Moments,
    more: usize,
    level: &Level,
    arena: &mut Arena,
    spare: &mut Option<Spare>,
) -> Result<(), Box<Failure>> {
    let plan = ready.plan();
    let spare = spare.insert(Spare::of(plan, &plan.commits, &arena.addresses)?);
    for time in 0..=more {
        spare.turn(&mut arena.addresses, time);
        // No handle is handed on from one time to the next.
        arena.tapes.end();
        let moments = Moments { count: first.count.wrapping_add(time as i64), ..first };
        // SAFETY: the caller's promise; a time reads what the one before has written, and writes where none reads.
        unsafe { super::run(ready, threads, moments, level, arena, None) }?;
    }
    Ok(())
}

impl State {
    fn slot(&self, id: VariableId) -> Option<&Slot> {
        self.slots.get(id.index()).and_then(Option::as_ref)
    }

    fn slot_mut(&mut self, id: VariableId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index()).and_then(Option::as_mut)
    }

    /// Where a variable's slot is, or is to be.
    fn room_for(&mut self, id: VariableId) -> &mut Option<Slot> {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        &mut self.slots[id.index()]
    }

    /// Counts a run that begins, and those that it is beside the first, and gives how many there were before.
    fn count(&mut self, more: usize) -> i64 {
        let before = self.begun;
        self.begun = before.wrapping_add(1).wrapping_add(more as i64);
        before
    }

    fn runs(&self) -> i64 {
        self.begun.wrapping_sub(self.under_way)
    }

    fn set_runs(&mut self, runs: i64) {
        self.begun = runs.wrapping_add(self.under_way);
    }
}

impl Slot {
    fn of(value: &Value) -> Result<Self, OutOfMemory> {
        Ok(Slot { current: Arc::new(value.to_memory()?), next: None })
    }

    /// How many bytes are to be taken for the next value, and what is in its place, if anything.
    #[inline]
    fn lacks_next(&mut self) -> Option<(usize, Option<Arc<Memory>>)> {
        // No further pin can come, for only current values are pinned, and under the lock that is held now.
        let is_free = self.next.as_ref().is_some_and(|next| Arc::strong_count(next) == 1);
        // The runs that pinned it have finished reading.
        atomic::fence(Ordering::Acquire);
        (!is_free).then(|| (self.current.bytes(), self.next.take()))
    }
}

/// A run, from its beginning to its end.
struct Running<'s> {
    store: &'s Store,
    /// The state, while the run has it locked.
    held: Option<MutexGuard<'s, State>>,
    /// What is lent to it.
    lent_bytes: usize,
    /// How many runs had begun before.
    count: i64,
    assigns: bool,
    has_ended: bool,
}

impl<'s> Running<'s> {
    fn of(store: &'s Store) -> Self {
        Running { store, held: None, lent_bytes: 0, count: 0, assigns: false, has_ended: false }
    }

    /// The state, locked by the run.
    #[inline]
    fn state(&mut self) -> MutexGuard<'s, State> {
        self.held.take().unwrap_or_else(|| self.store.lock())
    }

    /// Begins the run: takes the turn if it assigns, counts, finds the variables, and takes an arena.
    // What it notes is not returned: to read it as vectors right after it has been written would wait for the memory.
    #[inline]
    fn begin(
        &mut self,
        plan: &Plan,
        graph: &Shared,
        again: Option<i64>,
        more: usize,
    ) -> Result<Box<Arena>, Box<Failure>> {
        let assigns = !plan.commits.is_empty();
        let store = self.store;
        let mut state = store.lock();
        if assigns {
            state = store.turn.wait(state, |state| state.assigns)?;
            // Counted at once, for it is told apart from those that have ended by holding the turn.
            state.assigns = true;
            self.assigns = true;
            self.count = again.unwrap_or_else(|| {
                state.under_way = 1 + more as i64;
                state.count(more)
            });
        }
        if !plan.variables.iter().all(|&id| state.slot(id).is_some()) {
            drop(state);
            store.initialize(graph, &plan.variables)?;
            state = store.lock();
        }
        for &id in &plan.commits {
            if let Some((bytes, read)) = state.slot_mut(id).and_then(Slot::lacks_next) {
                drop(state);
                drop(read);
                let next = Memory::zeroed(bytes).map_err(|lacking| lacking.owned_by(Owner::Variable(id)))?;
                state = store.lock();
                if let Some(slot) = state.slot_mut(id) {
                    slot.next = Some(Arc::new(next));
                }
            }
        }
        if !assigns {
            // Of the moment at which the variables are pinned: the lock is held from here on.
            self.count = again.unwrap_or_else(|| state.count(more));
        }
        let mut arena = state.arenas.lend(Need::of(plan));
        let Arena { addresses, pins, laid_out_for, .. } = &mut *arena;
        if *laid_out_for != plan.id {
            *laid_out_for = 0;
            addresses.clear();
            addresses.reserve_exact(plan.buffers.len());
            addresses.resize(plan.buffers.len(), ptr::null_mut());
        }
        for buffer in &plan.stored {
            // Every variable of the plan has a value, and those that the run changes have a next one.
            addresses[buffer.index()] = match plan.buffers[buffer.index()].place {
                Place::Variable(id) => state.slot(id).map_or(ptr::null_mut(), |Slot { current, .. }| {
                    if !assigns {
                        pins.push(Arc::clone(current));
                    }
                    current.start()
                }),
                Place::Next(id) => {
                    let next = state.slot(id).and_then(|slot| slot.next.as_ref());
                    next.map_or(ptr::null_mut(), |next| next.start())
                }
                Place::Feed(_)
                | Place::RunCount
                | Place::Constant(_)
                | Place::Output(_)
                | Place::Arena(_)
                | Place::Part { .. } => continue,
            };
        }
        self.lent_bytes = arena.lent_bytes;
        self.held = (assigns && plan.is_brief).then_some(state);
        Ok(arena)
    }

    /// Ends the run: leaves what it made of these variables, in their next memory or in what is given instead, and gives
    /// the arena back.
    fn end(&mut self, mut arena: Box<Arena>, commits: &[VariableId], mut made: Vec<Arc<Memory>>) {
        // Unpins what was read, which may give memory back.
        arena.pins.clear();
        let mut state = self.state();
        for (index, &id) in commits.iter().enumerate() {
            if let Some(Slot { current, next: Some(next) }) = state.slot_mut(id) {
                if let Some(made) = made.get_mut(index) {
                    std::mem::swap(next, made);
                }
                std::mem::swap(current, next);
            }
        }
        let surplus = state.arenas.take_back(arena);
        self.leave(state);
        drop((surplus, made));
    }

    fn leave(&mut self, mut state: MutexGuard<'_, State>) {
        if self.assigns {
            (state.assigns, state.under_way) = (false, 0);
        }
        self.has_ended = true;
        drop(state);
        if self.assigns {
            self.store.turn.end();
        }
    }
}

impl Drop for Running<'_> {
    /// A run that is broken off: there was no memory for it, or a panic passes through.
    fn drop(&mut self) {
        if !self.has_ended {
            let mut state = self.state();
            state.arenas.lose(self.lent_bytes);
            self.leave(state);
        }
    }
}
