//! What an op is: everything that the framework may ask of it, in one trait; and how to write one's own.
//!
//! An op says its name, its shape rule, how it is lowered to a small vocabulary, and its gradient. The crate's own
//! ops live one file each under `src/ops` and use this very trait; no other code asks *which* op a node holds.
//!
//! # An op of one's own
//!
//! Most functions are composed of tensors' methods and need no op; a composed function that needs another gradient
//! takes `custom_gradient`. An op is for what cannot be composed, or should be one node:
//!
//! 1. a type that implements [`Op`]; its attributes are fields;
//! 2. [`Op::infer`]: the output's element type and shape, lengths possibly unknown, or a [`Mistake`];
//! 3. [`Op::lower`]: instructions through [`Lowering`], which are rewritten, fused and scheduled like those of any
//!    op, or a [`Kernel`] of plain Rust on arrays where the vocabulary does not reach;
//! 4. [`Op::pullback`]: the gradient, built of tensors, so that it can be differentiated again;
//! 5. a function that applies it with [`Graph::custom`](crate::Graph::custom), and a test that holds it to the laws,
//!    with `flowgrad::testing::check_op`.
//!
//! ```
//! use flowgrad::op::{AnyTensor, Lowering, Mistake, Op, Pullback, Scalar, TensorType, Val};
//! use flowgrad::prelude::*;
//!
//! /// ln cosh x, which is nearly x²/2 about 0 and |x| - ln 2 far from it.
//! #[derive(Debug)]
//! struct LnCosh;
//!
//! impl Op for LnCosh {
//!     fn name(&self) -> &'static str {
//!         "ln_cosh"
//!     }
//!
//!     fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
//!         Ok(inputs[0].clone())
//!     }
//!
//!     // |x| + ln(1 + e^(-2|x|)) - ln 2 does not overflow.
//!     fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
//!         let x = inputs[0];
//!         let number = |to: &mut Lowering<'_>, number| to.scalar(number, to.dtype(x));
//!         let minus = to.map(Scalar::Neg, &[x]);
//!         let magnitude = to.map(Scalar::Maximum, &[x, minus]);
//!         let minus_two = number(to, -2.0);
//!         let exponent = to.map(Scalar::Mul, &[minus_two, magnitude]);
//!         let exponential = to.map(Scalar::Exp, &[exponent]);
//!         let logarithm = to.map(Scalar::Log1p, &[exponential]);
//!         let sum = to.map(Scalar::Add, &[magnitude, logarithm]);
//!         let ln_2 = number(to, std::f64::consts::LN_2);
//!         to.map(Scalar::Sub, &[sum, ln_2])
//!     }
//!
//!     fn pullback(&self, at: &mut Pullback<'_>) {
//!         let x = at.input(0);
//!         at.scale(0, || x.typed::<f64>().tanh());
//!     }
//! }
//!
//! fn ln_cosh<'g>(x: Tensor<'g, f64>) -> Tensor<'g, f64> {
//!     x.graph().custom(LnCosh, &[x.any()])
//! }
//!
//! let g = Graph::new();
//! let x = g.constant(ndarray::arr1(&[0.0, 1000.0]));
//! let y = ln_cosh(x);
//! let [dx] = y.gradients([x]);
//! let [y, dx] = Session::new(&g)?.run([y, dx])?;
//! assert_eq!(y, ndarray::arr1(&[0.0, 1000.0 - std::f64::consts::LN_2]).into_dyn());
//! assert_eq!(dx, ndarray::arr1(&[0.0, 1.0]).into_dyn());
//! # Ok::<(), flowgrad::Error>(())
//! ```

pub(crate) mod broadcast;
pub(crate) mod constant;
pub(crate) mod identity;
mod parts;
pub(crate) mod pick;
pub(crate) mod scaled;
pub(crate) mod state;

use std::any::Any;
use std::fmt;

pub use crate::element::{ArrayMut, ArrayRef};
pub use crate::error::Mistake;
pub use crate::gradient::Pullback;
pub use crate::graph::AnyTensor;
pub use crate::ir::{Fold, Kernel, KernelError, Lowering, Scalar, Val};
pub use crate::shape::TensorType;

pub(crate) use broadcast::{BroadcastLike, ExpectShape, SumLike};
pub(crate) use constant::{Constant, Invalid, Placeholder};
pub(crate) use identity::Identity;
pub(crate) use parts::{Part, PutBack};
pub(crate) use scaled::Scaled;
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

/// One kind of node. Its attributes (axes, flags, the value of a constant) are its fields.
pub trait Op: Any + fmt::Debug + Send + Sync {
    /// The op's name as TensorFlow spells it; nodes are named after it.
    fn name(&self) -> &'static str;

    /// The shape rule: the output's type for these inputs, lengths possibly unknown.
    ///
    /// Asked once while building, and once more for each plan with every length known. Like the op's other functions,
    /// it may ask the graph, and sessions, for whatever it needs.
    ///
    /// # Errors
    /// The mistake that it would be to apply the op to such inputs.
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake>;

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
    fn masks(&self, _input: usize) -> bool {
        false
    }

    /// How the value is made of the inputs, for what looks through sums and products.
    #[doc(hidden)]
    fn form(&self) -> Form {
        Form::Other
    }

    /// The fields, as the text form of the graph prints them behind the name.
    fn attributes(&self) -> String {
        String::new()
    }
}
