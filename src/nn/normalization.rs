//! Normalization as functions of tensors: [`batch_normalization`] by statistics that are given, [`layer_norm`] by those
//! of the tensor itself.

use super::fitting::{fault, fitting};
use crate::{Axes, Float, Numeric, Operand, Tensor};

/// (x - mean) / √(variance + epsilon) · scale + offset; shapes broadcast, and scalars do.
///
/// Gradient: that of the formula, to all five. An epsilon that is negative or not finite is a build error.
///
/// Source: Ioffe and Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate
/// shift*, 2015, algorithm 1.
///
/// ```
/// use flowgrad::nn::batch_normalization;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr2(&[[1.0, 10.0], [3.0, 30.0]]));
/// let [mean, variance] = [x.reduce_mean(0), x.reduce_variance(0)];
/// let y = batch_normalization(x, mean, variance, 0.0, 2.0, 0.0);
/// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[-2.0, -2.0], [2.0, 2.0]]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn batch_normalization<'g, T: Float>(
    x: Tensor<'g, T>,
    mean: impl Operand<'g, T>,
    variance: impl Operand<'g, T>,
    offset: impl Operand<'g, T>,
    scale: impl Operand<'g, T>,
    epsilon: f64,
) -> Tensor<'g, T> {
    let variance = variance.into_tensor(x.graph());
    let variance: Tensor<'g, T> = fitting(x.graph(), "normalization", [variance.any()], move |_| {
        let reason = || fault(format!("expected a finite epsilon of at least 0, got {epsilon}"));
        if epsilon.is_finite() && epsilon >= 0.0 { Ok(()) } else { Err(reason()) }
    });
    (x - mean) * ((variance + <T as Numeric>::from_f64(epsilon)).rsqrt() * scale) + offset
}

/// (x - mean) / √(variance + epsilon) · scale + offset, by the mean and the variance of x along the axes, in each place
/// of the other axes its own. Scale and offset broadcast to x.
///
/// Gradient: that of the formula, through the mean and the variance as well. An axis that is out of range or listed
/// twice is a build error, and so is an epsilon that is negative or not finite.
///
/// Source: Ba, Kiros and Hinton, *Layer normalization*, 2016, equations 3 and 4.
///
/// ```
/// use flowgrad::nn::layer_norm;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr2(&[[1.0, 3.0], [10.0, 30.0]]));
/// let y = layer_norm(x, -1, 0.0, 1.0, 0.0);
/// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[-1.0, 1.0], [-1.0, 1.0]]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn layer_norm<'g, T: Float>(
    x: Tensor<'g, T>,
    axes: impl Into<Axes>,
    offset: impl Operand<'g, T>,
    scale: impl Operand<'g, T>,
    epsilon: f64,
) -> Tensor<'g, T> {
    let [mean, variance] = moments(x, axes.into().keep_dims());
    batch_normalization(x, mean, variance, offset, scale, epsilon)
}

/// The mean and the variance along the axes, which are kept, or else come before all others.
#[track_caller]
pub(super) fn moments<T: Float>(x: Tensor<'_, T>, axes: Axes) -> [Tensor<'_, T>; 2] {
    [x.reduce_mean(axes.clone()), x.reduce_variance(axes)]
}
