//! What an op is: everything that the framework may ask of it, in one trait; and how to write a custom op.
//!
//! An op says its name, its shape rule, how it is lowered to a small vocabulary, and its gradient. The crate's own
//! ops live one file each under `src/ops` and use this very trait; no other code asks *which* op a node holds.
//!
//! # A custom op
//!
//! Most functions are composed of tensors' methods and need no op; a composed function that needs another gradient
//! takes `custom_gradient`. A scalar function with its derivative is [`map_with`](crate::Tensor::map_with), and a closure
//! on arrays [`Graph::call`](crate::Graph::call). An op is for what cannot be composed, or should be one node:
//!
//! 1. a type that implements [`Op`]; its attributes are fields;
//! 2. [`Op::infer`]: the output's element type and shape, lengths possibly unknown, or a [`Fault`];
//! 3. [`Op::lower`]: instructions through [`Lowering`], which are rewritten, fused and scheduled like those of any
//!    op, or a [`Kernel`] of plain Rust on arrays where the vocabulary does not reach;
//! 4. [`Op::pullback`]: the gradient, built of tensors, so that it can be differentiated again: of untyped ones, whose
//!    methods and operators are those of tensors, so that it holds for each element type;
//! 5. a function that applies it with [`Graph::custom`](crate::Graph::custom), and a test that holds it to the laws,
//!    with `flowgrad::testing::check_op`, or `OpCheck` for several element types.
//!
//! ```
//! use flowgrad::Float;
//! use flowgrad::op::{Lowering, Fault, Op, Pullback, Scalar, TensorType, Val};
//! use flowgrad::prelude::*;
//! use flowgrad::testing::OpCheck;
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
//!     fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
//!         match inputs {
//!             [x] if x.dtype.is_float() => Ok((*x).clone()),
//!             _ => Err(Fault::Custom { reason: "expected one float tensor".to_owned() }),
//!         }
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
//!         at.scale(0, || x.tanh());
//!     }
//! }
//!
//! fn ln_cosh<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
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
//!
//! let laws = OpCheck::shapes(&[&[2, 3]]).single_precision(|_, x| ln_cosh(x[0]));
//! laws.check(|_, x| ln_cosh(x[0])).assert_holds();
//! # Ok::<(), flowgrad::Error>(())
//! ```
//!
//! # Several outputs
//!
//! An op with several outputs implements [`MultiOp`], whose shape rule gives a type and whose lowering gives a value for
//! each, and is applied with [`Graph::custom_outputs`](crate::Graph::custom_outputs). A cotangent arrives for each output
//! that a gradient has reached: [`Pullback::give_from`] gives an input what it gets from one of them. The example
//! `custom_op` has both kinds.

pub use crate::element::{ArrayMut, ArrayRef};
pub use crate::error::Fault;
#[doc(hidden)]
pub use crate::error::Fault as Mistake;
pub use crate::gradient::Pullback;
#[doc(hidden)]
pub use crate::graph::op::Form;
pub use crate::graph::op::{
    Attribute, AttributeDef, AttributeValue, Attributes, Elements, MultiOp, Op, OpDef, OperandDef, Outputs,
};
pub use crate::graph::{AnyOperand, AnyTensor};
#[doc(hidden)]
pub use crate::ir::Reduce as Fold;
pub use crate::ir::{Kernel, KernelError, Lowering, Reduce, Scalar, Val, Workers, iterations};
pub use crate::ops::{CallResult, registry};
pub use crate::shape::TensorType;
