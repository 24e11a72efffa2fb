//! The No-U-Turn sampler of `nuts-rs` on a hierarchical model of the graph, beside the same with a gradient by hand.
//!
//! Eight schools coached their pupils for a test; each has an estimate of the effect and its standard error (Rubin,
//! *Estimation in parallel randomized experiments*, 1981). The effects of the schools are drawn around a common one, how
//! far is unknown as well:
//!
//! > μ ~ N(0, 5), τ ~ Cauchy⁺(0, 5), θᵢ = μ + τ·zᵢ with zᵢ ~ N(0, 1), yᵢ ~ N(θᵢ, σᵢ)
//!
//! `cargo run --release --manifest-path examples/engines/Cargo.toml --bin eight_schools`

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;
use flowgrad::{Objective, Parameters};
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};
use rand::SeedableRng;
use rand::rngs::StdRng;

const EFFECTS: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
const ERRORS: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];

/// μ, ln τ, and z of each school.
const PARAMETERS: usize = 10;
const DRAWS: usize = 20_000;

/// The posterior's mean of μ and of τ, by the reference draws of `posteriordb` (`eight_schools_noncentered`), and how far
/// so many draws may be from them.
const REFERENCE: [(f64, f64); 2] = [(4.4, 0.3), (3.6, 0.3)];

/// What a density cannot be computed for.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct DensityError(#[from] flowgrad::Error);

impl LogpError for DensityError {
    fn is_recoverable(&self) -> bool {
        false
    }
}

/// A log density and its gradient, as the sampler asks for them.
struct Density<F>(F);

impl<F> HasDims for Density<F> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), PARAMETERS as u64)])
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> Result<f64>> CpuLogpFunc for Density<F> {
    type LogpError = DensityError;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        PARAMETERS
    }

    fn logp(&mut self, at: &[f64], gradient: &mut [f64]) -> Result<f64, DensityError> {
        Ok((self.0)(at, gradient)?)
    }

    fn expand_vector<R: rand::Rng + ?Sized>(
        &mut self,
        _: &mut R,
        at: &[f64],
    ) -> Result<Vec<f64>, CpuMathError> {
        Ok(at.to_vec())
    }
}

/// The model, written as a graph.
fn objective(session: impl FnOnce(&Graph) -> Result<Session>) -> Result<Objective<'static, f64>> {
    let g = Graph::new();
    let mu = g.variable("mu", 0.0);
    let log_tau = g.variable("log_tau", 0.0);
    let z = g.variable("z", zeros([8]));
    let (effects, errors) = (g.constant(arr1(&EFFECTS)), g.constant(arr1(&ERRORS)));

    let tau = log_tau.exp();
    let theta = mu + tau * z;
    let of_mu = -0.5 * (mu / 5.0).square();
    // The density of τ, and dτ/d(ln τ), since it is ln τ that moves.
    let of_tau = log_tau - (tau / 5.0).square().log1p();
    let of_z = -0.5 * z.square().reduce_sum(..);
    let of_effects = -0.5 * ((effects - theta) / errors).square().reduce_sum(..);
    let log_density = of_mu + of_tau + of_z + of_effects;

    let parameters = Parameters::of(&g, [mu, log_tau]);
    let all = Parameters::of(&g, parameters.variables().iter().copied().chain([z]));
    all.objective(&session(&g)?, log_density)
}

/// The same by hand.
fn by_hand(at: &[f64], gradient: &mut [f64]) -> f64 {
    let (mu, log_tau) = (at[0], at[1]);
    let tau = log_tau.exp();
    let ratio = (tau / 5.0) * (tau / 5.0);
    let mut sum = -0.5 * (mu / 5.0) * (mu / 5.0) + log_tau - ratio.ln_1p();
    let (mut of_mu, mut of_tau) = (-mu / 25.0, 0.0);
    for school in 0..8 {
        let z = at[2 + school];
        let residual = (EFFECTS[school] - mu - tau * z) / ERRORS[school];
        let slope = residual / ERRORS[school];
        sum -= 0.5 * (z * z + residual * residual);
        of_mu += slope;
        of_tau += slope * z;
        gradient[2 + school] = slope * tau - z;
    }
    gradient[0] = of_mu;
    gradient[1] = tau * of_tau + 1.0 - 2.0 * ratio / (1.0 + ratio);
    sum
}

/// The means of μ and τ over the draws of a chain, and how many draws a second it gave.
fn sample(density: impl FnMut(&[f64], &mut [f64]) -> Result<f64>) -> Result<([f64; 2], f64), Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(8);
    let settings = DiagNutsSettings { num_tune: 1_000, ..DiagNutsSettings::default() };
    let mut chain = settings.new_chain(0, CpuMath::new(Density(density)), &mut rng)?;
    chain.set_position(&[0.1; PARAMETERS])?;
    for _ in 0..settings.num_tune {
        chain.draw()?;
    }
    let begin = Instant::now();
    let mut sums = [0.0; 2];
    for _ in 0..DRAWS {
        let (at, _) = chain.draw()?;
        sums[0] += at[0];
        sums[1] += at[1].exp();
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok((sums.map(|sum| sum / DRAWS as f64), DRAWS as f64 / seconds))
}

fn main() -> Result<(), Box<dyn Error>> {
    let objective = objective(|g| Session::builder(g).threads(1).build())?;
    let graph = sample(|at, gradient| objective.evaluate(at, gradient))?;
    let hand = sample(|at, gradient| Ok(by_hand(at, gradient)))?;
    for (name, (means, rate)) in [("graph", graph), ("by hand", hand)] {
        println!("{name:>8}: mean of μ {:.2}, of τ {:.2}; {rate:.0} draws a second", means[0], means[1]);
        for (mean, (expected, within)) in means.into_iter().zip(REFERENCE) {
            if (mean - expected).abs() > within {
                return Err(format!("expected a mean of {expected} ± {within}, got {mean}").into());
            }
        }
    }
    Ok(())
}
