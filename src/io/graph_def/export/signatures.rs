//! What TensorFlow calls the outputs of its ops, by which nodes of functions refer to each other.
//!
//! Source: the op registry of TensorFlow 2.21, `tensorflow/core/ops`. A list of outputs is one name.

/// The names for ops that give something other than an `output`.
const OUTPUTS: &[(&str, &[&str])] = &[
    ("Cumprod", &["out"]),
    ("Cumsum", &["out"]),
    ("CumulativeLogsumexp", &["out"]),
    ("LogMatrixDeterminant", &["sign", "log_abs_determinant"]),
    ("MatMul", &["product"]),
    ("MatrixBandPart", &["band"]),
    ("MatrixDiagPartV3", &["diagonal"]),
    ("Qr", &["q", "r"]),
    ("ReadVariableOp", &["value"]),
    ("SelfAdjointEigV2", &["e", "v"]),
    ("Svd", &["s", "u", "v"]),
    ("TensorListFromTensor", &["output_handle"]),
    ("TensorListGetItem", &["item"]),
    ("TensorListLength", &["length"]),
    ("TensorListPushBack", &["output_handle"]),
    ("TensorListReserve", &["handle"]),
    ("EmptyTensorList", &["handle"]),
    ("TensorListSetItem", &["output_handle"]),
    ("TensorListStack", &["tensor"]),
    ("TopKV2", &["values", "indices"]),
    ("Unique", &["y", "idx"]),
    ("BroadcastGradientArgs", &["r0", "r1"]),
    ("Where", &["index"]),
];

/// Functions of one tensor, which give a `y`.
const GIVE_Y: &[&str] = &[
    "Abs",
    "Acos",
    "Asin",
    "Atan",
    "BesselI0",
    "BesselI0e",
    "BesselI1",
    "BesselI1e",
    "Cast",
    "Ceil",
    "Cos",
    "Cosh",
    "Digamma",
    "Erf",
    "Erfc",
    "Erfinv",
    "Exp",
    "Expm1",
    "Floor",
    "Invert",
    "Lgamma",
    "Log",
    "Log1p",
    "LogicalNot",
    "Ndtri",
    "Neg",
    "Rint",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Sqrt",
    "Square",
    "Tan",
    "Tanh",
    "Transpose",
    "ZerosLike",
];

/// Functions of several, which give a `z`.
const GIVE_Z: &[&str] = &[
    "AddV2",
    "Atan2",
    "Betainc",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Equal",
    "FloorDiv",
    "FloorMod",
    "Igamma",
    "Igammac",
    "LeftShift",
    "Less",
    "LessEqual",
    "LogicalAnd",
    "LogicalOr",
    "Maximum",
    "Minimum",
    "Mul",
    "MulNoNan",
    "NotEqual",
    "Polygamma",
    "Pow",
    "RealDiv",
    "RightShift",
    "Sub",
    "TruncateDiv",
    "Zeta",
];

/// What the outputs of an op are called.
pub(super) fn outputs_of(op: &str) -> &'static [&'static str] {
    if GIVE_Y.contains(&op) {
        return &["y"];
    }
    if GIVE_Z.contains(&op) {
        return &["z"];
    }
    OUTPUTS.iter().find(|row| row.0 == op).map_or(&["output"], |row| row.1)
}
