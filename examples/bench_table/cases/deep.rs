//! The memory that a training step of a deep network needs, by the text of its plan.

use flowgrad::ndarray::Array2;
use flowgrad::prelude::*;

use super::{CaseError, descend, on_two_threads};

/// Bytes of all intermediate values of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// As planned: those that are not needed at once share memory.
    pub(crate) planned: f64,
    /// Each in memory of its own.
    pub(crate) without_reuse: f64,
}

/// Forward and backward pass and update of an MLP of so many relu layers of `width`, on a batch of `width` rows.
pub(crate) fn deep_memory(layers: usize, width: usize) -> Result<Memory, CaseError> {
    let graph = Graph::new();
    let x = graph.placeholder::<f32>("x", [Some(width), Some(width)]);
    let kernels: Vec<_> = (0..layers)
        .map(|layer| graph.variable(&format!("kernel_{layer}"), Array2::<f32>::eye(width)))
        .collect();
    let y = kernels.iter().fold(x, |value, &kernel| value.matmul(kernel).relu());
    let train = descend(&graph, y.square().reduce_mean(..), &kernels, 0.01);
    let session = on_two_threads(&graph)?;
    let zeros = Array2::zeros((width, width));
    let plan = session.feed(x, &zeros).explain(train)?;
    read_memory(&plan)
}

/// Reads `…; arena P bytes, S without reuse` of the plan of a run; those of what it calls come behind.
pub(super) fn read_memory(plan: &str) -> Result<Memory, CaseError> {
    let read = || {
        let (_, sizes) = plan.lines().find(|line| line.ends_with(" without reuse"))?.rsplit_once("arena ")?;
        let (planned, rest) = sizes.split_once(" bytes, ")?;
        let without_reuse = rest.strip_suffix(" without reuse")?;
        Some(Memory { planned: planned.parse().ok()?, without_reuse: without_reuse.parse().ok()? })
    };
    read().ok_or_else(|| CaseError::NoArena(plan.lines().last().unwrap_or_default().to_owned()))
}
