//! Checkpoints that TensorFlow wrote are read with its numbers, and damaged ones are errors.
//!
//! `generate_tensor_bundle.py` makes `tensor_bundle/` and tells what is in it.

#[path = "tensor_bundle/damaged.rs"]
mod damaged;
#[path = "tensor_bundle/peers.rs"]
mod peers;
#[path = "../common/python.rs"]
mod python;
