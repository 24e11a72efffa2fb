//! Which op is written how: a table. Ops that are not here are written as what a run would compute (`expanded`).

use super::at::{At, Lengths, Written};
use super::ops::{images, moves, parts, products, random, reductions};

/// Writes an item: gives the names of its outputs.
type Write = fn(&mut At<'_, '_, '_>) -> Written;

/// A row: the op, what writes it, and how its unknown lengths follow from those of its inputs.
#[derive(Clone, Copy)]
pub(super) struct Row {
    op: &'static str,
    pub(super) write: Write,
    pub(super) lengths: Lengths,
}

const fn row(op: &'static str, write: Write, lengths: Lengths) -> Row {
    Row { op, write, lengths }
}

/// An op that is one of ONNX's, of the same operands.
macro_rules! same {
    ($name:literal) => {
        |at| {
            let inputs = at.inputs.iter().map(|val| val.name.clone()).collect::<Vec<_>>();
            Ok(vec![at.w.op($name, &inputs.iter().map(String::as_str).collect::<Vec<_>>(), Vec::new())])
        }
    };
}

const TABLE: &[Row] = &[
    row("relu", same!("Relu"), Lengths::Of(0)),
    row("identity", moves::same, Lengths::Of(0)),
    row("seen", moves::same, Lengths::Of(0)),
    row("stop_gradient", moves::same, Lengths::Of(0)),
    row("print", moves::same, Lengths::Of(0)),
    row("check_numerics", moves::same, Lengths::Of(0)),
    row("dim", moves::dim, Lengths::New),
    row("length", moves::length, Lengths::New),
    row("shape_of", moves::shape_of, Lengths::New),
    row("reshape", moves::reshape, Lengths::New),
    row("reshape_like", moves::reshape_like, Lengths::Of(1)),
    row("reshape_last", moves::reshape_last, Lengths::First),
    row("expand_dims", moves::expand_dims, Lengths::New),
    row("squeeze", moves::squeeze, Lengths::New),
    row("transpose", moves::transpose, Lengths::Permuted),
    row("transpose_perm", moves::transpose, Lengths::Permuted),
    row("broadcast_to", moves::broadcast_to, Lengths::New),
    row("broadcast_like", moves::broadcast_like, Lengths::Of(1)),
    row("broadcast_along", moves::broadcast_along, Lengths::Of(1)),
    row("sum_like", moves::sum_like, Lengths::Of(1)),
    row("concat", parts::concat, Lengths::First),
    row("stack", parts::stack, Lengths::New),
    row("split", parts::split, Lengths::Kept),
    row("unstack", parts::unstack, Lengths::New),
    row("slice", parts::slice, Lengths::New),
    row("split_part", parts::split_part, Lengths::New),
    row("split_transposed", parts::split_transposed, Lengths::Of(1)),
    row("parts_transposed", parts::parts_transposed, Lengths::Of(0)),
    row("slice_transposed", parts::slice_transposed, Lengths::Of(1)),
    row("pad_transposed", parts::pad_transposed, Lengths::Of(1)),
    row("pad", parts::pad, Lengths::Kept),
    row("tile", moves::tile, Lengths::New),
    row("gather", moves::gather, Lengths::New),
    row("scatter_add", moves::scatter_add, Lengths::Of(0)),
    row("take_along_axis", moves::take_along_axis, Lengths::Of(1)),
    row("one_hot", moves::one_hot, Lengths::First),
    row("label_mask", moves::label_mask, Lengths::Of(1)),
    row("reduce_sum", reductions::sum, Lengths::Reduced),
    row("reduce_max", reductions::max, Lengths::Reduced),
    row("reduce_min", reductions::min, Lengths::Reduced),
    row("reduce_prod", reductions::prod, Lengths::Reduced),
    row("reduce_any", reductions::any, Lengths::Reduced),
    row("reduce_all", reductions::all, Lengths::Reduced),
    row("count", reductions::count, Lengths::New),
    row("unless_all_equal", reductions::unless_all_equal, Lengths::Of(0)),
    row("argmax", reductions::argmax, Lengths::New),
    row("argmin", reductions::argmin, Lengths::New),
    row("cumsum", reductions::cumsum, Lengths::Of(0)),
    row("top_k", reductions::top_k, Lengths::Kept),
    row("matmul", products::matmul, Lengths::Product),
    row("einsum", products::einsum, Lengths::First),
    row("extract_patches", images::extract_patches, Lengths::First),
    row("extract_patches_transposed", images::add_patches, Lengths::Of(1)),
    row("bernoulli_like", random::bernoulli_like, Lengths::Of(0)),
];

/// The row of an op.
pub(super) fn find(op: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.op == op)
}
