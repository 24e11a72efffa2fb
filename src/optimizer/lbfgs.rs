//! [`Lbfgs`]: quasi-Newton steps from the last few gradients.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use ndarray::{Array1, ArrayView1};

use super::line_search::{Point, along, dot};
use super::minimizer::{self, Directions, minimizer_options};
use super::minimum::{Limits, Minimum, Progress, at_least_1};
use crate::{Feeding, Float, Objective, Parameters, Result, Tensor};

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
/// let [x, y] = [("x", -1.2), ("y", 1.0)].map(|(name, start)| g.variable(name, start));
/// let rosenbrock = (1.0 - x).square() + 100.0 * (y - x.square()).square();
///
/// let session = Session::new(&g)?;
/// let minimum = Lbfgs::new().gradient_tolerance(1e-9).minimize(&session, rosenbrock, &Parameters::trainable(&g))?;
/// assert!(minimum.has_converged() && minimum.iterations < 60);
/// let [x, y] = session.run([x, y])?;
/// assert!((x.item::<f64>()? - 1.0).abs() < 1e-6 && (y.item::<f64>()? - 1.0).abs() < 1e-6);
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

    minimizer_options!();

    /// Moves the parameters to where the loss is smallest, from where they are in the session: `&session`, or
    /// `session.feed(x, &data)` for a loss that depends on placeholders.
    ///
    /// The variables are set once, when it ends, for whatever reason it says; if it fails, they stay as they were. The
    /// gradient becomes part of the graph with each call: to fit again and again, make one
    /// [`objective`](Parameters::objective) and [`minimize_from`](Lbfgs::minimize_from) it.
    ///
    /// # Errors
    /// Those of [`Parameters::objective`], and [`MinimizeError`](super::MinimizeError) for settings out of their ranges
    /// and for a start whose value or gradient is not finite.
    #[track_caller]
    pub fn minimize<'s, 'g, 'v, T: Float>(
        &self,
        run: impl Into<Feeding<'s, 'g, 'v>>,
        loss: impl Into<Tensor<'g, T>>,
        parameters: &Parameters<'g, T>,
    ) -> Result<Minimum<T>> {
        let run = run.into();
        let session = run.session().clone();
        let objective = parameters.objective(run, loss)?;
        let minimum = self.minimize_from(&objective, parameters.pack(&session)?.view())?;
        parameters.unpack(&session, minimum.at.view())?;
        Ok(minimum)
    }

    /// Finds where an objective is smallest, from a start; no variable changes.
    ///
    /// # Errors
    /// As for [`minimize`](Lbfgs::minimize).
    pub fn minimize_from<T: Float>(
        &self,
        objective: &Objective<'_, T>,
        start: ArrayView1<'_, T>,
    ) -> Result<Minimum<T>> {
        self.minimize_observed(objective, start, |_| ControlFlow::Continue(()))
    }

    /// The same, and tells after each step how far it is; what observes it may end it there.
    ///
    /// # Errors
    /// As for [`minimize`](Lbfgs::minimize).
    pub fn minimize_observed<T: Float>(
        &self,
        objective: &Objective<'_, T>,
        start: ArrayView1<'_, T>,
        observe: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>,
    ) -> Result<Minimum<T>> {
        at_least_1("history", self.history)?;
        let directions = Curvature { pairs: VecDeque::new(), most: self.history };
        minimizer::minimize(objective, start, &self.limits, directions, observe)
    }
}

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
        let mut q = from.gradient.mapv(|element| -element);
        let Some(last) = self.pairs.back() else {
            // As long as 1 at most, in the sum of magnitudes: nothing is known of the scale.
            let length: f64 = q.iter().map(|element| element.as_f64().abs()).sum();
            return Ok((q, length.recip().min(1.0)));
        };
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
