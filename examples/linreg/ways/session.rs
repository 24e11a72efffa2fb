//! Graph and session: the epoch is built once as a graph, its gradient written by hand or by autodiff, and a
//! session makes an epoch by running the graph's `train` operation.

use flowgrad::ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use flowgrad::prelude::*;

use super::{Descent, Problem, Scalar, WayError};

/// Where the gradient of the graph comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gradient {
    /// The formula (2/N)·Xᵀ·(X·w - d).
    ByHand,
    /// `gradients` of the mean squared error.
    ByAutodiff,
}

/// Builds graph and session, and lends the descent to `drive`.
pub(super) fn with_descent<T: Scalar, R>(
    problem: &Problem<T>,
    gradient: Gradient,
    threads: usize,
    drive: impl FnOnce(&mut dyn Descent<T>) -> Result<R, WayError>,
) -> Result<R, WayError> {
    let graph = Graph::new();
    let (w, train) = build(&graph, problem, gradient);
    let session = Session::builder(&graph).threads(threads).build()?;
    session.run(graph.initializer())?;
    let step = session.make_callable((), train)?;
    drive(&mut SessionDescent {
        step: || Ok(step.call(())?),
        read: || {
            let w = session.run(w)?;
            Ok([w[[0, 0]], w[[1, 0]]])
        },
    })
}

/// The matrix of inputs, with a column of ones before them, and the column of outputs.
fn arrays<T: Scalar>(problem: &Problem<T>) -> (Array2<T>, ArrayView2<'_, T>) {
    let one_or_x = |(row, column)| if column == 0 { T::one() } else { problem.x[row] };
    let inputs = Array2::from_shape_fn((problem.x.len(), 2), one_or_x);
    (inputs, ArrayView1::from(&problem.d).insert_axis(Axis(1)))
}

/// The best weights: `w = X⁺·d`.
#[cfg(feature = "linalg")]
pub(super) fn pinv<T: Scalar>(problem: &Problem<T>, threads: usize) -> Result<[T; 2], WayError> {
    let graph = Graph::new();
    let (inputs, outputs) = arrays(problem);
    let w = graph.constant(inputs).pinv().matmul(graph.constant(outputs));
    let w = Session::builder(&graph).threads(threads).build()?.run(w)?;
    Ok([w[[0, 0]], w[[1, 0]]])
}

/// The weights, and the operation that moves them by one step.
pub(crate) fn build<'g, T: Scalar>(
    graph: &'g Graph,
    problem: &Problem<T>,
    gradient: Gradient,
) -> (Variable<'g, T>, Operation<'g>) {
    let two_over_n = T::from_f64(2.0 / problem.x.len() as f64);
    let (inputs, outputs) = arrays(problem);

    let x = graph.constant(inputs).named("X");
    let d = graph.constant(outputs).named("d");
    let w = graph.variable("w", Array2::<T>::zeros((2, 1)));
    let e = x.matmul(w) - d;
    let grad = match gradient {
        Gradient::ByHand => x.transpose().matmul(e) * two_over_n,
        Gradient::ByAutodiff => {
            let mse = e.square().reduce_mean(..).named("mse");
            let [grad] = mse.gradients([w]);
            grad
        }
    };
    // In code over any float, Rust takes the scalar on the right only.
    let train = w.assign(w - grad * problem.mu);
    (w, train.op())
}

/// The descent as the two things that a session does for it.
struct SessionDescent<Step, Read> {
    step: Step,
    read: Read,
}

impl<T, Step, Read> Descent<T> for SessionDescent<Step, Read>
where
    Step: Fn() -> Result<(), WayError>,
    Read: Fn() -> Result<[T; 2], WayError>,
{
    fn epoch(&mut self) -> Result<(), WayError> {
        (self.step)()
    }

    fn weights(&self) -> Result<[T; 2], WayError> {
        (self.read)()
    }
}
