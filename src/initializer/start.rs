//! [`StartingValue`]: what a variable starts from.

use std::fmt;
use std::sync::Arc;

use crate::element::Value;
use crate::memory::OutOfMemory;

/// How a variable starts: the same elements each time, or elements drawn from a seed.
#[derive(Clone)]
pub enum StartingValue {
    /// These elements.
    Fixed(Arc<Value>),
    /// Elements of the given shape, drawn from a seed.
    Drawn {
        /// The lengths of the axes.
        dims: Vec<usize>,
        /// Gives the elements for a seed.
        draw: Arc<dyn Fn(u64) -> Result<Value, OutOfMemory> + Send + Sync>,
    },
}

impl StartingValue {
    pub(crate) fn dims(&self) -> &[usize] {
        match self {
            StartingValue::Fixed(value) => value.shape(),
            StartingValue::Drawn { dims, .. } => dims,
        }
    }

    /// The same start, whose draws are those of this seed.
    pub(crate) fn drawn_from(self, seed: u64) -> Self {
        match self {
            StartingValue::Drawn { dims, draw } => {
                StartingValue::Drawn { dims, draw: Arc::new(move |_| draw(seed)) }
            }
            fixed @ StartingValue::Fixed(_) => fixed,
        }
    }

    /// The elements; those that are drawn depend on the seed.
    pub(crate) fn value(&self, seed: u64) -> Result<Arc<Value>, OutOfMemory> {
        match self {
            StartingValue::Fixed(value) => Ok(Arc::clone(value)),
            StartingValue::Drawn { draw, .. } => draw(seed).map(Arc::new),
        }
    }
}

impl fmt::Debug for StartingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartingValue::Fixed(_) => f.write_str("Fixed"),
            StartingValue::Drawn { dims, .. } => write!(f, "Drawn({dims:?})"),
        }
    }
}
