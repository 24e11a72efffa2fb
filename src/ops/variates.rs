//! Random numbers by laws whose parameters are tensors: `random_gamma`, `random_poisson`, `random_binomial` and
//! `random_von_mises`. What they depend on is told in [`random`](super::random).

use std::f64::consts::PI;

use ndarray::Dimension;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Binomial, Distribution, Gamma, Poisson};

use super::incomplete_gamma::quantile_slope;
use super::random::Stream;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::graph::{AnyTensor, Float};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val, broadcast_dims};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// A law, of which each element of the operands gives a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Law {
    /// Of a shape α, with the rate 1.
    Gamma,
    /// The logarithm of that.
    LogGamma,
    /// Of a rate.
    Poisson,
    /// Of a number of trials and a probability.
    Binomial,
    /// Around 0, of a concentration.
    VonMises,
}

/// The largest mean, and number of trials, of counts: all integers up to it are doubles.
const MOST_COUNTS: f64 = 9_007_199_254_740_992.0;

impl Law {
    fn name(self) -> &'static str {
        match self {
            Law::Gamma => "random_gamma",
            Law::LogGamma => "random_log_gamma",
            Law::Poisson => "random_poisson",
            Law::Binomial => "random_binomial",
            Law::VonMises => "random_von_mises",
        }
    }

    /// A draw, given the parameters.
    fn draw(self, [a, b]: [f64; 2], rng: &mut ChaCha8Rng) -> Result<f64, KernelError> {
        let refused =
            |expected: &str, found: f64| Err(KernelError::other(format!("expected {expected}, got {found}")));
        match self {
            Law::Gamma if a > 0.0 && a.is_finite() => {
                Ok(Gamma::new(a, 1.0).map_err(KernelError::other)?.sample(rng))
            }
            // A draw of α is one of α + 1 times U^(1/α), which is too small for a float where α is small.
            Law::LogGamma if a > 0.0 && a < 1.0 => {
                let more: f64 = Gamma::new(a + 1.0, 1.0).map_err(KernelError::other)?.sample(rng);
                Ok(more.ln() + (1.0 - rng.random::<f64>()).ln() / a)
            }
            Law::LogGamma if a > 0.0 && a.is_finite() => {
                Ok(Gamma::new(a, 1.0).map_err(KernelError::other)?.sample(rng).ln())
            }
            Law::Gamma | Law::LogGamma => refused("a finite shape above 0", a),
            Law::Poisson if a == 0.0 => Ok(0.0),
            Law::Poisson if a > 0.0 && a <= MOST_COUNTS => {
                Ok(Poisson::new(a).map_err(KernelError::other)?.sample(rng))
            }
            Law::Poisson => refused("a rate from 0 to 2⁵³", a),
            Law::Binomial if !((0.0..=MOST_COUNTS).contains(&a) && a.fract() == 0.0) => {
                refused("a whole number of trials from 0 to 2⁵³", a)
            }
            Law::Binomial if (0.0..=1.0).contains(&b) => {
                Ok(Binomial::new(a as u64, b).map_err(KernelError::other)?.sample(rng) as f64)
            }
            Law::Binomial => refused("a probability between 0 and 1", b),
            Law::VonMises if a >= 0.0 && a.is_finite() => Ok(von_mises(a, rng)),
            Law::VonMises => refused("a finite concentration from 0 on", a),
        }
    }
}

/// An angle of the von Mises distribution around 0, by rejection from a wrapped Cauchy distribution.
///
/// Source: Best and Fisher, *Efficient simulation of the von Mises distribution*, 1979. Their constant loses its digits
/// where the concentration is small or large; the limits there are the uniform and the normal distribution.
fn von_mises(kappa: f64, rng: &mut ChaCha8Rng) -> f64 {
    /// Below, the density is that of the uniform distribution but for a part in 10⁸.
    const UNIFORM_BELOW: f64 = 1e-8;
    /// Above, it is normal, of the variance 1/κ, to as many digits.
    const NORMAL_ABOVE: f64 = 1e8;
    if kappa < UNIFORM_BELOW {
        return PI * (2.0 * rng.random::<f64>() - 1.0);
    }
    if kappa > NORMAL_ABOVE {
        let normal: f64 = rand_distr::StandardNormal.sample(rng);
        return normal / kappa.sqrt();
    }
    let root = 1.0 + (4.0 * kappa).mul_add(kappa, 1.0).sqrt();
    let rho = (root - (2.0 * root).sqrt()) / (2.0 * kappa);
    // 1 + ρ² over 2·ρ, which is κ's share of the envelope.
    let r = if kappa < 1e-4 { kappa.recip() + kappa } else { rho.mul_add(rho, 1.0) / (2.0 * rho) };
    loop {
        let z = (PI * rng.random::<f64>()).cos();
        let f = r.mul_add(z, 1.0) / (r + z);
        let c = kappa * (r - f);
        let u: f64 = rng.random();
        if c * (2.0 - c) > u || (c / u).ln() + 1.0 >= c {
            let angle = f.clamp(-1.0, 1.0).acos();
            return if rng.random::<bool>() { angle } else { -angle };
        }
    }
}

