//! The ops, one file an op or a close family: shape rule, lowering, gradient, public method, and
//! the examples on which `laws` tests them all.

mod arithmetic;
mod broadcast;
mod cast;
mod constant;
mod identity;
#[cfg(test)]
mod laws;
mod matmul;
mod reduce;
mod state;
mod transpose;
mod unary;

pub(crate) use broadcast::{BroadcastLike, SumLike};
pub(crate) use constant::{Constant, Invalid, Placeholder};
pub(crate) use state::{Assign, Group, Initializer, Update, VariableOp};
