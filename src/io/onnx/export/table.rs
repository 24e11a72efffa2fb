//! Which op is written how: a table. Ops that are not here are written as what a run would compute (`expanded`).

use super::at::{At, Written};
use super::lengths::{
    Rule, batch, beside, first, gathered, inserted, leading, letters, new, of_axis, padded, permuted,
    product, reduced, second, sliced, squeezed, told, without,
};
use super::ops::{images, moves, parts, products, random, reductions};

/// Writes an item: gives the names of its outputs.
type Write = fn(&mut At<'_, '_, '_>) -> Written;

/// A row: the op, what writes it, and how its unknown lengths follow from those of its inputs.
#[derive(Clone, Copy)]
pub(super) struct Row {
    op: &'static str,
    pub(super) write: Write,
    pub(super) lengths: Rule,
}

const fn row(op: &'static str, write: Write, lengths: Rule) -> Row {
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

#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("relu",                       same!("Relu"),                first),
    row("identity",                   moves::same,                  first),
    row("seen",                       moves::same,                  first),
    row("stop_gradient",              moves::same,                  first),
    row("same_shape",                 |at| Ok(vec![at.name(1)?]),   first),
    row("expect_shape",               moves::same,                  first),
    row("print",                      moves::same,                  first),
    row("check_numerics",             moves::same,                  first),
    row("dim",                        moves::dim,                   of_axis),
    row("length",                     moves::length,                new),
    row("shape_of",                   moves::shape_of,              new),
    row("reshape",                    moves::reshape,               told),
    row("reshape_like",               moves::reshape_like,          second),
    row("reshape_last",               moves::reshape_last,          leading),
    row("expand_dims",                moves::expand_dims,           inserted),
    row("squeeze",                    moves::squeeze,               squeezed),
    row("transpose",                  moves::transpose,             permuted),
    row("transpose_perm",             moves::transpose,             permuted),
    row("broadcast_to",               moves::broadcast_to,          told),
    row("broadcast_like",             moves::broadcast_like,        second),
    row("broadcast_along",            moves::broadcast_along,       second),
    row("sum_like",                   moves::sum_like,              second),
    row("concat",                     parts::concat,                beside),
    row("stack",                      parts::stack,                 inserted),
    row("split",                      parts::split,                 without),
    row("unstack",                    parts::unstack,               without),
    row("slice",                      parts::slice,                 sliced),
    row("split_part",                 parts::split_part,            without),
    row("split_transposed",           parts::split_transposed,      second),
    row("parts_transposed",           parts::parts_transposed,      first),
    row("reverse",                    parts::reverse,               first),
    row("roll",                       |at| moves::roll(at, false),  first),
    row("roll_back",                  |at| moves::roll(at, true),   first),
    row("concat_extent",              parts::concat_extent,         new),
    row("concat_part",                parts::concat_part,           second),
    row("tile_transposed",            moves::tile_transposed,       second),
    row("slice_transposed",           parts::slice_transposed,      second),
    row("pad_transposed",             parts::pad_transposed,        second),
    row("pad",                        parts::pad,                   padded),
    row("tile",                       moves::tile,                  new),
    row("gather",                     moves::gather,                gathered),
    row("scatter_add",                moves::scatter_add,           first),
    row("take_along_axis",            moves::take_along_axis,       second),
    row("one_hot",                    moves::one_hot,               first),
    row("label_mask",                 moves::label_mask,            second),
    row("reduce_sum",                 reductions::sum,              reduced),
    row("reduce_max",                 reductions::max,              reduced),
    row("reduce_min",                 reductions::min,              reduced),
    row("reduce_prod",                reductions::prod,             reduced),
    row("reduce_any",                 reductions::any,              reduced),
    row("reduce_all",                 reductions::all,              reduced),
    row("count",                      reductions::count,            new),
    row("unless_all_equal",           reductions::unless_all_equal, first),
    row("argmax",                     reductions::argmax,           without),
    row("argmin",                     reductions::argmin,           without),
    row("cumsum",                     reductions::cumsum,           first),
    row("top_k",                      reductions::top_k,            first),
    row("matmul",                     products::matmul,             product),
    row("einsum",                     products::einsum,             letters),
    row("extract_patches",            images::extract_patches,      batch),
    row("extract_patches_transposed", images::add_patches,          second),
    row("bernoulli_like",             random::bernoulli_like,       first),
];

/// The row of an op.
pub(super) fn find(op: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.op == op)
}