/// Draws by the law of parameters.
#[derive(Debug)]
struct Variate {
    law: Law,
    own_seed: Option<[u64; 2]>,
}

impl Op for Variate {
    fn name(&self) -> &'static str {
        self.law.name()
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let together = |whole: TensorType, input: &&TensorType| whole.together(input);
        inputs[1..].iter().try_fold(inputs[0].clone(), together)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dtype = to.dtype(inputs[0]);
        let dims = inputs.iter().fold(Dims::new(), |dims, &input| broadcast_dims(&dims, to.dims(input)));
        let (stream, runs) = (Stream::of(self.own_seed, to), to.run_count());
        let mut given = vec![runs];
        given.extend(inputs.iter().map(|&input| to.broadcast(input, &dims)));
        to.kernel(Drawing { law: self.law, stream }, &given, dtype, dims)
    }

    /// A draw of a gamma distribution moves with the shape as its quantile does: where F is the distribution function and
    /// p the density, dx/dα = -(∂F/∂α)/p (Figurnov, Mohamed and Mnih, *Implicit reparameterization gradients*, 2018).
    fn pullback(&self, at: &mut Pullback<'_>) {
        let (alpha, x) = (at.input(0), at.output());
        if self.law == Law::LogGamma {
            at.scale(0, || log_slope(alpha, x));
            return;
        }
        // A draw too small for a float is 0, and so is its slope.
        at.scale(0, || x.greater(0.0).select(quantile_slope(alpha, x), x.scalar_like(0.0)));
    }

    fn differentiable(&self, _: usize) -> bool {
        matches!(self.law, Law::Gamma | Law::LogGamma)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new()
    }
}

/// How the logarithm of a draw moves with α. Where the draw is small, P(α, x) is xᵅ/Γ(α + 1) to all digits, so the
/// logarithm is (ln p + ln Γ(α + 1))/α.
fn log_slope<'g>(alpha: AnyTensor<'g>, log_x: AnyTensor<'g>) -> AnyTensor<'g> {
    /// Of a draw that is 0 beside 1.
    const SMALL: f64 = -40.0;
    let of_small = ((alpha + 1.0).digamma() - log_x) / alpha;
    let x = log_x.maximum(SMALL).exp();
    log_x.less(SMALL).select(of_small, quantile_slope(alpha, x) / x)
}

/// Fills the output with the draws of a run.
#[derive(Debug)]
struct Drawing {
    law: Law,
    stream: Stream,
}

impl Drawing {
    fn draw<T: Float>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut rng = self.stream.generator(inputs)?;
        let mut output = output.into_view::<T>()?;
        let first = inputs[1].view::<T>()?;
        // A law of one parameter does not look at the second.
        let second = inputs.get(2).unwrap_or(&inputs[1]).view::<T>()?;
        for (((at, element), a), b) in output.indexed_iter_mut().zip(&first).zip(&second) {
            let drawn = self.law.draw([a.as_f64(), b.as_f64()], &mut rng);
            *element = T::from_f64(drawn.map_err(|error| at_element(error, at.slice()))?);
        }
        Ok(())
    }
}

/// The error with the place of the element, if it has one.
pub(super) fn at_element(error: KernelError, at: &[usize]) -> KernelError {
    match at {
        [] => error,
        at => KernelError::other(format!("{error}, at {at:?}")),
    }
}

impl Kernel for Drawing {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match inputs[1].dtype() {
            DType::F32 => self.draw::<f32>(inputs, output),
            _ => self.draw::<f64>(inputs, output),
        }
    }

    /// Parameters that no law has fail the run.
    fn must_run(&self) -> bool {
        true
    }
}

#[track_caller]
fn drawn<'g>(law: Law, operands: &[AnyTensor<'g>]) -> AnyTensor<'g> {
    let graph = operands[0].graph();
    graph.apply(Variate { law, own_seed: graph.own_seed() }, operands)
}

