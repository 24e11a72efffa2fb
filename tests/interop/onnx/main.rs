//! Models of ONNX: its own node tests, models made by hand, and what is refused.

mod cases;
mod export;
mod exported;
mod exported_control;
mod exported_edges;
mod exported_models;
mod models;
#[path = "../../common/own_op.rs"]
mod own_op;
#[cfg(feature = "npz")]
#[path = "../../common/python.rs"]
mod python;
mod rejects;
mod wire;
