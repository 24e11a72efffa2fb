//! What a program that uses flowgrad imports: `use flowgrad::prelude::*;`.

pub use crate::initializer::{Initializer, full, glorot_uniform, ones, random_normal, random_uniform, zeros};
pub use crate::ndarray;
pub use crate::testing::{AssertClose as _, check_gradients};
pub use crate::{
    Axes, AxisRange, Callable, CustomPullback, DType, Element, Error, Fetch, Float, Gradients, Graph,
    Numeric, Operand, Operation, Pad, Result, Session, Shape, Tensor, Trace, Value, Variable,
    custom_gradient, hessian, hessian_vector_product, jacobian, jvp,
};
