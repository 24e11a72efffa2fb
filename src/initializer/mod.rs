//! How variables start: arrays and scalars, constants of a shape, and random draws.
//!
//! Random draws depend on the graph's seed and the variable's name only, so two sessions of a graph,
//! or two graphs with the same seed, start alike.
//!
//! | initializer | elements | for |
//! |---|---|---|
//! | [`zeros`], [`ones`], [`full`] | one number | biases, scales |
//! | [`random_uniform`], [`random_normal`], [`truncated_normal`] | as asked for | |
//! | [`glorot_uniform`], [`glorot_normal`] | variance 2 / (fan in + fan out) | tanh, sigmoid, linear layers |
//! | [`he_uniform`], [`he_normal`] | variance 2 / fan in | relu |
//! | [`lecun_uniform`], [`lecun_normal`] | variance 1 / fan in | selu |
//! | [`orthogonal`] | orthonormal columns or rows | recurrent layers |
//!
//! The fans are those of TensorFlow: of a shape `[.., in, out]` fan in is `in` and fan out is `out`, each times the
//! lengths before them (the window of a convolution's kernel); of a vector both are its length.

mod orthogonal;
mod rule;
mod start;

use std::sync::Arc;

use crate::element::{Element, IntoValue, Numeric};
use crate::error::Fault;
use crate::shape::Shape;

use rule::Rule;

pub(crate) use start::StartingValue;

/// What can be wrong with an initializer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InitializerFault {
    /// It defines no elements.
    #[error("{initializer}: expected {expected}, got {found}")]
    Parameters {
        /// Name of the initializer.
        initializer: &'static str,
        /// What it needs.
        expected: &'static str,
        /// What it has.
        found: String,
    },
}

/// What a variable can start from: an ndarray array or view, a scalar, a list of elements, or an [`Initializer`].
#[diagnostic::on_unimplemented(
    message = "no variable of `{T}` can start from `{Self}`",
    label = "expected an array or a number of `{T}`, or an initializer",
    note = "a shape alone does not say what the elements are: `g.variable::<f32>(\"w\", zeros([2, 3]))`",
    note = "arrays are not converted: `array.mapv(f64::from)`"
)]
pub trait Start<T: Element> {
    #[doc(hidden)]
    fn into_starting_value(self) -> Result<StartingValue, Fault>;
}

#[diagnostic::do_not_recommend]
impl<T: Element, V: IntoValue<Elem = T>> Start<T> for V {
    fn into_starting_value(self) -> Result<StartingValue, Fault> {
        Ok(StartingValue::Fixed(Arc::new(self.into_repeated()?.into_whole()?)))
    }
}

/// A rule that makes the elements of a variable of a given shape.
///
/// Variables of integers take whole numbers only: [`zeros`], [`ones`] and [`full`]. Parameters that say nothing (a
/// negative deviation, a range that ends before it begins, NaN) are a build error of the variable.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::with_seed(7);
/// let kernel = g.variable("kernel", glorot_uniform([784, 10]));
/// let bias = g.variable("bias", zeros([10]));
/// let x = g.placeholder::<f32>("x", [None, Some(784)]);
/// let logits = x.matmul(kernel) + bias;
/// assert_eq!(logits.shape().to_string(), "[?, 10]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Initializer {
    name: &'static str,
    shape: Shape,
    rule: Rule,
}

impl Initializer {
    fn new(name: &'static str, shape: impl Into<Shape>, rule: Rule) -> Self {
        Initializer { name, shape: shape.into(), rule }
    }

    /// One whose variance follows from the fans of its shape.
    fn scaled(
        name: &'static str,
        shape: impl Into<Shape>,
        variance: impl Fn([f64; 2]) -> f64,
        rule: impl Fn(f64) -> Rule,
    ) -> Self {
        let shape = shape.into();
        // A shape that is not known is refused by whatever variable starts so.
        let rule = rule(variance(fans(&shape.known().unwrap_or_default())));
        Initializer { name, shape, rule }
    }
}

/// Fan in and fan out of a shape.
fn fans(dims: &[usize]) -> [f64; 2] {
    match dims {
        [] => [1.0, 1.0],
        [length] => [*length as f64; 2],
        [window @ .., fan_in, fan_out] => {
            let window: f64 = window.iter().map(|&length| length as f64).product();
            [window * *fan_in as f64, window * *fan_out as f64]
        }
    }
}

/// A variance of so much over a fan, or over 1 where a fan is 0 and there are no elements.
fn over(numerator: f64, fan: f64) -> f64 {
    numerator / fan.max(1.0)
}

/// Uniform in ±√(3·variance).
fn uniform(variance: f64) -> Rule {
    let limit = (3.0 * variance).sqrt();
    Rule::Uniform { low: -limit, high: limit }
}

/// Normal without what is beyond two deviations, with this variance in the end.
fn truncated(variance: f64) -> Rule {
    /// The deviation of a standard normal distribution that is cut off at ±2.
    const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;
    Rule::Truncated { mean: 0.0, stddev: variance.sqrt() / CUT_DEVIATION }
}

/// All elements 0. As of all initializers the shape is a number, an array or a tuple: `3`, `[2, 3]`, `(2, 3)`, and `[]`
/// for a single element.
pub fn zeros(shape: impl Into<Shape>) -> Initializer {
    Initializer::new("zeros", shape, Rule::Full(0.0))
}

/// All elements 1.
pub fn ones(shape: impl Into<Shape>) -> Initializer {
    Initializer::new("ones", shape, Rule::Full(1.0))
}

/// All elements `value`.
pub fn full(shape: impl Into<Shape>, value: f64) -> Initializer {
    Initializer::new("full", shape, Rule::Full(value))
}

