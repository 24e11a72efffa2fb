//! Clipping: gradients held to a size, as an option of optimizers and as functions of tensors.

use super::Parameter;
use super::rule::number;
use crate::op::{AnyTensor, Mistake};
use crate::ops::Norm;
use crate::{Axes, Float, Graph, Tensor};

/// What holds gradients to a size, and the limit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clip {
    Value(f64),
    Norm(f64),
    GlobalNorm(f64),
}

impl Clip {
    pub(super) fn parameter(self) -> Parameter {
        match self {
            Clip::Value(limit) => Parameter::positive("the limit of clip_by_value", limit),
            Clip::Norm(limit) => Parameter::positive("the limit of clip_by_norm", limit),
            Clip::GlobalNorm(limit) => Parameter::positive("the limit of clip_by_global_norm", limit),
        }
    }

    pub(super) fn apply<T: Float>(self, gradients: Vec<Tensor<'_, T>>) -> Vec<Tensor<'_, T>> {
        let each = gradients.iter();
        match self {
            Clip::Value(limit) => each.map(|x| x.clip(number::<T>(-limit), number::<T>(limit))).collect(),
            Clip::Norm(limit) => each.map(|&x| clip_by_norm(x, limit)).collect(),
            Clip::GlobalNorm(limit) => clip_by_global_norm(&gradients, limit),
        }
    }
}

/// The tensor, scaled down to the Euclidean norm `limit` if its own is larger: x·limit / max(‖x‖, limit).
///
/// What is not longer stays as it is, bit for bit, also zeros. A norm of ∞ makes all finite elements 0. A limit that is
/// not a finite number above 0 is a building error.
///
/// Source: Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013, section 3.2.
///
/// ```
/// use flowgrad::optimizer::clip_by_norm;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr1(&[3.0, 4.0]));
/// let [short, same] = Session::new(&g)?.run([clip_by_norm(x, 2.5), clip_by_norm(x, 6.0)])?;
/// assert_eq!((short, same), (ndarray::arr1(&[1.5, 2.0]).into_dyn(), ndarray::arr1(&[3.0, 4.0]).into_dyn()));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn clip_by_norm<'g, T: Float>(x: impl Into<Tensor<'g, T>>, limit: f64) -> Tensor<'g, T> {
    let x = x.into();
    if let Some(mistaken) = refused(x.graph(), "clip_by_norm", limit) {
        return mistaken;
    }
    x * factor(x.norm(..), limit)
}

/// The tensors, all scaled by one factor, down to the [`global_norm`] `limit` if theirs is larger:
/// x·limit / max(norm, limit).
///
/// What is not longer stays as it is, bit for bit, also zeros. A norm that is not finite makes every element NaN, as
/// in TensorFlow, so that a gradient that exploded is seen and not taken for 0. PyTorch's `clip_grad_norm_` adds 10⁻⁶
/// to the norm, so its tensors are shorter by that share. A limit that is not a finite number above 0 is a building
/// error.
///
/// Source: as of [`clip_by_norm`].
///
/// ```
/// use flowgrad::optimizer::clip_by_global_norm;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let [x, y] = [3.0, 4.0].map(|x| g.constant(x));
/// let clipped = Session::new(&g)?.run(clip_by_global_norm(&[x, y], 2.5))?;
/// assert_eq!((clipped[0].sum(), clipped[1].sum()), (1.5, 2.0));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn clip_by_global_norm<'g, T: Float>(
    xs: &[impl Copy + Into<Tensor<'g, T>>],
    limit: f64,
) -> Vec<Tensor<'g, T>> {
    let xs: Vec<Tensor<'g, T>> = xs.iter().map(|&x| x.into()).collect();
    let Some(g) = xs.first().map(|x| x.graph()) else {
        return xs;
    };
    if let Some(mistaken) = refused(g, "clip_by_global_norm", limit) {
        return vec![mistaken; xs.len()];
    }
    let norm = global_norm(g, &xs);
    // NaN where the norm is not finite, else 0.
    let explosion = (norm * number::<T>(0.0)).stop_gradient();
    let factor = factor(norm, limit) + explosion;
    xs.into_iter().map(|x| x * factor).collect()
}

/// The Euclidean norm of all elements of all the tensors together: √Σ x², a single number.
///
/// Gradient and range are those of [`Tensor::norm`]; the norm of no tensors is 0.
///
/// ```
/// use flowgrad::optimizer::global_norm;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let norm = global_norm(&g, &[3.0, 4.0].map(|x| g.constant(x)));
/// assert_eq!(Session::new(&g)?.run(norm)?.sum(), 5.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn global_norm<'g, T: Float>(g: &'g Graph, xs: &[impl Copy + Into<Tensor<'g, T>>]) -> Tensor<'g, T> {
    let xs: Vec<AnyTensor<'g>> = xs.iter().map(|&x| x.into().any()).collect();
    if xs.is_empty() {
        return g.constant(number::<T>(0.0));
    }
    Tensor::typed(g.apply(Norm { axes: Axes::all() }, &xs)).named("global_norm")
}

/// What a tensor of that norm is multiplied by: exactly 1 up to the limit, where the norm has no part in it.
#[track_caller]
fn factor<T: Float>(norm: Tensor<'_, T>, limit: f64) -> Tensor<'_, T> {
    let limit = norm.graph().constant(number::<T>(limit));
    // The maximum keeps the quotient finite, the choice keeps the norm's slopes out.
    norm.less_equal(limit).select(number::<T>(1.0), limit / norm.maximum(limit))
}

/// The mistake of a limit that is none, under the name of the function.
#[track_caller]
fn refused<'g, T: Float>(g: &'g Graph, op: &'static str, limit: f64) -> Option<Tensor<'g, T>> {
    let reason = Parameter::positive("the limit", limit).fault()?;
    Some(g.mistaken(op, Mistake::Custom { reason }))
}
