//! What a program has called after each epoch.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Epoch, TrainError};

type Failure = Box<dyn Error + Send + Sync>;

/// What a function that is called after each epoch may give: `()` to go on, a [`ControlFlow`] that says whether to, or
/// a `Result` of either.
///
/// ```
/// use std::ops::ControlFlow;
/// use flowgrad::train::Verdict;
/// assert!(().verdict().unwrap().is_continue());
/// assert!(Ok::<_, std::io::Error>(ControlFlow::Break(())).verdict().unwrap().is_break());
/// assert_eq!(Err::<(), _>("no space").verdict().unwrap_err().to_string(), "no space");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the training goes on",
    label = "expected `()`, a `ControlFlow<()>`, or a `Result` of either",
    note = "end the function with a semicolon to go on, or with `ControlFlow::Break(())` to stop"
)]
pub trait Verdict {
    /// Whether the training goes on.
    ///
    /// # Errors
    /// What the function failed with, which ends the training.
    fn verdict(self) -> Result<ControlFlow<()>, Failure>;
}

impl Verdict for () {
    fn verdict(self) -> Result<ControlFlow<()>, Failure> {
        Ok(ControlFlow::Continue(()))
    }
}

impl Verdict for ControlFlow<()> {
    fn verdict(self) -> Result<ControlFlow<()>, Failure> {
        Ok(self)
    }
}

impl<V: Verdict, E: Into<Failure>> Verdict for Result<V, E> {
    fn verdict(self) -> Result<ControlFlow<()>, Failure> {
        self.map_err(Into::into)?.verdict()
    }
}

type Callback<'g> = Box<dyn FnMut(&Epoch) -> Result<ControlFlow<()>, Failure> + 'g>;

/// The functions to call. They are taken out while they run, so that one of them may use the trainer.
#[derive(Default)]
pub(super) struct Callbacks<'g>(Cell<Vec<Callback<'g>>>);

impl<'g> Callbacks<'g> {
    pub(super) fn push<V: Verdict>(&mut self, mut callback: impl FnMut(&Epoch) -> V + 'g) {
        self.0.get_mut().push(Box::new(move |epoch| callback(epoch).verdict()));
    }

    /// Calls them in the order in which they were named. One that fails is the last; any of them can end the training.
    pub(super) fn call(&self, epoch: &Epoch) -> Result<ControlFlow<()>, TrainError> {
        let mut callbacks = self.0.take();
        let verdicts: Result<Vec<ControlFlow<()>>, Failure> =
            callbacks.iter_mut().map(|callback| callback(epoch)).collect();
        self.0.set(callbacks);
        match verdicts {
            Ok(verdicts) => {
                Ok(verdicts.into_iter().find(ControlFlow::is_break).unwrap_or(ControlFlow::Continue(())))
            }
            Err(failure) => Err(TrainError::Callback { epoch: epoch.epoch, source: Arc::from(failure) }),
        }
    }
}

impl fmt::Debug for Callbacks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callbacks")
    }
}
