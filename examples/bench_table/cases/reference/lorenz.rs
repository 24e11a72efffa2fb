//! The Lorenz system by the classical Runge-Kutta method, and its adjoint.

use super::isa::{Isa, Loop};
use super::math::MulAdd;

/// Seconds of a step.
pub(crate) const STEP: f64 = 0.01;

type Three = [f64; 3];

/// σ, ρ, β, and the first state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) parameters: Three,
    pub(crate) state: Three,
}

/// The mean square of the states, and its gradients by parameters and by the first state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) loss: f64,
    pub(crate) by_parameters: Three,
    pub(crate) by_state: Three,
}

#[inline(always)]
fn slope([x, y, z]: Three, [sigma, rho, beta]: Three) -> Three {
    [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]
}

#[inline(always)]
fn moved(state: Three, by: Three, time: f64) -> Three {
    [0, 1, 2].map(|axis| state[axis] + by[axis] * time)
}

/// The slopes of a step.
#[inline(always)]
fn slopes(state: Three, parameters: Three) -> [Three; 4] {
    let first = slope(state, parameters);
    let second = slope(moved(state, first, STEP / 2.0), parameters);
    let third = slope(moved(state, second, STEP / 2.0), parameters);
    [first, second, third, slope(moved(state, third, STEP), parameters)]
}

#[inline(always)]
fn step(state: Three, parameters: Three) -> Three {
    let [first, second, third, fourth] = slopes(state, parameters);
    [0, 1, 2].map(|axis| {
        let middle = (second[axis] + third[axis]) * 2.0;
        state[axis] + (first[axis] + middle + fourth[axis]) * (STEP / 6.0)
    })
}

/// The share of the state in the cotangent of a slope there; adds those of the parameters.
#[inline(always)]
fn pulled([x, y, z]: Three, [sigma, rho, beta]: Three, of: Three, parameters: &mut Three) -> Three {
    parameters[0] += (y - x) * of[0];
    parameters[1] += x * of[1];
    parameters[2] -= z * of[2];
    [
        (rho - z) * of[1] + y * of[2] - sigma * of[0],
        sigma * of[0] - of[1] + x * of[2],
        -(x * of[1]) - beta * of[2],
    ]
}

/// The cotangent of a state from that of the next one.
#[inline(always)]
fn back(state: Three, parameters: Three, of: Three, by_parameters: &mut Three) -> Three {
    let [first, second, third, _] = slopes(state, parameters);
    let share = |weight: f64| of.map(|of| of * (weight * STEP / 6.0));
    let mut total = of;
    let mut pass = |at: Three, of: Three| {
        let share = pulled(at, parameters, of, by_parameters);
        total = moved(total, share, 1.0);
        share
    };
    let by_fourth = pass(moved(state, third, STEP), share(1.0));
    let by_third = pass(moved(state, second, STEP / 2.0), moved(share(2.0), by_fourth, STEP));
    let by_second = pass(moved(state, first, STEP / 2.0), moved(share(2.0), by_third, STEP / 2.0));
    pass(state, moved(share(1.0), by_second, STEP / 2.0));
    total
}

fn square([x, y, z]: Three) -> f64 {
    x * x + y * y + z * z
}

struct Lorenz<'a> {
    start: Start,
    steps: usize,
    /// The states before each step, if the gradient is asked for.
    states: Option<&'a mut Vec<Three>>,
}

impl Loop for Lorenz<'_> {
    type Output = Outcome;

    #[inline(always)]
    fn run<M: MulAdd>(self) -> Outcome {
        let Start { parameters, mut state } = self.start;
        let mut loss = 0.0;
        let mut kept = self.states;
        if let Some(kept) = &mut kept {
            kept.clear();
        }
        for _ in 0..self.steps {
            if let Some(kept) = &mut kept {
                kept.push(state);
            }
            state = step(state, parameters);
            loss += square(state);
        }
        let mut outcome = Outcome { loss: loss / self.steps as f64, ..Outcome::default() };
        let Some(kept) = kept else { return outcome };
        let weight = 2.0 / self.steps as f64;
        let mut of = [0.0; 3];
        for &before in kept.iter().rev() {
            of = moved(of, state, weight);
            of = back(before, parameters, of, &mut outcome.by_parameters);
            state = before;
        }
        outcome.by_state = of;
        outcome
    }
}

/// The loss over so many steps, with its gradients if there is room for the states.
pub(crate) fn lorenz(isa: Isa, start: Start, steps: usize, states: Option<&mut Vec<Three>>) -> Outcome {
    isa.run(Lorenz { start, steps, states })
}
