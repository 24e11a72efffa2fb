//! The stiff solver of `diffsol` on an equation of the graph: products of its Jacobian and vectors come from forward mode.
//!
//! Robertson's chemical reaction (1966): three substances, whose rates differ by nine orders of magnitude.
//!
//! `cargo run --release --manifest-path examples/engines/Cargo.toml --bin stiff_ode`

use std::cell::RefCell;
use std::error::Error;

use diffsol::{NalgebraLU, NalgebraMat, OdeBuilder, OdeSolverMethod};
use flowgrad::prelude::*;

type Matrix = NalgebraMat<f64>;

/// When to look, and what is there then: Hairer and Wanner, *Solving Ordinary Differential Equations II*, and the
/// documentation of SUNDIALS.
const EXPECTED: [(f64, [f64; 3]); 3] = [
    (0.4, [9.851_7e-1, 3.386_4e-5, 1.479_4e-2]),
    (40.0, [7.158_3e-1, 9.185_5e-6, 2.841_6e-1]),
    (4_000.0, [1.832_0e-1, 8.942_5e-7, 8.168_0e-1]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let g = Graph::new();
    let [y, v] = ["y", "v"].map(|name| g.placeholder::<f64>(name, [3]));
    let [a, b, c] = [0, 1, 2].map(|index| y.slice(index));
    let (slow, fast, medium) = (0.04 * a, 3e7 * b.square(), 1e4 * b * c);
    let rate = g.stack(&[medium - slow, slow - medium - fast, fast], 0);
    let along = jvp(rate, &[y], &[v]);

    let session = Session::builder(&g).threads(1).build()?;
    let rate = session.make_callable(y, rate)?;
    let along = session.make_callable((y, v), along)?;
    // The solver's closures cannot fail; the first error is told behind them.
    let failed = RefCell::new(None);
    let copied = |found: Result<flowgrad::ndarray::ArrayD<f64>>, to: &mut [f64]| match found {
        Ok(found) => to.iter_mut().zip(&found).for_each(|(to, element)| *to = *element),
        Err(error) => {
            to.fill(f64::NAN);
            failed.borrow_mut().get_or_insert(error);
        }
    };

    let problem = OdeBuilder::<Matrix>::new()
        .rtol(1e-8)
        .atol([1e-10, 1e-14, 1e-10])
        .rhs_implicit(|y, _, _, to| copied(rate.call(y), to), |y, _, _, v, to| copied(along.call((y, v)), to))
        .init(|_, _, y| y.copy_from_slice(&[1.0, 0.0, 0.0]), 3)
        .build()?;
    let mut solver = problem.bdf::<NalgebraLU<f64>>()?;
    for (time, expected) in EXPECTED {
        while solver.state().t < time {
            solver.step()?;
        }
        let found = solver.interpolate(time)?;
        println!("t = {time:>6}: {:.4e} {:.4e} {:.4e}", found[0], found[1], found[2]);
        for (index, expected) in expected.into_iter().enumerate() {
            if (found[index] - expected).abs() > 1e-4 * expected {
                return Err(format!("expected {expected} of substance {index}, got {}", found[index]).into());
            }
        }
    }
    drop(solver);
    match failed.take() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
