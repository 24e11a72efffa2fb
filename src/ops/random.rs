//! Random numbers: `random_uniform`, `random_normal`, `truncated_normal` and `bernoulli`, of given lengths or of
//! another tensor's.
//!
//! No generator keeps a state: the key of a node's generator in a run is made of the graph's seed, the node's own
//! seed or name, and the count of runs, so the same numbers come again wherever these are the same.

use ndarray::ArrayViewMutD;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal, Uniform};

use crate::element::{ArrayMut, ArrayRef, DType, Float, Numeric, Value, with_number};
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::{
    Attribute, AttributeDef, AttributeValue, Attributes, Elements, Op, OpDef, OperandDef,
};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::initializer::seed_for;
use crate::ir::{Dims, Kernel, KernelError, Lowering, ScalarValue, Val};
use crate::ops::methods::methods;
use crate::ops::numbers::{attribute, no_number, number, rounded};
use crate::shape::TensorType;

/// What tells the numbers of one node from those of all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream([u64; 3]);

impl Stream {
    /// The stream of the node that is being lowered, which may have a seed of its own.
    pub(super) fn of(own_seed: Option<[u64; 2]>, to: &Lowering<'_>) -> Self {
        let identity = to.identity();
        // No block has so many random nodes that a name could be taken for a place among them.
        let [seed, place] = own_seed.unwrap_or_else(|| [seed_for(0, identity.name), u64::MAX]);
        Stream([identity.seed, seed, place])
    }

