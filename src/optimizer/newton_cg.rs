//! [`NewtonCg`]: Newton's steps, solved for by conjugate gradients.

use ndarray::Array1;

use super::line_search::{Point, along, dot};
use super::minimizer::{Directions, against, minimizer};
use super::minimum::Limits;
use crate::{Float, ObjectiveWithHessian, Result};

/// How much of the gradient may be left of it by a direction, at most.
const LOOSEST: f64 = 0.5;

/// Minimizes a loss over all its data at once, by Newton's steps.
///
/// A direction p is solved for out of H·p = -d, with the Hessian H and the gradient d, by conjugate gradients that only
/// ask for products of H and vectors, so no matrix is ever built. They end early: far from the minimum with a rough
/// answer, near it with an ever better one, so that it nears ever faster; and where the curvature is not
/// positive. Steps are of the strong Wolfe conditions. It takes far fewer steps than [`Lbfgs`](super::Lbfgs) where the
/// curvature differs much from direction to direction, and several products for each.
///
/// Source: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithm 7.1.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::optimizer::NewtonCg;
/// let g = Graph::new();
/// let w = g.variable("w", ndarray::arr1(&[3.0, -2.0]));
/// let scales = g.constant(ndarray::arr1(&[1.0, 1e4]));
/// let loss = (scales * (w - 1.0).square()).reduce_sum(..);
///
/// let session = Session::new(&g)?;
/// let minimum = NewtonCg::new().minimize(&session, loss, &Parameters::trainable(&g))?;
/// assert!(minimum.has_converged() && minimum.iterations < 10);
/// assert!(session.run(w)?.iter().all(|element: &f64| (element - 1.0).abs() < 1e-6));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it changes nothing before `minimize`"]
pub struct NewtonCg {
    limits: Limits,
}

impl Default for NewtonCg {
    fn default() -> Self {
        NewtonCg::new()
    }
}

impl NewtonCg {
    /// With at most 15,000 steps, and a tolerance of 1e-5 for the gradient.
    pub fn new() -> Self {
        NewtonCg { limits: Limits::DEFAULT }
    }
}

minimizer!(NewtonCg of ObjectiveWithHessian by objective_with_hessian, |_this, objective| Newton {
    objective,
    products: 0,
    descends: false
});

/// Directions of Newton's steps.
struct Newton<'a, 'v, T> {
    objective: &'a ObjectiveWithHessian<'v, T>,
    products: usize,
    /// Whether directions are those of the gradient, until one has led to a step.
    descends: bool,
}

impl<T: Float> Directions<T> for Newton<'_, '_, T> {
    fn direction(&mut self, from: &Point<T>) -> Result<(Array1<T>, f64)> {
        let (mut residual, first) = against(&from.gradient);
        if self.descends {
            return Ok((residual, first));
        }
        let mut square = dot(&residual, &residual);
        let length = square.sqrt();
        let enough = LOOSEST.min(length.sqrt()) * length;
        let mut direction = Array1::zeros(residual.len());
        let mut conjugate = residual.clone();
        // In exact arithmetic there are as many iterations as parameters at most.
        for iteration in 0..2 * residual.len() {
            let product = self.objective.hessian_vector_product(from.at.view(), conjugate.view())?;
            self.products += 1;
            let curvature = dot(&conjugate, &product);
            let lengths = (dot(&conjugate, &conjugate) * dot(&product, &product)).sqrt();
            let is_convex = curvature > T::epsilon().as_f64() * lengths;
            // Also where the product is not finite.
            if !is_convex {
                if iteration == 0 {
                    direction = residual;
                }
                break;
            }
            let step = square / curvature;
            direction = along(&direction, step, &conjugate);
            residual = along(&residual, -step, &product);
            let before = std::mem::replace(&mut square, dot(&residual, &residual));
            if square.sqrt() <= enough {
                break;
            }
            conjugate = along(&residual, square / before, &conjugate);
        }
        Ok((direction, 1.0))
    }

    fn learn(&mut self, _: &Point<T>, _: &Point<T>) {
        self.descends = false;
    }

    fn forget(&mut self) -> bool {
        !std::mem::replace(&mut self.descends, true)
    }

    fn evaluations(&self) -> usize {
        self.products
    }
}
