//! Constants as plans hold them: where they lie in memory, and in what order.
//!
//! The plans of a session share them ([`Constants`]): a copy in another order, or at an aligned address, is made once
//! and goes with the last plan that uses it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::exec::{ALIGNMENT, Memory};
use crate::lower::ConstantId;
use crate::value::Value;
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
        Memory::of(value).map_or_else(|_| Constant::Shared(Arc::clone(value)), Constant::Copied)
    }

    /// The elements with the axes in the opposite order.
    fn transposed(value: &Value) -> Self {
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

/// The constants that several plans hold, each in each order once.
#[derive(Debug, Default)]
pub(crate) struct Constants {
    held: Mutex<WeakMap<(ConstantId, ElementOrder), Constant>>,
}

impl Constants {
    /// The constant with its elements in the given order.
    pub(super) fn laid_out(&self, value: &Arc<Value>, order: ElementOrder) -> Arc<Constant> {
        // Whoever comes for the same constant waits until it is laid out, instead of doing it once more.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (ConstantId::of(value), order);
        held.get(&key).unwrap_or_else(|| {
            let constant = Arc::new(match order {
                ElementOrder::RowMajor => Constant::row_major(value),
                ElementOrder::Transposed => Constant::transposed(value),
            });
            held.insert(key, &constant);
            constant
        })
    }
}
