//! Constants as plans hold them: where they lie in memory, and in what order.
//!
//! The plans of a session share them ([`Constants`]): a copy in another order, or at an aligned address, is made once
//! and goes with the last plan that uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::element::Value;
use crate::ir::ConstantId;
use crate::memory::{ALIGNMENT, Memory, OutOfMemory};
use crate::weak_map::WeakMap;

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

/// The order in which a constant's elements lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ElementOrder {
    RowMajor,
    /// The axes in the opposite order.
    Transposed,
}

impl Constant {
    /// The elements in row-major order.
    pub(super) fn row_major(value: &Arc<Value>) -> Self {
        if value.as_ptr().addr().is_multiple_of(ALIGNMENT) || value.bytes() > MAX_ALIGNED_BYTES {
            return Constant::Shared(Arc::clone(value));
        }
        // Without memory for a copy, the original serves as well.
        value.to_memory().map_or_else(|_| Constant::Shared(Arc::clone(value)), Constant::Copied)
    }

    /// The elements with the axes in the opposite order.
    fn transposed(value: &Value) -> Result<Self, OutOfMemory> {
        value.to_transposed_memory().map(Constant::Copied)
    }

    /// Where the first element lies.
    pub(crate) fn start(&self) -> *const u8 {
        match self {
            Constant::Shared(value) => value.as_ptr(),
            Constant::Copied(memory) => memory.start(),
        }
    }
}

/// The constants that several plans hold, each in each order once.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    held: Mutex<WeakMap<(ConstantId, ElementOrder), Constant>>,
}

impl Constants {
    /// The constant with its elements in the given order.
    pub(super) fn laid_out(
        &self,
        value: &Arc<Value>,
        order: ElementOrder,
    ) -> Result<Arc<Constant>, OutOfMemory> {
        let key = (ConstantId::of(value), order);
        if let Some(constant) = self.held().get(&key) {
            return Ok(constant);
        }
        // A large constant takes a while to copy, so nothing is locked meanwhile.
        let constant = Arc::new(match order {
            ElementOrder::RowMajor => Constant::row_major(value),
            ElementOrder::Transposed => Constant::transposed(value)?,
        });
        let mut held = self.held();
        // Another thread may have been faster.
        if let Some(constant) = held.get(&key) {
            return Ok(constant);
        }
        held.insert(key, &constant);
        Ok(constant)
    }

    fn held(&self) -> MutexGuard<'_, WeakMap<(ConstantId, ElementOrder), Constant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
