//! [`Lbfgs`]: quasi-Newton steps from the last few gradients.

use std::collections::VecDeque;

use ndarray::Array1;

use super::line_search::{Point, along, dot};
use super::minimizer::{Directions, against, minimizer};
use super::minimum::{Limits, at_least_1};
use crate::{Float, Result};

/// Minimizes a loss over all its data at once, by limited-memory BFGS with steps of the strong Wolfe conditions.
///
/// From the last steps s and the changes y of the gradient along them it has a model of the inverse Hessian, and goes
/// along that times the gradient. It suits smooth losses of up to millions of parameters whose value and gradient are
/// exact; for those of random batches take [`Adam`](super::Adam) and its like.
///
/// The history and the gradient's tolerance are by default those of SciPy's `L-BFGS-B`; the value's tolerance is rounding.
///
/// Source: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithms 7.4 and 7.5.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::optimizer::Lbfgs;
/// let g = Graph::new();
/// let [x, y] = [("x", -1.2_f64), ("y", 1.0)].map(|(name, start)| g.variable(name, start));
/// let rosenbrock = (1.0 - x).square() + 100.0 * (y - x.square()).square();
///
/// let session = Session::new(&g)?;
/// let minimum = Lbfgs::new().gradient_tolerance(1e-9).minimize(&session, rosenbrock, &Parameters::trainable(&g))?;
/// assert!(minimum.has_converged() && minimum.iterations < 60);
/// let [x, y] = session.run([x, y])?;
/// assert!((x.item()? - 1.0).abs() < 1e-6 && (y.item()? - 1.0).abs() < 1e-6);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it changes nothing before `minimize`"]
pub struct Lbfgs {
    history: usize,
    limits: Limits,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs::new()
    }
}

impl Lbfgs {
    /// With a history of 10 steps, at most 15,000 steps, and a tolerance of 1e-5 for the gradient.
    pub fn new() -> Self {
        Lbfgs { history: 10, limits: Limits::DEFAULT }
    }

    /// How many of the last steps the model of the Hessian is made of; each takes two vectors of memory.
    pub fn history(self, steps: usize) -> Self {
        Lbfgs { history: steps, ..self }
    }
}

minimizer!(Lbfgs of Objective by objective, |this, _objective| {
    at_least_1("history", this.history)?;
    Curvature { pairs: VecDeque::new(), most: this.history }
});

/// A step, and how it has changed the gradient.
struct Pair<T> {
    s: Array1<T>,
    y: Array1<T>,
    /// s·y, which is positive.
    sy: f64,
}

/// What the last steps tell of the Hessian, the oldest first.
struct Curvature<T> {
    pairs: VecDeque<Pair<T>>,
    most: usize,
}

impl<T: Float> Directions<T> for Curvature<T> {
    fn direction(&mut self, from: &Point<T>) -> Result<(Array1<T>, f64)> {
        let (mut q, first) = against(&from.gradient);
        let Some(last) = self.pairs.back() else { return Ok((q, first)) };
        let scale = last.sy / dot(&last.y, &last.y);
        let mut shares = Vec::with_capacity(self.pairs.len());
        for Pair { s, y, sy } in self.pairs.iter().rev() {
            let share = dot(s, &q) / sy;
            q = along(&q, -share, y);
            shares.push(share);
        }
        q.mapv_inplace(|element| T::from_f64(scale * element.as_f64()));
        for (Pair { s, y, sy }, share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            q = along(&q, share - dot(y, &q) / sy, s);
        }
        Ok((q, 1.0))
    }

    fn learn(&mut self, from: &Point<T>, to: &Point<T>) {
        let (s, y) = (&to.at - &from.at, &to.gradient - &from.gradient);
        let sy = dot(&s, &y);
        // Rounding may leave no curvature, or a negative one, of which no model can be made.
        if sy <= -T::epsilon().as_f64() * dot(&s, &from.gradient) {
            return;
        }
        if self.pairs.len() == self.most {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { s, y, sy });
    }

    fn forget(&mut self) -> bool {
        let had = !self.pairs.is_empty();
        self.pairs.clear();
        had
    }
}