    /// The generator for a run, before which there were as many as the first input of the kernel says.
    pub(super) fn generator(self, inputs: &[ArrayRef<'_>]) -> Result<ChaCha8Rng, KernelError> {
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
pub(super) fn fill<T>(mut output: ArrayViewMutD<'_, T>, mut next: impl FnMut() -> T) {
    output.iter_mut().for_each(|element| *element = next());
}

/// Where the numbers lie, and how densely.
#[derive(Clone, Copy, Debug)]
enum Law {
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

impl Law {
    /// Evenly between two numbers of an element type.
    fn between(dtype: DType, low: &Attribute, high: &Attribute) -> Result<Self, Mistake> {
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

    fn check(self) -> Result<(), Mistake> {
        match self {
            // The difference of numbers of opposite signs may be beyond the largest number.
            Law::Uniform { low, high } if !((high - low).is_finite() && low <= high) => {
                Err(Mistake::RandomRange { low: low.to_string(), high: high.to_string() })
            }
            Law::Integers { low, high } if low >= high => {
                Err(Mistake::RandomRange { low: low.to_string(), high: high.to_string() })
            }
            Law::Normal { mean, stddev } | Law::TruncatedNormal { mean, stddev }
                if !(mean.is_finite() && stddev.is_finite() && stddev >= 0.0) =>
            {
                Err(Mistake::RandomNormal { mean: mean.to_string(), stddev: stddev.to_string() })
            }
            Law::Bernoulli { probability } if !(0.0..=1.0).contains(&probability) => {
                Err(Mistake::Probability { probability: probability.to_string() })
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
struct Draw {
    law: Law,
    dtype: DType,
    lengths: Option<Vec<usize>>,
    own_seed: Option<[u64; 2]>,
}

impl Op for Draw {
    fn name(&self) -> &'static str {
        match (self.law, &self.lengths) {
            (Law::Uniform { .. } | Law::Integers { .. }, Some(_)) => "random_uniform",
            (Law::Uniform { .. } | Law::Integers { .. }, None) => "random_uniform_like",
            (Law::Normal { .. }, Some(_)) => "random_normal",
            (Law::Normal { .. }, None) => "random_normal_like",
            (Law::TruncatedNormal { .. }, _) => "truncated_normal",
            (Law::Bernoulli { .. }, Some(_)) => "bernoulli",
            (Law::Bernoulli { .. }, None) => "bernoulli_like",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        self.law.check()?;
        Ok(match &self.lengths {
            Some(lengths) => TensorType::new(self.dtype, lengths),
            None => TensorType::new(self.dtype, &inputs[0].shape),
        })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(self.lengths.as_deref().unwrap_or_else(|| to.dims(inputs[0])));
        let (stream, runs) = (Stream::of(self.own_seed, to), to.run_count());
        to.compute(Drawing { law: self.law, stream }, &[runs], self.dtype, dims)
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
pub(super) fn happens(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

impl Graph {
    #[track_caller]
    fn drawn(&self, law: Law, dtype: DType, shape: impl Into<Vec<usize>>) -> AnyTensor<'_> {
        self.apply(Draw { law, dtype, lengths: Some(shape.into()), own_seed: self.own_seed() }, &[])
    }

    /// Numbers of a normal distribution, of a float type.
    #[track_caller]
    fn normally(
        &self,
        name: &'static str,
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        [mean, stddev]: [f64; 2],
        law: fn(f64, f64) -> Law,
    ) -> AnyTensor<'_> {
        if !dtype.is_float() {
            return self.invalid(name, Mistake::ElementKind { expected: "a float type", found: dtype });
        }
        self.drawn(law(rounded(mean, dtype), rounded(stddev, dtype)), dtype, shape)
    }

    /// Numbers drawn evenly from [`low`, `high`), anew in each run; of integers, those from `low` to below `high`.
    ///
    /// What is drawn depends on the graph's seed, on the node's name, or on the seed and the place that
    /// [`seed_scope`](Graph::seed_scope) gives it, and on the [count of runs](crate::Session::run_count), and on
    /// nothing else: two sessions repeat each other, on any number of threads. The name is the one that the node has
    /// when it is first planned. A node gives one draw a run, however often it is used.
    ///
    /// No gradient passes. Bounds in the wrong order, or not finite, are building errors, and so are equal bounds
    /// of integers; floats are all `low` then.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::with_seed(7);
    /// let (x, dice) = (g.random_uniform([2, 3], -1.0_f64, 1.0), g.random_uniform([10], 1_i64, 7));
    /// let [a, b] = [Session::new(&g)?, Session::new(&g)?];
    /// let (first, thrown) = a.run((x, dice))?;
    /// assert!(first.iter().all(|x| (-1.0..1.0).contains(x)) && thrown.iter().all(|x| (1..7).contains(x)));
    /// assert_eq!(first, b.run(x)?);
    /// assert_ne!(first, a.run(x)?);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn random_uniform<T: Numeric>(&self, shape: impl Into<Vec<usize>>, low: T, high: T) -> Tensor<'_, T> {
        self.random_uniform_any(T::DTYPE, shape, attribute(low), attribute(high)).typed()
    }

    /// The same as [`random_uniform`](Graph::random_uniform) of an element type that is given as a value; it must be one
    /// of numbers, and the bounds integers where it is one of integers.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// assert_eq!(g.random_uniform_any(DType::I32, [3], 1_i64, 7_i64).dtype(), DType::I32);
    /// g.check()?;
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn random_uniform_any(
        &self,
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        low: impl AttributeValue,
        high: impl AttributeValue,
    ) -> AnyTensor<'_> {
        match Law::between(dtype, &low.into_attribute(), &high.into_attribute()) {
            Ok(law) => self.drawn(law, dtype, shape),
            Err(mistake) => self.invalid("random_uniform", mistake),
        }
    }

    /// Numbers of a normal distribution, drawn anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform).
    ///
    /// No gradient passes. A standard deviation that is negative, or a number that is not finite, is a building
    /// error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let noise = g.random_normal([10_000], 3.0_f64, 0.5);
    /// let mean = Session::new(&g)?.run(noise.reduce_mean(..))?.sum();
    /// assert!((mean - 3.0).abs() < 0.05);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn random_normal<T: Float>(&self, shape: impl Into<Vec<usize>>, mean: T, stddev: T) -> Tensor<'_, T> {
        self.random_normal_any(T::DTYPE, shape, mean.as_f64(), stddev.as_f64()).typed()
    }

    /// The same as [`random_normal`](Graph::random_normal) of a float type that is given as a value.
    #[track_caller]
    pub fn random_normal_any(
        &self,
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        mean: f64,
        stddev: f64,
    ) -> AnyTensor<'_> {
        let law = |mean, stddev| Law::Normal { mean, stddev };
        self.normally("random_normal", dtype, shape, [mean, stddev], law)
    }

    /// Numbers of a normal distribution, those beyond two standard deviations from the mean drawn again, so that
    /// none lies there. Else as [`random_normal`](Graph::random_normal).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let start = g.truncated_normal([10_000], 0.0_f64, 0.1);
    /// let largest = Session::new(&g)?.run(start.reduce_max(..))?.sum();
    /// assert!(largest <= 0.2);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn truncated_normal<T: Float>(
        &self,
        shape: impl Into<Vec<usize>>,
        mean: T,
        stddev: T,
    ) -> Tensor<'_, T> {
        self.truncated_normal_any(T::DTYPE, shape, mean.as_f64(), stddev.as_f64()).typed()
    }

    /// The same as [`truncated_normal`](Graph::truncated_normal) of a float type that is given as a value.
    #[track_caller]
    pub fn truncated_normal_any(
        &self,
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        mean: f64,
        stddev: f64,
    ) -> AnyTensor<'_> {
        let law = |mean, stddev| Law::TruncatedNormal { mean, stddev };
        self.normally("truncated_normal", dtype, shape, [mean, stddev], law)
    }

    /// Truth values, each `true` with the given probability, drawn anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform). Where each element has a probability of its own, see
    /// [`bernoulli`](crate::Tensor::bernoulli).
    ///
    /// A probability that is none is a building error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let heads = g.bernoulli([10_000], 0.5).cast::<f64>().reduce_mean(..);
    /// assert!((Session::new(&g)?.run(heads)?.sum() - 0.5).abs() < 0.05);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn bernoulli(&self, shape: impl Into<Vec<usize>>, probability: f64) -> Tensor<'_, bool> {
        self.drawn(Law::Bernoulli { probability }, DType::Bool, shape).typed()
    }
}

impl AnyTensor<'_> {
    /// As many draws as this tensor has elements. The node is named as one that is told its lengths.
    #[track_caller]
    fn drawn_like(self, law: Law, dtype: DType, name: &str) -> Self {
        self.unary(Draw { law, dtype, lengths: None, own_seed: self.graph().own_seed() }).named(name)
    }

    /// The same as [`Tensor::random_uniform_like`]; element types are checked when the node is built, and the bounds
    /// must be integers where the elements are.
    #[track_caller]
    pub fn random_uniform_like(self, low: impl AttributeValue, high: impl AttributeValue) -> Self {
        let (low, high) = (low.into_attribute(), high.into_attribute());
        let dtype = match (self.is_invalid(), &low) {
            (false, _) => self.dtype(),
            // What is invalid is reported itself, and has no element type for the bounds.
            (true, Attribute::Int(_)) => DType::I64,
            (true, _) => DType::F64,
        };
        match Law::between(dtype, &low, &high) {
            Ok(law) => self.drawn_like(law, dtype, "random_uniform"),
            Err(mistake) => self.graph().invalid("random_uniform_like", mistake),
        }
    }

    /// The same as [`Tensor::random_normal_like`]; element types are checked when the node is built.
    #[track_caller]
    pub fn random_normal_like(self, mean: f64, stddev: f64) -> Self {
        let dtype = self.dtype();
        if let Some(invalid) = Elements::Float.refuse("random_normal_like", self, dtype) {
            return invalid;
        }
        let law = Law::Normal { mean: rounded(mean, dtype), stddev: rounded(stddev, dtype) };
        self.drawn_like(law, dtype, "random_normal")
    }
}

methods! {
    /// As many truth values as this tensor has elements, as [`Graph::bernoulli`] draws them; the elements do not
    /// matter. The shape may be unknown while building.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let dropped = x.bernoulli_like(0.25).select(0.0, x / 0.75);
    /// let y = Session::new(&g)?.feed(x, &ndarray::Array1::ones(10_000)).run(dropped.reduce_mean(..))?;
    /// assert!((y.sum() - 1.0).abs() < 0.05);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn bernoulli_like<Element>(x, probability: f64) -> bool {
        x.drawn_like(Law::Bernoulli { probability }, DType::Bool, "bernoulli")
    }