/// Elements uniform in [`low`, `high`), where bounds and elements are rounded to the variable's type. `high` is never
/// drawn, unless it rounds to the same number as `low`.
pub fn random_uniform(shape: impl Into<Shape>, low: f64, high: f64) -> Initializer {
    Initializer::new("random_uniform", shape, Rule::Uniform { low, high })
}

/// Elements normal with the given mean and standard deviation.
pub fn random_normal(shape: impl Into<Shape>, mean: f64, stddev: f64) -> Initializer {
    Initializer::new("random_normal", shape, Rule::Normal { mean, stddev })
}

/// Elements normal with the given mean and standard deviation, those further than two deviations from the mean
/// drawn anew. The deviation of what is left is 0.8796 times the given one.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable::<f64>("w", truncated_normal([1000], 1.0, 0.1));
/// let w = Session::new(&g)?.run(w)?;
/// assert!(w.iter().all(|x| (x - 1.0).abs() <= 0.2 + 1e-6));
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub fn truncated_normal(shape: impl Into<Shape>, mean: f64, stddev: f64) -> Initializer {
    Initializer::new("truncated_normal", shape, Rule::Truncated { mean, stddev })
}

/// Elements uniform in ±√(3·v), that is with variance v, for v = 2 / (fan in + fan out).
///
/// Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
/// networks*, 2010, equation 16.
pub fn glorot_uniform(shape: impl Into<Shape>) -> Initializer {
    Initializer::scaled("glorot_uniform", shape, |[fan_in, fan_out]| over(2.0, fan_in + fan_out), uniform)
}

/// Elements uniform in ±√(3·v), that is with variance v, for v = 2 / fan in.
///
/// Source: He, Zhang, Ren and Sun, *Delving deep into rectifiers*, 2015, equation 10.
pub fn he_uniform(shape: impl Into<Shape>) -> Initializer {
    Initializer::scaled("he_uniform", shape, |[fan_in, _]| over(2.0, fan_in), uniform)
}

/// Elements uniform in ±√(3·v), that is with variance v, for v = 1 / fan in.
///
/// Source: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998, equation 16.
pub fn lecun_uniform(shape: impl Into<Shape>) -> Initializer {
    Initializer::scaled("lecun_uniform", shape, |[fan_in, _]| over(1.0, fan_in), uniform)
}

/// Elements normal with variance v, without what is beyond two deviations, for v = 2 / (fan in + fan out).
///
/// Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
/// networks*, 2010, equation 16.
pub fn glorot_normal(shape: impl Into<Shape>) -> Initializer {
    Initializer::scaled("glorot_normal", shape, |[fan_in, fan_out]| over(2.0, fan_in + fan_out), truncated)
}

/// Elements normal with variance v, without what is beyond two deviations, for v = 2 / fan in.
///
/// Source: He, Zhang, Ren and Sun, *Delving deep into rectifiers*, 2015, equation 10.
pub fn he_normal(shape: impl Into<Shape>) -> Initializer {
    Initializer::scaled("he_normal", shape, |[fan_in, _]| over(2.0, fan_in), truncated)
}

/// Elements normal with variance v, without what is beyond two deviations, for v = 1 / fan in.
///
/// Source: LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998, equation 16.
pub fn lecun_normal(shape: impl Into<Shape>) -> Initializer {
    Initializer::scaled("lecun_normal", shape, |[fan_in, _]| over(1.0, fan_in), truncated)
}

/// A random matrix whose columns are orthonormal, or whose rows are if there are more columns, times a gain. A
/// shape of more than two axes is taken as that of the matrix `[product of all but the last, last]`.
///
/// The matrix is uniform among all such: Q of the decomposition QR of a matrix of normal numbers, where R has a
/// positive diagonal. A shape of fewer than two axes is a build error.
///
/// Source: Saxe, McClelland and Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear
/// neural networks*, 2013, section 3; Mezzadri, *How to generate random matrices from the classical compact
/// groups*, 2007, for the diagonal.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable::<f64>("w", orthogonal([4, 3], 1.0));
/// let product = w.transpose().matmul(w);
/// let product = Session::new(&g)?.run(product)?;
/// let difference = product - ndarray::Array2::<f64>::eye(3);
/// assert!(difference.iter().all(|x| x.abs() < 1e-12));
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub fn orthogonal(shape: impl Into<Shape>, gain: f64) -> Initializer {
    let shape = shape.into();
    let columns = match *shape.dims() {
        [_, .., last] => last,
        _ => None,
    };
    Initializer { name: "orthogonal", shape, rule: Rule::Orthogonal { columns, gain } }
}

impl<T: Numeric> Start<T> for Initializer {
    fn into_starting_value(self) -> Result<StartingValue, Fault> {
        let Initializer { name: initializer, shape, rule } = self;
        let Some(dims) = shape.known() else {
            let (expected, found) = ("a shape whose lengths are known", shape.to_string());
            return Err(Fault::op(InitializerFault::Parameters { initializer, expected, found }));
        };
        if let Some((expected, found)) = rule.fault::<T>() {
            return Err(Fault::op(InitializerFault::Parameters { initializer, expected, found }));
        }
        let shape = dims.clone();
        Ok(StartingValue::Drawn { dims, draw: Arc::new(move |seed| rule.draw::<T>(&shape, seed)) })
    }
}

/// The seed of a named node: FNV-1a over the graph's seed and the name.
pub(crate) fn seed_for(graph_seed: u64, name: &str) -> u64 {
    // Offset basis and prime of the 64-bit FNV hash: http://www.isthe.com/chongo/tech/comp/fnv/
    let bytes = graph_seed.to_le_bytes().into_iter().chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
