//! What depends on constants alone, computed once for all plans of a session.
//!
//! Plans own the results; here they are only found again, by what they compute. So the same table that sixty requests
//! use is held once, and goes with the last plan that uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::element::Value;
use crate::ir::{Expression, Program};
use crate::weak_map::WeakMap;

/// Bytes of new results after which a session lets go of the plans that it keeps by request, which hold them. A plan is
/// made again in less time than it takes to compute as much.
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
    /// Bytes of the results that were computed since plans were last let go.
    fresh: usize,
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
        let bytes = computed.iter().fold(0, |sum: usize, value| sum.saturating_add(value.bytes()));
        table.fresh = table.fresh.saturating_add(bytes);
        table.results.insert(expression, &computed);
        Some(computed)
    }

    /// Whether so much was computed, since this last was so, that plans are to be let go.
    pub(super) fn is_full(&self) -> bool {
        let mut table = self.table();
        let is_full = table.fresh > MAX_BYTES;
        if is_full {
            table.fresh = 0;
        }
        is_full
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
