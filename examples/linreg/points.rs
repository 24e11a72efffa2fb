//! The points to fit: inputs and outputs in f64, from which every element type takes its own.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, StandardNormal};

use crate::ways::{Problem, Scalar};

/// Pairs of an input and an output.
#[derive(Debug)]
pub(crate) struct Points {
    /// The inputs.
    pub(crate) x: Vec<f64>,
    /// The outputs, as many as inputs.
    pub(crate) d: Vec<f64>,
    /// What the two are called.
    pub(crate) names: [String; 2],
}

impl Points {
    /// `n` points `d = 3 + 2·x + noise` with `x` evenly spaced over [0, 2], both ends included (a single
    /// point has `x = 0`), and Gaussian noise of mean 0 and standard deviation `sigma`.
    ///
    /// The generator is named, not rand's standard one, so that a seed makes the same data in years to come.
    pub(crate) fn on_the_line(n: usize, sigma: f64, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let intervals = n.saturating_sub(1).max(1) as f64;
        let x: Vec<f64> = (0..n).map(|i| 2.0 * i as f64 / intervals).collect();
        let noise = StandardNormal.sample_iter(&mut random);
        let d = x.iter().zip(noise).map(|(x, z): (_, f64)| 3.0 + 2.0 * x + sigma * z).collect();
        Self { x, d, names: ["input x", "output d"].map(str::to_owned) }
    }

    /// The problem of fitting these points in `T` with descents of step `mu`.
    pub(crate) fn problem<T: Scalar>(&self, mu: f64) -> Problem<T> {
        Problem {
            x: self.x.iter().copied().map(T::from_f64).collect(),
            d: self.d.iter().copied().map(T::from_f64).collect(),
            mu: T::from_f64(mu),
        }
    }
}
