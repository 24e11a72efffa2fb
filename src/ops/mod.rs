//! The ops, one file an op or a close family: shape rule, lowering, gradient, public method, and
//! the examples on which `laws` tests them all.

/// Declares the files of ops; each must give the examples by which the laws test it.
macro_rules! op_files {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*

        /// The names of all ops, as their files register them.
        fn registered() -> impl Iterator<Item = &'static str> {
            [$($file::OPS),*].into_iter().flatten().copied()
        }

        #[cfg(test)]
        fn examples() -> Vec<laws::Example> {
            [$($file::examples()),*].into_iter().flatten().collect()
        }
    };
}
op_files![
    activation,
    arg_max,
    arithmetic,
    broadcast,
    cast,
    check,
    circular,
    clip,
    compare,
    concat,
    constant,
    convolution,
    cumsum,
    custom_gradient,
    diagonal,
    division,
    einsum,
    gated,
    gather,
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
    parts,
    patches,
    pooling,
    power,
    product,
    random,
    range,
    reduce,
    reshape,
    sample,
    scaled,
    shape_of,
    slice,
    split,
    stack,
    state,
    statistics,
    steps,
    tile,
    top_k,
    transpose,
    triangle,
    unary,
];

mod pick;

#[cfg(test)]
mod laws;

/// Whether an op of this name is registered by its file, so that the laws know of it.
pub(crate) fn is_registered(name: &str) -> bool {
    registered().any(|registered| registered == name)
}

pub(crate) use broadcast::{BroadcastLike, ExpectShape, SumLike};
pub(crate) use constant::{Constant, Invalid, Placeholder};
pub use convolution::Convolution;
pub use custom_gradient::{CustomPullback, custom_gradient};
pub(crate) use identity::Identity;
pub(crate) use norm::Norm;
pub use pad::Pad;
pub(crate) use parts::{Part, PutBack};
pub use patches::{Padding, Window};
pub(crate) use scaled::Scaled;
pub use slice::{AxisRange, Ranges};
pub(crate) use state::{Assign, Group, Initializer, Update, VariableOp};
