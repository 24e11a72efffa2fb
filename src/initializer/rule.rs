//! How elements come about: a [`Rule`] makes those of a shape from a seed.

use ndarray::{ArrayD, IxDyn};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Normal, StandardNormal, Uniform};

use super::orthogonal;
use crate::element::{Numeric, Value};
use crate::memory::OutOfMemory;

/// What decides the elements, but for their number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    Full(f64),
    Uniform {
        low: f64,
        high: f64,
    },
    Normal {
        mean: f64,
        stddev: f64,
    },
    /// Normal, but for what is further than two deviations from the mean.
    Truncated {
        mean: f64,
        stddev: f64,
    },
    /// A matrix of so many columns; `None` if the shape has fewer than two axes.
    Orthogonal {
        columns: Option<usize>,
        gain: f64,
    },
}

impl Rule {
    /// What the rule needs and what it has, if it has no elements of type `T`.
    pub(super) fn fault<T: Numeric>(self) -> Option<(&'static str, String)> {
        let is_finite = |x: f64| T::from_f64(x).as_f64().is_finite();
        if !T::DTYPE.is_float() {
            return match self {
                // The conversion saturates, and rounds.
                Rule::Full(value) if T::from_f64(value).as_f64() == value => None,
                Rule::Full(value) => Some(("a number that the integers have", format!("{value:?}"))),
                _ => Some(("floats", T::DTYPE.to_string())),
            };
        }
        match self {
            Rule::Full(value) if value.is_finite() && !is_finite(value) => {
                Some(("a number in the range of the floats", format!("{value:?}")))
            }
            Rule::Uniform { low, high }
                if is_finite(low) && is_finite(high) && is_finite(high - low) && low <= high =>
            {
                None
            }
            Rule::Uniform { low, high } => Some(("a finite range", format!("[{low:?}, {high:?})"))),
            Rule::Normal { mean, stddev } | Rule::Truncated { mean, stddev } => {
                let is_distribution = is_finite(mean) && is_finite(stddev) && stddev >= 0.0;
                let found = || format!("mean {mean:?} and deviation {stddev:?}");
                (!is_distribution).then(|| ("a finite mean and a deviation of at least 0", found()))
            }
            Rule::Orthogonal { columns: None, .. } => {
                Some(("a shape of two axes or more", "fewer".to_owned()))
            }
            Rule::Orthogonal { gain, .. } if !is_finite(gain) => Some(("a finite gain", format!("{gain:?}"))),
            Rule::Full(_) | Rule::Orthogonal { .. } => None,
        }
    }

    /// The elements for a seed.
    pub(super) fn draw<T: Numeric>(self, dims: &[usize], seed: u64) -> Result<Value, OutOfMemory> {
        let count = dims.iter().product();
        let mut rng = StdRng::seed_from_u64(seed);
        let elements: Vec<T> = match self {
            Rule::Full(value) => collect(count, || value)?,
            Rule::Uniform { low, high } => match Uniform::new(low, high) {
                Ok(uniform) => {
                    let [first, limit] = [low, high].map(|bound| T::from_f64(bound).as_f64());
                    let is_below = |&drawn: &f64| T::from_f64(drawn).as_f64() < limit;
                    collect(count, || {
                        let mut draws = std::iter::repeat_with(|| uniform.sample(&mut rng)).take(DRAWS);
                        draws.find(is_below).unwrap_or(first)
                    })?
                }
                // A range of one number.
                Err(_) => collect(count, || low)?,
            },
            Rule::Normal { mean, stddev } => match Normal::new(mean, stddev) {
                Ok(normal) => collect(count, || normal.sample(&mut rng))?,
                Err(_) => collect(count, || f64::NAN)?,
            },
            Rule::Truncated { mean, stddev } => collect(count, || {
                let inside = |x: &f64| x.abs() <= 2.0;
                // The first draw that is inside; all but one in 22 are.
                let mut draws = std::iter::repeat_with(|| StandardNormal.sample(&mut rng));
                mean + stddev * draws.find(inside).unwrap_or(0.0)
            })?,
            Rule::Orthogonal { columns, gain } => {
                let matrix = collect(count, || StandardNormal.sample(&mut rng))?;
                let mut elements = orthogonal::orthonormal(matrix, columns.unwrap_or(1))?.into_iter();
                collect(count, || gain * elements.next().unwrap_or(f64::NAN))?
            }
        };
        // The variable's lengths were checked when it was built, and their product is the count.
        Ok(Value::wrap(ArrayD::from_shape_vec(IxDyn(dims), elements).unwrap_or_default()))
    }
}

/// How often is drawn for an element that may not be rounded to the upper bound. That happens to every other draw
/// at most, unless the numbers of the type are so sparse that nearly all of the range is rounded to its bound.
const DRAWS: usize = 64;

/// So many elements, one after the other.
fn collect<T: Numeric>(count: usize, mut next: impl FnMut() -> f64) -> Result<Vec<T>, OutOfMemory> {
    let mut elements: Vec<T> = Vec::new();
    elements.try_reserve_exact(count).map_err(|_| OutOfMemory::elements::<T>(count))?;
    elements.extend((0..count).map(|_| T::from_f64(next())));
    Ok(elements)
}
