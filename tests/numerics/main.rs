//! Numbers: values and derivatives against formulas, central differences, and the same graph run in another way.
//!
//! As in most programs of users, there is no `serde_json` here: where it is, the type of `ArrayD::zeros(..)` in an
//! `assert_eq!` with a result could not be inferred.

mod code_text;
mod ctc;
mod custom_gradients;
mod derivatives;
mod gradients;
mod initializers;
mod large_values;
mod machine_code;
mod or_zeros;
mod random_graphs;
mod region_programs;
mod testing;

#[path = "../common/corpus.rs"]
mod corpus;
#[path = "../common/seeded.rs"]
mod seeded;
