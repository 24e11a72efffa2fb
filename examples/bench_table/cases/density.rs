//! The log density of a posterior and its gradient, as a sampler asks for them: by the adapter, against Rust by hand.

use std::sync::Arc;

use flowgrad::ndarray::{Array2, ArrayView1, ArrayView2, arr1};
use flowgrad::prelude::*;

use super::error::same;
use super::side::timed;
use super::{Case, CaseError, Work};

/// How many parameters there are.
const PARAMETERS: usize = 20;

/// A log density that writes its gradient.
type Density = Box<dyn FnMut(&[f64], &mut [f64]) -> f64>;

/// Logistic regression of so many rows, with a standard normal prior: Σ ln σ(±x·w) - ½·‖w‖².
pub(crate) fn log_density(rows: usize) -> Result<Case, CaseError> {
    let x = Array2::from_shape_fn((rows, PARAMETERS), |(row, column)| {
        ((row * 7 + column * 13) as f64).sin() + 0.1 * ((row + 1) as f64).cos()
    });
    let signs: Vec<f64> = (0..rows).map(|row| if (row * row) % 3 == 1 { 1.0 } else { -1.0 }).collect();

    let graph = Graph::new();
    let w = graph.variable("w", zeros([PARAMETERS]));
    let logits = graph.constant(x.clone()).matmul(w.expand_dims(1)).squeeze(1);
    let likelihood = (logits * graph.constant(arr1(&signs))).log_sigmoid().reduce_sum(..);
    let density = likelihood - 0.5 * w.square().reduce_sum(..);

    let scalar = by_hand(x, signs);
    case("log_density", &graph, &[w], density, scalar)
}

/// A hierarchical model of 18 groups of one observation each: 20 numbers, of which little is made.
pub(crate) fn log_density_small() -> Result<Case, CaseError> {
    const GROUPS: usize = PARAMETERS - 2;
    let effects: Vec<f64> = (0..GROUPS).map(|group| 10.0 + 12.0 * ((group * 5) as f64).sin()).collect();
    let errors: Vec<f64> = (0..GROUPS).map(|group| 12.0 + 3.0 * ((group * 3) as f64).cos()).collect();

    let graph = Graph::new();
    let top = graph.variable("top", zeros([2]));
    let z = graph.variable("z", zeros([GROUPS]));
    let (mu, log_tau) = (top.slice(0), top.slice(1));
    let tau = log_tau.exp();
    let residuals = (graph.constant(arr1(&effects)) - (mu + tau * z)) / graph.constant(arr1(&errors));
    let density = -0.5 * ((mu / 5.0).square() + (z.square() + residuals.square()).reduce_sum(..)) + log_tau
        - (tau / 5.0).square().log1p();

    let by_hand = move |at: &[f64], gradient: &mut [f64]| {
        let (mu, log_tau) = (at[0], at[1]);
        let tau = log_tau.exp();
        let ratio = (tau / 5.0) * (tau / 5.0);
        let (mut squares, mut of_mu, mut of_tau) = (mu / 5.0 * (mu / 5.0), -mu / 25.0, 0.0);
        let groups = effects.iter().zip(&errors).zip(&at[2..]).zip(&mut gradient[2..]);
        for (((effect, error), z), to) in groups {
            let residual = (effect - mu - tau * z) / error;
            let slope = residual / error;
            squares += z * z + residual * residual;
            of_mu += slope;
            of_tau += slope * z;
            *to = slope * tau - z;
        }
        gradient[0] = of_mu;
        gradient[1] = tau * of_tau + 1.0 - 2.0 * ratio / (1.0 + ratio);
        log_tau - 0.5 * squares - ratio.ln_1p()
    };
    case("log_density_small", &graph, &[top, z], density, Box::new(by_hand))
}

fn case<'g>(
    name: &'static str,
    graph: &'g Graph,
    variables: &[Variable<'g, f64>],
    density: Tensor<'g, f64>,
    mut by_hand: Density,
) -> Result<Case, CaseError> {
    let session = Session::builder(graph).threads(1).build()?;
    let parameters = Parameters::of(graph, variables.iter().copied());
    let objective = parameters.objective(&session, density)?;
    let at: Arc<[f64]> = (0..PARAMETERS).map(|index| 0.3 * (index as f64).sin()).collect();
    let [mut ours, mut hand] = [[0.0; PARAMETERS]; 2];
    let values = [objective.evaluate(&at, &mut ours)?, by_hand(&at, &mut hand)];
    same(name, "the value", [values[0]], [values[1]], 1e-11)?;
    same(name, "the gradient", ours, hand, 1e-11)?;
    let place = Arc::clone(&at);
    Ok(Case {
        ours: timed(move || objective.evaluate(&place, &mut ours)),
        reference: timed(move || by_hand(&at, &mut hand)),
        chosen: "a loop over rows".to_owned(),
        work: Work::Uncounted,
        units: 1.0,
    })
}

/// One pass over the rows, each of which is read once.
fn by_hand(x: Array2<f64>, signs: Vec<f64>) -> Density {
    Box::new(move |w, gradient| {
        let mut density = 0.0;
        for (to, w) in gradient.iter_mut().zip(w) {
            *to = -w;
            density -= 0.5 * w * w;
        }
        let x: ArrayView2<'_, f64> = x.view();
        for (row, sign) in x.rows().into_iter().zip(&signs) {
            let logit = sign * row.dot(&ArrayView1::from(w));
            let decay = (-logit.abs()).exp();
            density += logit.min(0.0) - decay.ln_1p();
            let slope = sign * if logit > 0.0 { decay } else { 1.0 } / (1.0 + decay);
            for (to, x) in gradient.iter_mut().zip(row) {
                *to += slope * x;
            }
        }
        density
    })
}
