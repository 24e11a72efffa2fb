//! [`Embedding`]: a row of numbers for each id.

use super::layer::calling;
use crate::initializer::random_uniform;
use crate::{Float, Graph, Integer, Tensor, Variable};

/// The rows of a table that ids name: of ids of shape [n, t] it makes [n, t, width].
///
/// It takes integers, so it is no [`Layer`](super::Layer) but what comes before one. An id that is negative or not
/// below the number of rows fails the run. Gradient: to each row of the table the cotangents of its occurrences, added
/// up.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let letters = Embedding::<f32>::new(&g, "letters", 26, 8);
/// let ids = g.placeholder::<i64>("ids", [None, Some(5)]);
/// assert_eq!(letters.call(ids).shape().to_string(), "[?, 5, 8]");
/// assert_eq!(letters.embeddings.name(), "letters/embeddings");
/// ```
#[derive(Clone, Debug)]
pub struct Embedding<'g, T = f32> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The table, of shape [rows, width].
    pub embeddings: Variable<'g, T>,
}

impl<'g, T: Float> Embedding<'g, T> {
    /// A layer of a new variable `name/embeddings`, which starts evenly between -0.05 and 0.05, as in Keras.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, rows: usize, width: usize) -> Self {
        let start = random_uniform([rows, width], -0.05, 0.05);
        Embedding { name: name.to_owned(), embeddings: g.variable(&format!("{name}/embeddings"), start) }
    }

    /// Adds the nodes that take the row of each id, of `i32` or `i64`.
    #[track_caller]
    pub fn call<I: Integer>(&self, ids: Tensor<'g, I>) -> Tensor<'g, T> {
        calling(ids.graph(), &self.name, || self.embeddings.gather(ids, 0))
    }
}
