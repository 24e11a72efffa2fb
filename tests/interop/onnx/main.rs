//! Models of ONNX: its own node tests, models made by hand, and what is refused.

mod cases;
mod export;
mod exported;
mod models;
mod rejects;
mod wire;
