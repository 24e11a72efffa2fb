//! Whole numbers counted up, as lowerings need them to tell places from each other.
//!
//! Regions count as they go, wherever the numbers are read; what else reads them finds them in a constant of the plan.

use ndarray::{ArrayD, IxDyn};

use crate::element::Value;
use crate::memory::OutOfMemory;

/// So many numbers, counted up from the first; beyond the largest there is, they stay that.
pub(crate) fn counted(first: i64, count: usize) -> Result<Value, OutOfMemory> {
    let mut numbers: Vec<i64> = Vec::new();
    numbers.try_reserve_exact(count).map_err(|_| OutOfMemory::elements::<i64>(count))?;
    numbers.extend((0..count as u64).map(|index| first.saturating_add_unsigned(index)));
    Ok(Value::wrap(ArrayD::from_shape_vec(IxDyn(&[count]), numbers).unwrap_or_default()))
}
