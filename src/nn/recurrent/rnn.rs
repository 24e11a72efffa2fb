//! [`Rnn`]: a cell over time.

use std::fmt;

use super::super::fitting::{fault, fitting};
use super::super::layer::calling;
use super::super::{Layer, Mode};
use super::RnnCell;
use crate::op::{AnyTensor, Fault};
use crate::{Float, Integer, Scan, Shape, Tensor, Tensors};

/// Sequences by a cell, step after step: of `[batch, time, features]` it makes `[batch, time, units]`, what the cell
/// gives at each step, or, as [`last`](Self::last), `[batch, units]`, what it gives behind the last one. It is the same
/// in both modes. Lengths of batch and time need not be known before a run, and time may be 0 long.
///
/// As a [`Layer`] it starts with the cell's zeros. [`over`](Self::over) takes more: a state to start with, how long each
/// sequence is; and gives the state in the end.
///
/// What has other axes is a build error, and so is what the cell refuses.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let model = Sequential::new()
///     .add(Rnn::new(GruCell::new(&g, "first", 8, 32)))
///     .add(Rnn::new(LstmCell::new(&g, "second", 32, 16)).last())
///     .add(Dense::new(&g, "output", 16, 3));
/// let xs = g.placeholder::<f32>("xs", [None, None, Some(8)]);
/// assert_eq!(model.call(xs, Mode::Train).shape().to_string(), "[?, 3]");
///
/// // Both ways through time.
/// let [forward, backward] = ["forward", "backward"].map(|name| Rnn::new(GruCell::new(&g, name, 8, 32)));
/// let backward = backward.reverse();
/// let ys = g.concat(&[forward.call(xs, Mode::Train), backward.call(xs, Mode::Train)], -1);
/// assert_eq!(ys.shape().to_string(), "[?, ?, 64]");
/// ```
#[doc(alias("dynamic_rnn", "GRU", "LSTM"))]
#[derive(Clone, Debug)]
pub struct Rnn<C> {
    /// What makes a step.
    pub cell: C,
    /// Which way it goes through time, and which states its gradient keeps.
    pub scan: Scan,
    /// Whether it gives what the cell gives at each step, and not what it gives in the end.
    pub return_sequences: bool,
}

impl<C> Rnn<C> {
    /// From the first step to the last, giving what the cell gives at each.
    pub fn new(cell: C) -> Self {
        Rnn { cell, scan: Scan::new(), return_sequences: true }
    }

    /// The same layer, giving only what the cell gives in the end.
    #[must_use]
    pub fn last(self) -> Self {
        Rnn { return_sequences: false, ..self }
    }

    /// The same layer from the last step to the first. What it gives lies in the order of the inputs all the same,
    /// unlike in Keras, and its end is the first step.
    #[doc(alias("go_backwards"))]
    #[must_use]
    pub fn reverse(self) -> Self {
        Rnn { scan: self.scan.reverse(), ..self }
    }

    /// The same layer, whose gradient keeps one state in so many: see [`Scan::checkpoint_every`].
    #[must_use]
    pub fn checkpoint_every(self, steps: usize) -> Self {
        Rnn { scan: self.scan.checkpoint_every(steps), ..self }
    }

    /// The same with the square root of the number of steps: see [`Scan::checkpoint_sqrt`].
    #[must_use]
    pub fn checkpoint_sqrt(self) -> Self {
        Rnn { scan: self.scan.checkpoint_sqrt(), ..self }
    }

    /// A call for sequences of `[batch, time, features]`, to which more can be told.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let layer = Rnn::new(GruCell::new(&g, "gru", 8, 32));
    /// let xs = g.placeholder::<f32>("xs", [None, None, Some(8)]);
    /// let lengths = g.placeholder::<i64>("lengths", [None]);
    /// let before = g.placeholder::<f32>("before", [None, Some(32)]);
    /// let (ys, after) = layer.over(xs).lengths(lengths).initial_state(before).output_and_state();
    /// assert_eq!(ys.shape().to_string(), "[?, ?, 32]");
    /// assert_eq!(after.shape().to_string(), "[?, 32]");
    /// ```
    pub fn over<'g, T: Float>(&self, xs: Tensor<'g, T>) -> RnnCall<'_, 'g, C, T>
    where
        C: RnnCell<'g, T>,
    {
        RnnCall { rnn: self, xs, state: None, lengths: None, mask: None }
    }
}

impl<'g, T: Float, C: RnnCell<'g, T>> Layer<'g, T> for Rnn<C> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        self.over(x).output()
    }
}

/// A call of an [`Rnn`], made by [`Rnn::over`].
///
/// Steps that are not there, behind a sequence's length or where the mask is false, leave the state as it is, and the
/// layer gives zeros for them; the state in the end is that behind the last step that is there. What the inputs hold
/// there does not matter, be it NaN, and no gradient passes to it.
#[must_use = "a call adds nothing before its output is asked for"]
pub struct RnnCall<'a, 'g, C: RnnCell<'g, T>, T: Float = f32> {
    rnn: &'a Rnn<C>,
    xs: Tensor<'g, T>,
    state: Option<C::State>,
    lengths: Option<Tensor<'g, i64>>,
    mask: Option<Tensor<'g, bool>>,
}

impl<'g, C: RnnCell<'g, T>, T: Float> fmt::Debug for RnnCall<'_, 'g, C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RnnCall({})", self.rnn.cell.name())
    }
}

impl<'g, C: RnnCell<'g, T>, T: Float> RnnCall<'_, 'g, C, T> {
    /// Starts with this state instead of the cell's zeros.
    pub fn initial_state(self, state: C::State) -> Self {
        RnnCall { state: Some(state), ..self }
    }

