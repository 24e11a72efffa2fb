//! [`Shared`]: what the handles of one graph and its sessions share, behind a lock.

use std::panic::Location;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use super::arena::Arena;
use crate::error::Site;
use crate::ir::NodeId;

/// What the handles of one graph and its sessions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) seed: u64,
    arena: RwLock<Arc<Arena>>,
    /// The line that finished the graph, if one has.
    finalized: OnceLock<&'static Location<'static>>,
}

impl Shared {
    pub(super) fn new(id: u64, seed: u64) -> Self {
        Shared { id, seed, arena: RwLock::default(), finalized: OnceLock::new() }
    }

    /// The arena for a moment: no code of the user's may run meanwhile, for it may ask the graph for something, nor may
    /// another lock be waited for.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Arc<Arena>> {
        // The arena is consistent between statements of `write`rs, so a panic elsewhere spoils nothing.
        self.arena.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The arena as it is now, for asking ops, which are the user's code and must not run under a lock. If the graph
    /// grows while this is held, the arena is copied once.
    pub(crate) fn snapshot(&self) -> Arc<Arena> {
        Arc::clone(&self.read())
    }

    /// Where the graph was finished, if it was.
    pub(super) fn finalized(&self) -> Option<&'static Location<'static>> {
        self.finalized.get().copied()
    }

    /// Finishes the graph; the first line that does so counts.
    pub(super) fn finalize(&self, at: &'static Location<'static>) {
        self.finalized.get_or_init(|| at);
    }

    /// Changes the arena, with the same care as for [`read`](Shared::read).
    pub(super) fn write<R>(&self, change: impl FnOnce(&mut Arena) -> R) -> R {
        change(Arc::make_mut(&mut *self.arena.write().unwrap_or_else(PoisonError::into_inner)))
    }

    /// What errors call a node. Its op is the user's code, which is asked behind the lock.
    pub(crate) fn site(&self, id: NodeId) -> Site {
        self.snapshot().node(id).site()
    }
}
