//! What can be wrong with a node: a [`Fault`] is found while building, or once shapes are known.

use std::any::Any;
use std::error::Error;
use std::panic::Location;
use std::sync::Arc;

use crate::element::DType;
use crate::memory::OutOfMemory;
use crate::shape::{Shape, ShapeError};

/// What is wrong with a node, without its place: that, a [`BuildError`](crate::BuildError) adds.
///
/// Here is what ops of any kind can be blamed for. What only one op or a close family can be is an error type of its
/// own, in the op's file and in [`fault`](crate::fault), and is found by [`is`](Fault::is) and
/// [`downcast_ref`](Fault::downcast_ref).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Shapes or axes that do not go together.
    #[error(transparent)]
    Shape(#[from] ShapeError),

    /// A tensor of another shape than the one that is needed.
    #[error("expected shape {expected}, got {found}")]
    OtherShape {
        /// The shape that is needed.
        expected: Shape,
        /// The shape of the tensor.
        found: Shape,
    },

    /// A tensor of another element type than the one that is needed.
    #[error("expected elements of {expected}, got {found}")]
    ElementType {
        /// The type that is needed.
        expected: DType,
        /// The type of the tensor.
        found: DType,
    },

    /// A tensor of an element type that an op does not take.
    #[error("expected elements of {expected}, got {found}")]
    ElementKind {
        /// What is needed, such as `"a float type"`.
        expected: &'static str,
        /// The type of the tensor.
        found: DType,
    },

    /// An op that is built by name is given another number of operands than it takes.
    #[error("expected {expected} operands, got {found}")]
    OperandCount {
        /// The number of operands that the op takes; where some stand for lists, the least.
        expected: usize,
        /// The number given.
        found: usize,
    },

    /// An op that is built by name lacks an attribute, or is given one of another kind.
    #[error("attribute `{name}`: expected {expected}, got {}", found.as_deref().unwrap_or("nothing"))]
    Attribute {
        /// The attribute's name.
        name: &'static str,
        /// The kind of value that it takes.
        expected: &'static str,
        /// What was given, as text.
        found: Option<String>,
    },

    /// An op that is built by name is given an attribute that it does not have.
    #[error("expected no attribute `{name}`, got {found}")]
    UnknownAttribute {
        /// The attribute's name.
        name: String,
        /// What was given, as text.
        found: String,
    },

    /// Operands of two graphs.
    #[error("operand {operand}: expected a tensor of the same graph, got one of another graph")]
    OtherGraph {
        /// Position of the operand, counted from 0.
        operand: usize,
    },

    /// A node is added to a graph that was finished before.
    #[error("expected no more nodes in a graph that was finalized at {at}, got one")]
    Finalized {
        /// The line that finished it.
        at: &'static Location<'static>,
    },
    /// A sum of tensors that has none.
    #[error("expected at least one tensor to add up, got none")]
    NoOperand,

    /// The shape rule of a custom op gives no output.
    #[error("expected at least one output, got none")]
    NoOutput,

    /// One call would build more than it may: a graph that no memory holds is refused before it is built.
    #[error("expected at most {most} {what}, got {count}")]
    TooMany {
        /// `"parts"`, `"sweeps"`.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },

    /// There is no memory for the elements of a constant or of a variable's start. It is reported as
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    #[error("no memory for {bytes} bytes of values")]
    OutOfMemory {
        /// How many bytes were asked for at once.
        bytes: usize,
    },

    /// What one op, or a close family of ops, can be blamed for: see [`Fault::op`].
    #[error(transparent)]
    Op(OpFault),

    /// What a custom op does not accept, in words.
    #[error("{reason}")]
    Custom {
        /// Why.
        reason: String,
    },
}

impl Fault {
    /// The fault that an op declares, as a type of its own.
    ///
    /// ```
    /// use flowgrad::op::Fault;
    /// #[derive(Debug, PartialEq, thiserror::Error)]
    /// #[error("expected 1 to 9 groups, got {0}")]
    /// struct Groups(usize);
    ///
    /// let fault = Fault::op(Groups(0));
    /// assert_eq!(fault.downcast_ref(), Some(&Groups(0)));
    /// assert_eq!(fault.to_string(), "expected 1 to 9 groups, got 0");
    /// ```
    pub fn op(fault: impl Error + PartialEq + Send + Sync + 'static) -> Self {
        Fault::Op(OpFault(Arc::new(fault)))
    }

    /// Whether it is the fault of an op, of this type.
    pub fn is<F: Error + 'static>(&self) -> bool {
        self.downcast_ref::<F>().is_some()
    }

    /// The fault of an op, if it is of this type.
    pub fn downcast_ref<F: Error + 'static>(&self) -> Option<&F> {
        let Fault::Op(OpFault(fault)) = self else { return None };
        (&**fault as &dyn Any).downcast_ref()
    }
}

impl From<OutOfMemory> for Fault {
    fn from(OutOfMemory { bytes, .. }: OutOfMemory) -> Self {
        Fault::OutOfMemory { bytes }
    }
}

/// A fault of a type that an op declares.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct OpFault(Arc<dyn Declared>);

/// An error of any type that can be compared.
trait Declared: Error + Any + Send + Sync {
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<F: Error + PartialEq + Send + Sync + 'static> Declared for F {
    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref() == Some(self)
    }
}

impl PartialEq for OpFault {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(&*other.0)
    }
}

impl Eq for OpFault {}
