//! What an op is: everything that the framework may ask of it, in one trait.
//!
//! An op lives in one file under [`ops`](crate::ops) and says its name, its shape rule, how it is
//! lowered to the small vocabulary of [`lower`](crate::lower), and its gradient. No other code asks
//! *which* op a node holds; the passes after building see the vocabulary only.

mod kernel;

use std::fmt;

use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::VariableId;
use crate::lower::{Lowering, Val};
use crate::shape::TensorType;

pub(crate) use kernel::with_element;
pub use kernel::{ArrayMut, ArrayRef, Kernel, KernelError};

/// One kind of node. Its attributes (axes, flags, the value of a constant) are its fields.
pub(crate) trait Op: fmt::Debug + Send + Sync + 'static {
    /// The op's name as TensorFlow spells it; nodes are named after it.
    fn name(&self) -> &'static str;

    /// The shape rule: the output's type for these inputs, lengths possibly unknown.
    ///
    /// Asked once while building, and once more for each plan with every length known.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake>;

    /// Emits the op's computation in the lowering vocabulary and gives its result.
    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val;

    /// The gradient: gives each input its share of the cotangent by adding nodes to the graph.
    ///
    /// A share may have the shape of the output; the sweep sums it back to the input's shape.
    fn pullback(&self, at: &mut Pullback<'_>);

    /// Whether a gradient can flow to the given input at all.
    fn differentiable(&self, _input: usize) -> bool {
        true
    }

    /// Whether the gradient to an input is 0 at some elements because they were not taken, so that what was
    /// computed on the way to them must not matter: it may be infinite or NaN.
    fn masks(&self, _input: usize) -> bool {
        false
    }

    /// What a session must know of the op beyond its value.
    fn role(&self) -> Role {
        Role::Pure
    }

    /// The fields, as the text form of the graph prints them behind the name.
    fn attributes(&self) -> String {
        String::new()
    }
}

/// How an op takes part in a run beyond computing a value from its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not at all.
    Pure,
    /// Its value comes from outside.
    Placeholder,
    /// It stands for a variable's value; which value is decided for each reader.
    Reads(VariableId),
    /// It stands for the value that its second input sees in the variable that is its first.
    ReadsAsSeen,
    /// Its value becomes the variable's.
    Writes(VariableId),
    /// Every variable of the graph takes its starting value.
    WritesAll,
}
