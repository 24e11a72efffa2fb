//! What is wrong with an array that is asked for.

use std::collections::TryReserveError;
use std::io;

use crate::DType;
use crate::quote::{
    list::{LISTED, listed},
    quoted,
};

/// Why an array of a file is not read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayFault {
    /// There is no array of that name.
    #[error("there is no such array: expected one of {}", listed(names.iter().map(String::as_str), *count))]
    Missing {
        /// The first names in the file.
        names: Vec<String>,
        /// How many names there are.
        count: usize,
    },

    /// Elements of a type that flowgrad does not have.
    #[error("expected elements of a type that flowgrad has, got `{}`", quoted(type_name))]
    Element {
        /// The type as the file has it.
        type_name: String,
    },

    /// The elements are of another type than is asked for, which does not hold all of their values.
    #[error("expected elements of {expected}, got {}", quoted(found))]
    OtherType {
        /// The type that is asked for.
        expected: DType,
        /// The type of the array: flowgrad's name for it, or the file's.
        found: String,
    },

    /// An element is not what its type allows.
    #[error("element {index}: expected {expected}, got another value")]
    Invalid {
        /// Its index in the order of the file.
        index: usize,
        /// What is allowed.
        expected: &'static str,
    },

    /// A shape that could not be addressed.
    #[error("expected a shape that can be addressed, got {shape:?}")]
    Shape {
        /// The shape.
        shape: Vec<usize>,
    },
}

impl ArrayFault {
    /// An array that is not among these.
    pub(crate) fn missing<'n>(mut names: impl Iterator<Item = &'n str>) -> Self {
        let first: Vec<String> = names.by_ref().take(LISTED).map(str::to_owned).collect();
        ArrayFault::Missing { count: first.len() + names.count(), names: first }
    }
}

/// Why bytes are no array.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// They cannot be read, or there is no memory for them.
    Io(io::Error),
    Array(ArrayFault),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Unreadable::Io(error)
    }
}

impl From<TryReserveError> for Unreadable {
    fn from(error: TryReserveError) -> Self {
        Unreadable::Io(error.into())
    }
}

impl From<ArrayFault> for Unreadable {
    fn from(fault: ArrayFault) -> Self {
        Unreadable::Array(fault)
    }
}
