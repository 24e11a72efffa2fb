//! [`Gradients`] and [`Tensor::gradients`]: how users ask for gradients.
//!
//! Takes what to differentiate, what to start from, where to stop and the targets; gives one tensor for each
//! target. Invalid requests become invalid nodes, as everywhere in building.

use std::panic::Location;

use super::GradientFault;
use super::sweep::{Sweep, why_unconnected};
use crate::error::Fault;
use crate::graph::Float;
use crate::graph::op::{Expect, ExpectShape};
use crate::graph::{AnyTensor, Graph, Tensor};

/// A request for gradients with all its options.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let a = g.constant(2.0_f64);
/// let b = a * 3.0;
/// let unused = g.constant(1.0_f64);
/// let grads = Gradients::of([b.square()]).grad_ys([g.constant(10.0)]).wrt(&[a, b, unused]);
/// assert!(grads[2].is_none());
/// let [da, db] = [grads[0].unwrap(), grads[1].unwrap()];
/// let [da, db] = Session::new(&g)?.run([da, db])?;
/// assert_eq!((da.sum(), db.sum()), (360.0, 120.0));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request for gradients gives them when `wrt` names the targets"]
pub struct Gradients<'g, T = f32> {
    ys: Vec<Tensor<'g, T>>,
    grad_ys: Option<Vec<Tensor<'g, T>>>,
    stops: Vec<AnyTensor<'g>>,
}

impl<'g, T: Float> Gradients<'g, T> {
    /// Gradients of the sum of all elements of all these tensors.
    pub fn of<Y: Into<Tensor<'g, T>>>(ys: impl IntoIterator<Item = Y>) -> Self {
        Gradients { ys: ys.into_iter().map(Into::into).collect(), grad_ys: None, stops: Vec::new() }
    }

    /// Starts from these cotangents, one for each differentiated tensor and of its shape, instead of ones.
    pub fn grad_ys<Y: Into<Tensor<'g, T>>>(mut self, grad_ys: impl IntoIterator<Item = Y>) -> Self {
        self.grad_ys = Some(grad_ys.into_iter().map(Into::into).collect());
        self
    }

    /// Takes these tensors for constants: they may be targets, but no gradient passes through them.
    pub fn stop_gradients<U, X: Into<Tensor<'g, U>>>(mut self, xs: impl IntoIterator<Item = X>) -> Self {
        self.stops.extend(xs.into_iter().map(|x| x.into().any()));
        self
    }

    /// The gradient by each target, in the target's own shape; `None` where there is no path.
    #[track_caller]
    pub fn wrt<U: Float>(self, xs: &[impl Copy + Into<Tensor<'g, U>>]) -> Vec<Option<Tensor<'g, U>>> {
        let location = Location::caller();
        let xs: Vec<AnyTensor<'g>> = xs.iter().map(|&x| x.into().any()).collect();
        let ys: Vec<AnyTensor<'g>> = self.ys.iter().map(|y| y.any()).collect();
        let Some(graph) = ys.first().or(xs.first()).map(|any| any.graph()) else {
            return Vec::new();
        };
        let found = graph.attributed(location, || {
            let grad_ys: Option<Vec<AnyTensor<'g>>> =
                self.grad_ys.as_ref().map(|given| given.iter().map(|t| t.any()).collect());
            let given = grad_ys.iter().flatten();
            let mentioned = ys.iter().chain(&xs).chain(given).chain(&self.stops);
            if let Some(refused) = refused(graph, "gradients", mentioned) {
                return vec![Some(refused); xs.len()];
            }
            match seeds(&ys, grad_ys.as_deref()) {
                Ok(seeds) => Sweep::new(graph, &ys, &xs, &self.stops).run(&seeds),
                Err(fault) => vec![Some(graph.invalid_any("gradients", fault)); xs.len()],
            }
        });
        found.into_iter().map(|any| any.map(Tensor::typed)).collect()
    }

    /// The gradient by each target, in the target's own shape; zeros where there is no path.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let [a, unused] = [g.constant(ndarray::arr1(&[1.0, 2.0])), g.constant(ndarray::arr1(&[3.0, 4.0, 5.0]))];
    /// let grads = Gradients::of([a * a]).wrt_or_zeros(&[a, unused]);
    /// let found = Session::new(&g)?.run(grads)?;
    /// assert_eq!(found[0], ndarray::arr1(&[2.0, 4.0]).into_dyn());
    /// assert_eq!(found[1], ndarray::arr1(&[0.0, 0.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn wrt_or_zeros<U: Float>(self, xs: &[impl Copy + Into<Tensor<'g, U>>]) -> Vec<Tensor<'g, U>> {
        let location = Location::caller();
        let found = self.wrt(xs).into_iter().zip(xs);
        let or_zeros = found.map(|(gradient, &x)| {
            let zeros = |x: Tensor<'g, U>| x.any().graph().attributed(location, || zeros_like(x));
            gradient.unwrap_or_else(|| zeros(x.into()))
        });
        or_zeros.collect()
    }
}