methods! {
    /// A draw of the gamma distribution of the rate 1 for each element, which is the shape α, anew in each run; by what,
    /// says [`random_uniform`](crate::Graph::random_uniform). For several draws of each, broadcast the shapes first.
    ///
    /// Gradient: that of the quantile that is drawn, -(∂F/∂α)/p with the distribution function F and the density p
    /// (Figurnov, Mohamed and Mnih, 2018), so gradients of means over draws are those of expectations. A shape that is not
    /// finite and above 0 fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let draws = g.fill([20_000], 3.0_f64).random_gamma();
    /// let mean = Session::new(&g)?.run(draws.reduce_mean(..))?.item()?;
    /// assert!((mean - 3.0).abs() < 0.1);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn random_gamma<Float>(x) -> Self {
        drawn(Law::Gamma, &[x])
    }

    /// The natural logarithm of a draw of the gamma distribution of the rate 1 for each element, which is the shape α, as
    /// [`random_gamma`](crate::Tensor::random_gamma) draws it. It has all its digits where the draw is too small for a
    /// float, which that of a small shape mostly is.
    ///
    /// Gradient: that of the quantile that is drawn. A shape that is not finite and above 0 fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let draws = g.fill([20_000], 1e-3_f64).random_log_gamma();
    /// let mean = Session::new(&g)?.run(draws.reduce_mean(..))?.item()?;
    /// assert!((mean / -1000.577 - 1.0).abs() < 0.05); // ψ(1e-3)
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn random_log_gamma<Float>(x) -> Self {
        drawn(Law::LogGamma, &[x])
    }

    /// A count of the Poisson distribution for each element, which is the rate, drawn anew in each run; by what, says
    /// [`random_uniform`](crate::Graph::random_uniform).
    ///
    /// No gradient passes. A rate that is not between 0 and 2⁵³ fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let draws = g.fill([20_000], 3.0_f64).random_poisson();
    /// let mean = Session::new(&g)?.run(draws.reduce_mean(..))?.item()?;
    /// assert!((mean - 3.0).abs() < 0.1);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn random_poisson<Float>(x) -> Self {
        drawn(Law::Poisson, &[x])
    }

    /// How many of so many trials succeed, for each element, which is the number of trials, with the probability of one to
    /// succeed beside it; drawn anew in each run, by what, says [`random_uniform`](crate::Graph::random_uniform). The two
    /// broadcast.
    ///
    /// No gradient passes. A number of trials that is not whole or not between 0 and 2⁵³, and a probability that is not
    /// between 0 and 1, fail the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let draws = g.fill([20_000], 10.0_f64).random_binomial(0.3);
    /// let mean = Session::new(&g)?.run(draws.reduce_mean(..))?.item()?;
    /// assert!((mean - 3.0).abs() < 0.1);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn random_binomial<Float>(x, probability: (Self)) -> Self {
        drawn(Law::Binomial, &[x, probability])
    }

    /// An angle of the von Mises distribution around 0 for each element, which is the concentration, drawn anew in each
    /// run; by what, says [`random_uniform`](crate::Graph::random_uniform). Angles are in radians, between -π and π.
    ///
    /// No gradient passes. A concentration that is not finite or negative fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let draws = g.fill([20_000], 4.0_f64).random_von_mises();
    /// let mean = Session::new(&g)?.run(draws.cos().reduce_mean(..))?.item()?;
    /// assert!((mean - 0.8635).abs() < 0.01); // I₁(4)/I₀(4)
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn random_von_mises<Float>(x) -> Self {
        drawn(Law::VonMises, &[x])
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use super::random::beside;
    vec![
        // No difference of draws shows the slope by the shape, so that stays as it is; means of draws do (`tests/special`).
        example!("random_gamma", &[&[2, 3]], |_, x| beside(x[0], x[0].stop_gradient().random_gamma()), |x| x
            [0]
        .clone())
        .within(0.1, 9.0),
        example!(
            "random_log_gamma",
            &[&[2, 3]],
            |_, x| beside(x[0], x[0].stop_gradient().random_log_gamma()),
            |x| x[0].clone()
        )
        .within(0.1, 9.0),
        example!("random_poisson", &[&[2, 3]], |_, x| beside(x[0], x[0].random_poisson()), |x| x[0].clone())
            .within(0.1, 9.0),
        example!("random_poisson of 0", &[&[4]], |_, x| x[0] + (x[0] * 0.0).random_poisson(), |x| x[0]
            .clone())
        .within(0.1, 9.0),
        example!(
            "random_binomial",
            &[&[2, 3]],
            |g, x| beside(x[0], g.constant(3.0).random_binomial(x[0])),
            |x| x[0].clone()
        )
        .within(0.1, 0.9),
        example!(
            "random_binomial that succeeds",
            &[&[4]],
            |_, x| x[0] + (x[0] * 0.0 + 5.0).random_binomial(1.0),
            |x| x[0].mapv(|x| x + 5.0)
        ),
        example!("random_von_mises", &[&[2, 3]], |_, x| beside(x[0], x[0].random_von_mises()), |x| x[0]
            .clone())
        .within(0.1, 9.0),
        example!("random_von_mises of none", &[&[0, 2]], |_, x| x[0].random_von_mises(), |x| x[0].clone())
            .within(0.1, 9.0),
    ]
}
