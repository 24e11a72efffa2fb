//! Control flow: conditionals and loops whose branches and bodies are closures that build functions.
//!
//! - [`cond`]: one of several branches is taken.
//! - [`while_loop`]: as long as a condition holds, or a number of times.
//! - [`scan`]: row by row through arrays; [`blocks`]: with checkpoints.

mod blocks;
mod cond;
mod scan;
mod while_loop;

pub(super) use blocks::{INTERNAL, PUT_BACK};
pub use cond::Branches;
pub use scan::Scan;
pub use while_loop::{Times, While};

use crate::element::DType;
use crate::error::Fault;
use crate::graph::{AnyTensor, BodyId, ControlFault, Graph, Tensors};
use crate::ir::TensorId;
use crate::shape::TensorType;

/// The structure of results of a body that is invalid.
#[track_caller]
fn invalid<'g, R: Tensors<'g>>(graph: &'g Graph, name: &'static str, fault: Fault, like: &R) -> R {
    let invalid = graph.invalid_any(name, fault);
    like.map(&mut |_| invalid)
}

/// Whether a tensor is a boolean scalar, as far as is known, or else what is wrong.
fn check_condition(condition: AnyTensor<'_>) -> Result<(), Fault> {
    let found = TensorType::of(condition);
    if found.dtype == DType::Bool && found.shape.rank() == 0 {
        return Ok(());
    }
    Err(Fault::op(ControlFault::Condition { found }))
}

/// The results of a body that is closed.
fn results_of(graph: &Graph, body: BodyId) -> Vec<TensorId> {
    graph.shared().read().body(body).results.clone()
}

/// Closes the body of a loop on the next state and what else it gives; what is wrong with the state, if anything is.
#[track_caller]
fn close_loop<'g, S: Tensors<'g>>(
    graph: &'g Graph,
    body: BodyId,
    state: &S,
    next: &S,
    others: &[AnyTensor<'g>],
) -> Result<(), Fault> {
    let lengths = [state.lengths(), next.lengths()];
    let (state, next) = (state.flat(), next.flat());
    graph.close_body(body, [&next, others].concat());
    let [expected, found] = lengths;
    if expected != found {
        return Err(Fault::op(ControlFault::Lists { expected, found }));
    }
    if state.len() != next.len() {
        let of = "the state has at first";
        return Err(Fault::op(ControlFault::Structure { expected: state.len(), found: next.len(), of }));
    }
    for (component, (state, next)) in state.iter().zip(&next).enumerate() {
        if state.is_invalid() || next.is_invalid() || !next.is_of(graph) {
            // It says so itself.
            continue;
        }
        let [expected, found] = [TensorType::of(*state), TensorType::of(*next)];
        if expected.dtype != found.dtype || !found.shape.agrees_with(&expected.shape) {
            return Err(Fault::op(ControlFault::State { component, expected, found }));
        }
    }
    Ok(())
}
