//! Methods of untyped tensors that files which are still typed have not declared yet.
//!
//! Each is declared by its own file in time, and goes from here then; this file goes with the last.

use crate::element::DType;
use crate::graph::{AnyOperand, AnyTensor};
use crate::ops::compare::{Compare, Extreme};
use crate::ops::unary::Unary;

/// The typed method, for the element type that a tensor of floats has.
macro_rules! typed {
    ($x:ident.$name:ident($($argument:expr),*)) => {
        match $x.dtype() {
            DType::F32 => $x.typed::<f32>().$name($($argument),*).any(),
            _ => $x.typed::<f64>().$name($($argument),*).any(),
        }
    };
}

impl<'g> AnyTensor<'g> {
    #[track_caller]
    pub(super) fn exp(self) -> Self {
        self.unary(Unary::Exp)
    }

    #[track_caller]
    pub(super) fn ln(self) -> Self {
        self.unary(Unary::Ln)
    }

    #[track_caller]
    pub(super) fn log1p(self) -> Self {
        self.unary(Unary::Log1p)
    }

    #[track_caller]
    pub(super) fn square(self) -> Self {
        self.unary(Unary::Square)
    }

    #[track_caller]
    pub(super) fn is_finite(self) -> Self {
        typed!(self.is_finite())
    }

    #[track_caller]
    pub(super) fn relu(self) -> Self {
        typed!(self.relu())
    }

    #[track_caller]
    pub(super) fn maximum(self, other: impl AnyOperand<'g>) -> Self {
        self.binary(Extreme::Maximum, other.into_any(self.graph(), self.dtype()))
    }

    #[track_caller]
    pub(super) fn minimum(self, other: impl AnyOperand<'g>) -> Self {
        self.binary(Extreme::Minimum, other.into_any(self.graph(), self.dtype()))
    }

    #[track_caller]
    pub(super) fn not_equal(self, other: impl AnyOperand<'g>) -> Self {
        self.binary(Compare::NotEqual, other.into_any(self.graph(), self.dtype()))
    }
}
