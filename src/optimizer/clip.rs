//! Clipping: gradients held to a size, as an option of optimizers and as functions of tensors.

use super::rule::number;
use super::{Parameter, Schedule};
use crate::op::AnyTensor;
use crate::{Axes, Float, Graph, Tensor};

/// What holds gradients to a size, and the limit.
#[derive(Clone, Debug)]
pub(super) enum Clip {
    Value(Schedule),
    Norm(Schedule),
    GlobalNorm(Schedule),
}

impl Clip {
    pub(super) fn parameter(&self) -> Parameter {
        match self.clone() {
            Clip::Value(limit) => Parameter::positive("the limit of clip_by_value", limit),
            Clip::Norm(limit) => Parameter::positive("the limit of clip_by_norm", limit),
            Clip::GlobalNorm(limit) => Parameter::positive("the limit of clip_by_global_norm", limit),
        }
    }

    pub(super) fn apply<'g, T: Float>(
        &self,
        gradients: Vec<Tensor<'g, T>>,
        g: &'g Graph,
    ) -> Vec<Tensor<'g, T>> {
        let each = gradients.iter();
        match self.clone() {
            Clip::Value(limit) => {
                let limit = limit.now::<T>(g);
                each.map(|x| x.clip(-limit, limit)).collect()
            }
            Clip::Norm(limit) => each.map(|&x| clip_by_norm(x, limit.clone())).collect(),
            Clip::GlobalNorm(limit) => clip_by_global_norm(&gradients, limit),
        }
    }
}

/// The tensor, scaled down to the Euclidean norm `limit` if its own is larger: x·limit / max(‖x‖, limit).
///
/// What is not longer stays as it is, bit for bit, also zeros. An infinite element makes all finite ones 0. A norm
/// beyond the largest number is clipped like others, unless the limit is below 10⁻²⁸, in `f64` 10⁻²⁹⁸, where it counts
/// as infinite; so it is whenever the limit is a tensor or a schedule. A limit that is not a finite number above 0 is a
/// build error; what a tensor holds is not looked at.
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
pub fn clip_by_norm<'g, T: Float>(x: impl Into<Tensor<'g, T>>, limit: impl Into<Schedule>) -> Tensor<'g, T> {
    let (x, limit) = (x.into(), limit.into());
    if let Some(invalid) = refused(x.graph(), "clip_by_norm", &limit) {
        return invalid;
    }
    Shortening::of(x.graph(), &[x], &limit).shortened(x)
}

/// The tensors, all scaled by one factor, down to the [`global_norm`] `limit` if theirs is larger:
/// x·limit / max(norm, limit).
///
/// What is not longer stays as it is, bit for bit, also zeros. An element that is not finite makes every element NaN,
/// as in TensorFlow, so that a gradient that exploded is seen and not taken for 0. Norms beyond the largest number are
/// clipped as by [`clip_by_norm`]; those that count as infinite there make every element NaN. PyTorch's
/// `clip_grad_norm_` adds 10⁻⁶ to the norm, so its tensors are shorter by that share. Limits are those of
/// [`clip_by_norm`].
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
    limit: impl Into<Schedule>,
) -> Vec<Tensor<'g, T>> {
    let limit = limit.into();
    let xs: Vec<Tensor<'g, T>> = xs.iter().map(|&x| x.into()).collect();
    let Some(g) = xs.first().map(|x| x.graph()) else {
        return xs;
    };
    if let Some(invalid) = refused(g, "clip_by_global_norm", &limit) {
        return vec![invalid; xs.len()];
    }
    let mut shortening = Shortening::of(g, &xs, &limit);
    shortening.norm = shortening.norm.named("scaled_global_norm");
    // NaN where the norm is not finite, else 0.
    let explosion = (shortening.norm * number::<T>(0.0)).stop_gradient();
    shortening.second += explosion;
    xs.into_iter().map(|x| shortening.shortened(x)).collect()
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
    g.norm(&xs, Axes::all(), 1.0).typed().named("global_norm")
}

