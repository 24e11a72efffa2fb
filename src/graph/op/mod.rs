//! What an op is: everything that the framework may ask of it, in one trait; and the ops that graphs and gradients are
//! made with. The others live one file each under `src/ops` and use this very trait; no other code asks *which* op a
//! node holds.

mod attribute;
pub(crate) mod broadcast;
mod call;
pub(crate) mod constant;
mod control;
mod definition;
mod expect;
pub(crate) mod identity;
mod multi;
mod parts;
pub(crate) mod pick;
pub(crate) mod scaled;
pub(crate) mod state;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::element::Value;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

pub use attribute::{Attribute, AttributeValue, Attributes};
pub use definition::{AttributeDef, Elements, OpDef, OperandDef};
pub use multi::{MultiOp, Outputs};

pub(crate) use broadcast::{BroadcastLike, ExpectShape, SumLike};
pub(crate) use call::{Call, Parameter, Rule};
pub(crate) use constant::{Constant, Invalid, Placeholder, PlaceholderWithDefault};
pub(crate) use control::{Control, ControlOf};
pub(crate) use expect::{Expect, Expectation};
pub(crate) use identity::Identity;
pub(crate) use parts::{Part, PutBack, Together};
pub(crate) use scaled::Scaled;
pub use state::VariableFault;
pub(crate) use state::{Assign, Group, Initializer, Update, VariableOp};

/// How a value is made of the inputs of its node, as far as anybody looks.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// In some other way.
    Other,
    /// By multiplying two inputs.
    Product,
    /// By dividing the first input by the second.
    Quotient,
    /// By adding two inputs.
    Sum,
    /// By taking the second input from the first.
    Difference,
    /// By passing the input on.
    Same,
    /// By changing the sign of the input.
    Negative,
    /// By adding up the first input along the axes along which the second would be repeated to its shape.
    Total,
    /// By raising the first input to the power of the second.
    Power,
    /// By repeating the first input, as broadcasting does.
    Repeated,
    /// By giving other lengths to the elements of the first input, which keep their order.
    Reshaped,
    /// By putting the axes of the input into this order; without a list they are reversed.
    Permuted(Option<Vec<isize>>),
    /// Of nothing: it is this number.
    Number(f64),
}

/// One kind of node with one output. Its attributes (axes, flags, the value of a constant) are its fields.
///
/// An op with several outputs implements [`MultiOp`] instead, which every `Op` is by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no op",
    label = "expected a type that implements `Op`, or `MultiOp` where it has several outputs",
    note = "the module `flowgrad::op` shows how to write one; most functions are composed of tensors' methods and need none"
)]
pub trait Op: Any + fmt::Debug + Send + Sync {
    /// The op's name as TensorFlow spells it; nodes are named after it.
    fn name(&self) -> &'static str;

    /// The shape rule: the output's type for these inputs, lengths possibly unknown.
    ///
    /// Asked once while building, and once more for each plan with every length known. Like the op's other functions,
    /// it may ask the graph, and sessions, for whatever it needs.
    ///
    /// # Errors
    /// What is wrong with applying the op to such inputs.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault>;

    /// Emits the op's computation in the lowering vocabulary and gives its result, which must be of the type that
    /// [`infer`](Op::infer) gives for the inputs' types.
    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val;

    /// The gradient: gives each input its share of the cotangent by adding nodes to the graph.
    ///
    /// A share may have the shape of the output; the sweep sums it back to the input's shape.
    fn pullback(&self, at: &mut Pullback<'_>);

    /// Whether a gradient can flow to the given input at all.
    fn differentiable(&self, _input: usize) -> bool {
        true
    }

    /// Whether the gradient to an input is 0 at elements which a condition did not take, so that what was computed
    /// on the way to them must not matter: it may be infinite or NaN. Elementwise gradients above are then
    /// [`scaled`](Pullback::scale) with care.
    fn zero_where_untaken(&self, input: usize) -> bool {
        self.masks(input)
    }

    /// [`zero_where_untaken`](Op::zero_where_untaken) by its former name.
    #[doc(hidden)]
    fn masks(&self, _input: usize) -> bool {
        false
    }

    /// How the value is made of the inputs, for what looks through sums and products.
    #[doc(hidden)]
    fn form(&self) -> Form {
        Form::Other
    }

    /// The elements that it gives, for what writes them to files, and the lengths to which they are repeated, if that is
    /// all that it does.
    #[doc(hidden)]
    fn held(&self) -> Option<(Arc<Value>, &[usize])> {
        None
    }

    /// The fields: the text form of the graph prints them behind the name, and what exports graphs writes them.
    fn attributes(&self) -> Attributes {
        Attributes::new()
    }
}
