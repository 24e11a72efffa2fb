//! One step of Adam over a parameter, its two averages and its gradient, in one loop.

use super::isa::{Isa, Loop};
use super::math::MulAdd;

pub(crate) const RATE: f32 = 0.001;
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// A parameter and its averages.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) w: Vec<f32>,
    pub(crate) m: Vec<f32>,
    pub(crate) v: Vec<f32>,
    /// Steps so far.
    pub(crate) steps: i32,
}

struct Step<'a> {
    state: &'a mut State,
    gradient: &'a [f32],
}

impl Loop for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Step { state: State { w, m, v, steps }, gradient } = self;
        *steps += 1;
        let weight = |beta: f64| 1.0 - beta.powi(*steps);
        let of_m = (1.0 / weight(0.9)) as f32;
        let of_root_v = (1.0 / weight(0.999).sqrt()) as f32;
        for (((w, m), v), &g) in w.iter_mut().zip(m).zip(v).zip(gradient) {
            *m = M::mul_add(*m, BETA1, g * (1.0 - BETA1));
            *v = M::mul_add(*v, BETA2, g * g * (1.0 - BETA2));
            *w -= RATE * (*m * of_m / M::mul_add(v.sqrt(), of_root_v, EPSILON));
        }
    }
}

/// One step.
pub(crate) fn adam(isa: Isa, state: &mut State, gradient: &[f32]) {
    isa.run(Step { state, gradient });
}
