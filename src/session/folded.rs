//! What depends on constants alone, computed once for all plans of a session.
//!
//! Plans own the results; here they are only found again, by what they compute. So the same table that sixty requests
//! use is held once, and goes with the last plan that uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::lower::{Expression, Program};
use crate::value::Value;
use crate::weak_map::WeakMap;

/// Bytes of results that the plans which a session keeps by request may hold before it lets go of them. A plan is
/// made again in less time than it takes to fill as much memory.
const MAX_BYTES: usize = 64 << 20;

/// The results of a part of a program that is computed together.
pub(super) type Results = Arc<[Arc<Value>]>;

/// The results that the plans of a session hold.
#[derive(Debug, Default)]
pub(super) struct Folded {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    results: WeakMap<Expression, [Arc<Value>]>,
    /// Bytes of the results that were alive when they were last counted, and of those that have come since.
    bytes: usize,
}

impl Folded {
    /// What the program gives: what some plan holds already, or what is computed now; nothing if it cannot be.
    pub(super) fn results(
        &self,
        program: &Program,
        compute: impl FnOnce(&Program) -> Option<Results>,
    ) -> Option<Results> {
        let expression = program.expression();
        if let Some(results) = self.table().results.get(&expression) {
            return Some(results);
        }
        // Kernels are run by this, which may take long, so nothing is locked meanwhile.
        let computed = compute(program)?;
        let mut table = self.table();
        if let Some(results) = table.results.get(&expression) {
            return Some(results);
        }
        table.bytes = table.bytes.saturating_add(bytes(&computed));
        table.results.insert(expression, &computed);
        Some(computed)
    }

    /// Whether so much is held that plans should be let go.
    pub(super) fn is_full(&self) -> bool {
        let mut table = self.table();
        if table.bytes > MAX_BYTES {
            table.results.purge();
            table.bytes = table.results.values().fold(0, |sum, results| sum.saturating_add(bytes(&results)));
        }
        table.bytes > MAX_BYTES
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of all elements.
fn bytes(results: &[Arc<Value>]) -> usize {
    results.iter().fold(0, |sum, value| sum.saturating_add(value.bytes()))
}
