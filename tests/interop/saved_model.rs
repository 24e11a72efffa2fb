//! Models of TensorFlow are imported with their signatures and variables and compute what they compute there; damaged
//! ones are errors.
//!
//! `generate_saved_model.py` makes `saved_model/` and tells what is in it.

#[path = "saved_model/damaged.rs"]
mod damaged;
#[path = "tensorflow/fixture.rs"]
mod fixture;
#[path = "saved_model/peers.rs"]
mod peers;
#[path = "../common/stored.rs"]
mod stored;