    /// How many steps of each sequence are there, of shape \[batch\]; those behind are padding. A length that is
    /// greater than time counts as time, one below 0 as 0.
    #[doc(alias("sequence_length", "pack_padded_sequence"))]
    #[track_caller]
    pub fn lengths<I: Integer>(self, lengths: Tensor<'g, I>) -> Self {
        RnnCall { lengths: Some(lengths.cast()), ..self }
    }

    /// Which steps are there, of shape [batch, time]. With [`lengths`](Self::lengths), those for which both hold.
    pub fn mask(self, mask: Tensor<'g, bool>) -> Self {
        RnnCall { mask: Some(mask), ..self }
    }

    /// What the layer gives: `[batch, time, units]`, or `[batch, units]` as [`Rnn::last`].
    #[track_caller]
    pub fn output(self) -> Tensor<'g, T> {
        self.output_and_state().0
    }

    /// The same, and the state in the end.
    #[track_caller]
    pub fn output_and_state(self) -> (Tensor<'g, T>, C::State) {
        let (g, Rnn { cell, scan, return_sequences }) = (self.xs.graph(), self.rnn);
        calling(g, cell.name(), || {
            let xs = fitting(g, "rnn", [self.xs.any()], |[xs]| match xs.rank() {
                3 => Ok(()),
                _ => Err(fault(format!("expected sequences of [batch, time, features], got {xs}"))),
            });
            let first = self.state.unwrap_or_else(|| cell.zero_state(g, xs.dim(0)));
            let mask = mask_of_steps(xs, self.lengths, self.mask);
            // Step by step the rows of a batch lie together.
            let by_time = first_axes_swapped(xs);
            // A product with what padding holds would carry a NaN into the gradient of the kernel.
            let by_time = mask.map_or(by_time, |mask| zeros_where_false(mask, by_time));
            let rows = (cell.project(by_time), mask.map_or_else(Vec::new, |mask| vec![mask]));
            let (last, outputs) = g.scan_with(*scan, first, rows, |state, (projected, mask)| {
                let before = state.flat();
                let next = cell.step(projected, state);
                let next = match mask[..] {
                    [mask] => kept_where_false(mask, &before, &next),
                    _ => next,
                };
                let output = return_sequences.then(|| cell.output(&next));
                (next, Vec::from_iter(output))
            });
            let output = match outputs[..] {
                [outputs] => {
                    let outputs = mask.map_or(outputs, |mask| zeros_where_false(mask, outputs));
                    first_axes_swapped(outputs)
                }
                _ => cell.output(&last),
            };
            (output, last)
        })
    }
}

/// Which steps of sequences are there, of shape [time, batch]; none where all are.
#[track_caller]
fn mask_of_steps<'g, T: Float>(
    xs: Tensor<'g, T>,
    lengths: Option<Tensor<'g, i64>>,
    mask: Option<Tensor<'g, bool>>,
) -> Option<Tensor<'g, bool>> {
    let g = xs.graph();
    let by_lengths = lengths.map(|lengths| {
        let lengths = fitting(g, "rnn", [lengths.any(), xs.any()], |[lengths, xs]| {
            check_steps("lengths", lengths, xs.dims().get(..1))
        });
        // Of each step which one it is, from 1 on.
        let steps = g.ones::<i64>(xs.dim(1)).cumsum(0);
        steps.expand_dims(1).less_equal(lengths)
    });
    let by_mask = mask.map(|mask| {
        let mask = fitting(g, "rnn", [mask.any(), xs.any()], |[mask, xs]| {
            check_steps("a mask", mask, xs.dims().get(..2))
        });
        mask.transpose()
    });
    match (by_lengths, by_mask) {
        (Some(by_lengths), Some(by_mask)) => Some(by_lengths.logical_and(by_mask)),
        (by_lengths, by_mask) => by_lengths.or(by_mask),
    }
}

/// Whether what tells of steps has the first lengths of the sequences.
fn check_steps(what: &str, found: &Shape, expected: Option<&[Option<usize>]>) -> Result<(), Fault> {
    // Sequences without these axes are told of by themselves.
    let expected = Shape::from(expected.unwrap_or(found.dims()));
    if found.agrees_with(&expected) {
        return Ok(());
    }
    Err(fault(format!("expected {what} of {expected}, got {found}")))
}

/// [time, batch, ..] of [batch, time, ..], and the other way round.
#[track_caller]
fn first_axes_swapped<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    let others = 2..x.shape().rank() as isize;
    x.transpose_perm([1, 0].into_iter().chain(others).collect::<Vec<isize>>())
}

/// A tensor where the mask of its first axes is true, and zeros elsewhere.
#[track_caller]
fn zeros_where_false<'g, T: Float>(mask: Tensor<'g, bool>, x: Tensor<'g, T>) -> Tensor<'g, T> {
    let x = x.any();
    beside(mask, x).select(x, x.scalar_like(0.0)).typed()
}

/// The next state where the mask of the batch is true, and the one before elsewhere.
#[track_caller]
fn kept_where_false<'g, S: Tensors<'g>>(mask: Tensor<'g, bool>, before: &[AnyTensor<'g>], next: &S) -> S {
    let mut before = before.iter();
    // A next state of more tensors than the one before is an error of the loop.
    next.map(&mut |next| before.next().map_or(next, |&before| beside(mask, next).select(next, before)))
}

/// A mask of a tensor's first axes with as many axes as the tensor.
#[track_caller]
fn beside<'g>(mask: Tensor<'g, bool>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    let missing = x.shape().rank().saturating_sub(mask.shape().rank());
    (0..missing).fold(mask.any(), |mask, _| mask.expand_dims(-1))
}
