//! The alignments of one sequence's labels with its frames: how likely they are together, and how likely each frame is at
//! each label.
//!
//! An alignment is a path through the states blank, label, blank, label, .., blank, one state a frame. It stays, goes to
//! the next state, or leaves out a blank between two different labels. Sums over all paths up to a frame (forward) and
//! behind it (backward) are kept as logarithms.

use super::dual::Real;
use crate::ir::KernelError;

/// Likelihoods of nothing.
const NEVER: f64 = f64::NEG_INFINITY;

/// The logarithm of the sum of what these are the logarithms of.
fn log_sum<R: Real>(terms: &[R]) -> R {
    let largest = terms.iter().fold(NEVER, |largest, term| largest.max(term.value()));
    // NaN is in no comparison, but in the sum.
    if largest == NEVER && terms.iter().all(|term| !term.value().is_nan()) {
        return R::constant(NEVER);
    }
    let sum = terms.iter().fold(R::constant(0.0), |sum, &term| sum + (term - R::constant(largest)).exp());
    sum.ln() + R::constant(largest)
}

/// One sequence: its labels and the logits of its frames.
#[derive(Debug)]
pub(super) struct Sequence<R> {
    labels: Vec<usize>,
    blank: usize,
    classes: usize,
    /// The logarithms of the probabilities: a row of classes for each frame.
    log_probabilities: Vec<R>,
}

impl<R: Real> Sequence<R> {
    /// Of the logits of frames, a row of classes each.
    pub(super) fn new(labels: Vec<usize>, blank: usize, classes: usize, logits: Vec<R>) -> Self {
        let mut log_probabilities = logits;
        for row in log_probabilities.chunks_exact_mut(classes.max(1)) {
            let total = log_sum(row);
            for x in row {
                *x = *x - total;
            }
        }
        Sequence { labels, blank, classes, log_probabilities }
    }

    fn frames(&self) -> usize {
        self.log_probabilities.len() / self.classes.max(1)
    }

    fn states(&self) -> usize {
        2 * self.labels.len() + 1
    }

    /// The class of a state.
    fn class(&self, state: usize) -> usize {
        if state.is_multiple_of(2) { self.blank } else { self.labels[state / 2] }
    }

    /// Whether a path may go to a state from the last but one: over a blank, between different labels.
    fn leaves_out(&self, state: usize) -> bool {
        state % 2 == 1 && state > 1 && self.labels[state / 2] != self.labels[state / 2 - 1]
    }

    fn log_probability(&self, frame: usize, state: usize) -> R {
        self.log_probabilities[frame * self.classes + self.class(state)]
    }

    /// A table of states for each frame.
    fn table(&self) -> Result<Vec<R>, KernelError> {
        let mut table = Vec::new();
        let cells = self.frames().saturating_mul(self.states());
        table.try_reserve_exact(cells).map_err(KernelError::other)?;
        table.resize(cells, R::constant(NEVER));
        Ok(table)
    }

    /// For each frame and state, the logarithm of the likelihood of all paths that lead there.
    fn forward(&self) -> Result<Vec<R>, KernelError> {
        let (states, mut table) = (self.states(), self.table()?);
        for frame in 0..self.frames() {
            for state in 0..states {
                let from = |back: usize| table[(frame - 1) * states + state - back];
                let before = match (frame, state) {
                    (0, 0 | 1) => R::constant(0.0),
                    (0, _) => continue,
                    (_, 0) => from(0),
                    (_, state) if self.leaves_out(state) => log_sum(&[from(0), from(1), from(2)]),
                    _ => log_sum(&[from(0), from(1)]),
                };
                table[frame * states + state] = before + self.log_probability(frame, state);
            }
        }
        Ok(table)
    }

    /// For each frame and state, the logarithm of the likelihood of all paths from there on, without the frame's own.
    fn backward(&self) -> Result<Vec<R>, KernelError> {
        let (states, frames, mut table) = (self.states(), self.frames(), self.table()?);
        for frame in (0..frames).rev() {
            for state in 0..states {
                table[frame * states + state] = if frame + 1 == frames {
                    // A path ends at the last label or behind it.
                    R::constant(if state + 2 < states { NEVER } else { 0.0 })
                } else {
                    let to = |ahead: usize| {
                        let state = state + ahead;
                        table[(frame + 1) * states + state] + self.log_probability(frame + 1, state)
                    };
                    if state + 1 == states {
                        to(0)
                    } else if state + 2 < states && self.leaves_out(state + 2) {
                        log_sum(&[to(0), to(1), to(2)])
                    } else {
                        log_sum(&[to(0), to(1)])
                    }
                };
            }
        }
        Ok(table)
    }

    /// The logarithm of the likelihood of all paths, by the table of those that lead to each frame.
    fn log_likelihood_of(&self, forward: &[R]) -> R {
        let states = self.states();
        match forward.len().checked_sub(states) {
            // Without frames there is one path for no labels, and none for any.
            None => R::constant(if self.labels.is_empty() { 0.0 } else { NEVER }),
            Some(last) => log_sum(&forward[last + states.saturating_sub(2)..]),
        }
    }

    /// The logarithm of the likelihood of the labels.
    pub(super) fn log_likelihood(&self) -> Result<R, KernelError> {
        Ok(self.log_likelihood_of(&self.forward()?))
    }

    /// The gradient of the loss by the logits of each frame: probabilities less the shares of the paths that are at each
    /// class; 0 where there is no path.
    pub(super) fn gradient(&self) -> Result<Vec<R>, KernelError> {
        let (forward, backward) = (self.forward()?, self.backward()?);
        let log_likelihood = self.log_likelihood_of(&forward);
        let mut gradient = Vec::new();
        gradient.try_reserve_exact(self.log_probabilities.len()).map_err(KernelError::other)?;
        if log_likelihood.value() == NEVER {
            gradient.resize(self.log_probabilities.len(), R::constant(0.0));
            return Ok(gradient);
        }
        gradient.extend(self.log_probabilities.iter().map(|x| x.exp()));
        for frame in 0..self.frames() {
            for state in 0..self.states() {
                let at = frame * self.states() + state;
                let share = (forward[at] + backward[at] - log_likelihood).exp();
                let class = &mut gradient[frame * self.classes + self.class(state)];
                *class = *class - share;
            }
        }
        Ok(gradient)
    }
}
