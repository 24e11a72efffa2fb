//! `identity` and `stop_gradient`: the same elements, with and without a gradient; and `seen`, a variable's
//! as another node sees them.

use super::{Form, Op};
use crate::element::Element;
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::Tensor;
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// Gives its first input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity {
    Plain,
    StopGradient,
    /// Of a variable, the value that a second input sees: what a gradient needs when the variable may have
    /// changed since.
    Seen,
}

impl Op for Identity {
    fn name(&self) -> &'static str {
        match self {
            Identity::Plain => "identity",
            Identity::StopGradient => "stop_gradient",
            Identity::Seen => "seen",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[0]
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0 && !matches!(self, Identity::StopGradient)
    }

    fn form(&self) -> Form {
        match self {
            Identity::Plain => Form::Same,
            Identity::StopGradient | Identity::Seen => Form::Other,
        }
    }
}

impl<T: Element> Tensor<'_, T> {
    /// The same elements as a node of its own, for example one that is built under
    /// [`control_dependencies`](crate::Graph::control_dependencies).
    ///
    /// Gradient: the cotangent.
    #[track_caller]
    pub fn identity(self) -> Self {
        Tensor::typed(self.any().unary(Identity::Plain))
    }

    /// The same elements, which gradients take for constants.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(3.0_f64);
    /// let [dx] = (x * x.stop_gradient()).gradients([x]);
    /// assert_eq!(Session::new(&g)?.run(dx)?.sum(), 3.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn stop_gradient(self) -> Self {
        Tensor::typed(self.any().unary(Identity::StopGradient))
    }
}
