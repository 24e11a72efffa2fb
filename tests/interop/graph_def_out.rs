//! Exported graphs compute in TensorFlow what they compute here: each family of ops with gradients, conditionals and loops,
//! twenty steps of training, and the graphs of `generate_graph_def.py`, imported and exported again, which also must give the
//! same when they are imported a second time.
//!
//! `check_graph_def.py` has TensorFlow run them, where a Python has it.

#[path = "tensorflow/cases.rs"]
mod cases;
#[path = "graph_def_out/control.rs"]
mod control;
#[path = "graph_def_out/edges.rs"]
mod edges;
#[path = "tensorflow/fixture.rs"]
mod fixture;
#[path = "graph_def_out/models.rs"]
mod models;
#[path = "tensorflow/numbers.rs"]
mod numbers;
#[path = "../common/own_op.rs"]
mod own_op;
#[path = "../common/python.rs"]
mod python;
#[path = "graph_def_out/round_trip.rs"]
mod round_trip;
#[path = "graph_def_out/saved.rs"]
mod saved;
#[path = "../common/stored.rs"]
mod stored;
#[path = "graph_def_out/support.rs"]
mod support;
