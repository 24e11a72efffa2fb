//! [`Draw`]: the node of random numbers, by what law they are drawn, and the kernel that draws them.

use ndarray::ArrayViewMutD;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, Uniform};

use crate::element::{ArrayMut, ArrayRef, DType, Numeric, Value, with_number};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::Float;
use crate::graph::op::{Attribute, Attributes, Op};
use crate::initializer::seed_for;
use crate::ir::{Dims, Kernel, KernelError, Lowering, ScalarValue, Val};
use crate::ops::numbers::{no_number, number};
use crate::shape::TensorType;

/// What tells the numbers of one node from those of all others.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Stream([u64; 3]);

impl Stream {
    /// The stream of the node that is being lowered, which may have a seed of its own.
    pub(in crate::ops) fn of(own_seed: Option<[u64; 2]>, to: &mut Lowering<'_>) -> Self {
        // No block has so many random nodes that a name could be taken for a place among them.
        let [seed, place] = own_seed.unwrap_or_else(|| [seed_for(0, to.identity().name), u64::MAX]);
        Stream([to.seed(), seed, place])
    }

    /// The generator for a run, before which there were as many as the first input of the kernel says.
    pub(in crate::ops) fn generator(self, inputs: &[ArrayRef<'_>]) -> Result<ChaCha8Rng, KernelError> {
        let runs: i64 = inputs[0].view()?.sum();
        let [graph, seed, place] = self.0;
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([graph, seed, place, runs as u64]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Ok(ChaCha8Rng::from_seed(key))
    }
}

/// Sets each element to the next number, in row-major order.
fn fill<T>(mut output: ArrayViewMutD<'_, T>, mut next: impl FnMut() -> T) {
    output.iter_mut().for_each(|element| *element = next());
}

/// Where the numbers lie, and how densely.
#[derive(Clone, Copy, Debug)]
pub(super) enum Law {
    /// Evenly in [low, high).
    Uniform {
        low: f64,
        high: f64,
    },
    /// Evenly among the integers from `low` to below `high`.
    Integers {
        low: i64,
        high: i64,
    },
    Normal {
        mean: f64,
        stddev: f64,
    },
    /// Normal, and nothing beyond two standard deviations.
    TruncatedNormal {
        mean: f64,
        stddev: f64,
    },
    /// `true` with this probability.
    Bernoulli {
        probability: f64,
    },
}

/// What can be wrong with a distribution of random numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RandomFault {
    /// Numbers that bound no range: in the wrong order, not finite, or for integers equal.
    #[error("expected a finite range of numbers, the least one first, got {low} to {high}")]
    Range {
        /// The least number, as it is printed.
        low: String,
        /// The number above.
        high: String,
    },
    /// A mean that is not finite, or a standard deviation that is not or is negative.
    #[error("expected a finite mean and a finite standard deviation of at least 0, got {mean} and {stddev}")]
    Normal {
        /// The mean, as it is printed.
        mean: String,
        /// The standard deviation.
        stddev: String,
    },
    /// A number expected a probability between 0 and 1, got that.
    #[error("expected a probability between 0 and 1, got {probability}")]
    Probability {
        /// The number, as it is printed.
        probability: String,
    },
}

impl Law {
    /// Evenly between two numbers of an element type.
    pub(super) fn between(dtype: DType, low: &Attribute, high: &Attribute) -> Result<Self, Fault> {
        with_number!(dtype, T => {
            Ok(Law::evenly::<T>(number("low", low)?, number("high", high)?))
        }, else { Err(no_number(dtype)) })
    }

    fn evenly<T: Numeric>(low: T, high: T) -> Self {
        match [low, high].map(|number| ScalarValue::of(&Value::scalar(number))) {
            [ScalarValue::I32(low), ScalarValue::I32(high)] => {
                Law::Integers { low: low.into(), high: high.into() }
            }
            [ScalarValue::I64(low), ScalarValue::I64(high)] => Law::Integers { low, high },
            [low, high] => Law::Uniform { low: low.to_f64(), high: high.to_f64() },
        }
    }

    fn check(self) -> Result<(), Fault> {
        match self {
            // The difference of numbers of opposite signs may be beyond the largest number.
            Law::Uniform { low, high } if !((high - low).is_finite() && low <= high) => {
                Err(Fault::op(RandomFault::Range { low: low.to_string(), high: high.to_string() }))
            }
            Law::Integers { low, high } if low >= high => {
                Err(Fault::op(RandomFault::Range { low: low.to_string(), high: high.to_string() }))
            }
            Law::Normal { mean, stddev } | Law::TruncatedNormal { mean, stddev }
                if !(mean.is_finite() && stddev.is_finite() && stddev >= 0.0) =>
            {
                Err(Fault::op(RandomFault::Normal { mean: mean.to_string(), stddev: stddev.to_string() }))
            }
            Law::Bernoulli { probability } if !(0.0..=1.0).contains(&probability) => {
                Err(Fault::op(RandomFault::Probability { probability: probability.to_string() }))
            }
            _ => Ok(()),
        }
    }

