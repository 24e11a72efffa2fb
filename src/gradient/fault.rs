//! What can be wrong with a request for gradients, or with the gradient of an op.

use crate::element::DType;
use crate::shape::Shape;

/// What can be wrong with a request for gradients, or with the gradient of an op.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GradientFault {
    /// A gradient is asked for with respect to a tensor that the differentiated one does not depend on.
    #[error("`{y}` has no gradient with respect to `{x}`: {reason}")]
    Unconnected {
        /// Name of the differentiated tensor.
        y: String,
        /// Name of the target.
        x: String,
        /// Why there is none.
        reason: NoGradient,
    },
    /// A path passes through an op whose derivative of that order nobody gave.
    #[error(
        "expected a derivative of order {order} of `{op}`, through which the path passes, got none; {}",
        if *order == 1 { "give one by `custom_gradient`, or cut the path by `stop_gradient`" }
        else { "`map_with_second` takes a second one" }
    )]
    NoDerivative {
        /// Name of the op.
        op: &'static str,
        /// 1 for the gradient.
        order: usize,
    },
    /// A path passes more often through an op than there are derivatives of it.
    #[error("expected derivatives of `{op}` up to order {most}, got a path through one of order {order}")]
    TooHigh {
        /// Name of the op.
        op: &'static str,
        /// The highest order.
        most: usize,
        /// The order that the path needs.
        order: usize,
    },
    /// A starting gradient whose shape is not that of its tensor.
    #[error("starting gradient of `{y}`: expected shape {expected}, got {found}")]
    StartShape {
        /// Name of the differentiated tensor.
        y: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the gradient given.
        found: Shape,
    },
    /// Not one starting gradient for each differentiated tensor.
    #[error("expected a starting gradient for each of {ys} tensors, got {grad_ys}")]
    StartCount {
        /// Number of differentiated tensors.
        ys: usize,
        /// Number of gradients given.
        grad_ys: usize,
    },
    /// A derivative with one part for each element of a tensor whose lengths are not all known.
    #[error(
        "`{tensor}`: expected a shape that is known while building, for one part is built for each element, \
         got {shape}"
    )]
    UnknownSize {
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Shape,
    },
    /// Not one vector for each target of a product with derivatives.
    #[error("expected a vector for each of {xs} targets, got {vectors}")]
    VectorCount {
        /// Number of targets.
        xs: usize,
        /// Number of vectors given.
        vectors: usize,
    },
    /// A vector of another shape than the target whose derivative it multiplies.
    #[error("vector of `{x}`: expected shape {expected}, got {found}")]
    VectorShape {
        /// Name of the target.
        x: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the vector given.
        found: Shape,
    },
    /// A gradient asks for an input, or gives one its share, that the op does not have.
    #[error("expected the position of one of {inputs} inputs, got {input}")]
    NoSuchInput {
        /// The position asked for.
        input: usize,
        /// The number of inputs.
        inputs: usize,
    },
    /// A gradient gives the share of an output that the op does not have.
    #[error("expected the position of one of {outputs} outputs, got {output}")]
    NoSuchOutput {
        /// The position asked for.
        output: usize,
        /// The number of outputs.
        outputs: usize,
    },
}

/// Why one tensor has no gradient with respect to another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoGradient {
    /// It is not computed from it.
    #[error("there is no path between them")]
    NoPath,
    /// Every path passes through integers or booleans, which have no derivative.
    #[error("the path passes through `{node}` ({dtype}), which is not continuous")]
    NotContinuous {
        /// Name of the node that cuts the path.
        node: String,
        /// Its element type.
        dtype: DType,
    },
    /// Every path is cut by an op that passes no gradient, such as `stop_gradient`.
    #[error("the path passes through `{node}` ({op}), which passes no gradient")]
    Stopped {
        /// Name of the node that cuts the path.
        node: String,
        /// Name of its op.
        op: &'static str,
    },
}
