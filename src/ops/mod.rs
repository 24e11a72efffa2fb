//! The ops, one file an op or a close family: shape rule, lowering, gradient, public method, and
//! the examples on which `laws` tests them all.

/// Declares the files of ops; each must give the examples that the laws test it on.
macro_rules! op_files {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*

        /// All ops that can be built by name, in the order of their files.
        ///
        /// ```
        /// use flowgrad::op;
        /// let matmul = op::registry().find(|op| op.name() == "matmul").unwrap();
        /// let operands: Vec<&str> = matmul.operands().iter().map(|operand| operand.name).collect();
        /// assert_eq!(operands, ["x", "other"]);
        /// ```
        pub fn registry() -> impl Iterator<Item = &'static OpDef> {
            [$($file::METHODS),*].into_iter().flatten().copied().flatten()
        }

        #[cfg(test)]
        fn examples() -> Vec<laws::Example> {
            [structural::examples(), $($file::examples()),*].into_iter().flatten().collect()
        }
    };
}
mod elementwise;
mod methods;
mod numbers;

use crate::graph::op::OpDef;

op_files![
    activation,
    arg_max,
    arithmetic,
    attention,
    bitwise,
    bump,
    cast,
    check,
    circular,
    clip,
    compare,
    concat,
    conv1d,
    conv_transpose,
    convolution,
    ctc_loss,
    cumsum,
    custom_gradient,
    diagonal,
    division,
    einsum,
    gated,
    gather,
    guarded,
    hinge,
    identity,
    logical,
    logical_reduce,
    losses,
    matmul,
    mean,
    neural,
    norm,
    one_hot,
    pad,
    patches,
    polar,
    pooling,
    power,
    product,
    random,
    range,
    reduce,
    reshape,
    resize,
    row_losses,
    sample,
    shape_of,
    slice,
    split,
    stack,
    statistics,
    steps,
    tile,
    top_k,
    transpose,
    triangle,
    unary,
];

#[cfg(test)]
mod laws;
#[cfg(test)]
mod structural;

/// The faults that ops declare.
pub(crate) mod fault {
    pub use super::attention::AttentionFault;
    pub use super::compare::SelectFault;
    pub use super::concat::JoinFault;
    pub use super::convolution::ConvolutionFault;
    pub use super::ctc_loss::CtcFault;
    pub use super::custom_gradient::CustomGradientFault;
    pub use super::diagonal::DiagonalFault;
    pub use super::einsum::{EinsumFault, SpecFault};
    pub use super::gather::GatherFault;
    pub use super::losses::LossFault;
    pub use super::matmul::MatMulFault;
    pub use super::pad::PadFault;
    pub use super::patches::WindowFault;
    pub use super::random::RandomFault;
    pub use super::range::RangeFault;
    pub use super::reshape::ReshapeFault;
    pub use super::resize::ResizeFault;
    pub use super::slice::SliceFault;
    pub use super::split::SplitFault;
    pub use super::top_k::TopKFault;
    pub use super::transpose::TransposeFault;
}

pub use attention::Attention;
pub use convolution::Convolution;
pub use custom_gradient::{CustomPullback, custom_gradient};
pub use pad::Pad;
pub use patches::{Padding, RowsAndColumns, Window};
pub use slice::{AxisRange, Ranges};
