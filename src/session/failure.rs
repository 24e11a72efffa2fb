//! Why a run gives nothing, in words: nodes by their names, with what the run's request knows of it.

use super::Core;
use super::prepared::Prepared;
use crate::error::Error;
use crate::exec::{Cause, Failure, FedArray, Nested};
use crate::graph::Arena;
use crate::ir::Scalar;
use crate::lower::Fetched;
use crate::plan::{Lacking, Owner};

impl Core {
    /// The error of a run of a request that has failed.
    pub(super) fn error_of(&self, failure: Failure, prepared: &Prepared, feeds: &[FedArray<'_>]) -> Error {
        match failure {
            Failure::OutOfMemory(lacking) => {
                no_memory(&self.graph.snapshot(), lacking, &prepared.request.fetches)
            }
            Failure::Nested(nested) => refused("a run", nested),
            Failure::Step { cause, count } => self.error_of_step(*cause, count, prepared, feeds),
        }
    }

    fn error_of_step(&self, cause: Cause, count: i64, prepared: &Prepared, feeds: &[FedArray<'_>]) -> Error {
        match cause {
            Cause::Function(fallible) => match fallible.function {
                Scalar::Finite => prepared.not_finite(self, feeds, fallible.node, count),
                _ => prepared.no_value(self, feeds, fallible, count),
            },
            Cause::Kernel { node, error: reason } => Error::Kernel { site: self.graph.site(node), reason },
            Cause::OutOfMemory(lacking) => {
                no_memory(&self.graph.snapshot(), lacking, &prepared.request.fetches)
            }
            Cause::Deadline => Error::DeadlineExceeded,
            Cause::Iteration { node, iteration, cause } => Error::Iteration {
                site: self.graph.site(node),
                iteration,
                error: Box::new(self.error_of_step(*cause, count, prepared, feeds)),
            },
        }
    }
}

/// The error of what was asked for where it cannot be waited for.
pub(super) fn refused(action: &'static str, Nested { inside, reason }: Nested) -> Error {
    Error::Nested { action, inside, reason }
}

/// The error of a graph's variables, or of a run with these fetches, that there is no memory for.
pub(super) fn no_memory(arena: &Arena, Lacking { bytes, owner }: Lacking, fetches: &[Fetched]) -> Error {
    let node = match owner {
        Owner::Whole => None,
        Owner::Node(id) => Some(arena.node(id)),
        Owner::Variable(id) => Some(arena.node(arena.variables[id.index()].node)),
        Owner::Fetch(position) => {
            let fetched = fetches.iter().filter(|fetch| fetch.value).nth(position);
            fetched.map(|fetch| arena.node(fetch.tensor.node))
        }
    };
    Error::OutOfMemory { bytes, site: node.map(crate::graph::Node::site) }
}
