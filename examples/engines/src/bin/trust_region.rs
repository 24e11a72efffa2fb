//! The trust-region method of `argmin` on a loss of the graph: its value, gradient and Hessian come from an
//! [`ObjectiveWithHessian`].
//!
//! `cargo run --release --manifest-path examples/engines/Cargo.toml --bin trust_region`

use std::error::Error;

use argmin::core::{CostFunction, Executor, Gradient, Hessian, State};
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use flowgrad::ndarray::{Array1, ArrayView1};
use flowgrad::optimizer::NewtonCg;
use flowgrad::prelude::*;
use flowgrad::{Graph, ObjectiveWithHessian, Parameters};

/// An objective as `argmin` asks for it.
struct Problem<'o>(&'o ObjectiveWithHessian<'o, f64>);

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.0.value(ArrayView1::from(at))?)
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, at: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        let mut gradient = vec![0.0; at.len()];
        self.0.evaluate(at, &mut gradient)?;
        Ok(gradient)
    }
}

impl Hessian for Problem<'_> {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;

    /// Each column is the product with a unit vector.
    fn hessian(&self, at: &Vec<f64>) -> Result<Vec<Vec<f64>>, argmin::core::Error> {
        let column = |index: usize| {
            let mut unit = Array1::zeros(at.len());
            unit[index] = 1.0;
            Ok(self.0.hessian_vector_product(ArrayView1::from(at), unit.view())?.to_vec())
        };
        (0..at.len()).map(column).collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Σ 100·(xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)², which is 0 where all are 1.
    let g = Graph::new();
    let x = g.variable("x", Array1::from_elem(10, -1.0_f64));
    let [before, behind] = [x.slice(..-1), x.slice(1..)];
    let loss = (100.0 * (behind - before.square()).square() + (1.0 - before).square()).reduce_sum(..);

    let session = Session::new(&g)?;
    let parameters = Parameters::trainable(&g);
    let objective = parameters.objective_with_hessian(&session, loss)?;
    let start = parameters.pack(&session)?;

    let solver = TrustRegion::new(Steihaug::new().with_max_iters(20));
    let ran = Executor::new(Problem(&objective), solver)
        .configure(|state| state.param(start.to_vec()).max_iters(200).target_cost(1e-20))
        .run()?;
    let (cost, iterations) = (ran.state().get_best_cost(), ran.state().get_iter());
    println!("argmin, trust region: {cost:.2e} after {iterations} iterations");

    let own = NewtonCg::new().gradient_tolerance(1e-10).minimize_from(&objective, start.view())?;
    println!("flowgrad, Newton-CG:  {:.2e} after {} iterations", own.value, own.iterations);

    let best = ran.state().get_best_param().ok_or("no parameters were found")?;
    parameters.unpack(&session, ArrayView1::from(best))?;
    println!("x = {:.6}", session.run(x)?);
    if cost > 1e-12 || own.value > 1e-12 {
        return Err("expected both to find the minimum".into());
    }
    Ok(())
}
