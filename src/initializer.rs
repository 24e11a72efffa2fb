//! How variables start: arrays and scalars, constants of a shape, and random draws.
//!
//! Random draws depend on the graph's seed and the variable's name only, so two sessions of a graph,
//! or two graphs with the same seed, start alike.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Normal, Uniform};

use crate::dtype::{Element, Float, Numeric};
use crate::exec::OutOfMemory;
use crate::graph::StartingValue;
use crate::value::{IntoValue, Value};

/// What a variable can start from: an ndarray array or view, a scalar, or an [`Initializer`].
pub trait Start<T: Element> {
    #[doc(hidden)]
    fn into_starting_value(self) -> StartingValue;
}

impl<T: Element, V: IntoValue<Elem = T>> Start<T> for V {
    fn into_starting_value(self) -> StartingValue {
        StartingValue::Fixed(Arc::new(self.into_value()))
    }
}

/// A rule that makes the elements of a variable of a given shape.
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
    dims: Vec<usize>,
    rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Full(f64),
    Uniform { low: f64, high: f64 },
    Normal { mean: f64, stddev: f64 },
}

/// All elements 0.
pub fn zeros(shape: impl Into<Vec<usize>>) -> Initializer {
    full(shape, 0.0)
}

/// All elements 1.
pub fn ones(shape: impl Into<Vec<usize>>) -> Initializer {
    full(shape, 1.0)
}

/// All elements `value`.
pub fn full(shape: impl Into<Vec<usize>>, value: f64) -> Initializer {
    Initializer { dims: shape.into(), rule: Rule::Full(value) }
}

/// Elements uniform in [`low`, `high`).
pub fn random_uniform(shape: impl Into<Vec<usize>>, low: f64, high: f64) -> Initializer {
    Initializer { dims: shape.into(), rule: Rule::Uniform { low, high } }
}

/// Elements normal with the given mean and standard deviation.
pub fn random_normal(shape: impl Into<Vec<usize>>, mean: f64, stddev: f64) -> Initializer {
    Initializer { dims: shape.into(), rule: Rule::Normal { mean, stddev } }
}

/// Elements uniform in ±√(6 / (fan in + fan out)) for a kernel of shape [fan in, fan out].
///
/// Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
/// networks*, 2010, equation 16.
pub fn glorot_uniform(shape: [usize; 2]) -> Initializer {
    let [fan_in, fan_out] = shape;
    let limit = (6.0 / (fan_in as f64 + fan_out as f64).max(1.0)).sqrt();
    random_uniform(shape, -limit, limit)
}

impl<T: Float> Start<T> for Initializer {
    fn into_starting_value(self) -> StartingValue {
        let Initializer { dims, rule } = self;
        let shape = dims.clone();
        StartingValue::Drawn { dims, draw: Arc::new(move |seed| rule.draw::<T>(&shape, seed)) }
    }
}

impl Rule {
    /// The elements for a seed. Bounds or deviations that define no distribution give NaN.
    fn draw<T: Float>(self, dims: &[usize], seed: u64) -> Result<Value, OutOfMemory> {
        let count = dims.iter().product();
        let mut elements: Vec<T> = Vec::new();
        elements.try_reserve_exact(count).map_err(|_| OutOfMemory { bytes: count * size_of::<T>() })?;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut next: Box<dyn FnMut() -> f64> = match self {
            Rule::Full(value) => Box::new(move || value),
            Rule::Uniform { low, high } => match Uniform::new(low, high) {
                Ok(uniform) => Box::new(move || uniform.sample(&mut rng)),
                Err(_) => Box::new(move || if low == high { low } else { f64::NAN }),
            },
            Rule::Normal { mean, stddev } => match Normal::new(mean, stddev) {
                Ok(normal) => Box::new(move || normal.sample(&mut rng)),
                Err(_) => Box::new(|| f64::NAN),
            },
        };
        elements.extend((0..count).map(|_| <T as Numeric>::from_f64(next())));
        // The variable's lengths were checked when it was built, and their product is the count.
        Ok(Value::row_major(ArrayD::from_shape_vec(IxDyn(dims), elements).unwrap_or_default()))
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
