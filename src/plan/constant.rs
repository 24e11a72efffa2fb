//! Constants as plans hold them: where they lie in memory, and in what order.
//!
//! The plans of a session share them ([`Constants`]): a copy in another order, or at an aligned address, is made once
//! and goes with the last plan that uses it.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndarray::{ArrayD, Axis};

use crate::element::{Element, Value};
use crate::ir::ConstantId;
use crate::memory::{ALIGNMENT, Memory, OutOfMemory};
use crate::weak_map::WeakMap;

/// Bytes of a constant up to which it is copied for the sake of its alignment: vectors that cross lines of the
/// cache cost twice the loads, which shows as long as the data come from a cache.
const MAX_ALIGNED_BYTES: usize = 1 << 20;

/// A constant's elements.
#[derive(Debug)]
pub(crate) struct Constant {
    elements: Elements,
    bytes: usize,
    /// The columns, one behind the other, and what each element of one is, by its bits, if they are all the same. In
    /// row-major order there is one column, of all elements.
    columns: Box<[Option<u64>]>,
}

#[derive(Debug)]
enum Elements {
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
        let elements = if value.as_ptr().addr().is_multiple_of(ALIGNMENT) || value.bytes() > MAX_ALIGNED_BYTES
        {
            Elements::Shared(Arc::clone(value))
        } else {
            // Without memory for a copy, the original serves as well.
            value.to_memory().map_or_else(|_| Elements::Shared(Arc::clone(value)), Elements::Copied)
        };
        Constant { elements, bytes: value.bytes(), columns: alike(value, ElementOrder::RowMajor) }
    }

    /// The elements with the axes in the opposite order.
    fn transposed(value: &Value) -> Result<Self, OutOfMemory> {
        let elements = value.to_transposed_memory().map(Elements::Copied)?;
        Ok(Constant { elements, bytes: value.bytes(), columns: alike(value, ElementOrder::Transposed) })
    }

    /// Where the first element lies.
    pub(crate) fn start(&self) -> *const u8 {
        match &self.elements {
            Elements::Shared(value) => value.as_ptr(),
            Elements::Copied(memory) => memory.start(),
        }
    }

    /// The bits of each element that lies within these bytes, if it is known that they are all the same.
    pub(super) fn number(&self, within: Range<usize>) -> Option<u64> {
        let column_bytes = self.bytes / self.columns.len().max(1);
        let column = within.start.checked_div(column_bytes)?;
        let is_inside = within.end <= (column + 1) * column_bytes;
        self.columns.get(column).copied().flatten().filter(|_| is_inside)
    }
}

/// The columns of a value as they lie one behind the other in an order: the bits of the elements, if all are the same. Most
/// columns say within a few elements that they are not.
fn alike(value: &Value, order: ElementOrder) -> Box<[Option<u64>]> {
    fn same<T>(mut elements: impl Iterator<Item = T>, bits: impl Fn(T) -> u64) -> Option<u64> {
        let first = bits(elements.next()?);
        elements.all(|element| bits(element) == first).then_some(first)
    }
    fn columns<T: Element>(
        array: &ArrayD<T>,
        order: ElementOrder,
        bits: impl Fn(T) -> u64,
    ) -> Box<[Option<u64>]> {
        match order {
            ElementOrder::RowMajor => [same(array.iter().copied(), bits)].into(),
            ElementOrder::Transposed => {
                let last = Axis(array.ndim().saturating_sub(1));
                array.axis_iter(last).map(|column| same(column.iter().copied(), &bits)).collect()
            }
        }
    }
    match value {
        Value::F32(array) => columns(array, order, |x| x.to_bits().into()),
        Value::F64(array) => columns(array, order, f64::to_bits),
        Value::I32(array) => columns(array, order, |x| x.cast_unsigned().into()),
        Value::I64(array) => columns(array, order, i64::cast_unsigned),
        // Of booleans there are no numbers.
        Value::Bool(_) => [].into(),
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

#[cfg(test)]
mod tests {
    use ndarray::{IxDyn, arr2};

    use super::*;

    #[test]
    fn columns_of_one_number_are_known() {
        let value = Arc::new(Value::from(arr2(&[[1.0_f32, 2.0, -0.0], [1.0, 3.0, 0.0], [1.0, 2.0, -0.0]])));
        let transposed = Constant::transposed(&value).unwrap();
        let one = Some(u64::from(1.0_f32.to_bits()));
        assert_eq!((transposed.number(0..12), transposed.number(4..8)), (one, one));
        for range in [0..16, 12..24, 24..36, 36..40] {
            assert_eq!(transposed.number(range.clone()), None, "{range:?}");
        }
        assert_eq!(Constant::row_major(&value).number(0..4), None);
        for (value, number) in [
            (Value::from(ndarray::arr0(-2_i32)), Some(0xffff_fffe)),
            (Value::from(ndarray::arr1(&[f64::NAN; 3])), Some(f64::NAN.to_bits())),
            (Value::from(ndarray::arr1(&[true; 8])), None),
            (Value::from(ArrayD::<f32>::zeros(IxDyn(&[3, 0]))), None),
        ] {
            let bytes = value.dtype().size();
            assert_eq!(Constant::row_major(&Arc::new(value)).number(0..bytes), number);
        }
        let empty = Constant::transposed(&Value::from(ArrayD::<f32>::zeros(IxDyn(&[3, 0])))).unwrap();
        assert_eq!(empty.number(0..4), None);
    }
}
