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
    /// Dots that are no ellipsis, or a second ellipsis in a term.
    #[error("expected at most one ellipsis of three dots in a term, got `{term}`")]
    Ellipsis {
        /// The term.
        term: String,
    },
    /// The result has no ellipsis, and there are axes under those of the operands.
    #[error(
        "expected an ellipsis in the result, as those of operands stand for axes (up to {axes}), got none"
    )]
    EllipsisInResult {
        /// The number of axes.
        axes: usize,
    },
    /// Axes under ellipses do not broadcast.
    #[error("axes under the ellipsis: expected lengths that broadcast, got {left} and {right}")]
    EllipsisLengths {
        /// The length in the first operand.
        left: usize,
        /// The length in the second.
        right: usize,
    },
    /// An index is twice in the result.
    #[error("expected each index once in the result, got `{index}` twice")]
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
        /// Its length where it stands first.
        left: usize,
        /// Its length where it stands next.
        right: usize,
    },
}
