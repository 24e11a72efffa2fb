//! What can be wrong with the lowering of an op, and with a label that one is given.

use crate::element::DType;
use crate::shape::TensorType;

/// A label that is none of the classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a label from 0 to below {classes}, the number of classes, got {label}{}",
    match row.as_slice() {
        [] => String::new(),
        [row] => format!(" in row {row}"),
        row => format!(" in row {row:?}"),
    }
)]
pub struct BadLabel {
    /// The label.
    pub label: i64,
    /// Its row: one number for each axis of the labels.
    pub row: Vec<usize>,
    /// The number of classes.
    pub classes: usize,
}

/// What is wrong with the lowering of an op.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoweringError {
    /// An instruction whose operands, result and lengths do not go together.
    #[error("expected instructions whose operands fit, got {instruction}")]
    Instruction {
        /// The instruction with its operands and its result.
        instruction: String,
    },
    /// The value is of another type or shape than the op's shape rule says.
    #[error("expected {promised} by the op's shape rule, got {found_dtype}{found:?} from its lowering")]
    Type {
        /// The type by the shape rule.
        promised: Box<TensorType>,
        /// The element type of the lowered value.
        found_dtype: DType,
        /// The lengths of the lowered value.
        found: Vec<usize>,
    },
    /// The shape rule gives another type than when the node was built.
    #[error("expected {promised} as when it was built, got {found} from the op's shape rule")]
    ShapeRule {
        /// The type that the node was built with.
        promised: Box<TensorType>,
        /// The type that the shape rule gives now.
        found: Box<TensorType>,
    },
    /// The shape rule leaves a length open, although it is given the lengths of all inputs.
    #[error(
        "expected every length from the op's shape rule, as those of all inputs are known ({}), got {found}",
        inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    UnknownLength {
        /// The type that the shape rule gives.
        found: Box<TensorType>,
        /// The types of the inputs.
        inputs: Vec<TensorType>,
    },
    /// There are not as many outputs as the op promised when the node was built.
    #[error("expected {promised} outputs, got {found}")]
    OutputCount {
        /// The number promised.
        promised: usize,
        /// The number there are.
        found: usize,
    },
    /// Functions call each other so often that there is no program for all of it.
    #[error("expected at most {most} calls of functions in one run, got more")]
    TooManyCalls {
        /// How many there may be.
        most: usize,
    },
    /// The value belongs to another lowering.
    #[error("expected a value of this lowering, got one of another")]
    ForeignValue,
}
