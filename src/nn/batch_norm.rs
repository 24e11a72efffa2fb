//! [`BatchNorm`]: each channel normalized over the batch.

use super::fitting::{fault, fitting};
use super::layer::calling;
use super::normalization::moments;
use super::{Layer, Mode, batch_normalization};
use crate::graph::Modes;
use crate::initializer::{ones, zeros};
use crate::{Axes, Float, Graph, Numeric, Shape, Tensor, Variable};

/// y = (x - mean) / √(variance + epsilon) · gamma + beta for each channel, which is an index of the last axis: of x of
/// shape [n, c], [n, h, w, c], or any with axes before the channels.
///
/// In [`Mode::Train`] mean and variance are those of the batch, over all axes but the last, and the moving ones follow
/// them. In [`Mode::Predict`] they are the moving ones, which stay.
///
/// moving ← momentum · moving + (1 - momentum) · that of the batch
///
/// A batch without elements leaves them as they are. Both variances are biased: the sum of squares is divided by the
/// number n of elements, not by n - 1. Keras does so as well; PyTorch's moving variance is n / (n - 1) of this one, and
/// its momentum is 1 minus this one. Gradients go through the mean and the variance of the batch, and never to the
/// moving ones.
///
/// # When the moving statistics are brought up to date
///
/// Once in every run that needs the mean or the variance of the batch: to fetch the output or a loss, or only to do an
/// operation that assigns gradients of that loss. A prediction in the same run sees the statistics from before it.
///
/// Two calls in [`Mode::Train`] update the same variables twice. (For a loss and a metric of one input, call once and
/// use the output twice.) A run that needs both fails, as for any two assignments without an order, unless the second
/// is built after the first:
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layer = BatchNorm { momentum: 0.5, ..BatchNorm::new(&g, "bn1", 1) };
/// let [real, fake] = [[[0.0_f32], [4.0]], [[5.0], [9.0]]].map(|x| g.constant(ndarray::arr2(&x)));
/// let of_real = layer.call(real, Mode::Train);
/// let of_fake = g.control_dependencies(&[of_real.op()], || layer.call(fake, Mode::Train));
/// let session = Session::new(&g)?;
/// session.run((of_real, of_fake))?;
/// assert_eq!(session.run(layer.moving_mean)?.sum(), 0.5 * (0.5 * 0.0 + 0.5 * 2.0) + 0.5 * 7.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// What [`Mode::Train`] gives cannot be chosen by a flag: both sides of a [`select`](Tensor::select) run, so
/// `training.select(layer.call(x, Mode::Train), layer.call(x, Mode::Predict))` would move the statistics at every
/// prediction. It is a build error, also where other layers stand between. Build both, as a model does that is
/// called twice, and fetch the one that is needed. A choice by other means, such as a product with the flag, is not
/// found, and does move them.
///
/// # Errors
/// It is a build error if x has no axis before the channels, if a parameter is not of shape \[channels\], if the
/// momentum is not between 0 and 1, or if epsilon is negative or not finite.
///
/// Source: Ioffe and Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate
/// shift*, 2015.
#[derive(Clone, Debug)]
pub struct BatchNorm<'g, T = f32> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The scale of each channel.
    pub gamma: Variable<'g, T>,
    /// The offset of each channel.
    pub beta: Variable<'g, T>,
    /// The mean of each channel that predictions use; not trainable.
    pub moving_mean: Variable<'g, T>,
    /// The variance of each channel that predictions use; not trainable.
    pub moving_variance: Variable<'g, T>,
    /// How much of the moving statistics an update keeps, between 0 and 1.
    pub momentum: f64,
    /// What keeps a variance of 0 from being divided by.
    pub epsilon: f64,
}

impl<'g, T: Float> BatchNorm<'g, T> {
    /// A layer for so many channels. Its new variables `name/gamma` and `name/moving_variance` start by 1, `name/beta`
    /// and `name/moving_mean` by 0; the momentum is 0.99 and epsilon 0.001, as in Keras.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, channels: usize) -> Self {
        BatchNorm {
            name: name.to_owned(),
            gamma: g.variable(&format!("{name}/gamma"), ones([channels])),
            beta: g.variable(&format!("{name}/beta"), zeros([channels])),
            moving_mean: g.non_trainable_variable(&format!("{name}/moving_mean"), zeros([channels])),
            moving_variance: g.non_trainable_variable(&format!("{name}/moving_variance"), ones([channels])),
            momentum: 0.99,
            epsilon: 1e-3,
        }
    }

    /// The input, if the layer takes it.
    #[track_caller]
    fn fitting(&self, x: Tensor<'g, T>) -> Tensor<'g, T> {
        let momentum = self.momentum;
        let parameters = [self.gamma, self.beta, self.moving_mean, self.moving_variance];
        let [gamma, beta, mean, variance] = parameters.map(|parameter| parameter.any());
        let inputs = [x.any(), gamma, beta, mean, variance];
        fitting(x.graph(), "batch_norm", inputs, move |[x, parameters @ ..]| {
            if !(0.0..=1.0).contains(&momentum) {
                return Err(fault(format!("expected a momentum between 0 and 1, got {momentum}")));
            }
            let channels = x.dims().split_last().filter(|(_, before)| !before.is_empty());
            let fits = |parameter: &Shape| match (channels, parameter.dims()) {
                (Some((&channels, _)), &[length]) => channels.is_none() || channels == length,
                _ => false,
            };
            match parameters.into_iter().find(|parameter| !fits(parameter)) {
                Some(parameter) => Err(fault(format!(
                    "expected [batch, ..., channels] with parameters of [channels], got {x} with {parameter}"
                ))),
                None => Ok(()),
            }
        })
    }

    /// The mean and the variance of the batch, behind the updates of the moving ones: whatever uses them updates these.
    #[track_caller]
    fn batch_statistics(&self, x: Tensor<'g, T>) -> [Tensor<'g, T>; 2] {
        let before_channels = 0..x.shape().rank().saturating_sub(1) as isize;
        let [mean, variance] = moments(x, Axes::of(before_channels));
        let [kept, new] = [self.momentum, 1.0 - self.momentum].map(<T as Numeric>::from_f64);
        let is_there = x.shape_of().reduce_prod(..).greater(0);
        let update = |moving: Variable<'g, T>, batch| {
            // A batch of nothing has no mean, and NaN would stay forever.
            moving.assign(is_there.select(moving * kept + batch * new, moving)).op()
        };
        let updates = [update(self.moving_mean, mean), update(self.moving_variance, variance)];
        x.graph().control_dependencies(&updates, || [mean, variance].map(Tensor::identity))
    }
}

impl<'g, T: Float> Layer<'g, T> for BatchNorm<'g, T> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, mode: Mode) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let x = self.fitting(x);
            let [mean, variance] = match mode {
                Mode::Train => self.batch_statistics(x),
                Mode::Predict => [self.moving_mean, self.moving_variance].map(Variable::tensor),
            };
            let modes = if mode == Mode::Train { Modes::TRAIN } else { Modes::PREDICT };
            let y = batch_normalization(x, mean, variance, self.beta, self.gamma, self.epsilon);
            Tensor::typed(y.any().with_modes(modes))
        })
    }
}
