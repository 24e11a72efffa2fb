//! Random numbers: `random_uniform`, `random_normal`, `truncated_normal` and `bernoulli`, of given lengths or of
//! another tensor's.
//!
//! No generator keeps a state: the key of a node's generator in a run is made of the graph's seed, the node's own
//! seed or name, and the count of runs, so the same numbers come again wherever these are the same.

mod draw;
#[cfg(test)]
mod examples;

use crate::element::{DType, Element, Numeric};
use crate::error::Fault;
use crate::graph::Float;
use crate::graph::op::{Attribute, AttributeDef, AttributeValue, BroadcastLike, Elements, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Graph, Tensor};
use crate::ops::lengths::Lengths;
use crate::ops::numbers::{attribute, rounded};

pub use draw::RandomFault;
use draw::{Draw, Law};
pub(super) use draw::{Stream, happens};
#[cfg(test)]
pub(super) use examples::examples;

impl Graph {
    #[track_caller]
    fn drawn<'g>(
        &'g self,
        name: &'static str,
        law: Law,
        dtype: DType,
        shape: impl Into<Lengths<'g>>,
    ) -> AnyTensor<'g> {
        let lengths = shape.into();
        match lengths.numbers() {
            Some(lengths) => {
                let lengths = Some(lengths);
                self.apply(Draw { law, dtype, lengths, own_seed: self.own_seed() }, &[])
            }
            // Of the type of what is drawn, as the definitions of what is drawn like a tensor have it.
            None => self.scalar(0.0, dtype).broadcast_to(lengths).drawn_like(law, dtype, name),
        }
    }

    /// Numbers of a normal distribution, of a float type.
    #[track_caller]
    fn normally<'g>(
        &'g self,
        name: &'static str,
        dtype: DType,
        shape: impl Into<Lengths<'g>>,
        [mean, stddev]: [f64; 2],
        law: fn(f64, f64) -> Law,
    ) -> AnyTensor<'g> {
        if !dtype.is_float() {
            return self.invalid_any(name, Fault::ElementKind { expected: "a float type", found: dtype });
        }
        self.drawn(name, law(rounded(mean, dtype), rounded(stddev, dtype)), dtype, shape)
    }

    /// Numbers drawn evenly from [`low`, `high`), anew in each run; of integers, those from `low` to below `high`.
    ///
    /// What is drawn depends on the graph's seed, on the node's name, or on the seed and the place that
    /// [`seed_scope`](Graph::seed_scope) gives it, and on the [count of runs](crate::Session::run_count), and on
    /// nothing else: two sessions repeat each other, on any number of threads. The name is the one that the node has
    /// when it is first planned. A node gives one draw a run, however often it is used.
    ///
    /// Lengths may be [computed](crate::Length) out of those of tensors.
    ///
    /// No gradient passes. Bounds in the wrong order, or not finite, are build errors, and so are equal bounds
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
    #[doc(alias("rand", "uniform", "randint"))]
    #[track_caller]
    pub fn random_uniform<'g, T: Numeric>(
        &'g self,
        shape: impl Into<Lengths<'g>>,
        low: T,
        high: T,
    ) -> Tensor<'g, T> {
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
    pub fn random_uniform_any<'g>(
        &'g self,
        dtype: DType,
        shape: impl Into<Lengths<'g>>,
        low: impl AttributeValue,
        high: impl AttributeValue,
    ) -> AnyTensor<'g> {
        match Law::between(dtype, &low.into_attribute(), &high.into_attribute()) {
            Ok(law) => self.drawn("random_uniform", law, dtype, shape),
            Err(fault) => self.invalid_any("random_uniform", fault),
        }
    }

    /// Numbers of a normal distribution, drawn anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform).
    ///
    /// No gradient passes. A standard deviation that is negative, or a number that is not finite, is a build
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
    #[doc(alias("randn", "normal"))]
    #[track_caller]
    pub fn random_normal<'g, T: Float>(
        &'g self,
        shape: impl Into<Lengths<'g>>,
        mean: T,
        stddev: T,
    ) -> Tensor<'g, T> {
        self.random_normal_any(T::DTYPE, shape, mean.as_f64(), stddev.as_f64()).typed()
    }

    /// The same as [`random_normal`](Graph::random_normal) of a float type that is given as a value.
    #[track_caller]
    pub fn random_normal_any<'g>(
        &'g self,
        dtype: DType,
        shape: impl Into<Lengths<'g>>,
        mean: f64,
        stddev: f64,
    ) -> AnyTensor<'g> {
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
    pub fn truncated_normal<'g, T: Float>(
        &'g self,
        shape: impl Into<Lengths<'g>>,
        mean: T,
        stddev: T,
    ) -> Tensor<'g, T> {
        self.truncated_normal_any(T::DTYPE, shape, mean.as_f64(), stddev.as_f64()).typed()
    }

    /// The same as [`truncated_normal`](Graph::truncated_normal) of a float type that is given as a value.
    #[track_caller]
    pub fn truncated_normal_any<'g>(
        &'g self,
        dtype: DType,
        shape: impl Into<Lengths<'g>>,
        mean: f64,
        stddev: f64,
    ) -> AnyTensor<'g> {
        let law = |mean, stddev| Law::TruncatedNormal { mean, stddev };
        self.normally("truncated_normal", dtype, shape, [mean, stddev], law)
    }

    /// Booleans, each `true` with the given probability, drawn anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform). The probability is a number, or a tensor or variable that broadcasts to the
    /// shape; of a tensor of probabilities `p`, one for each element, it is also [`p.bernoulli()`](crate::Tensor::bernoulli).
    ///
    /// No gradient passes. A number that is no probability is a build error; an element of a tensor that is none fails the
    /// run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let heads = g.bernoulli([10_000], 0.5).cast::<f64>().reduce_mean(..);
    /// assert!((Session::new(&g)?.run(heads)?.sum() - 0.5).abs() < 0.05);
    ///
    /// let p = g.non_trainable_variable("p", 1.0_f32);
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(g.bernoulli([2], p))?, ndarray::arr1(&[true, true]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn bernoulli<'g>(
        &'g self,
        shape: impl Into<Lengths<'g>>,
        probability: impl AnyOperand<'g>,
    ) -> Tensor<'g, bool> {
        if let Some(probability) = probability.number() {
            return self.drawn("bernoulli", Law::Bernoulli { probability }, DType::Bool, shape).typed();
        }
        let probabilities = probability.into_any(self, DType::F64);
        if !probabilities.is_of(self) {
            return self.invalid("bernoulli", Fault::OtherGraph { operand: 0 });
        }
        probabilities.broadcast_to(shape).bernoulli().named("bernoulli").typed()
    }
}

