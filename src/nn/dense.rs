//! [`Dense`]: every output by every input.

use super::layer::calling;
use super::{Layer, Mode};
use crate::initializer::{glorot_uniform, zeros};
use crate::{Float, Graph, Tensor, Variable};

/// y = x · kernel + bias, the same in both modes: of x of shape [n, inputs] it makes [n, units]. Axes between the
/// first and the last are kept; a single example, of shape \[inputs\], gives \[units\].
///
/// An x whose last axis is not as long as the kernel's first is a build error.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layer = Dense::new(&g, "fc1", 784, 10);
/// let x = g.placeholder::<f32>("x", [None, Some(784)]);
/// assert_eq!(layer.call(x, Mode::Train).shape().to_string(), "[?, 10]");
/// assert_eq!(layer.kernel.name(), "fc1/kernel");
/// ```
#[derive(Clone, Debug)]
pub struct Dense<'g, T = f32> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The weights, of shape [inputs, units].
    pub kernel: Variable<'g, T>,
    /// What is added to each row, of shape \[units\].
    pub bias: Option<Variable<'g, T>>,
}

impl<'g, T: Float> Dense<'g, T> {
    /// A layer of new variables `name/kernel`, started by [`glorot_uniform`], and `name/bias`, started by 0.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, inputs: usize, units: usize) -> Self {
        let layer = Dense::without_bias(g, name, inputs, units);
        Dense { bias: Some(g.variable(&format!("{name}/bias"), zeros([units]))), ..layer }
    }

    /// A layer of one new variable, `name/kernel`, started by [`glorot_uniform`], that adds nothing. (A bias taken off
    /// a layer that `new` has made would stay in the graph, and in checkpoints.)
    #[track_caller]
    pub fn without_bias(g: &'g Graph, name: &str, inputs: usize, units: usize) -> Self {
        let kernel = g.variable(&format!("{name}/kernel"), glorot_uniform([inputs, units]));
        Dense { name: name.to_owned(), kernel, bias: None }
    }
}

impl<'g, T: Float> Layer<'g, T> for Dense<'g, T> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let product = x.matmul(self.kernel);
            self.bias.map_or(product, |bias| product + bias)
        })
    }
}
