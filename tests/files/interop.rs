//! Other programs read the files that are written here, and theirs are read: TensorBoard, safetensors, `NumPy`.
//!
//! Each test writes a file and what it is to hold, runs a script of `tests/files/interop/` on them, and reads what the
//! script wrote. Where Python or its packages are lacking, it says so and passes; `$FLOWGRAD_PYTHON` names another
//! interpreter than `python3`. `tests/files/interop/run.sh` runs all from anywhere.

mod arrays;
mod events;
