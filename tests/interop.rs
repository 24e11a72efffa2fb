//! Other programs read the files that are written here, and theirs are read: TensorBoard, safetensors, `NumPy`.
//!
//! Each test writes a file and what it is to hold, runs a script of `tests/interop/` on them, and reads what the
//! script wrote. Where Python or its packages are lacking, it says so and passes; `$PYTHON` names another
//! interpreter than `python3`. `tests/interop/run.sh` runs all from anywhere.

#[path = "interop/arrays.rs"]
mod arrays;
#[path = "interop/events.rs"]
mod events;
#[path = "interop/python.rs"]
mod python;
