//! The ops, one file an op or a close family: shape rule, lowering, gradient, public method, and
//! the examples on which `laws` tests them all.

/// Declares the files of ops; each must give the examples that the laws test it on.
macro_rules! op_files {
    ($($(#[$of_feature:meta])? $file:ident),* $(,)?) => {
        $($(#[$of_feature])? mod $file;)*

        /// All ops that can be built by name, in the order of their files.
        ///
        /// ```
        /// use flowgrad::op;
        /// let matmul = op::registry().find(|op| op.name() == "matmul").unwrap();
        /// let operands: Vec<&str> = matmul.operands().iter().map(|operand| operand.name).collect();
        /// assert_eq!(operands, ["x", "other"]);
        /// ```
        pub fn registry() -> impl Iterator<Item = &'static OpDef> {
            [$($(#[$of_feature])? $file::METHODS),*].into_iter().flatten().copied().flatten().chain(families::methods())
        }

        #[cfg(test)]
        pub(crate) fn examples() -> Vec<laws::Example> {
            let of_files = [structural::examples(), families::examples(), $($(#[$of_feature])? $file::examples()),*];
            of_files.into_iter().flatten().collect()
        }
    };
}
mod along;
mod control;
mod elementwise;
mod internal;
#[cfg(feature = "linalg")]
mod linalg;
mod methods;
mod numbers;
mod parts;
mod special;

use std::sync::OnceLock;

use foldhash::HashMap;

use crate::graph::op::OpDef;

/// The definition of that name, of the registry or of an internal op: what a graph is written and read by.
// Only frozen models are.
#[cfg_attr(not(feature = "safetensors"), allow(dead_code))]
pub(crate) fn definition(name: &str) -> Option<&'static OpDef> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static OpDef>> = OnceLock::new();
    let all = || registry().chain(internal_ops());
    BY_NAME.get_or_init(|| all().map(|op| (op.name, op)).collect()).get(name).copied()
}

/// All ops that no method builds alone.
fn internal_ops() -> impl Iterator<Item = &'static OpDef> {
    let files = [
        internal::INTERNAL,
        internal::OF_LISTS,
        bessel::INTERNAL,
        bins::INTERNAL,
        boolean_mask::INTERNAL,
        bump::INTERNAL,
        concat::EXTENT,
        concat::INTERNAL,
        #[cfg(feature = "fft")]
        convolve::INTERNAL,
        ctc_loss::INTERNAL,
        einsum::DIAGONALS,
        einsum::NUMBERED,
        entropies::INTERNAL,
        expect_rows::INTERNAL,
        gamma::INTERNAL,
        #[cfg(feature = "fft")]
        fft::INTERNAL,
        #[cfg(feature = "fft")]
        fft::OF_LENGTHS,
        gated::INTERNAL,
        gather::INTERNAL,
        incomplete_beta::INTERNAL,
        incomplete_gamma::INTERNAL,
        kl_div::INTERNAL,
        linear_scan::INTERNAL,
        log_densities::INTERNAL,
        losses::INTERNAL,
        mean::INTERNAL,
        norm::INTERNAL,
        normal::INTERNAL,
        parts::INTERNAL,
        patches::FOLDS,
        patches::INTERNAL,
        polar::INTERNAL,
        product::INTERNAL,
        quantile::INTERNAL,
        random::INTERNAL,
        reduce::INTERNAL,
        reshape::INTERNAL,
        resize::INTERNAL,
        roll::INTERNAL,
        scatter_set::INTERNAL,
        segments::INTERNAL,
        sample::INTERNAL,
        sparse::INTERNAL,
        split::INTERNAL,
        control::INTERNAL,
        tile::INTERNAL,
        unique::INTERNAL,
    ];
    files.into_iter().flatten().chain(parts::put_back_ops().map(|def| &def.op)).chain(families::internal())
}

/// What families of ops list that have a feature of their own.
#[cfg(feature = "linalg")]
use linalg as families;

/// Without these features there is none.
#[cfg(not(feature = "linalg"))]
mod families {
    use crate::graph::op::OpDef;

    pub(super) fn methods() -> impl Iterator<Item = &'static OpDef> {
        std::iter::empty()
    }

    pub(super) fn internal() -> impl Iterator<Item = &'static OpDef> {
        std::iter::empty()
    }

    #[cfg(test)]
    pub(super) fn examples() -> Vec<super::laws::Example> {
        Vec::new()
    }
}

op_files![
    activation,
    arg_max,
    arithmetic,
    attention,
    bessel,
    beta,
    bins,
    bitwise,
    boolean_mask,
    broadcast_to,
    bump,
    callback,
    cast,
    check,
    circular,
    clip,
    compare,
    concat,
    conv1d,
    conv_transpose,
    convolution,
    #[cfg(feature = "fft")]
    convolve,
    ctc_loss,
    cumprod,
    cumsum,
    cumulative_extremes,
    custom_gradient,
    diagonal,
    difference,
    division,
    einsum,
    entropies,
    expect_rows,
    #[cfg(feature = "fft")]
    fft,
    fill,
    gamma,
    gated,
    gather,
    guarded,
    hinge,
    identity,
    incomplete_beta,
    incomplete_gamma,
    kl_div,
    lengths,
    logarithms,
    linear_scan,
    log_cumsum_exp,
    log_densities,
    logical,
    logical_reduce,
    losses,
    map_with,
    matmul,
    mean,
    meshgrid,
    neural,
    nonzero,
    norm,
    normal,
    one_hot,
    pad,
    patches,
    polar,
    pooling,
    power,
    product,
    quantile,
    random,
    range,
    reduce,
    reshape,
    resize,
    roll,
    row_losses,
    sample,
    scatter_set,
    searchsorted,
    segments,
    shape_of,
    slice,
    sort,
    sparse,
    split,
    stack,
    statistics,
    steps,
    tile,
    top_k,
    transpose,
    triangle,
    unary,
    unique,
    variates,
];

#[cfg(test)]
pub(crate) mod laws;
#[cfg(test)]
mod structural;

/// The faults that ops declare.
pub(crate) mod fault {
    pub use super::attention::AttentionFault;
    pub use super::bins::HistogramFault;
    pub use super::boolean_mask::MaskFault;
    pub use super::compare::SelectFault;
    pub use super::concat::JoinFault;
    pub use super::convolution::ConvolutionFault;
    #[cfg(feature = "fft")]
    pub use super::convolve::ConvolveFault;
    pub use super::ctc_loss::CtcFault;
    pub use super::custom_gradient::CustomGradientFault;
    pub use super::diagonal::DiagonalFault;
    pub use super::einsum::{EinsumFault, SpecFault};
    pub use super::expect_rows::RowsFault;
    #[cfg(feature = "fft")]
    pub use super::fft::FftFault;
    pub use super::gather::GatherFault;
    pub use super::lengths::LengthFault;
    #[cfg(feature = "linalg")]
    pub use super::linalg::{LinalgError, LinalgFault};
    pub use super::losses::LossFault;
    pub use super::matmul::MatMulFault;
    pub use super::meshgrid::MeshgridFault;
    pub use super::pad::PadFault;
    pub use super::patches::WindowFault;
    pub use super::quantile::QuantileFault;
    pub use super::random::RandomFault;
    pub use super::range::RangeFault;
    pub use super::reshape::ReshapeFault;
    pub use super::resize::ResizeFault;
    pub use super::roll::RollFault;
    pub use super::searchsorted::SearchFault;
    pub use super::segments::SegmentFault;
    pub use super::slice::SliceFault;
    pub use super::sparse::SparseFault;
    pub use super::split::SplitFault;
    pub use super::top_k::TopKFault;
    pub use super::transpose::TransposeFault;
}

pub use attention::Attention;
pub(crate) use bessel::i0e_fall;
pub use callback::CallResult;
pub use control::{Branches, Scan, Times, While};
pub use convolution::Convolution;
#[cfg(feature = "fft")]
pub use convolve::{ConvolveMethod, ConvolveMode};
pub use custom_gradient::{CustomPullback, custom_gradient};
pub(crate) use entropies::{binomial_entropy, gamma_entropy, negative_binomial_entropy, poisson_entropy};
pub(crate) use expect_rows::expect_rows;
pub(crate) use gamma::digamma_rise;
pub use lengths::{Length, Lengths};
pub(crate) use log_densities::{beta_log_density, gamma_log_density};
pub use meshgrid::Indexing;
pub use pad::Pad;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) use parts::Parts;
pub use patches::{Padding, RowsAndColumns, Window};
pub use quantile::{QuantileMethod, Quantiles};
pub use roll::Shifts;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) use slice::Taken;
pub use slice::{AxisRange, Ranges};
pub use sparse::SparseMatrix;
#[cfg(any(feature = "graphdef", feature = "onnx"))]
pub(crate) use split::Cut;
