//! What variables start from where there is a checkpoint.
//!
//! Takes a checkpoint and where the graph's own ops say that each variable lies in it (`stored.rs`). Gives its value, once
//! that has the type and the shape of the variable.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::ops::Refusal;
use super::stored::{Restores, Stored};
use crate::element::{DType, Element, Value};
use crate::error::Fault;
use crate::initializer::{Start, StartingValue};
use crate::io::elements::filled;
use crate::io::tensor_bundle::{Bundle, BundleError};
use crate::memory::OutOfMemory;
use crate::quote::quoted;

/// What a variable starts from.
pub(super) enum Begin {
    /// Zeros, or what is not true, of these lengths.
    Zeros(Vec<usize>),
    /// A value, shared with whoever else has it.
    Held(Arc<Value>),
}

impl<T: Element> Start<T> for Begin {
    fn into_starting_value(self) -> Result<StartingValue, Fault> {
        Ok(match self {
            Begin::Held(value) => StartingValue::Fixed(value),
            Begin::Zeros(dims) => {
                let shape = dims.clone();
                let lacking = |shape: &[usize]| OutOfMemory::elements::<T>(shape.iter().product());
                let draw = move |_| {
                    let zeros = filled(T::default(), &shape).map(Value::from);
                    zeros.map_err(|_| lacking(&shape))
                };
                StartingValue::Drawn { dims, draw: Arc::new(draw) }
            }
        })
    }
}

/// A checkpoint that variables start from. What is read once is kept, so that nothing fails when it is read again.
#[derive(Debug)]
pub(super) struct Starts<'a> {
    bundle: &'a Bundle,
    restores: &'a Restores,
    values: RefCell<HashMap<String, Arc<Value>>>,
    /// The partitioned variable of which a part was last asked for, with its key.
    whole: RefCell<Option<(String, Arc<Value>)>>,
}

impl<'a> Starts<'a> {
    pub(super) fn new(bundle: &'a Bundle, restores: &'a Restores) -> Self {
        Starts { bundle, restores, values: RefCell::default(), whole: RefCell::default() }
    }

    /// What a variable starts from; none if the graph does not restore it. It is read again when it is asked for again.
    pub(super) fn taken(
        &self,
        variable: &str,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Option<Value>, Refusal> {
        let value = self.value(variable, dtype, shape)?;
        self.values.borrow_mut().remove(variable);
        Ok(value.map(Arc::unwrap_or_clone))
    }

    /// What a variable starts from; none if the graph does not restore it.
    pub(super) fn value(
        &self,
        variable: &str,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Option<Arc<Value>>, Refusal> {
        if let Some(value) = self.values.borrow().get(variable) {
            return Ok(Some(Arc::clone(value)));
        }
        let Some(places) = self.restores.places(variable) else { return Ok(None) };
        let is_there = |place: &&Stored| self.bundle.info(&place.key).is_ok();
        let Some(place) = places.iter().find(is_there) else {
            let keys: Vec<&str> = places.iter().map(|place| place.key.as_str()).collect();
            let keys = crate::quote::list::listed(keys.iter().copied(), keys.len());
            return Err(format!("expected its value in the checkpoint as {keys}, got none").into());
        };
        let fault = |error| Refusal::from(super::GraphDefError::Checkpoint(error));
        let info = self.bundle.info(&place.key).map_err(fault)?;
        let found = place.part.as_ref().map_or(&info.shape[..], |part| part.lengths());
        let is_part = place.part.as_ref().is_none_or(|part| part.whole() == info.shape);
        if info.dtype != Some(dtype) || found != shape || !is_part {
            let of = quoted(&info.type_name);
            let detail = format!(
                "expected {dtype}{shape:?} in the checkpoint as `{}`, got {of}{:?}",
                quoted(&place.key),
                info.shape
            );
            return Err(detail.into());
        }
        let value = match &place.part {
            None => Some(Arc::new(self.bundle.read(&place.key).map_err(fault)?)),
            Some(part) => part.of(&*self.whole(&place.key).map_err(fault)?).map(Arc::new),
        };
        let value = value.ok_or("expected a part of what is in the checkpoint, got another")?;
        self.values.borrow_mut().insert(variable.to_owned(), Arc::clone(&value));
        Ok(Some(value))
    }

    /// A partitioned variable, whose parts are asked for one behind the other.
    fn whole(&self, key: &str) -> Result<Arc<Value>, BundleError> {
        if let Some((last, whole)) = &*self.whole.borrow()
            && last == key
        {
            return Ok(Arc::clone(whole));
        }
        // The last one goes before there is another.
        self.whole.take();
        let whole = Arc::new(self.bundle.read(key)?);
        self.whole.replace(Some((key.to_owned(), Arc::clone(&whole))));
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::io::tensor_bundle::{PartOf, write_bundle};

    /// The file is gone when the second part is asked for.
    #[test]
    fn a_partitioned_variable_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let prefix = directory.path().join("model");
        write_bundle(&prefix, [("w", Value::from(array![1.0_f32, 2.0, 3.0]))]).unwrap();
        let bundle = Bundle::open(&prefix).unwrap();
        let stored = |part: &str| vec![Stored { key: "w".to_owned(), part: PartOf::parse(part) }];
        let restored = [("a".to_owned(), stored("3 0,1")), ("b".to_owned(), stored("3 1,2"))];
        let restores = Restores::restoring(restored.into());
        let starts = Starts::new(&bundle, &restores);
        let value = |name: &str, length: usize| starts.taken(name, DType::F32, &[length]).ok().flatten();
        assert_eq!(value("a", 1), Some(array![1.0_f32].into()));
        std::fs::remove_file(directory.path().join("model.data-00000-of-00001")).unwrap();
        assert_eq!(value("b", 2), Some(array![2.0_f32, 3.0].into()));
        // Nothing is kept of it longer than that.
        assert_eq!(Starts::new(&bundle, &restores).taken("a", DType::F32, &[1]).ok(), None);
    }
}
