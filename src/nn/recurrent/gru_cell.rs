//! [`GruCell`]: a gated recurrent unit.

use super::{Kernels, RnnCell};
use crate::initializer::zeros;
use crate::{Float, Graph, Length, Tensor, Variable};

/// The cell, as errors call it, and its gates.
const CELL: &str = "gru_cell";
const GATES: usize = 3;

/// A gated recurrent unit: the next state is a mixture of the state before and of a candidate. Of inputs x of
/// `[batch, inputs]` and a state h of `[batch, units]`, with σ for the sigmoid and · for a matrix product:
///
/// - update: z = σ(x · Wz + h · Uz + bz)
/// - reset: r = σ(x · Wr + h · Ur + br)
/// - candidate: c = tanh(x · Wc + bc + r (h · Uc + b'))
/// - next state: h' = z h + (1 - z) c, which is also what the cell gives
///
/// The kernel is Wz, Wr and Wc side by side, the recurrent kernel Uz, Ur and Uc, the bias bz, br and bc; the
/// recurrent bias is b'. The reset gate acts on the product with Uc (`reset_after` in Keras, and what PyTorch does),
/// so that a step has one matrix product; the paper's acts on h before it.
///
/// Weights of Keras have the same order, and two rows of biases: bz and br are the sums of both, bc is of the first
/// row, b' of the second. Those of PyTorch are transposed, and the reset gate comes first.
///
/// Inputs and states of other lengths are build errors.
///
/// Source: Cho and others, *Learning phrase representations using RNN encoder-decoder for statistical machine
/// translation*, 2014, section 2.3.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layer = Rnn::new(GruCell::new(&g, "gru", 8, 32));
/// let xs = g.placeholder::<f32>("xs", [None, None, Some(8)]);
/// assert_eq!(layer.call(xs, Mode::Train).shape().to_string(), "[?, ?, 32]");
/// assert_eq!(layer.cell.recurrent_kernel.name(), "gru/recurrent_kernel");
/// ```
#[derive(Clone, Debug)]
pub struct GruCell<'g, T = f32> {
    /// The cell's name, a scope for the nodes of each call.
    pub name: String,
    /// The weights of the inputs, of shape [inputs, 3 · units]: of update, reset and candidate.
    pub kernel: Variable<'g, T>,
    /// The weights of the state, of shape [units, 3 · units].
    pub recurrent_kernel: Variable<'g, T>,
    /// What is added to the products of the inputs, of shape [3 · units].
    pub bias: Option<Variable<'g, T>>,
    /// What is added to the candidate's product of the state, of shape \[units\].
    pub recurrent_bias: Option<Variable<'g, T>>,
}

impl<'g, T: Float> GruCell<'g, T> {
    /// A cell of new variables: `name/kernel`, started by [`glorot_uniform`](crate::initializer::glorot_uniform),
    /// `name/recurrent_kernel` by [`orthogonal`](crate::initializer::orthogonal), `name/bias` and `name/recurrent_bias`
    /// by 0.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, inputs: usize, units: usize) -> Self {
        let cell = GruCell::without_bias(g, name, inputs, units);
        let bias = |part, length| Some(g.variable(&format!("{name}/{part}"), zeros([length])));
        GruCell { bias: bias("bias", 3 * units), recurrent_bias: bias("recurrent_bias", units), ..cell }
    }

    /// A cell of new variables `name/kernel` and `name/recurrent_kernel`, which start as those of [`new`](Self::new).
    #[track_caller]
    pub fn without_bias(g: &'g Graph, name: &str, inputs: usize, units: usize) -> Self {
        let kernels = Kernels::new(g, name, CELL, GATES, [inputs, units]);
        let Kernels { kernel, recurrent_kernel, .. } = kernels;
        GruCell { name: name.to_owned(), kernel, recurrent_kernel, bias: None, recurrent_bias: None }
    }

    fn kernels(&self) -> Kernels<'g, T> {
        let GruCell { kernel, recurrent_kernel, .. } = *self;
        Kernels { cell: CELL, gates: GATES, kernel, recurrent_kernel }
    }
}

impl<'g, T: Float> RnnCell<'g, T> for GruCell<'g, T> {
    /// h.
    type State = Tensor<'g, T>;

    fn name(&self) -> &str {
        &self.name
    }

    #[track_caller]
    fn zero_state(&self, g: &'g Graph, batch: Length<'g>) -> Tensor<'g, T> {
        self.kernels().zeros(g, batch)
    }

    #[track_caller]
    fn project(&self, xs: Tensor<'g, T>) -> Tensor<'g, T> {
        self.kernels().project(xs, self.bias)
    }

    #[track_caller]
    fn step(&self, projected: Tensor<'g, T>, h: Tensor<'g, T>) -> Tensor<'g, T> {
        let kernels = self.kernels();
        let h = kernels.fitting_state(h, projected);
        let (of_x, of_h) = (projected.split(3, -1), kernels.of_state(h));
        let update = (of_x[0] + of_h[0]).sigmoid();
        let reset = (of_x[1] + of_h[1]).sigmoid();
        let recurrent = self.recurrent_bias.map_or(of_h[2], |bias| of_h[2] + kernels.fitting_bias(bias, 1));
        let candidate = (of_x[2] + reset * recurrent).tanh();
        // z h + (1 - z) c with one product less.
        candidate + update * (h - candidate)
    }

    fn output(&self, h: &Tensor<'g, T>) -> Tensor<'g, T> {
        *h
    }
}