    also [RANDOM_UNIFORM, RANDOM_NORMAL, TRUNCATED_NORMAL, BERNOULLI, RANDOM_UNIFORM_LIKE, RANDOM_NORMAL_LIKE]
}

const DTYPE: AttributeDef = AttributeDef::new("dtype", DType::KIND);
const SHAPE: AttributeDef = AttributeDef::new("shape", <Vec<usize> as AttributeValue>::KIND);
const MEAN: AttributeDef = AttributeDef::new("mean", f64::KIND);
const STDDEV: AttributeDef = AttributeDef::new("stddev", f64::KIND);
const LOW: AttributeDef = AttributeDef::new("low", Attribute::KIND);
const HIGH: AttributeDef = AttributeDef::new("high", Attribute::KIND);

const RANDOM_UNIFORM: OpDef = OpDef {
    name: "random_uniform",
    doc: "Numbers drawn evenly from [`low`, `high`), anew in each run; of integers, those from `low` to below `high`.",
    operands: &[],
    attributes: &[DTYPE, SHAPE, LOW, HIGH],
    build: |graph, _, given| {
        let (dtype, shape): (DType, Vec<usize>) = (given.value("dtype")?, given.value("shape")?);
        let (low, high): (Attribute, Attribute) = (given.value("low")?, given.value("high")?);
        Ok(vec![graph.random_uniform_any(dtype, shape, low, high)])
    },
};