    fn fill_floats<T: Float>(
        self,
        rng: &mut ChaCha8Rng,
        output: ArrayViewMutD<'_, T>,
    ) -> Result<(), KernelError> {
        let round = <T as Numeric>::from_f64;
        match self {
            Law::Uniform { low, high } if low < high => {
                let uniform = Uniform::new(low, high).map_err(KernelError::other)?;
                // A number that rounds up to the bound is drawn again.
                let mut next = || round(uniform.sample(rng));
                fill(output, || {
                    loop {
                        let number = next();
                        if number.as_f64() < high {
                            break number;
                        }
                    }
                });
            }
            Law::Uniform { low, .. } => fill(output, || round(low)),
            Law::Normal { mean, stddev } => {
                let mut standard = || -> f64 { StandardNormal.sample(rng) };
                fill(output, || round(mean + stddev * standard()));
            }
            Law::TruncatedNormal { mean, stddev } => {
                let mut standard = || -> f64 { StandardNormal.sample(rng) };
                fill(output, || {
                    loop {
                        let number = standard();
                        if number.abs() <= 2.0 {
                            break round(mean + stddev * number);
                        }
                    }
                });
            }
            // These have no floats.
            Law::Integers { .. } | Law::Bernoulli { .. } => {}
        }
        Ok(())
    }
}

/// Independent draws by one law. They have these lengths, or else those of the input, of which only the shape
/// counts.
#[derive(Debug)]
pub(super) struct Draw {
    pub(super) law: Law,
    pub(super) dtype: DType,
    pub(super) lengths: Option<Vec<usize>>,
    pub(super) own_seed: Option<[u64; 2]>,
}

impl Op for Draw {
    fn name(&self) -> &'static str {
        match (self.law, &self.lengths) {
            (Law::Uniform { .. } | Law::Integers { .. }, Some(_)) => "random_uniform",
            (Law::Uniform { .. } | Law::Integers { .. }, None) => "random_uniform_like",
            (Law::Normal { .. }, Some(_)) => "random_normal",
            (Law::Normal { .. }, None) => "random_normal_like",
            (Law::TruncatedNormal { .. }, Some(_)) => "truncated_normal",
            (Law::TruncatedNormal { .. }, None) => "truncated_normal_like",
            (Law::Bernoulli { .. }, Some(_)) => "bernoulli",
            (Law::Bernoulli { .. }, None) => "bernoulli_like",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.law.check()?;
        Ok(match &self.lengths {
            Some(lengths) => TensorType::new(self.dtype, lengths),
            None => TensorType::new(self.dtype, &inputs[0].shape),
        })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(self.lengths.as_deref().unwrap_or_else(|| to.dims(inputs[0])));
        let (stream, runs) = (Stream::of(self.own_seed, to), to.run_count());
        to.kernel(Drawing { law: self.law, stream }, &[runs], self.dtype, dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        let attributes = match (&self.lengths, self.law) {
            (None, _) => Attributes::new(),
            (Some(lengths), Law::Bernoulli { .. }) => Attributes::new().with("shape", lengths.clone()),
            (Some(lengths), _) => Attributes::new().with("dtype", self.dtype).with("shape", lengths.clone()),
        };
        match self.law {
            Law::Uniform { low, high } => attributes.with("low", low).with("high", high),
            Law::Integers { low, high } => attributes.with("low", low).with("high", high),
            Law::Normal { mean, stddev } | Law::TruncatedNormal { mean, stddev } => {
                attributes.with("mean", mean).with("stddev", stddev)
            }
            Law::Bernoulli { probability } => attributes.with("probability", probability),
        }
    }
}

/// Fills the output with the draws of a run.
#[derive(Debug)]
struct Drawing {
    law: Law,
    stream: Stream,
}

impl Kernel for Drawing {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut rng = self.stream.generator(inputs)?;
        match (self.law, output) {
            (Law::Integers { low, high }, output) => {
                let uniform = Uniform::new(low, high).map_err(KernelError::other)?;
                match output {
                    // The bounds were of this type, and so is what lies between them.
                    ArrayMut::I32(output) => fill(output, || uniform.sample(&mut rng) as i32),
                    output => fill(output.into_view()?, || uniform.sample(&mut rng)),
                }
                Ok(())
            }
            (Law::Bernoulli { probability }, output) => {
                fill(output.into_view()?, || happens(&mut rng, probability));
                Ok(())
            }
            (law, ArrayMut::F32(output)) => law.fill_floats(&mut rng, output),
            (law, output) => law.fill_floats::<f64>(&mut rng, output.into_view()?),
        }
    }
}

/// Whether something of this probability happens this time: never if it is 0, always if it is 1.
pub(in crate::ops) fn happens(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}
