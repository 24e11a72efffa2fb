//! Ctrl-c, which a process can have one handler for: it asks the trainings that listen to end, and kills the process
//! if there are none or they have been asked before.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::TrainError;

/// Whether the handler is there; it is set once and stays.
static HANDLER: OnceLock<Result<(), Arc<ctrlc::Error>>> = OnceLock::new();

/// The trainings that listen, and what they have heard: under one lock, so that no signal is lost or meant for a later
/// training.
#[derive(Debug)]
struct State {
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

/// A training that listens to ctrl-c until this is dropped.
#[derive(Debug)]
pub(super) struct Listener(&'static Mutex<State>);

impl Listener {
    pub(super) fn begin() -> Result<Self, TrainError> {
        let handler = HANDLER.get_or_init(|| ctrlc::set_handler(on_ctrl_c).map_err(Arc::new));
        handler.clone().map_err(TrainError::CtrlC)?;
        locked(&STATE).listeners += 1;
        Ok(Listener(&STATE))
    }

    /// Whether the user has pressed ctrl-c.
    pub(super) fn is_asked(&self) -> bool {
        locked(self.0).asked
    }
}

impl Drop for Listener {
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
