//! Recurrent layers: cells, which make one step in time ([`RnnCell`]), and [`Rnn`], which goes through sequences with one.

mod gru_cell;
mod lstm_cell;
mod rnn;

pub use gru_cell::GruCell;
pub use lstm_cell::LstmCell;
pub use rnn::{Rnn, RnnCall};

use super::fitting::{fault, fitting};
use super::layer::calling;
use crate::initializer::{glorot_uniform, orthogonal};
use crate::op::Fault;
use crate::{Float, Graph, Length, Shape, Tensor, Tensors, Variable};

/// One step in time of a recurrent network: makes the next state of an input and of the state before. [`Rnn`] goes
/// through sequences with it.
///
/// What a step makes of the input alone, above all its product with a kernel, belongs into [`project`](Self::project):
/// `Rnn` calls it once for all steps, and a large product is faster than many small ones. What a step gives is a part
/// of its state, or a function of it; a cell that gives something else keeps that in its state.
///
/// A custom cell, here of Elman's network, h' = tanh(x · kernel + h · recurrent kernel):
///
/// ```
/// use flowgrad::prelude::*;
/// struct ElmanCell<'g> {
///     input: Dense<'g>,
///     recurrent_kernel: Variable<'g>,
/// }
///
/// impl<'g> RnnCell<'g> for ElmanCell<'g> {
///     type State = Tensor<'g>;
///
///     fn name(&self) -> &str {
///         &self.input.name
///     }
///     fn zero_state(&self, g: &'g Graph, batch: Length<'g>) -> Tensor<'g> {
///         g.zeros((batch, self.recurrent_kernel.dim(0)))
///     }
///     fn project(&self, xs: Tensor<'g>) -> Tensor<'g> {
///         self.input.call(xs, Mode::Predict)
///     }
///     fn step(&self, projected: Tensor<'g>, h: Tensor<'g>) -> Tensor<'g> {
///         (projected + h.matmul(self.recurrent_kernel)).tanh()
///     }
///     fn output(&self, h: &Tensor<'g>) -> Tensor<'g> {
///         *h
///     }
/// }
///
/// let g = Graph::new();
/// let recurrent_kernel = g.variable("elman/recurrent_kernel", orthogonal([16, 16], 1.0));
/// let layer = Rnn::new(ElmanCell { input: Dense::new(&g, "elman", 4, 16), recurrent_kernel });
/// let xs = g.placeholder::<f32>("xs", [None, None, Some(4)]);
/// assert_eq!(layer.call(xs, Mode::Train).shape().to_string(), "[?, ?, 16]");
/// ```
pub trait RnnCell<'g, T: Float = f32> {
    /// What is kept from step to step: tensors, the first axis of each of which is the batch.
    type State: Tensors<'g>;

    /// The cell's name, a scope for the nodes of each call.
    fn name(&self) -> &str;

    /// The state before the first step, for so many sequences. Those of the crate start with zeros.
    #[track_caller]
    fn zero_state(&self, g: &'g Graph, batch: Length<'g>) -> Self::State;

    /// What [`step`](Self::step) needs of inputs, of `[batch, features]` or `[time, batch, features]`. It must not mix
    /// what lies along other axes than the last. By default it is the inputs themselves.
    #[track_caller]
    fn project(&self, xs: Tensor<'g, T>) -> Tensor<'g, T> {
        xs
    }

    /// The state after a step, of what [`project`](Self::project) makes of the input, and of the state before.
    #[track_caller]
    fn step(&self, projected: Tensor<'g, T>, state: Self::State) -> Self::State;

    /// What the cell gives in a state, of `[batch, ..]`.
    #[track_caller]
    fn output(&self, state: &Self::State) -> Tensor<'g, T>;

    /// A single step: what the cell gives, and the next state, of inputs `[batch, features]` and a state.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let cell = LstmCell::new(&g, "lstm", 4, 16);
    /// let x = g.placeholder::<f32>("x", [None, Some(4)]);
    /// let (y, (h, c)) = cell.call(x, cell.zero_state(&g, x.dim(0)));
    /// assert_eq!([y, h, c].map(|tensor| tensor.shape().to_string()), ["[?, 16]"; 3]);
    /// ```
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, state: Self::State) -> (Tensor<'g, T>, Self::State) {
        calling(x.graph(), self.name(), || {
            let next = self.step(self.project(x), state);
            (self.output(&next), next)
        })
    }
}

/// The kernels of a cell with so many gates.
#[derive(Clone, Copy)]
struct Kernels<'g, T> {
    /// The cell, as errors call it.
    cell: &'static str,
    gates: usize,
    /// Of shape [inputs, gates · units].
    kernel: Variable<'g, T>,
    /// Of shape [units, gates · units].
    recurrent_kernel: Variable<'g, T>,
}

