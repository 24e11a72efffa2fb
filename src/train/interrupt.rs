//! Ctrl-c, which a process can have one handler for: it asks the trainings and loops that listen to end, and kills the process
//! if there are none or they have been asked before.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::TrainError;

/// Whether the handler is there; it is set once and stays.
static HANDLER: OnceLock<Result<(), Arc<ctrlc::Error>>> = OnceLock::new();

/// The trainings that listen, and what they have heard: under one lock, so that no signal is lost or meant for a later
/// training.
#[derive(Debug)]
pub(super) struct State {
    /// How many trainings listen.
    listeners: usize,
    /// Whether they have been asked to end.
    asked: bool,
}

static STATE: Mutex<State> = Mutex::new(State { listeners: 0, asked: false });

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics while it holds the lock.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a shell reports of a process that ctrl-c has killed: 128 and the number of the signal.
const EXIT_CODE: i32 = 130;

/// Listens to ctrl-c until it is dropped: the first one is told by [`is_pressed`](CtrlC::is_pressed), a second kills the
/// process. While nothing listens, the first does.
///
/// A process has one handler of ctrl-c. This one is set by the first that listens, trainers among them
/// ([`Trainer::stop_on_ctrl_c`](super::Trainer::stop_on_ctrl_c)), and stays. [`Progress`](super::Progress) has an example.
#[derive(Debug)]
#[must_use = "it listens until it is dropped"]
pub struct CtrlC(&'static Mutex<State>);

impl CtrlC {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`TrainError::CtrlC`], if the program has another handler.
    pub fn listen() -> Result<Self, TrainError> {
        let handler = HANDLER.get_or_init(|| ctrlc::set_handler(on_ctrl_c).map_err(Arc::new));
        handler.clone().map_err(TrainError::CtrlC)?;
        locked(&STATE).listeners += 1;
        Ok(CtrlC(&STATE))
    }

    /// Whether the user has pressed ctrl-c since this, or what listened before and still does, began to listen.
    pub fn is_pressed(&self) -> bool {
        locked(self.0).asked
    }
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        let mut state = locked(self.0);
        state.listeners -= 1;
        state.asked &= state.listeners > 0;
    }
}

/// Called on a thread of its own.
fn on_ctrl_c() {
    let mut state = locked(&STATE);
    if state.listeners == 0 || std::mem::replace(&mut state.asked, true) {
        process::exit(EXIT_CODE);
    }
}
