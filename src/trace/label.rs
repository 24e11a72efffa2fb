//! What a step is called, and what it computes, in the graph's names.

use std::fmt;

use crate::graph::Arena;
use crate::ir::NodeId;
use crate::plan::{Kind, Place, Plan, Step};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepKind {
    /// A pass over rows that stays in the cache: elementwise functions, reductions, and products with small matrices.
    Region,
    /// A matrix product, or a batch of them.
    Product,
    /// A reduction over an axis between others.
    Reduce,
    /// What is left to do for a concatenation, a stack or a padding: nothing, or copies of operands.
    Join,
    /// An opaque kernel, such as a gather.
    Kernel,
    /// A call of a function, whose plan it runs.
    Call,
    /// A conditional: one of several plans.
    Branch,
    /// A loop: a plan that is run again and again.
    Loop,
    /// A copy into a variable.
    Copy,
}

impl StepKind {
    pub(super) fn of(step: &Step) -> Self {
        match step.kind {
            Kind::Region(_) => StepKind::Region,
            Kind::Product { .. } => StepKind::Product,
            Kind::Reduce { .. } => StepKind::Reduce,
            Kind::Join { .. } => StepKind::Join,
            Kind::Kernel(_) => StepKind::Kernel,
            Kind::Call(_) => StepKind::Call,
            Kind::Branch(_) => StepKind::Branch,
            Kind::Loop(_) => StepKind::Loop,
            Kind::Copy { .. } => StepKind::Copy,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            StepKind::Region => "region",
            StepKind::Product => "product",
            StepKind::Reduce => "reduce",
            StepKind::Join => "join",
            StepKind::Kernel => "kernel",
            StepKind::Call => "call",
            StepKind::Branch => "branch",
            StepKind::Loop => "loop",
            StepKind::Copy => "copy",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Names that a label gives before it leaves some out.
const MAX_NAMES: usize = 3;

/// The nodes that a step's instructions come from, each once.
pub(super) fn nodes(arena: &Arena, plan: &Plan, step: &Step) -> Vec<String> {
    let origins = &plan.origins[step.origins.start as usize..step.origins.end as usize];
    let mut once: Vec<NodeId> = Vec::with_capacity(origins.len());
    for &origin in origins {
        if !once.contains(&origin) {
            once.push(origin);
        }
    }
    once.into_iter().map(|id| arena.node(id).name.to_string()).collect()
}

/// The step's number, what it does, and which nodes it computes.
pub(super) fn label(arena: &Arena, plan: &Plan, index: usize, nodes: &[String]) -> String {
    let step = &plan.steps[index];
    let quoted = |names: &[String]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
    let names = match nodes {
        [first @ .., last] if nodes.len() > MAX_NAMES => {
            let first = quoted(&first[..MAX_NAMES - 1]).join(", ");
            format!("{first}, … \"{last}\" ({} nodes)", nodes.len())
        }
        _ => quoted(nodes).join(", "),
    };
    let target = match &step.kind {
        Kind::Copy { dst, .. } => match plan.buffers[dst.index()].place {
            Place::Next(variable) => format!(" to variable \"{}\"", arena.variables[variable.index()].name),
            _ => String::new(),
        },
        _ => String::new(),
    };
    format!("step {index}: {} {names}{target}", StepKind::of(step))
}

/// The same of a step by its number, with the nodes that it has.
pub(crate) fn label_of(arena: &Arena, plan: &Plan, index: usize) -> String {
    label(arena, plan, index, &nodes(arena, plan, &plan.steps[index]))
}