impl<'g, T: Float> Kernels<'g, T> {
    /// New variables `name/kernel`, started by [`glorot_uniform`], and `name/recurrent_kernel`, by [`orthogonal`].
    #[track_caller]
    fn new(g: &'g Graph, name: &str, cell: &'static str, gates: usize, [inputs, units]: [usize; 2]) -> Self {
        let kernel = g.variable(&format!("{name}/kernel"), glorot_uniform([inputs, gates * units]));
        let start = orthogonal([units, gates * units], 1.0);
        let recurrent_kernel = g.variable(&format!("{name}/recurrent_kernel"), start);
        Kernels { cell, gates, kernel, recurrent_kernel }
    }

    /// A bias for so many of the gates.
    #[track_caller]
    fn fitting_bias(&self, bias: Variable<'g, T>, gates: usize) -> Tensor<'g, T> {
        let inputs = [bias.any(), self.recurrent_kernel.any()];
        fitting(bias.graph(), self.cell, inputs, move |[bias, recurrent_kernel]| {
            // The kernels have been found to fit.
            let units = recurrent_kernel.dims().first().copied().flatten().unwrap_or(0);
            if *bias == Shape::from([gates * units]) {
                return Ok(());
            }
            Err(fault(format!("expected a bias of [{}], got {bias}", gates * units)))
        })
    }

    /// Inputs as long as the kernel's first axis, multiplied by it; with the bias, if there is one.
    #[track_caller]
    fn project(&self, xs: Tensor<'g, T>, bias: Option<Variable<'g, T>>) -> Tensor<'g, T> {
        let gates = self.gates;
        let inputs = [xs.any(), self.kernel.any(), self.recurrent_kernel.any()];
        let xs = fitting(xs.graph(), self.cell, inputs, move |[xs, kernel, recurrent_kernel]| {
            let width = check_kernels(gates, kernel, recurrent_kernel)?;
            match xs.dims() {
                [.., length] if length.is_none_or(|length| length == width) => Ok(()),
                [.., Some(length)] => {
                    Err(fault(format!("expected inputs of {width} features, got {length}")))
                }
                _ => Err(fault(format!("expected inputs of {width} features, got {xs}"))),
            }
        });
        let lengths = xs.lengths();
        let product = match lengths.as_slice() {
            // One product, and so is its gradient, which for three axes would be one for each step, added up.
            &[time, batch, features] => {
                let rows = xs.reshape((time * batch, features)).matmul(self.kernel);
                rows.reshape((time, batch, self.kernel.dim(1)))
            }
            _ => xs.matmul(self.kernel),
        };
        bias.map_or(product, |bias| product + self.fitting_bias(bias, gates))
    }

    /// A part of the state, if it has a row of units for each row of what is projected.
    #[track_caller]
    fn fitting_state(&self, state: Tensor<'g, T>, projected: Tensor<'g, T>) -> Tensor<'g, T> {
        let inputs = [state.any(), projected.any(), self.recurrent_kernel.any()];
        fitting(state.graph(), self.cell, inputs, |[state, projected, recurrent_kernel]| {
            let mut expected = projected.dims().to_vec();
            if let (Some(last), Some(units)) = (expected.last_mut(), recurrent_kernel.dims().first()) {
                *last = *units;
            }
            let expected = Shape::from(expected);
            if state.agrees_with(&expected) {
                return Ok(());
            }
            Err(fault(format!("expected a state of {expected}, got {state}")))
        })
    }

    /// What the recurrent kernel makes of a state, cut into gates.
    #[track_caller]
    fn of_state(&self, state: Tensor<'g, T>) -> Vec<Tensor<'g, T>> {
        state.matmul(self.recurrent_kernel).split(self.gates, -1)
    }

    /// A state of zeros for so many sequences.
    #[track_caller]
    fn zeros(&self, g: &'g Graph, batch: Length<'g>) -> Tensor<'g, T> {
        g.zeros((batch, self.recurrent_kernel.dim(0)))
    }
}

/// The number of inputs, if the kernels are those of a cell with so many gates.
fn check_kernels(gates: usize, kernel: &Shape, recurrent_kernel: &Shape) -> Result<usize, Fault> {
    match (kernel.dims(), recurrent_kernel.dims()) {
        (&[Some(inputs), Some(width)], &[Some(units), Some(recurrent_width)])
            if width == recurrent_width && units.checked_mul(gates) == Some(width) =>
        {
            Ok(inputs)
        }
        _ => Err(fault(format!(
            "expected kernels of [inputs, {gates}·units] and [units, {gates}·units], got {kernel} and {recurrent_kernel}"
        ))),
    }
}
