//! The Lorenz system in a loop of the graph, with the gradient and without, against loops written by hand: the solver and
//! its adjoint. One thread on both sides.

use flowgrad::prelude::*;

use super::error::same;
use super::reference::isa::Isa;
use super::reference::lorenz::{Outcome, STEP, Start, lorenz as by_hand};
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work};

const START: Start = Start { parameters: [10.0, 28.0, 8.0 / 3.0], state: [1.0, 1.0, 1.0] };

/// Largest relative difference from the reference: an orbit that is near chaos multiplies roundings.
const TOLERANCE: f64 = 1e-6;

type Three<'g> = [Tensor<'g, f64>; 3];

fn slope<'g>([x, y, z]: Three<'g>, [sigma, rho, beta]: Three<'g>) -> Three<'g> {
    [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]
}

fn step<'g>(state: Three<'g>, parameters: Three<'g>) -> Three<'g> {
    let moved = |by: Three<'g>, time: f64| std::array::from_fn(|axis| state[axis] + by[axis] * time);
    let first = slope(state, parameters);
    let second = slope(moved(first, STEP / 2.0), parameters);
    let third = slope(moved(second, STEP / 2.0), parameters);
    let fourth = slope(moved(third, STEP), parameters);
    std::array::from_fn(|axis| {
        let middle = (second[axis] + third[axis]) * 2.0;
        state[axis] + (first[axis] + middle + fourth[axis]) * (STEP / 6.0)
    })
}

/// The mean square of so many states, times for one; with the gradients by the parameters and by the first state.
pub(crate) fn lorenz(steps: usize, with_gradient: bool) -> Result<Case, CaseError> {
    let graph = Graph::new();
    let fed = |name: &str| [(); 3].map(|()| graph.placeholder::<f64>(name, []));
    let (parameters, start) = (fed("parameter"), fed("start"));
    let (_, sum) = graph.fori(
        steps,
        |_, (state, sum): (Three<'_>, Tensor<'_, f64>)| {
            let [x, y, z] = step(state, parameters);
            ([x, y, z], sum + x * x + y * y + z * z)
        },
        (start, graph.constant(0.0)),
    );
    let loss = sum / steps as f64;
    let [a, b, c] = parameters;
    let [x, y, z] = start;
    let mut fetches = vec![loss];
    if with_gradient {
        fetches.extend(loss.gradients([a, b, c, x, y, z]));
    }
    let session = Session::builder(&graph).threads(1).build()?;
    let run = session.make_callable((parameters, start), fetches)?;
    let run = move || run.call((START.parameters, START.state));
    let ours: Vec<f64> = run()?.iter().map(Item::item).collect::<Result<_>>()?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        let mut states = Vec::with_capacity(steps);
        let mut run = move || by_hand(isa, START, steps, with_gradient.then_some(&mut states));
        let Outcome { loss, by_parameters, by_state } = run();
        let expected = [loss].into_iter().chain(by_parameters).chain(by_state);
        same("lorenz", isa.name(), ours.iter().copied(), expected.take(ours.len()), TOLERANCE)?;
        candidates.push((isa.name().to_owned(), timed(run)));
    }
    let (chosen, reference) = fastest(candidates);
    Ok(Case { ours: timed(run), reference, chosen, work: Work::Uncounted, units: steps as f64 })
}