impl<'g> AnyTensor<'g> {
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
            Err(fault) => self.graph().invalid_any("random_uniform_like", fault),
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

    /// The same as [`Tensor::bernoulli_like`].
    #[track_caller]
    pub fn bernoulli_like(self, probability: impl AnyOperand<'g>) -> Self {
        #[cfg(test)]
        super::laws::called("bernoulli_like");
        if let Some(probability) = probability.number() {
            return self.drawn_like(Law::Bernoulli { probability }, DType::Bool, "bernoulli");
        }
        let probabilities = probability.into_any(self.graph(), DType::F64);
        probabilities.binary(BroadcastLike, self).bernoulli().named("bernoulli")
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// As many booleans as this tensor has elements, as [`Graph::bernoulli`] draws them; the elements do not
    /// matter. The shape may be unknown while building. The probability is a number, or a tensor or variable that
    /// broadcasts to the shape.
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
    #[track_caller]
    pub fn bernoulli_like(self, probability: impl AnyOperand<'g>) -> Tensor<'g, bool> {
        self.any().bernoulli_like(probability).typed()
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[
    RANDOM_UNIFORM,
    RANDOM_NORMAL,
    TRUNCATED_NORMAL,
    BERNOULLI,
    RANDOM_UNIFORM_LIKE,
    RANDOM_NORMAL_LIKE,
    BERNOULLI_LIKE,
]];

const DTYPE: AttributeDef = AttributeDef::of::<DType>("dtype");
const SHAPE: AttributeDef = AttributeDef::of::<Vec<usize>>("shape");
const MEAN: AttributeDef = AttributeDef::of::<f64>("mean");
const STDDEV: AttributeDef = AttributeDef::of::<f64>("stddev");
const LOW: AttributeDef = AttributeDef::of::<Attribute>("low");
const HIGH: AttributeDef = AttributeDef::of::<Attribute>("high");

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

/// The definition of numbers that have a mean and a standard deviation, by the method that draws them.
macro_rules! normal {
    ($name:literal, $method:ident, $doc:literal) => {
        OpDef {
            name: $name,
            doc: $doc,
            operands: &[],
            attributes: &[DTYPE, SHAPE, MEAN, STDDEV],
            build: |graph, _, given| {
                let (dtype, shape): (DType, Vec<usize>) = (given.value("dtype")?, given.value("shape")?);
                Ok(vec![graph.$method(dtype, shape, given.value("mean")?, given.value("stddev")?)])
            },
        }
    };
}

const RANDOM_NORMAL: OpDef =
    normal!("random_normal", random_normal_any, "Numbers of a normal distribution, drawn anew in each run.");

const TRUNCATED_NORMAL: OpDef = normal!(
    "truncated_normal",
    truncated_normal_any,
    "Numbers of a normal distribution, none beyond two standard deviations from the mean."
);

const BERNOULLI: OpDef = OpDef {
    name: "bernoulli",
    doc: "Booleans, each `true` with the given probability, drawn anew in each run.",
    operands: &[],
    attributes: &[SHAPE, AttributeDef::of::<f64>("probability")],
    build: |graph, _, given| {
        let shape: Vec<usize> = given.value("shape")?;
        Ok(vec![graph.bernoulli(shape, given.value::<f64>("probability")?).any()])
    },
};

const BERNOULLI_LIKE: OpDef = OpDef {
    name: "bernoulli_like",
    doc: "As many booleans as the tensor has elements, each `true` with the given probability, drawn anew in each run.",
    operands: &[OperandDef::one("x", Elements::Element)],
    attributes: &[AttributeDef::of::<f64>("probability")],
    build: |_, operands, given| {
        let probability: f64 = given.value("probability")?;
        Ok(operands.iter().map(|x| x.bernoulli_like(probability)).collect())
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

/// What is drawn like a tensor, and no method draws.
pub(super) const INTERNAL: &[OpDef] = &[OpDef {
    name: "truncated_normal_like",
    doc: "",
    operands: &[OperandDef::one("x", Elements::Float)],
    attributes: &[MEAN, STDDEV],
    build: |_, operands, given| {
        let law = Law::TruncatedNormal { mean: given.value("mean")?, stddev: given.value("stddev")? };
        Ok(operands.iter().map(|x| x.drawn_like(law, x.dtype(), "truncated_normal")).collect())
    },
}];

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
