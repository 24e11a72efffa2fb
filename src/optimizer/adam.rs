//! [`Adam`] and [`AdamW`]: averages of the gradient and of its square, freed from their start at 0.

use super::{Optimizer, Parameter, Schedule, Slots, Steps, UpdateRule};
use crate::{Float, Tensor};

/// Adam: m ← β₁·m + (1 - β₁)·d and v ← β₂·v + (1 - β₂)·d², then w ← w - η·m̂/(√v̂ + ε), where m̂ = m/(1 - β₁ᵗ) and
/// v̂ = v/(1 - β₂ᵗ) in step t. The slots `m` and `v` start from 0; β₁ is 0.9, β₂ is 0.999 and ε is 10⁻⁸ unless given.
///
/// t counts the steps of this optimizer from 1, in the variable `adam/step`, whatever the global step is: an
/// optimizer that takes over from another starts with averages that know nothing.
///
/// A gradient whose square overflows, from 1.9·10¹⁹ on in single precision, makes v infinite forever, and its weight no
/// longer changes, as in PyTorch and TensorFlow. Clipping gradients prevents it; a session with
/// [`check_numerics`](crate::SessionBuilder::check_numerics) refuses the step and says where.
///
/// Source: Kingma and Ba, *Adam: a method for stochastic optimization*, 2015, algorithm 1. TensorFlow 1 adds ε before
/// v is freed from its start, as in the paper's last remark on efficiency; this is the algorithm itself, as in
/// PyTorch.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 4.0_f64);
/// let train = Adam::new(0.5).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?; // The first step is η long, whatever the gradient.
/// assert!((session.run(w)?.sum() - 3.5).abs() < 1e-8);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub type Adam = Optimizer<AdamRule<false>>;

/// Adam with decoupled weight decay: w ← (1 - η·λ)·w - η·m̂/(√v̂ + ε), with the terms of [`Adam`]. λ, the
/// [`weight_decay`](Optimizer::weight_decay), is 0.01 unless given.
///
/// As in PyTorch, all of η scales the decay. The paper's λ is scaled by the schedule's factor alone, not by the rate
/// that the schedule starts from, so it is that rate times the λ of here.
///
/// Source: Loshchilov and Hutter, *Decoupled weight decay regularization*, 2019, algorithm 2.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 4.0_f64);
/// let train = AdamW::new(0.5).weight_decay(0.25).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?; // (1 - 0.5·0.25)·4 - 0.5
/// assert!((session.run(w)?.sum() - 3.0).abs() < 1e-8);
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub type AdamW = Optimizer<AdamRule<true>>;

/// The rule of [`Adam`] and [`AdamW`]: u = m̂/(√v̂ + ε); they differ in whether weight decay is `DECOUPLED`.
#[derive(Clone, Debug)]
pub struct AdamRule<const DECOUPLED: bool> {
    beta1: Schedule,
    beta2: Schedule,
    epsilon: Schedule,
}

impl Adam {
    /// With the rate η, often 0.001.
    pub fn new(rate: impl Into<Schedule>) -> Self {
        Optimizer::of(AdamRule::default(), rate)
    }
}

impl AdamW {
    /// With the rate η, often 0.001, and the weight decay 0.01.
    pub fn new(rate: impl Into<Schedule>) -> Self {
        Optimizer::of(AdamRule::default(), rate).weight_decay(0.01)
    }
}

impl<const DECOUPLED: bool> Optimizer<AdamRule<DECOUPLED>> {
    /// β₁, the share of the old average of gradients in the new one: 0.9 unless given.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 1.25_f64);
    /// let train = Adam::new(0.5).beta1(0.0).beta2(0.0).minimize(w.square()); // u = d/|d|
    /// let session = Session::new(&g)?;
    /// (0..3).try_for_each(|_| session.run(train))?;
    /// assert!((session.run(w)?.sum() + 0.25).abs() < 1e-7);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn beta1(mut self, beta1: impl Into<Schedule>) -> Self {
        self.rule.beta1 = beta1.into();
        self
    }

    /// β₂, the share of the old average of squares in the new one: 0.999 unless given. The example of
    /// [`beta1`](Self::beta1) gives it.
    pub fn beta2(mut self, beta2: impl Into<Schedule>) -> Self {
        self.rule.beta2 = beta2.into();
        self
    }

    /// ε, which keeps the divisor from 0: 10⁻⁸ unless given.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 4.0_f64);
    /// let train = Adam::new(0.5).epsilon(8.0).minimize(w.square()); // u = 8/(8 + 8)
    /// let session = Session::new(&g)?;
    /// session.run(train)?;
    /// assert!((session.run(w)?.sum() - 3.75).abs() < 1e-12);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn epsilon(mut self, epsilon: impl Into<Schedule>) -> Self {
        self.rule.epsilon = epsilon.into();
        self
    }
}

impl<const DECOUPLED: bool> Default for AdamRule<DECOUPLED> {
    fn default() -> Self {
        AdamRule { beta1: 0.9.into(), beta2: 0.999.into(), epsilon: 1e-8.into() }
    }
}

impl<const DECOUPLED: bool> UpdateRule for AdamRule<DECOUPLED> {
    fn name(&self) -> &'static str {
        if DECOUPLED { "adam_w" } else { "adam" }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::fraction("beta1", self.beta1.clone()),
            Parameter::fraction("beta2", self.beta2.clone()),
            Parameter::not_negative("epsilon", self.epsilon.clone()),
        ]
    }

    fn decouples_weight_decay(&self) -> bool {
        DECOUPLED
    }

    fn direction<'g, T: Float>(
        &self,
        steps: &Steps<'g>,
    ) -> impl Fn(Tensor<'g, T>, &mut Slots<'g, T>) -> Tensor<'g, T> {
        let t = steps.number();
        // 1 - βᵗ is what the weights of t gradients in an average add up to. It is small at first, where single
        // precision would lose it.
        let weight = |beta: &Schedule| -steps.value::<f64>(beta).pow(t) + 1.0;
        let of_m = weight(&self.beta1).reciprocal().cast::<T>();
        let of_root_v = weight(&self.beta2).rsqrt().cast::<T>();
        let epsilon: Tensor<'g, T> = steps.value(&self.epsilon);
        move |gradient, slots| {
            let m = slots.average("m", self.beta1.clone(), gradient);
            let v = slots.average("v", self.beta2.clone(), gradient.square());
            m * of_m / (v.sqrt() * of_root_v + epsilon)
        }
    }
}
