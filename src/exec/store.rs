//! The values of a session's variables, and the runs that read and change them.
//!
//! A run that assigns holds the store alone, any other shares it, so runs are as if one after the
//! other. A run makes new values beside the old ones and swaps them in when it has succeeded: one
//! that fails leaves every variable as it was.
//!
//! Locks are taken in the order graph, then store; nothing is locked while the store is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use super::{Failure, Memory, OutOfMemory, Owner, Ready, Record, Threads, VariableMemory, value_at};
use crate::graph::{self, Shared, VariableId};
use crate::value::Value;

/// One variable's memory.
#[derive(Debug)]
struct Slot {
    current: Memory,
    /// Where the next value is made; swapped with `current` when a run has succeeded.
    next: Memory,
}

/// The values of all variables that a session has needed so far, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Store {
    slots: RwLock<Vec<Option<Slot>>>,
    /// How many runs have begun.
    runs: AtomicI64,
}

impl Slot {
    fn of(value: &Value) -> Result<Self, OutOfMemory> {
        let current = Memory::of(value)?;
        Ok(Slot { next: Memory::zeroed(current.bytes())?, current })
    }
}

/// Whether a plan's variables are known to have values in the store. They never lose them.
#[derive(Debug, Default)]
pub(crate) struct Initialized(AtomicBool);

impl Store {
    /// Begins a run: gives how many have begun before.
    pub(crate) fn begin(&self) -> i64 {
        // Runs need only be told apart, so no ordering with other memory is asked for.
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs a plan on the variables as the run before which there were `count`, hands each fetched value to
    /// `fetched`, and notes in `record`, if there is one, what was done when.
    ///
    /// The plan must have been made for the graph whose variables the store holds.
    pub(crate) fn run(
        &self,
        ready: &Ready<'_>,
        graph: &Shared,
        threads: &Threads,
        count: i64,
        mut record: Option<&mut Record>,
        fetched: impl FnMut(Value),
    ) -> Result<(), Failure> {
        let plan = ready.plan();
        // Acquire what `initialize` wrote before it set the flag.
        if !plan.initialized.0.load(Ordering::Acquire) {
            self.initialize(&graph.read(), graph.seed, &plan.variables)?;
            plan.initialized.0.store(true, Ordering::Release);
        }
        if let Some(record) = record.as_deref_mut() {
            record.initialized = Instant::now();
        }
        if plan.commits.is_empty() {
            let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: while the store is shared nobody writes current values, and the plan, which
            // commits nothing, touches no next ones; see `run_on` for the rest.
            return unsafe { run_on(&slots, ready, threads, count, record, fetched) };
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: this run alone holds the store.
        unsafe { run_on(&slots, ready, threads, count, record, fetched)? };
        for variable in &plan.commits {
            if let Some(Some(slot)) = slots.get_mut(variable.index()) {
                std::mem::swap(&mut slot.current, &mut slot.next);
            }
        }
        Ok(())
    }

    /// How many runs have begun.
    pub(crate) fn runs(&self) -> i64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Goes on as if so many runs had begun.
    pub(crate) fn set_runs(&self, runs: i64) {
        self.runs.store(runs, Ordering::Relaxed);
    }

    /// Gives a starting value to those of the variables that have no value yet.
    fn initialize(
        &self,
        graph: &graph::Arena,
        seed: u64,
        variables: &[VariableId],
    ) -> Result<(), OutOfMemory> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() < graph.variables.len() {
            slots.resize_with(graph.variables.len(), || None);
        }
        for id in variables {
            let slot = &mut slots[id.index()];
            if slot.is_none() {
                let start = graph.variables[id.index()].starting_value(seed);
                let made = start.and_then(|start| Slot::of(&start));
                *slot = Some(made.map_err(|error| error.owned_by(Owner::Variable(*id)))?);
            }
        }
        Ok(())
    }

    /// The values of all variables of the graph, by name.
    pub(crate) fn values(
        &self,
        graph: &graph::Arena,
        seed: u64,
    ) -> Result<BTreeMap<String, Value>, OutOfMemory> {
        let all: Vec<VariableId> = (0..graph.variables.len() as u32).map(VariableId).collect();
        self.initialize(graph, seed, &all)?;
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let held = graph.variables.iter().zip(slots.iter()).zip(all).filter_map(|((record, slot), id)| {
            let current = slot.as_ref()?.current.start();
            // SAFETY: the slot was made from a value of the record's type and lengths, or set to one
            // that was checked to be; the shared lock keeps it from changing.
            let value = unsafe { value_at(current, record.dtype, &record.dims) };
            let value = value.map_err(|error| error.owned_by(Owner::Variable(id)));
            Some(value.map(|value| (record.name.clone(), value)))
        });
        held.collect()
    }

    /// Sets variables by index to values of their types and lengths, all at once.
    pub(crate) fn set(&self, values: &[(usize, Value)]) -> Result<(), OutOfMemory> {
        let made = values.iter().map(|(index, value)| {
            Slot::of(value).map_err(|error| error.owned_by(Owner::Variable(VariableId(*index as u32))))
        });
        let made: Vec<Slot> = made.collect::<Result<_, _>>()?;
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        for ((index, _), slot) in values.iter().zip(made) {
            if slots.len() <= *index {
                slots.resize_with(index + 1, || None);
            }
            slots[*index] = Some(slot);
        }
        Ok(())
    }
}

/// Runs a plan on the variables in the slots.
///
/// # Safety
/// Nothing else may write what the plan reads or touch what it writes: neither current values, nor,
/// if the plan commits any, next ones.
unsafe fn run_on(
    slots: &[Option<Slot>],
    ready: &Ready<'_>,
    threads: &Threads,
    count: i64,
    record: Option<&mut Record>,
    fetched: impl FnMut(Value),
) -> Result<(), Failure> {
    let variable = |id: VariableId| match slots.get(id.index()) {
        Some(Some(slot)) => VariableMemory { current: slot.current.start(), next: slot.next.start() },
        // Every variable of the plan has been initialised.
        _ => VariableMemory { current: std::ptr::null_mut(), next: std::ptr::null_mut() },
    };
    // SAFETY: `Ready` proves that the feeds are what the plan was made for; the variables' memory has
    // the size that their graph says, for which the plan was made; the rest is the caller's promise.
    unsafe { super::run(ready.plan(), threads, count, ready.feeds(), variable, record, fetched) }
}
