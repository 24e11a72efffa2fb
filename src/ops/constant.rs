//! The nodes without inputs: `constant` and `placeholder`; and the node that stands for a mistake.

use std::sync::Arc;

use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::lower::{Lowering, Val};
use crate::op::Op;
use crate::shape::TensorType;
use crate::value::Value;

pub(super) const OPS: &[&str] = &["constant", "placeholder"];

/// Always the same elements.
#[derive(Debug)]
pub(crate) struct Constant(Arc<Value>);

impl Constant {
    pub(crate) fn new(value: Value) -> Self {
        Constant(Arc::new(value.into_row_major()))
    }
}

impl Op for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(TensorType::new(self.0.dtype(), self.0.shape()))
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        to.constant(Arc::clone(&self.0))
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> String {
        // Elements would make the text of a graph as large as its data; a single one is worth its place.
        if self.0.shape().is_empty() {
            crate::value::with_array!(&*self.0, array => format!("{:?}", array.first().copied().unwrap_or_default()))
        } else {
            String::new()
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

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(self.0.clone())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        // A placeholder is fed or refused before anything is lowered.
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// A node that was never well formed; its name says what it should have been.
#[derive(Debug)]
pub(crate) struct Invalid(&'static str);

impl Invalid {
    pub(crate) fn op(name: &'static str) -> Arc<dyn Op> {
        Arc::new(Invalid(name))
    }
}

impl Op for Invalid {
    fn name(&self) -> &'static str {
        self.0
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Mistake> {
        Ok(TensorType::nothing())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use ndarray::array;
    vec![
        example!("constant", &[&[2]], |g, x| x[0] + g.constant(array![1.0, 2.0]), |x| &x[0]
            + &array![1.0, 2.0],),
        example!("constant number", &[&[2]], |g, x| x[0] * g.constant(3.0), |x| &x[0] * 3.0),
        example!("constants alone", &[], |g, _| g.constant(3.0) / 2.0, |_| ndarray::arr0(1.5).into_dyn()),
        example!("placeholder", &[&[2, 2]], |_, x| x[0], |x| x[0].clone()),
    ]
}
