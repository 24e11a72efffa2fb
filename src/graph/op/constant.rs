//! The nodes without inputs, `constant` and `placeholder`, and `placeholder_with_default`; and the node that is invalid.

use std::sync::Arc;

use super::{Attributes, Form, MultiOp, Op};
use crate::element::{Element, Repeated, Value};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Val};
use crate::shape::{Shape, TensorType, is_addressable};

/// Always the same elements, repeated to these lengths along axes of length 1.
#[derive(Debug)]
pub(crate) struct Constant {
    value: Arc<Value>,
    dims: Vec<usize>,
}

impl Constant {
    pub(crate) fn new(Repeated { value, dims }: Repeated) -> Self {
        Constant { value: Arc::new(value), dims }
    }

    /// Elements that others hold, too.
    // Frozen models do.
    #[cfg_attr(not(feature = "safetensors"), allow(dead_code))]
    pub(crate) fn shared(value: Arc<Value>, dims: Vec<usize>) -> Self {
        Constant { value, dims }
    }

    pub(crate) fn scalar<T: Element>(number: T) -> Self {
        Constant { value: Arc::new(Value::scalar(number)), dims: Vec::new() }
    }
}

impl Op for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        let dtype = self.value.dtype();
        if !is_addressable(&self.dims, dtype) {
            // An array of such lengths repeats its elements, and is one that no memory holds.
            return Err(Fault::OutOfMemory { bytes: usize::MAX });
        }
        Ok(TensorType::new(dtype, self.dims.as_slice()))
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        let value = to.constant(Arc::clone(&self.value));
        to.broadcast(value, &self.dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn form(&self) -> Form {
        match &*self.value {
            Value::F32(number) if number.ndim() == 0 => Form::Number(number.sum().into()),
            Value::F64(number) if number.ndim() == 0 => Form::Number(number.sum()),
            _ => Form::Other,
        }
    }

    fn held(&self) -> Option<(Arc<Value>, &[usize])> {
        Some((Arc::clone(&self.value), &self.dims))
    }

    fn attributes(&self) -> Attributes {
        // Elements would make the text of a graph as large as its data; a single one is worth its place.
        if self.value.shape().is_empty() {
            let number = crate::element::with_array!(&*self.value, array => {
                format!("{:?}", array.first().copied().unwrap_or_default())
            });
            Attributes::new().with("value", number)
        } else {
            Attributes::new()
        }
    }
}

/// Elements that each run is given.
#[derive(Debug)]
pub(crate) struct Placeholder(TensorType);

impl Placeholder {
    pub(crate) fn new(fed: TensorType) -> Self {
        Placeholder(fed)
    }
}

impl Op for Placeholder {
    fn name(&self) -> &'static str {
        "placeholder"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(self.0.clone())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        // A placeholder is fed or refused before anything is lowered.
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// Elements that a run may be given, and else the input. Less may be known of its shape than of the input's.
#[derive(Debug)]
pub(crate) struct PlaceholderWithDefault(Shape);

impl PlaceholderWithDefault {
    pub(crate) fn new(shape: Shape) -> Self {
        PlaceholderWithDefault(shape)
    }
}

impl Op for PlaceholderWithDefault {
    fn name(&self) -> &'static str {
        "placeholder_with_default"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (expected, found) = (&self.0, &inputs[0].shape);
        if expected.agrees_with(found) {
            return Ok(TensorType::new(inputs[0].dtype, expected));
        }
        Err(Fault::OtherShape { expected: expected.clone(), found: found.clone() })
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[0]
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("shape", self.0.clone())
    }
}

/// A node that was never well formed; its name says what it should have been.
#[derive(Debug)]
pub(crate) struct Invalid(&'static str);

impl Invalid {
    pub(crate) fn op(name: &'static str) -> Arc<dyn MultiOp> {
        Arc::new(Invalid(name))
    }
}

impl Op for Invalid {
    fn name(&self) -> &'static str {
        self.0
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::nothing())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}