const RANDOM_NORMAL: OpDef = OpDef {
    name: "random_normal",
    doc: "Numbers of a normal distribution, drawn anew in each run.",
    operands: &[],
    attributes: &[DTYPE, SHAPE, MEAN, STDDEV],
    build: |graph, _, given| {
        let (dtype, shape): (DType, Vec<usize>) = (given.value("dtype")?, given.value("shape")?);
        Ok(vec![graph.random_normal_any(dtype, shape, given.value("mean")?, given.value("stddev")?)])
    },
};

const TRUNCATED_NORMAL: OpDef = OpDef {
    name: "truncated_normal",
    doc: "Numbers of a normal distribution, none beyond two standard deviations from the mean.",
    operands: &[],
    attributes: &[DTYPE, SHAPE, MEAN, STDDEV],
    build: |graph, _, given| {
        let (dtype, shape): (DType, Vec<usize>) = (given.value("dtype")?, given.value("shape")?);
        Ok(vec![graph.truncated_normal_any(dtype, shape, given.value("mean")?, given.value("stddev")?)])
    },
};

const BERNOULLI: OpDef = OpDef {
    name: "bernoulli",
    doc: "Truth values, each `true` with the given probability, drawn anew in each run.",
    operands: &[],
    attributes: &[SHAPE, AttributeDef::new("probability", f64::KIND)],
    build: |graph, _, given| {
        let shape: Vec<usize> = given.value("shape")?;
        Ok(vec![graph.bernoulli(shape, given.value("probability")?).any()])
    },
};

const RANDOM_UNIFORM_LIKE: OpDef = OpDef {
    name: "random_uniform_like",
    doc: "As many numbers as the tensor has elements, drawn evenly from [`low`, `high`) anew in each run.",
    operands: &[OperandDef::one("x", Elements::Numeric)],
    attributes: &[LOW, HIGH],
    build: |_, operands, given| {
        let (low, high): (Attribute, Attribute) = (given.value("low")?, given.value("high")?);
        Ok(operands.iter().map(|x| x.random_uniform_like(low.clone(), high.clone())).collect())
    },
};

