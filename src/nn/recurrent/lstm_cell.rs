//! [`LstmCell`]: long short-term memory.

use ndarray::Array1;

use super::{Kernels, RnnCell};
use crate::{Float, Graph, Length, Tensor, Variable};

/// The cell, as errors call it, and its gates.
const CELL: &str = "lstm_cell";
const GATES: usize = 4;

/// Long short-term memory: a memory that gates write to, forget from and read. Of inputs x of `[batch, inputs]`, a state
/// h and a memory c, both of `[batch, units]`, with σ for the sigmoid and · for a matrix product:
///
/// - input gate: i = σ(x · Wi + h · Ui + bi)
/// - forget gate: f = σ(x · Wf + h · Uf + bf)
/// - candidate: a = tanh(x · Wa + h · Ua + ba)
/// - output gate: o = σ(x · Wo + h · Uo + bo)
/// - next memory: c' = f c + i a
/// - next state: h' = o tanh(c'), which is also what the cell gives
///
/// The kernel is Wi, Wf, Wa and Wo side by side, and so are the recurrent kernel and the bias. That is the order of
/// Keras and, transposed, of PyTorch, whose two biases are added up.
///
/// Inputs and states of other lengths are build errors.
///
/// Source: Hochreiter and Schmidhuber, *Long short-term memory*, 1997; Gers, Schmidhuber and Cummins, *Learning to
/// forget: continual prediction with LSTM*, 2000, for the forget gate.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layer = Rnn::new(LstmCell::new(&g, "lstm", 8, 32));
/// let xs = g.placeholder::<f32>("xs", [None, None, Some(8)]);
/// let (ys, (h, c)) = layer.over(xs).output_and_state();
/// assert_eq!(ys.shape().to_string(), "[?, ?, 32]");
/// assert_eq!([h, c].map(|tensor| tensor.shape().to_string()), ["[?, 32]"; 2]);
/// ```
#[derive(Clone, Debug)]
pub struct LstmCell<'g, T = f32> {
    /// The cell's name, a scope for the nodes of each call.
    pub name: String,
    /// The weights of the inputs, of shape [inputs, 4 · units]: of input gate, forget gate, candidate and output gate.
    pub kernel: Variable<'g, T>,
    /// The weights of the state, of shape [units, 4 · units].
    pub recurrent_kernel: Variable<'g, T>,
    /// What is added to the products, of shape [4 · units].
    pub bias: Option<Variable<'g, T>>,
}

impl<'g, T: Float> LstmCell<'g, T> {
    /// A cell of new variables: `name/kernel`, started by [`glorot_uniform`](crate::initializer::glorot_uniform),
    /// `name/recurrent_kernel` by [`orthogonal`](crate::initializer::orthogonal), and `name/bias` by 0, but by 1 for the
    /// forget gate, so that a cell remembers before it has learned to.
    ///
    /// Source of the 1: Jozefowicz, Zaremba and Sutskever, *An empirical exploration of recurrent network
    /// architectures*, 2015, section 2.2.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, inputs: usize, units: usize) -> Self {
        let cell = LstmCell::without_bias(g, name, inputs, units);
        let start = |at| T::from_f64(if (units..2 * units).contains(&at) { 1.0 } else { 0.0 });
        let bias = g.variable(&format!("{name}/bias"), Array1::from_shape_fn(4 * units, start));
        LstmCell { bias: Some(bias), ..cell }
    }

    /// A cell of new variables `name/kernel` and `name/recurrent_kernel`, which start as those of [`new`](Self::new).
    #[track_caller]
    pub fn without_bias(g: &'g Graph, name: &str, inputs: usize, units: usize) -> Self {
        let kernels = Kernels::new(g, name, CELL, GATES, [inputs, units]);
        let Kernels { kernel, recurrent_kernel, .. } = kernels;
        LstmCell { name: name.to_owned(), kernel, recurrent_kernel, bias: None }
    }

    fn kernels(&self) -> Kernels<'g, T> {
        let LstmCell { kernel, recurrent_kernel, .. } = *self;
        Kernels { cell: CELL, gates: GATES, kernel, recurrent_kernel }
    }
}

impl<'g, T: Float> RnnCell<'g, T> for LstmCell<'g, T> {
    /// h and c.
    type State = (Tensor<'g, T>, Tensor<'g, T>);

    fn name(&self) -> &str {
        &self.name
    }

    #[track_caller]
    fn zero_state(&self, g: &'g Graph, batch: Length<'g>) -> Self::State {
        let zeros = self.kernels().zeros(g, batch);
        (zeros, zeros)
    }

    #[track_caller]
    fn project(&self, xs: Tensor<'g, T>) -> Tensor<'g, T> {
        self.kernels().project(xs, self.bias)
    }

    #[track_caller]
    fn step(&self, projected: Tensor<'g, T>, (h, c): Self::State) -> Self::State {
        let kernels = self.kernels();
        let [h, c] = [h, c].map(|part| kernels.fitting_state(part, projected));
        let (of_x, of_h) = (projected.split(4, -1), kernels.of_state(h));
        let [input, forget, output] = [0, 1, 3].map(|gate| (of_x[gate] + of_h[gate]).sigmoid());
        let candidate = (of_x[2] + of_h[2]).tanh();
        let c = forget * c + input * candidate;
        (output * c.tanh(), c)
    }

    fn output(&self, (h, _): &Self::State) -> Tensor<'g, T> {
        *h
    }
}