/// Zeros in a tensor's own shape, which may be known only at run time.
#[track_caller]
pub(super) fn zeros_like<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    Tensor::typed(x.any().filled(0.0))
}

/// The invalid tensor for an op that works on these tensors together, if they do not belong together or one of them is
/// invalid already, beside which nothing else needs to be said.
#[track_caller]
pub(super) fn refused<'a, 'g: 'a>(
    graph: &'g Graph,
    op: &'static str,
    mentioned: impl IntoIterator<Item = &'a AnyTensor<'g>> + Clone,
) -> Option<AnyTensor<'g>> {
    if let Some(operand) = mentioned.clone().into_iter().position(|any| !any.is_of(graph)) {
        return Some(graph.invalid_any(op, Fault::OtherGraph { operand }));
    }
    mentioned.into_iter().find(|any| any.is_invalid()).copied()
}

/// The invalid tensor for a sum of `y` that has no gradient by `x`, under the name of the op that needs it.
#[track_caller]
pub(super) fn unconnected<'g>(op: &'static str, y: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    let reason = why_unconnected(y.graph(), y.id(), x.id());
    let fault = Fault::op(GradientFault::Unconnected { y: y.name(), x: x.name(), reason });
    y.graph().invalid_any(op, fault)
}

impl<'g, T: Float> Tensor<'g, T> {
    /// d(Σ self)/dx for each target x, in the target's own shape.
    ///
    /// The gradients are nodes of the same graph and can be differentiated again. A target on which
    /// this tensor does not depend is a build error that says why; use [`Gradients`] for `None`
    /// instead.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(3.0_f64);
    /// let y = x * x + x;
    /// let [dx] = y.gradients([x]);
    /// let [ddx] = dx.gradients([x]);
    /// let [dx, ddx] = Session::new(&g)?.run([dx, ddx])?;
    /// assert_eq!((dx.sum(), ddx.sum()), (7.0, 2.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("grad", "backward"))]
    #[track_caller]
    pub fn gradients<U: Float, X: Into<Tensor<'g, U>>, const N: usize>(
        self,
        xs: [X; N],
    ) -> [Tensor<'g, U>; N] {
        let location = Location::caller();
        let xs = xs.map(Into::into);
        let found = Gradients::of([self]).wrt(&xs);
        let y = self.any();
        let unconnected =
            |x: Tensor<'g, U>| y.graph().attributed(location, || unconnected("gradients", y, x.any()));
        std::array::from_fn(|i| match found.get(i).copied().flatten() {
            Some(gradient) => gradient,
            None => Tensor::typed(unconnected(xs[i])),
        })
    }
}

/// The cotangents to start from: those given, or ones.
fn seeds<'g>(ys: &[AnyTensor<'g>], grad_ys: Option<&[AnyTensor<'g>]>) -> Result<Vec<AnyTensor<'g>>, Fault> {
    let Some(grad_ys) = grad_ys else {
        return Ok(ys.iter().map(|y| y.filled(1.0)).collect());
    };
    if grad_ys.len() != ys.len() {
        return Err(Fault::op(GradientFault::StartCount { ys: ys.len(), grad_ys: grad_ys.len() }));
    }
    for (y, given) in ys.iter().zip(grad_ys) {
        if !given.shape().agrees_with(&y.shape()) {
            let (expected, found) = (y.shape(), given.shape());
            return Err(Fault::op(GradientFault::StartShape { y: y.name(), expected, found }));
        }
    }
    // What is not known yet is checked when it is.
    let checked =
        ys.iter().zip(grad_ys).map(|(y, given)| match (y.shape().is_known(), given.shape() == y.shape()) {
            (true, true) => *given,
            (true, false) => given.unary(Expect(ExpectShape(Some(y.shape())))),
            (false, _) => given.binary(Expect(ExpectShape(None)), *y),
        });
    Ok(checked.collect())
}
