//! Drives the ways over one problem and judges what they reached.
//!
//! [`Experiment::fit`] times a way whole, from nothing to its weights: what it builds first, its epochs, and
//! reading the weights. While the clock runs it looks up only as often as the progress bar moves. All that
//! reports want beyond the weights (the epoch of a divergence, the loss along the way) comes from the same
//! descent made again, untimed.

use std::time::Instant;

use flowgrad::{Graph, Numeric};

use crate::points::Points;
use crate::progress::{Progress, epochs_between_updates};
use crate::ways::session::{self, Gradient};
use crate::ways::{Descent, Fit, Problem, Scalar, Way, WayError};

/// One problem, and how long to descend.
#[derive(Debug)]
pub(crate) struct Experiment<T> {
    /// The data as it was made or read.
    pub(crate) points: Points,
    /// The same in the element type of the ways.
    pub(crate) problem: Problem<T>,
    /// Steps of the descents.
    pub(crate) epochs: usize,
    /// Threads of the sessions.
    pub(crate) threads: usize,
}

/// What became of one way.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The way.
    pub(crate) way: Way,
    /// Seconds from nothing to its weights, or to where it was given up.
    pub(crate) seconds: f64,
    /// How it ended.
    pub(crate) end: End,
}

/// How a way ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// With finite weights, and a finite mean squared error by them.
    Fitted { w: [f64; 2], mse: f64 },
    /// With weights or a loss that were not finite any more after this epoch.
    Diverged { epoch: usize },
    /// With numbers too large to be squared: the closed form, or the loss of the start, is not finite.
    Overflowed,
}

impl<T: Scalar> Experiment<T> {
    /// Fits the problem by `way`.
    pub(crate) fn fit(&self, way: Way) -> Result<Outcome, WayError> {
        let progress = self.progress(way.name());
        let start = Instant::now();
        let descend = |descent: &mut dyn Descent<T>| self.descend(descent, &progress);
        let (w, epochs) = match way.fit(&self.problem, self.threads, descend)? {
            Fit::Solved(w) => (w, None),
            Fit::Descended((w, epochs)) => (w, Some(epochs)),
        };
        let seconds = start.elapsed().as_secs_f64();

        let w = w.map(Numeric::as_f64);
        let end = match (self.mse(w), epochs) {
            (Some(mse), _) => End::Fitted { w, mse },
            (None, Some(last)) => match self.diverged_at(way, last)? {
                0 => End::Overflowed,
                epoch => End::Diverged { epoch },
            },
            (None, None) => End::Overflowed,
        };
        Ok(Outcome { way, seconds, end })
    }

    /// The loss at the start and at some `samples` epochs, evenly spaced to the last; it ends where the loss
    /// is not finite any more. `None` for a way that does not descend.
    pub(crate) fn losses(&self, way: Way, samples: usize) -> Result<Option<Vec<(usize, f64)>>, WayError> {
        let progress = self.progress("loss curve");
        let every = self.epochs.div_ceil(samples.max(1)).max(1);
        way.with_descent(&self.problem, self.threads, |descent| {
            let mut losses = Vec::new();
            for epoch in 0..=self.epochs {
                if epoch > 0 {
                    descent.epoch()?;
                }
                if epoch % every == 0 || epoch == self.epochs {
                    progress.at(epoch);
                    let Some(mse) = self.mse(descent.weights()?.map(Numeric::as_f64)) else {
                        break;
                    };
                    losses.push((epoch, mse));
                }
            }
            Ok(losses)
        })
    }

    /// The graph of the descent by autodiff, in DOT.
    pub(crate) fn dot(&self) -> String {
        let graph = Graph::new();
        session::build(&graph, &self.problem, Gradient::ByAutodiff);
        graph.to_dot()
    }

    /// Makes all epochs, or as many as the weights stay finite; gives the weights and how many epochs were
    /// made.
    fn descend(
        &self,
        descent: &mut dyn Descent<T>,
        progress: &Progress,
    ) -> Result<([T; 2], usize), WayError> {
        let between = epochs_between_updates(self.problem.x.len());
        let mut done = 0;
        loop {
            let w = descent.weights()?;
            if done == self.epochs || w.iter().any(|w| !w.is_finite()) {
                return Ok((w, done));
            }
            let block = between.min(self.epochs - done);
            for _ in 0..block {
                descent.epoch()?;
            }
            done += block;
            progress.at(done);
        }
    }

    /// The first epoch after which the loss is not finite, for a descent whose loss is not after epoch
    /// `last`.
    fn diverged_at(&self, way: Way, last: usize) -> Result<usize, WayError> {
        let found = way.with_descent(&self.problem, self.threads, |descent| {
            for epoch in 0..last {
                if self.mse(descent.weights()?.map(Numeric::as_f64)).is_none() {
                    return Ok(epoch);
                }
                descent.epoch()?;
            }
            Ok(last)
        })?;
        Ok(found.unwrap_or(last))
    }

    /// The mean squared error of the line with weights `w`, where both are finite.
    fn mse(&self, w: [f64; 2]) -> Option<f64> {
        let Points { x, d, .. } = &self.points;
        let squares = x.iter().zip(d).map(|(x, d)| (d - (w[0] + w[1] * x)).powi(2));
        let mse = squares.sum::<f64>() / x.len() as f64;
        (w.iter().all(|w| w.is_finite()) && mse.is_finite()).then_some(mse)
    }

    /// A progress bar for `what` over all epochs.
    fn progress(&self, what: &str) -> Progress {
        Progress::new(what, self.epochs)
    }
}
