//! A custom op and its Hessian: the pseudo-Huber loss sqrt(1 + x²) - 1, whose gradient is written in other ops, so that
//! gradients of any order follow. The Hessian of a fit is compared with the one by hand, and Newton's method steps by it.
//!
//! ```text
//! cargo run --release --example op_hessian
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Result, curves, parsed};
use flowgrad::ndarray::{Array1, Array2, Axis};
use flowgrad::op::{Fault, Lowering, Op, Pullback, Scalar, TensorType, Val};
use flowgrad::prelude::*;
use flowgrad::testing::OpCheck;

/// Compare the Hessian of a custom op with the one by hand
#[derive(Parser)]
struct Args {
    /// Draw both over the steps of Newton's method, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// sqrt(1 + x²) - 1, as x²/(1 + sqrt(1 + x²)), which keeps the digits of small ones.
#[derive(Debug)]
struct PseudoHuber;

impl Op for PseudoHuber {
    fn name(&self) -> &'static str {
        "pseudo_huber"
    }

    /// A float tensor; the result has its type and shape.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        match inputs {
            [x] if x.dtype.is_float() => Ok((*x).clone()),
            _ => Err(Fault::Custom { reason: "expected one float tensor".to_owned() }),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let one = to.scalar(1.0, to.dtype(inputs[0]));
        let square = to.map(Scalar::Square, inputs);
        let sum = to.map(Scalar::Add, &[one, square]);
        let root = to.map(Scalar::Sqrt, &[sum]);
        let divisor = to.map(Scalar::Add, &[one, root]);
        to.map(Scalar::Div, &[square, divisor])
    }

    /// The slope is x/sqrt(1 + x²).
    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.scale(0, || x * (x.square() + x.scalar_like(1.0)).rsqrt());
    }
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let mut out = io::stdout().lock();
    OpCheck::shapes(&[&[2, 3]])
        .reference(|x| x[0].mapv(|x| (1.0 + x * x).sqrt() - 1.0))
        .check(|g, x| g.custom(PseudoHuber, &[x[0].any()]))
        .assert_holds();

    // A line through points, one of which is far off.
    let points =
        Array2::from_shape_fn((20, 2), |(row, column)| if column == 0 { 1.0 } else { row as f64 * 0.1 });
    let mut targets =
        Array1::from_shape_fn(20, |row| 0.5 + 2.0 * (row as f64 * 0.1) + (row as f64).sin() * 0.05);
    targets[7] = 30.0;

    let g = Graph::new();
    let (x, d) = (g.constant(&points), g.constant(&targets));
    let w = g.variable("w", zeros([2]));
    let error = x.matmul(w) - d;
    let loss = g.custom::<f64>(PseudoHuber, &[error.any()]).reduce_sum(..);
    let [gradient] = loss.gradients([w]);
    let second = hessian(loss, w);

    let session = Session::new(&g)?;
    let mut losses = Vec::new();
    let mut seconds = ["∂²/∂w₀²", "∂²/∂w₀∂w₁", "∂²/∂w₁²"].map(|name| Curve::of(name, []));
    for step in 0..=8 {
        let (loss, slope, error, found) = session.run((loss, gradient, error, second))?;
        // By hand, the Hessian is the sum over rows of x·xᵀ/(1 + error²)^1.5.
        let mut by_hand = Array2::<f64>::zeros((2, 2));
        for (row, error) in points.axis_iter(Axis(0)).zip(&error) {
            for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                by_hand[[i, j]] += row[i] * row[j] / (1.0 + error * error).powf(1.5);
            }
        }
        let off = found.iter().zip(&by_hand).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        writeln!(out, "step {step}: loss {:.6}, Hessian off by {off:.1e}", loss.item()?)?;
        if off > 1e-10 {
            return Err("the Hessians differ".into());
        }
        losses.push((f64::from(step), loss.item()?));
        for (curve, place) in seconds.iter_mut().zip([[0, 0], [0, 1], [1, 1]]) {
            curve.points.push((f64::from(step), found[place]));
            curve.dots.push((f64::from(step), by_hand[place]));
        }
        // A damped step of Newton's method: the two by two system is solved by hand.
        let (a, b, c) = (found[[0, 0]] + 1e-3, found[[0, 1]], found[[1, 1]] + 1e-3);
        let solved = [c * slope[0] - b * slope[1], a * slope[1] - b * slope[0]];
        let newton = Array1::from_vec(solved.to_vec()) / (a * c - b * b);
        let length = newton.dot(&newton).sqrt();
        session.run(w.assign_sub(g.constant(&newton * (1.0 / length.max(1.0)))).op())?;
    }
    writeln!(out, "w = {:.3}; the point far off pulls by no more than its sign", session.run(w)?)?;
    let Some(path) = &args.plot else { return Ok(()) };
    let panel = |title, y, curves| Panel::new(title, ["Newton step", y], false, curves);
    let hessian = panel("Hessian: lines by the op, dots by hand", "second derivative", seconds.into());
    curves::save(path, &[panel("loss", "sum of the rows", vec![Curve::of("loss", losses)]), hessian])
}
