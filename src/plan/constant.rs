//! Constants as a plan holds them: where they lie in memory, and in what order.

use std::sync::Arc;

use crate::exec::{ALIGNMENT, Memory};
use crate::value::Value;

/// Bytes of a constant up to which it is copied for the sake of its alignment: vectors that cross lines of the
/// cache cost twice the loads, which shows as long as the data come from a cache.
const MAX_ALIGNED_BYTES: usize = 1 << 20;

/// A constant's elements.
#[derive(Debug)]
pub(crate) enum Constant {
    /// Those of the graph.
    Shared(Arc<Value>),
    /// A copy that is aligned, or in another order.
    Copied(Memory),
}

impl Constant {
    /// The elements in row-major order.
    pub(super) fn row_major(value: &Arc<Value>) -> Self {
        let bytes = value.shape().iter().product::<usize>() * value.dtype().size();
        if value.as_ptr().addr().is_multiple_of(ALIGNMENT) || bytes > MAX_ALIGNED_BYTES {
            return Constant::Shared(Arc::clone(value));
        }
        // Without memory for a copy, the original serves as well.
        Memory::of(value).map_or_else(|_| Constant::Shared(Arc::clone(value)), Constant::Copied)
    }

    /// The elements with the axes in the opposite order.
    pub(super) fn transposed(value: &Value) -> Self {
        let value = value.transposed();
        Memory::of(&value).map_or_else(|_| Constant::Shared(Arc::new(value)), Constant::Copied)
    }

    /// Where the first element lies.
    pub(crate) fn start(&self) -> *const u8 {
        match self {
            Constant::Shared(value) => value.as_ptr(),
            Constant::Copied(memory) => memory.start(),
        }
    }
}
