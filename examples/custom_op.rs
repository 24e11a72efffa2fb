//! An op of one's own: the Mexican hat ψ(x) = (1 - x²)·exp(-x²/2), elementwise, with its shape rule, its lowering
//! and its gradient; held to the laws that the crate's own ops keep, and then fitted to data like any other.
//!
//! ```text
//! cargo run --release --example custom_op
//! ```

use flowgrad::ndarray::Array1;
use flowgrad::op::{AnyTensor, Lowering, Mistake, Op, Pullback, Scalar, TensorType, Val};
use flowgrad::prelude::*;
use flowgrad::testing::check_gradients;

/// (1 - x²)·exp(-x²/2).
#[derive(Debug)]
struct MexicanHat;

impl Op for MexicanHat {
    fn name(&self) -> &'static str {
        "mexican_hat"
    }

    /// Any float tensor; the result has its type and shape.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        match inputs {
            [x] if x.dtype.is_float() => Ok((*x).clone()),
            _ => Err(Mistake::Custom { reason: "mexican_hat takes one float tensor".to_owned() }),
        }
    }

    /// Four scalar functions, which run tile by tile with whatever stands around them.
    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let number = |to: &mut Lowering<'_>, number: f64| to.scalar(number, to.dtype(inputs[0]));
        let (one, minus_half) = (number(to, 1.0), number(to, -0.5));
        let square = to.map(Scalar::Square, inputs);
        let exponent = to.map(Scalar::Mul, &[minus_half, square]);
        let (exponential, rest) = (to.map(Scalar::Exp, &[exponent]), to.map(Scalar::Sub, &[one, square]));
        to.map(Scalar::Mul, &[rest, exponential])
    }

    /// ψ'(x) = (x³ - 3·x)·exp(-x²/2).
    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0).typed::<f64>();
        at.scale(0, || (x * x.square() - 3.0 * x) * (-0.5 * x.square()).exp());
    }
}

fn mexican_hat<'g>(x: Tensor<'g, f64>) -> Tensor<'g, f64> {
    let operand: AnyTensor<'g> = x.any();
    x.graph().custom(MexicanHat, &[operand])
}

fn main() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(Array1::linspace(-4.0, 4.0, 801));
    // The signal is the wavelet at 0.7, 1.3 times as wide; the fit starts at 0 and 1.
    let (centre, width) = (g.variable("centre", 0.0_f64), g.variable("width", 1.0_f64));
    let model = mexican_hat((x - centre) / width);
    let signal = Array1::linspace(-4.0, 4.0, 801).mapv(|x: f64| {
        let u: f64 = (x - 0.7) / 1.3;
        (1.0 - u * u) * (-0.5 * u * u).exp()
    });
    let loss = (model - g.constant(signal)).square().reduce_mean(..);

    let report = check_gradients(&g, loss, &[centre, width])?;
    println!("{report}");
    report.assert_close(1e-6);

    let [by_centre, by_width] = loss.gradients([centre, width]);
    let train = g.group([centre.assign_sub(0.5 * by_centre).op(), width.assign_sub(0.5 * by_width).op()]);
    let session = Session::new(&g)?;
    let step = session.make_callable((), (loss, train))?;
    for epoch in 0..=400 {
        let (loss, ()) = step.call(())?;
        if epoch % 100 == 0 {
            println!("epoch {epoch:3}: loss {:.3e}", loss.sum());
        }
    }
    let [centre, width] = session.run([centre, width])?;
    println!("centre {:.6} (0.7), width {:.6} (1.3)", centre.sum(), width.sum());
    Ok(())
}
