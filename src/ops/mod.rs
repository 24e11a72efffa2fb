//! The ops, one file an op or a close family: shape rule, lowering, gradient, public method, and
//! the examples on which `laws` tests them all.

/// Declares the files of ops; each must give the examples by which the laws test it.
macro_rules! op_files {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*

        #[cfg(test)]
        fn examples() -> Vec<laws::Example> {
            [$($file::examples()),*].into_iter().flatten().collect()
        }
    };
}
op_files![
    arithmetic, broadcast, cast, compare, constant, identity, matmul, neural, power, reduce, state,
    transpose, unary,
];

#[cfg(test)]
mod laws;

pub(crate) use broadcast::{BroadcastLike, ExpectShape, SumLike};
pub(crate) use constant::{Constant, Invalid, Placeholder};
pub(crate) use identity::Identity;
pub(crate) use state::{Assign, Group, Initializer, Update, VariableOp};