const RANDOM_NORMAL_LIKE: OpDef = OpDef {
    name: "random_normal_like",
    doc: "As many numbers of a normal distribution as the tensor has elements, drawn anew in each run.",
    operands: &[OperandDef::one("x", Elements::Float)],
    attributes: &[MEAN, STDDEV],
    build: |_, operands, given| {
        let (mean, stddev): (f64, f64) = (given.value("mean")?, given.value("stddev")?);
        Ok(operands.iter().map(|x| x.random_normal_like(mean, stddev)).collect())
    },
};

impl<T: Numeric> Tensor<'_, T> {
    /// As many numbers as this tensor has elements, as [`Graph::random_uniform`] draws them; the elements do not
    /// matter. The shape may be unknown while building.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(2)]);
    /// let noise = x.random_uniform_like(0.0, 1.0);
    /// let noise = Session::new(&g)?.feed(x, &ndarray::Array2::zeros((5, 2))).run(noise)?;
    /// assert_eq!(noise.shape(), [5, 2]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn random_uniform_like(self, low: T, high: T) -> Self {
        self.any().random_uniform_like(attribute(low), attribute(high)).typed()
    }
}

impl<T: Float> Tensor<'_, T> {
    /// As many numbers as this tensor has elements, as [`Graph::random_normal`] draws them; the elements do not
    /// matter. The shape may be unknown while building.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None]);
    /// let noisy = x + x.random_normal_like(0.0, 0.1);
    /// assert_eq!(noisy.shape().to_string(), "[?]");
    /// ```
    #[track_caller]
    pub fn random_normal_like(self, mean: T, stddev: T) -> Self {
        self.any().random_normal_like(mean.as_f64(), stddev.as_f64()).typed()
    }
}

/// The tensor, which a draw cannot change.
#[cfg(test)]
pub(super) fn beside<'g, T: Float>(x: Tensor<'g, T>, draw: Tensor<'g, T>) -> Tensor<'g, T> {
    x + draw * <T as Numeric>::from_f64(0.0)
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3][..], &[0, 3], &[1], &[]] {
        examples.extend([
            example!(
                "random_uniform_like",
                &[dims],
                |_, x| beside(x[0], x[0].random_uniform_like(-1.0, 2.0)),
                |x| x[0].clone()
            ),
            example!(
                "random_normal_like",
                &[dims],
                |_, x| beside(x[0], x[0].random_normal_like(1.0, 2.0)),
                |x| x[0].clone()
            ),
            example!("bernoulli_like", &[dims], |_, x| beside(x[0], x[0].bernoulli_like(0.5).cast()), |x| x
                [0]
            .clone()),
        ]);
    }
    examples.extend([
        example!("random_uniform", &[&[2, 3]], |g, x| beside(x[0], g.random_uniform([3], 0.0, 1.0)), |x| x
            [0]
        .clone()),
        example!(
            "random_uniform of integers",
            &[&[2]],
            |g, x| beside(x[0], g.random_uniform([2], 0_i64, 3).cast()),
            |x| x[0].clone()
        ),
        example!(
            "random_uniform at one place",
            &[&[2]],
            |g, x| x[0] + g.random_uniform([2], 0.5, 0.5),
            |x| &x[0] + 0.5
        ),
        example!("random_normal", &[&[3]], |g, x| beside(x[0], g.random_normal([2, 1], 0.0, 1.0)), |x| {
            x[0].broadcast(ndarray::IxDyn(&[2, 3])).unwrap().to_owned()
        }),
        example!("random_normal at one place", &[&[2]], |g, x| x[0] * g.random_normal([], 1.5, 0.0), |x| &x
            [0]
            * 1.5),
        example!("truncated_normal", &[&[2]], |g, x| beside(x[0], g.truncated_normal([], 0.0, 1.0)), |x| x
            [0]
        .clone()),
        example!(
            "bernoulli of certainties",
            &[&[2]],
            |g, x| x[0] + (g.bernoulli([2], 1.0).cast() - g.bernoulli([], 0.0).cast()),
            |x| &x[0] + 1.0
        ),
    ]);
    examples
}
