//! Ctrl-c, which a process can have one handler for: it asks the trainings that listen to end, and kills the process
//! if there are none or they have been asked before.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::TrainError;

/// Whether the handler is there; it is set once and stays.
static HANDLER: OnceLock<Result<(), Arc<ctrlc::Error>>> = OnceLock::new();
/// How many trainings listen.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// Whether they have been asked to end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// What a shell reports of a process that ctrl-c has killed: 128 and the number of the signal.
const EXIT_CODE: i32 = 130;

/// A training that listens to ctrl-c until this is dropped, and how it is asked.
#[derive(Debug)]
pub(super) struct Listener(&'static AtomicBool);

impl Listener {
    pub(super) fn begin() -> Result<Self, TrainError> {
        let handler = HANDLER.get_or_init(|| ctrlc::set_handler(on_ctrl_c).map_err(Arc::new));
        handler.clone().map_err(TrainError::CtrlC)?;
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Ok(Listener(&ASKED))
    }

    /// Whether the user has pressed ctrl-c.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if LISTENERS.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.store(false, Ordering::SeqCst);
        }
    }
}

/// Called on a thread of its own.
fn on_ctrl_c() {
    if LISTENERS.load(Ordering::SeqCst) == 0 || ASKED.swap(true, Ordering::SeqCst) {
        process::exit(EXIT_CODE);
    }
}
