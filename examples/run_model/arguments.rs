//! What stands on the command line: names with values, and how a layer is trained.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use flowgrad::ndarray::{arr0, arr1};
use flowgrad::prelude::*;

/// A name and what it is given: `name=value`. A name may hold `=` itself.
#[derive(Clone, Debug)]
pub(crate) struct Pair<V> {
    pub(crate) name: String,
    pub(crate) value: V,
}

impl<V: FromStr<Err: ToString>> FromStr for Pair<V> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.rsplit_once('=').ok_or_else(|| format!("expected NAME=VALUE, got `{text}`"))?;
        let value = value.parse::<V>().map_err(|error| error.to_string())?;
        Ok(Pair { name: name.to_owned(), value })
    }
}

/// Lengths of axes: `1,3,48,320`, and nothing for a scalar.
#[derive(Clone, Debug)]
pub(crate) struct Lengths(pub(crate) Vec<usize>);

impl FromStr for Lengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lengths = text.split(',').filter(|length| !length.is_empty());
        let lengths = lengths.map(|length| {
            length.trim().parse().map_err(|error| format!("expected a length, got `{length}`: {error}"))
        });
        lengths.collect::<Result<_, _>>().map(Lengths)
    }
}

/// All parts as numbers of a type, if all are such.
fn all<T: FromStr>(parts: &[&str]) -> Option<Vec<T>> {
    parts.iter().map(|part| part.parse().ok()).collect()
}

/// The list, or the only number of it.
fn value<T: Element>(numbers: Vec<T>, is_list: bool) -> Option<Value> {
    if is_list { Some(arr1(&numbers).into()) } else { numbers.first().map(|&number| arr0(number).into()) }
}

/// What an input always is: whole numbers are `i64`, others `f32`; with a comma it is a list.
#[derive(Clone, Debug)]
pub(crate) struct Bound(pub(crate) Value);

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let is_list = text.contains(',');
        let bound = all::<i64>(&parts).and_then(|numbers| value(numbers, is_list));
        let bound = bound.or_else(|| all::<bool>(&parts).and_then(|flags| value(flags, is_list)));
        let bound = bound.or_else(|| all::<f32>(&parts).and_then(|numbers| value(numbers, is_list)));
        bound
            .map(Bound)
            .ok_or_else(|| format!("expected a number, true or false, or a list of these, got `{text}`"))
    }
}

/// What training makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loss {
    /// Of logits, by targets that number the right classes
    CrossEntropy,
    /// Of probabilities, by targets that number the right classes
    LogLikelihood,
    /// By targets of the output's shape
    Squared,
}

// How the last layer is trained.
#[derive(Args, Debug)]
pub(crate) struct Tune {
    /// What is made small
    #[arg(long, value_enum, default_value_t = Loss::CrossEntropy)]
    pub(crate) loss: Loss,
    /// Train the initializers whose names begin so, in place of those of the last layer
    #[arg(long, value_name = "PREFIX")]
    pub(crate) layer: Option<String>,
    /// Passes over the arrays
    #[arg(long, default_value_t = 10)]
    pub(crate) epochs: usize,
    /// Rows of a step
    #[arg(long, default_value_t = 32)]
    pub(crate) batch: usize,
    /// Rate of Adam
    #[arg(long, default_value_t = 1e-3)]
    pub(crate) rate: f64,
}
