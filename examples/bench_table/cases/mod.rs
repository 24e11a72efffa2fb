//! What is measured: each case builds a graph and its session, the best equivalent written by hand
//! ([`reference`]), makes sure that both give the same numbers, and hands out a function to time for each.
//!
//! The benches of the crate include this module too, so that they and the table measure the same things.

mod adam;
mod chain;
mod compile;
mod deep;
mod density;
mod elementwise;
mod emit;
mod error;
mod gelu;
mod gru;
mod linreg;
mod loops;
mod lorenz;
mod matmul;
mod mlp;
mod normalization;
mod overhead;
mod reduce;
mod reference;
mod side;
mod softmax;
mod wide;

use std::thread;

use flowgrad::prelude::*;

pub(crate) use adam::adam;
pub(crate) use chain::chain;
pub(crate) use compile::compile;
pub(crate) use deep::{Memory, deep_memory};
pub(crate) use density::{log_density, log_density_small};
pub(crate) use elementwise::{elementwise, elementwise_eager};
pub(crate) use emit::emit;
pub(crate) use error::CaseError;
pub(crate) use gelu::gelu;
pub(crate) use gru::gru;
pub(crate) use linreg::{linreg, linreg_large, linreg_loop};
pub(crate) use loops::{checkpoint_memory, checkpoint_time, empty_loop};
pub(crate) use lorenz::lorenz;
pub(crate) use matmul::{Product, matmul};
pub(crate) use mlp::mlp_step;
pub(crate) use normalization::{batch_norm, layer_norm};
pub(crate) use overhead::{call_overhead, run_overhead};
pub(crate) use reduce::{REDUCTIONS, reduce};
pub(crate) use side::{Side, Work, runs_within, seconds_a_run};
pub(crate) use softmax::softmax_rows;
pub(crate) use wide::wide_graph;

/// Two ways to do the same, checked to give the same numbers.
pub(crate) struct Case {
    /// The library's.
    pub(crate) ours: Side,
    /// The one written by hand.
    pub(crate) reference: Side,
    /// Which of the candidates for the reference was the fastest.
    pub(crate) chosen: String,
    /// What one run does at least.
    pub(crate) work: Work,
    /// How many of what is counted, mostly whole runs, a run of either side is: times are given for one.
    pub(crate) units: f64,
}

/// The operation that moves each parameter against the gradient of `loss` once.
fn descend<'g>(graph: &'g Graph, loss: Tensor<'g>, parameters: &[Variable<'g>], rate: f32) -> Operation<'g> {
    let tensors: Vec<_> = parameters.iter().map(|parameter| parameter.tensor()).collect();
    let gradients = Gradients::of([loss]).wrt(&tensors);
    let steps = parameters.iter().zip(gradients);
    graph.group(steps.filter_map(|(parameter, gradient)| Some(parameter.assign_sub(rate * gradient?).op())))
}

/// A session on two threads: the default one, where that is what the machine has.
fn on_two_threads(graph: &Graph) -> Result<Session, CaseError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if cores == 2 { 0 } else { 2 };
    Ok(Session::builder(graph).threads(threads).build()?)
}
