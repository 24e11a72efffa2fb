//! How the nodes of each op are built: a table for each family, and [`At`], what its rows are told of a node.

mod at;
mod batch_norm;
mod convolutions;
mod elementwise;
mod gradients;
mod lengths;
mod moves;
mod products;
mod random;
mod rearranged;
mod reductions;
mod scattered;
mod slices;
mod state;
mod training;

pub(super) use at::{At, Refusal};
pub(super) use state::constant_number;
pub(super) use training::slots;

use super::value::Val;
use super::{functions, lists};

/// The outputs of a node.
pub(super) type Outputs<'g> = Result<Vec<Val<'g>>, Refusal>;

/// What builds a node.
pub(super) type Build = for<'a, 'g> fn(&At<'a, 'g>) -> Outputs<'g>;

/// An op, and what builds its nodes.
pub(super) type Row = (&'static str, Build);

/// The tables of all families.
pub(super) const FAMILIES: &[&[Row]] = &[
    batch_norm::OPS,
    convolutions::OPS,
    elementwise::OPS,
    elementwise::OF_TWO,
    functions::OPS,
    lists::OPS,
    gradients::OPS,
    lengths::OPS,
    moves::OPS,
    products::OPS,
    random::OPS,
    rearranged::OPS,
    reductions::OPS,
    scattered::OPS,
    slices::OPS,
    state::OPS,
    training::OPS,
];
