//! What can be wrong with an optimizer, or with what it is given.

use crate::{DType, Shape};

/// What can be wrong with an optimizer, or with what it is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerFault {
    /// A number that is out of its range.
    #[error("{name}: expected {expected}, got {found}")]
    Parameter {
        /// Name of the number.
        name: &'static str,
        /// The range that suits it.
        expected: &'static str,
        /// The number, as it is printed.
        found: String,
    },
    /// A tensor of another graph where a number is expected.
    #[error("{name}: expected a number or a tensor of the same graph, got a tensor of another graph")]
    OtherGraph {
        /// Name of the number.
        name: &'static str,
    },
    /// A tensor of several elements where a number is expected.
    #[error("{name}: expected a single number, got a tensor of shape {found}")]
    NotANumber {
        /// Name of the number.
        name: &'static str,
        /// Shape of the tensor.
        found: Shape,
    },
    /// The steps at which the rate changes do not ascend.
    #[error("expected the steps at which the rate changes to ascend, got {behind} behind {before}")]
    StepOrder {
        /// A step.
        before: usize,
        /// The one behind it.
        behind: usize,
    },
    /// The loss depends on no variable that could be trained.
    #[error("expected a loss that depends on a trainable variable of {dtype}, got `{loss}`")]
    NoVariable {
        /// Name of the loss.
        loss: String,
        /// Its element type.
        dtype: DType,
    },
    /// There are no gradients to apply.
    #[error("expected at least one gradient to apply, got none")]
    NoGradients,
    /// A gradient of another shape than its variable.
    #[error("gradient of `{variable}`: expected shape {expected}, got {found}")]
    GradientShape {
        /// Name of the variable.
        variable: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the gradient.
        found: Shape,
    },
    /// A variable is given twice.
    #[error("expected each variable once, got `{variable}` twice")]
    VariableTwice {
        /// Name of the variable.
        variable: String,
    },
}
