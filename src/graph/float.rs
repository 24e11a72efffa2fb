//! [`Float`]: an element type through which gradients pass.

use std::ops::{Add, Div, Mul, Sub};

use super::{Tensor, Variable};
use crate::element;

/// An element through which gradients pass: `f32` or `f64`.
///
/// In code that is generic over the type, operators take a number of it on either side of a tensor; `from_f64` makes
/// one of a literal, which is an `f64` otherwise.
///
/// ```
/// use flowgrad::prelude::*;
/// fn step<'g, T: Float>(w: Variable<'g, T>, gradient: Tensor<'g, T>, rate: T) -> Tensor<'g, T> {
///     let half = T::from_f64(0.5);
///     w - half * (rate * gradient + rate / half * w)
/// }
///
/// let g = Graph::new();
/// let w = g.variable("w", 1.0_f32);
/// assert_eq!(Session::new(&g)?.run(step(w, g.constant(2.0), 0.5))?.item()?, 0.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no float type",
    label = "expected elements of `f32` or `f64`",
    note = "gradients, means and random draws are of floats; `cast` makes floats of other elements: `x.cast::<f32>()`"
)]
pub trait Float:
    element::Float
    + for<'g> LeftOf<Tensor<'g, Self>, Tensor<'g, Self>>
    + for<'g> LeftOf<Variable<'g, Self>, Tensor<'g, Self>>
{
}

impl Float for f32 {}
impl Float for f64 {}

/// What may stand on the left of the operators `+ - * /` beside another type, and what these give.
///
/// No library may give every type operators with a type of its own on the right, but a trait may ask for them: so
/// [`Float`] does, and who has a number of a generic type `T: Float` may write `number * tensor`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stand on the left of `{Right}`",
    label = "expected a float type, `f32` or `f64`",
    note = "code that is generic over floats asks for `T: flowgrad::Float`"
)]
pub trait LeftOf<Right, Output>:
    Add<Right, Output = Output>
    + Sub<Right, Output = Output>
    + Mul<Right, Output = Output>
    + Div<Right, Output = Output>
{
}

impl<Left, Right, Output> LeftOf<Right, Output> for Left where
    Left: Add<Right, Output = Output>
        + Sub<Right, Output = Output>
        + Mul<Right, Output = Output>
        + Div<Right, Output = Output>
{
}
