//! What can be wrong with a sum of products.

use crate::shape::Shape;

/// What can be wrong with a sum of products by named indices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EinsumFault {
    /// A specification that says nothing, or does not fit its operands.
    #[error("einsum `{spec}`: {fault}")]
    Spec {
        /// The specification.
        spec: String,
        /// What is wrong with it.
        fault: SpecFault,
    },
    /// An operand of an outer product is no vector.
    #[error("expected two vectors, got {left} and {right}")]
    Outer {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },
    /// The operands of a dot product are no vectors of one length.
    #[error("expected two vectors of one length, got {left} and {right}")]
    Dot {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },
}

/// What is wrong with a specification of sums of products.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecFault {
    /// It has an ellipsis.
    #[error("expected a letter for each axis, got an ellipsis")]
    Ellipsis,
    /// An index is twice in one term: diagonals are not supported.
    #[error("expected each index once in a term, got `{index}` twice")]
    Repeated {
        /// The index.
        index: char,
    },
    /// A character that is no index.
    #[error("expected an index from a to z or A to Z, got `{found}`")]
    NotAnIndex {
        /// The character.
        found: char,
    },
    /// The result has an index that no operand has.
    #[error("expected an index of some operand in the result, got `{index}`")]
    OnlyInResult {
        /// The index.
        index: char,
    },
    /// Not one term for each operand.
    #[error("expected a term for each of {operands} operands, got {terms}")]
    Operands {
        /// Number of terms.
        terms: usize,
        /// Number of operands.
        operands: usize,
    },
    /// A term has not one index for each axis of its operand.
    #[error("operand {operand}: expected an index for each axis of {shape}, got {indices}")]
    Rank {
        /// Position of the operand, counted from 0.
        operand: usize,
        /// Shape of the operand.
        shape: Shape,
        /// Number of indices in its term.
        indices: usize,
    },
    /// An index stands for axes of different lengths.
    #[error("index `{index}`: expected axes of one length, got {left} and {right}")]
    Lengths {
        /// The index.
        index: char,
        /// Its length in the first operand.
        left: usize,
        /// Its length in the second.
        right: usize,
    },
}
