//! What each step waits for, what it costs, and whether the plan is worth more than one thread.
//!
//! Costs are estimated nanoseconds on one thread. They decide only where work runs, never in what
//! order numbers are added, so a wrong estimate costs time and not bits.

use super::{BufferId, Kind, Step};

/// Nanoseconds for an element of a tile to pass one op: a load, a store and an instruction at a
/// vector an instruction, from the first-level cache.
pub(super) const TILE_ELEMENT_COST: f64 = 0.1;

/// Nanoseconds for a byte to be copied from memory to memory.
const MOVED_BYTE_COST: f64 = 0.1;

/// Nanoseconds for one multiply-add of a blocked product: 25 GFLOP/s, the lower end of what
/// matrixmultiply reaches on one thread with 256-bit vectors.
const MULTIPLY_ADD_COST: f64 = 0.08;

/// Nanoseconds below which a plan runs on the caller's thread, in order, without touching an
/// atomic. Waking a sleeping thread takes 5 to 50 microseconds, so a plan must have at least that
/// much to give away; at 20 a plan of two equal halves breaks even.
const INLINE_BELOW: f64 = 40_000.0;

/// Steps up to which reachability is computed exactly, in steps² bits: 2 MB.
const MAX_EXACT_STEPS: usize = 4096;

pub(super) fn moving_cost(bytes: usize) -> f64 {
    bytes as f64 * MOVED_BYTE_COST
}

pub(super) fn product_cost(multiply_adds: usize) -> f64 {
    multiply_adds as f64 * MULTIPLY_ADD_COST
}

/// The dependencies between a plan's steps.
#[derive(Debug)]
pub(crate) struct Order {
    /// Whether the plan runs on one thread, in the order of its steps.
    pub(crate) inline: bool,
    /// The steps that wait for each step.
    pub(crate) successors: Vec<Vec<u32>>,
    /// How many steps each step waits for.
    pub(crate) waits_for: Vec<u32>,
    /// For each step, the steps that it waits for, directly or not; absent where steps are many.
    ancestors: Option<Vec<Vec<u64>>>,
}

impl Order {
    pub(crate) fn of(steps: &[Step], buffers: usize, parallel: bool) -> Self {
        let cost: f64 = steps.iter().map(|step| step.cost).sum();
        let mut order = Order {
            inline: !parallel || cost < INLINE_BELOW,
            successors: vec![Vec::new(); steps.len()],
            waits_for: vec![0; steps.len()],
            ancestors: None,
        };
        if order.inline {
            return order;
        }
        let mut writer: Vec<Option<u32>> = vec![None; buffers];
        let mut ancestors: Vec<Vec<u64>> = Vec::new();
        let exact = steps.len() <= MAX_EXACT_STEPS;
        for (index, step) in steps.iter().enumerate() {
            let mut before: Vec<u32> = step.reads.iter().filter_map(|read| writer[read.index()]).collect();
            before.sort_unstable();
            before.dedup();
            if exact {
                let mut set = vec![0; steps.len().div_ceil(64)];
                for &earlier in &before {
                    set.iter_mut()
                        .zip(&ancestors[earlier as usize])
                        .for_each(|(set, earlier)| *set |= earlier);
                    set[earlier as usize / 64] |= 1 << (earlier % 64);
                }
                ancestors.push(set);
            }
            for earlier in before {
                order.add_edge(earlier as usize, index);
            }
            for BufferId(buffer) in &step.writes {
                writer[*buffer as usize] = Some(index as u32);
            }
        }
        order.ancestors = exact.then_some(ancestors);
        order
    }

    fn add_edge(&mut self, earlier: usize, later: usize) {
        self.successors[earlier].push(later as u32);
        self.waits_for[later] += 1;
    }

    /// Whether `later` can only run when `earlier` is done. Where that is not known exactly, an edge
    /// makes it so.
    pub(super) fn ensure_after(&mut self, later: usize, earlier: usize) -> bool {
        if self.inline {
            return earlier < later;
        }
        if let Some(ancestors) = &self.ancestors {
            ancestors[later][earlier / 64] >> (earlier % 64) & 1 == 1
        } else {
            if !self.successors[earlier].contains(&(later as u32)) {
                self.add_edge(earlier, later);
            }
            true
        }
    }

    /// Whether `later` waits for `earlier`, directly or not, as the checker sees it.
    pub(super) fn is_after(&self, later: usize, earlier: usize) -> bool {
        if self.inline {
            return earlier < later;
        }
        let mut open = vec![earlier as u32];
        let mut seen = vec![false; self.successors.len()];
        while let Some(step) = open.pop() {
            for &next in &self.successors[step as usize] {
                if next as usize == later {
                    return true;
                }
                if (next as usize) < later && !std::mem::replace(&mut seen[next as usize], true) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// The steps that a parallel run can start with.
    pub(crate) fn first(&self) -> impl Iterator<Item = usize> + '_ {
        self.waits_for.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| index)
    }
}

impl Step {
    /// The tasks into which the step is split; they may run at once.
    pub(crate) fn tasks(&self) -> usize {
        match &self.kind {
            Kind::Region(region) => region.chunks(),
            Kind::Product { product, panel_rows, .. } => product.m.div_ceil(*panel_rows),
            Kind::Fold { fold, .. } => fold.outer,
            Kind::Copy { .. } => 1,
        }
    }
}
