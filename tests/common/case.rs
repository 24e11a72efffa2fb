//! [`Case`]: an op on inputs, and what a peer made of it.

use serde::Deserialize;

use crate::stored::Stored;

/// One line of a file of cases, with attributes of the type `A`.
#[derive(Deserialize)]
pub(crate) struct Case<A> {
    pub(crate) op: String,
    pub(crate) about: String,
    pub(crate) attributes: A,
    pub(crate) inputs: Vec<Stored>,
    pub(crate) outputs: Vec<Stored>,
    /// The inputs to differentiate with respect to.
    #[serde(default)]
    pub(crate) wrt: Vec<usize>,
    #[serde(default)]
    pub(crate) cotangents: Vec<Stored>,
    #[serde(default)]
    pub(crate) vjp: Vec<Stored>,
    #[serde(default)]
    pub(crate) directions: Vec<Stored>,
    #[serde(default)]
    pub(crate) hvp: Vec<Stored>,
}
