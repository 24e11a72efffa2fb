//! [`Categorical`].

use super::{Distribution, within};
use crate::{Float, Graph, Length, Operand, Tensor};

/// The distribution of classes 0, 1, .., n - 1, of the probabilities [`softmax`](Tensor::softmax) of a row of logits. A
/// row is what lies along the last axis.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::distributions::{Categorical, Distribution};
/// use flowgrad::ndarray::arr1;
/// let g = Graph::new();
/// let classes = Categorical::new(&g, g.constant(arr1(&[0.0_f64, 3.0_f64.ln()])));
/// assert!((Session::new(&g)?.run(classes.prob(1_i64))?.item()? - 0.75).abs() < 1e-15);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Categorical<'g, T = f32> {
    logits: Tensor<'g, T>,
}

impl<'g, T: Float> Categorical<'g, T> {
    /// Of a row of logits, whose last axis are the classes. One without axes is a build error where it is used.
    #[track_caller]
    pub fn new(g: &'g Graph, logits: impl Operand<'g, T>) -> Self {
        Categorical { logits: logits.into_tensor(g) }
    }

    /// The probability of each class.
    #[track_caller]
    pub fn probs(&self) -> Tensor<'g, T> {
        self.logits.softmax(-1)
    }

    /// The entropy, -Σᵢ pᵢ·ln pᵢ.
    #[track_caller]
    pub fn entropy(&self) -> Tensor<'g, T> {
        // A class that never comes has no part in it, and no gradient.
        let (logarithms, probs) = (self.logits.log_softmax(-1), self.probs());
        -probs.greater(T::zero()).select(probs * logarithms, T::zero()).reduce_sum(-1)
    }
}

impl<'g, T: Float> Distribution<'g, T> for Categorical<'g, T> {
    type Value = i64;

    #[track_caller]
    fn log_prob(&self, x: impl Operand<'g, i64>) -> Tensor<'g, T> {
        let logarithms = self.logits.log_softmax(-1);
        let classes = logarithms.ones_like().cast::<i64>().cumsum(-1) - 1;
        let is_x = x.into_tensor(self.logits.graph()).expand_dims(-1).equal(classes);
        // All others are 0, so the sum is that of x.
        within(is_x.reduce_any(-1), is_x.select(logarithms, T::zero()).reduce_sum(-1))
    }

    /// No gradient passes. Memory is taken for the draws, and for one row of logits.
    #[track_caller]
    fn sample<const N: usize>(&self, lengths: [usize; N]) -> Tensor<'g, i64> {
        // More than can be counted is refused by its own length.
        let count = lengths.iter().try_fold(1_usize, |count, &length| count.checked_mul(length));
        let draws = self.logits.categorical(count.unwrap_or(usize::MAX));
        let rows = draws.shape().rank().saturating_sub(1);
        if draws.any().is_invalid() || N == 0 {
            return draws.squeeze(-1);
        }
        // Draws of a row stand together; they come to the front.
        let order: Vec<isize> = std::iter::once(rows).chain(0..rows).map(|axis| axis as isize).collect();
        let front = lengths.into_iter().map(Length::from);
        let behind = self.logits.lengths();
        draws.transpose_perm(order).reshape(front.chain(behind.into_iter().take(rows)).collect::<Vec<_>>())
    }
}