/// The norm is taken times this number, so that that of the largest numbers does not overflow, however many there are.
const SCALE: f64 = 1.0 / (1_u64 << 32) as f64;

/// The power of 2 at a normal number above 0 or below it.
fn power_of_2(number: f64) -> f64 {
    f64::from_bits(number.to_bits() >> 52 << 52)
}

/// A limit, and what follows from it.
struct Limit<'g, T: Float> {
    /// The norm is taken times this number.
    scale: f64,
    /// The limit, scaled like the norm.
    scaled: Tensor<'g, T>,
    /// Norms above it, scaled as well, are far beyond the limit: there the factor itself leaves the range or loses digits.
    far: Tensor<'g, T>,
    /// What is nearly the factor of the largest norms, a power of 2.
    step: Tensor<'g, T>,
    /// What is left of the limit beside it, scaled.
    over_step: Tensor<'g, T>,
}

impl<'g, T: Float> Limit<'g, T> {
    #[track_caller]
    fn of(g: &'g Graph, limit: &Schedule) -> Self {
        let [least, largest] =
            [T::min_positive_value(), T::max_value()].map(|end| end.to_f64().unwrap_or(1.0));
        if let Some(limit) = limit.number() {
            // A norm near the least numbers needs its digits, to be told from the limit.
            let scale = if limit * SCALE > least { SCALE } else { 1.0 };
            let step = power_of_2((limit / largest).max(64.0 * least));
            let far = (largest / 8.0).min(limit / step).max(limit) * scale;
            let [scaled, far, step, over_step] =
                [limit * scale, far, step, limit * scale / step].map(|x| g.constant(number::<T>(x)));
            return Limit { scale, scaled, far, step, over_step };
        }
        let limit = limit.now::<T>(g);
        let step = (limit / number::<T>(largest)).maximum(number::<T>(64.0 * least)).log2().floor().exp2();
        let scaled = limit * number::<T>(SCALE);
        let over_step = scaled / step;
        let far = over_step.minimum(number::<T>(largest / 8.0 * SCALE)).maximum(scaled);
        Limit { scale: SCALE, scaled, far, step, over_step }
    }
}

/// How tensors are scaled down to a limit.
struct Shortening<'g, T: Float> {
    /// The norm of all of them, scaled.
    norm: Tensor<'g, T>,
    /// What they are multiplied by one after the other: exactly 1 up to the limit, where the norm has no part in it.
    first: Tensor<'g, T>,
    second: Tensor<'g, T>,
}

impl<'g, T: Float> Shortening<'g, T> {
    #[track_caller]
    fn of(g: &'g Graph, xs: &[Tensor<'g, T>], limit: &Schedule) -> Self {
        let limit = Limit::of(g, limit);
        let xs: Vec<AnyTensor<'g>> = xs.iter().map(|x| x.any()).collect();
        let norm = g.norm(&xs, Axes::all(), limit.scale).typed();
        // Far beyond the limit the factor is taken apart, into the step and the rest.
        let is_far = norm.greater(limit.far);
        // The maximum keeps the quotients finite, the choice keeps the norm's slopes out.
        let divisor = norm.maximum(limit.scaled);
        let near = norm.less_equal(limit.scaled).select(number::<T>(1.0), limit.scaled / divisor);
        Shortening {
            norm,
            first: is_far.select(limit.step, number::<T>(1.0)),
            second: is_far.select(limit.over_step / divisor, near),
        }
    }

    #[track_caller]
    fn shortened(&self, x: Tensor<'g, T>) -> Tensor<'g, T> {
        x * self.first * self.second
    }
}

/// The invalid tensor for an unsuited limit, under the name of the function.
#[track_caller]
fn refused<'g, T: Float>(g: &'g Graph, op: &'static str, limit: &Schedule) -> Option<Tensor<'g, T>> {
    let fault = Parameter::positive("the limit", limit.clone()).fault_in(g)?;
    Some(g.invalid(op, fault))
}
