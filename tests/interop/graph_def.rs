//! Graphs of TensorFlow 1 compute here what they compute there: values, TensorFlow's gradients and ours, and twenty steps
//! of training. What is no graph, or has what is not supported, is an error.
//!
//! `generate_graph_def.py` makes `graph_def/*.gz` and tells what is in them.

#[path = "tensorflow/fixture.rs"]
mod fixture;
#[path = "graph_def/hostile.rs"]
mod hostile;
#[path = "graph_def/peers.rs"]
mod peers;
#[path = "../common/stored.rs"]
mod stored;
