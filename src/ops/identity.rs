//! The methods `identity` and `stop_gradient`. Their op, of which gradients make nodes as well, lives with the graph.

use crate::graph::op::Identity;
use crate::ops::methods::methods;

methods! {
    /// The same elements as a node of its own, for example one that is built under
    /// [`control_dependencies`](crate::Graph::control_dependencies).
    ///
    /// Gradient: the cotangent.
    fn identity<Element>(x) -> Self {
        x.unary(Identity::Plain)
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
    #[doc(alias("detach"))]
    fn stop_gradient<Element>(x) -> Self {
        x.unary(Identity::StopGradient)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("identity", &[&[2, 3]], |_, x| x[0].identity(), |x| x[0].clone()),
        example!("stop_gradient", &[&[2, 3]], |_, x| x[0].stop_gradient(), |x| x[0].clone()),
    ]
}
