//! What is known of ops by their names.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::nodes::Node;
use super::ops::{Build, FAMILIES};
use crate::io::tensorflow::Attr;
use crate::io::tensorflow::element_type::STRING;

/// What builds the nodes of an op, if it is supported.
pub(super) fn find(op: &str) -> Option<Build> {
    static BY_NAME: OnceLock<HashMap<&'static str, Build>> = OnceLock::new();
    let rows = || FAMILIES.iter().copied().flatten().copied().collect();
    BY_NAME.get_or_init(rows).get(op).copied()
}

/// The names of the outputs of ops that have several, as functions write them.
const OUTPUTS: &[(&str, &[&str])] = &[
    ("BroadcastGradientArgs", &["r0", "r1"]),
    ("FusedBatchNorm", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"]),
    ("FusedBatchNormV2", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"]),
    (
        "FusedBatchNormV3",
        &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"],
    ),
    (
        "FusedBatchNormGrad",
        &["x_backprop", "scale_backprop", "offset_backprop", "reserve_space_3", "reserve_space_4"],
    ),
    (
        "FusedBatchNormGradV2",
        &["x_backprop", "scale_backprop", "offset_backprop", "reserve_space_3", "reserve_space_4"],
    ),
    (
        "FusedBatchNormGradV3",
        &["x_backprop", "scale_backprop", "offset_backprop", "reserve_space_4", "reserve_space_5"],
    ),
    ("Merge", &["output", "value_index"]),
    ("SoftmaxCrossEntropyWithLogits", &["loss", "backprop"]),
    ("SparseSoftmaxCrossEntropyWithLogits", &["loss", "backprop"]),
    ("StatelessRandomGetKeyCounter", &["key", "counter"]),
    ("Switch", &["output_false", "output_true"]),
    ("TensorArrayGradV3", &["grad_handle", "flow_out"]),
    ("TensorArrayV3", &["handle", "flow"]),
    ("TensorListPopBack", &["output_handle", "tensor"]),
    ("TopK", &["values", "indices"]),
    ("TopKV2", &["values", "indices"]),
];

/// The names of an op's outputs where there are several, in order.
pub(super) fn outputs(op: &str) -> &'static [&'static str] {
    OUTPUTS.iter().find(|row| row.0 == op).map_or(&[], |row| row.1)
}

/// Ops that only savers, summaries, assertions and printing need.
const LEFT_OUT: &[&str] = &[
    "Assert",
    "AudioSummary",
    "AudioSummaryV2",
    "DenseToDenseSetOperation",
    "HistogramSummary",
    "ImageSummary",
    "MergeSummary",
    "MergeV2Checkpoints",
    "PrintV2",
    "Restore",
    "RestoreSlice",
    "RestoreV2",
    "Save",
    "SaveSlices",
    "SaveV2",
    "ScalarSummary",
    "ShardedFilename",
    "ShardedFilespec",
    "StringFormat",
    "StringJoin",
    "TensorSummary",
    "TensorSummaryV2",
];

/// Whether nothing is built for a node, as it is an op of the list or gives texts.
pub(super) fn is_left_out(node: &Node) -> bool {
    let gives_text = |name: &str| matches!(node.attr(name), Some(Attr::Type(STRING)));
    let op = node.op.as_str();
    LEFT_OUT.contains(&op)
        || matches!(op, "Const" | "Placeholder" | "PlaceholderWithDefault") && gives_text("dtype")
}

/// Ops that change variables.
const EFFECTS: &[&str] = &[
    "Assign",
    "AssignAdd",
    "AssignAddVariableOp",
    "AssignSub",
    "AssignSubVariableOp",
    "AssignVariableOp",
    "ResourceScatterAdd",
    "ResourceScatterSub",
    "ResourceScatterUpdate",
    "ScatterAdd",
    "ScatterSub",
    "ScatterUpdate",
];

/// Whether a node is run for what it changes.
pub(super) fn has_effect(op: &str) -> bool {
    EFFECTS.contains(&op) || op.starts_with("ResourceApply") || op.starts_with("Apply") || op == "NoOp"
}
