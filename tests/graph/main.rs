//! How graphs are built and run: the public surface, the words of errors, what ops say about shapes, custom
//! ops, traces; and what holds for the sources of the crate.

mod api_page;
mod calls_apart;
mod checks;
mod closures;
mod compile_fail;
mod custom_op;
mod errors;
mod finalized;
mod first_guesses;
mod functions;
mod indexed;
mod joins;
mod kinds;
mod layers;
mod moves;
mod op_table;
mod ops_shapes;
mod outputs;
mod random_moves;
mod trace;
mod untyped;
mod untyped_methods;
mod views;

#[path = "../common/cargo.rs"]
mod cargo;
#[path = "../common/choices.rs"]
mod choices;
#[path = "../common/rust_files.rs"]
mod rust_files;
