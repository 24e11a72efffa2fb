//! [`MultiOp`]: an op with any number of outputs, as the graph holds all ops.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Attributes, Form, Op};
use crate::element::Value;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// One of something for each output of a node: most have one.
///
/// ```
/// use flowgrad::op::Outputs;
/// let outputs: Outputs<&str> = ["values", "indices"].into();
/// assert_eq!(outputs.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs<T>(SmallVec<[T; 1]>);

impl<T> From<T> for Outputs<T> {
    fn from(output: T) -> Self {
        Outputs(SmallVec::from_buf([output]))
    }
}

impl<T, const N: usize> From<[T; N]> for Outputs<T> {
    fn from(outputs: [T; N]) -> Self {
        outputs.into_iter().collect()
    }
}

impl<T> FromIterator<T> for Outputs<T> {
    fn from_iter<I: IntoIterator<Item = T>>(outputs: I) -> Self {
        Outputs(outputs.into_iter().collect())
    }
}

impl<T> Deref for Outputs<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

/// One kind of node with any number of outputs, one at least: what [`Op`] is, but for its shape rule and its lowering,
/// which give one type and one value for each output.
///
/// The gradient is asked for if a cotangent has reached any of the outputs;
/// [`Pullback::give_from`](crate::op::Pullback::give_from) gives an input what it gets from one of them. It is applied by
/// [`Graph::custom_outputs`](crate::Graph::custom_outputs).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no op",
    label = "expected a type that implements `Op`, or `MultiOp` where it has several outputs",
    note = "the module `flowgrad::op` shows how to write one; most functions are composed of tensors' methods and need none"
)]
pub trait MultiOp: Any + fmt::Debug + Send + Sync {
    /// The op's name as TensorFlow spells it; nodes are named after it.
    fn name(&self) -> &'static str;

    /// The shape rule: the outputs' types for these inputs, lengths possibly unknown. How many outputs there are may
    /// depend on the attributes and on what is known of the inputs while building, and stays.
    ///
    /// # Errors
    /// What is wrong with applying the op to such inputs.
    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault>;

    /// Emits the op's computation in the lowering vocabulary and gives its results, which must be of the types that
    /// [`infer`](MultiOp::infer) gives for the inputs' types. What computes an output that nobody needs does not run.
    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val>;

    /// The gradient: gives each input its share of the cotangents by adding nodes to the graph.
    fn pullback(&self, at: &mut Pullback<'_>);

    /// Whether a gradient can flow to the given input at all.
    fn differentiable(&self, _input: usize) -> bool {
        true
    }

    /// As for an [`Op`](Op::zero_where_untaken).
    fn zero_where_untaken(&self, input: usize) -> bool {
        self.masks(input)
    }

    /// [`zero_where_untaken`](MultiOp::zero_where_untaken) by its former name.
    #[doc(hidden)]
    fn masks(&self, _input: usize) -> bool {
        false
    }

    /// How the value is made of the inputs, for what looks through sums and products.
    #[doc(hidden)]
    fn form(&self) -> Form {
        Form::Other
    }

    /// As for an [`Op`].
    #[doc(hidden)]
    fn held(&self) -> Option<(Arc<Value>, &[usize])> {
        None
    }

    /// The fields: the text form of the graph prints them behind the name, and what exports graphs writes them.
    fn attributes(&self) -> Attributes {
        Attributes::new()
    }
}

impl<O: Op> MultiOp for O {
    fn name(&self) -> &'static str {
        Op::name(self)
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        Op::infer(self, inputs).map(Outputs::from)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        Op::lower(self, inputs, to).into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        Op::pullback(self, at);
    }

    fn differentiable(&self, input: usize) -> bool {
        Op::differentiable(self, input)
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        Op::zero_where_untaken(self, input)
    }

    fn form(&self) -> Form {
        Op::form(self)
    }

    fn held(&self) -> Option<(Arc<Value>, &[usize])> {
        Op::held(self)
    }

    fn attributes(&self) -> Attributes {
        Op::attributes(self)
    }
}
