//! What each thread is inside of: runs, and the kernels of runs, which are the user's code and may ask for runs in
//! their turn.
//!
//! A kernel may be done by any thread of a run, and the thread may have been inside of another session's run before. So
//! levels form a chain from the inside out, on whatever threads they were entered; what waits for something asks the
//! chain whether it would wait for itself ([`Turn`](super::turn::Turn)). A thread that a kernel starts by itself is
//! inside of nothing.

use std::cell::Cell;
use std::ptr;

use super::turn::Turn;
use crate::error::Nesting;
use crate::graph::Shared;
use crate::ir::NodeId;

/// How many levels may lie within each other; a run is one, and so is a kernel of it. Each takes some kilobytes of a
/// thread's stack, and code that runs what it is part of would go on without end.
const MOST_LEVELS: usize = 32;

thread_local! {
    /// The innermost level that this thread is inside of. Needs no destructor, so it is there as long as the thread.
    static INNERMOST: Cell<*const Level> = const { Cell::new(ptr::null()) };
}

/// Something that a thread is inside of. The pointers may be followed while it is.
#[derive(Debug)]
pub(crate) struct Level {
    outer: *const Level,
    depth: usize,
    graph: *const Shared,
    what: What,
}

#[derive(Debug)]
enum What {
    /// The ops of a request are asked how they are computed.
    Planning,
    /// A run, with the turn that it holds if it assigns.
    Run(*const Turn),
    /// The kernel of a node, in the run around it.
    Kernel(NodeId),
}

/// Why something cannot be done from where it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Nested {
    /// The innermost kernel that matters, in words.
    pub(crate) inside: String,
    pub(crate) reason: Nesting,
}

/// Runs something that asks the ops of a graph, inside a level of its own.
pub(crate) fn planning<R>(graph: &Shared, plan: impl FnOnce() -> R) -> Result<R, Nested> {
    let level = Level::new(graph, What::Planning);
    level.check()?;
    Ok(level.within(plan))
}

/// Whether this thread is inside of anything.
pub(super) fn is_inside() -> bool {
    !INNERMOST.get().is_null()
}

/// The turns that are held by runs which this thread is inside of, the innermost first.
pub(super) fn held_turns() -> impl Iterator<Item = *const Turn> {
    levels().filter_map(|level| match level.what {
        What::Run(turn) if !turn.is_null() => Some(turn),
        What::Run(_) | What::Planning | What::Kernel(_) => None,
    })
}

/// The kernel, in words, that this thread does for the run that holds a turn.
pub(super) fn kernel_within(turn: *const Turn) -> String {
    let within = levels().take_while(|level| !matches!(level.what, What::Run(held) if ptr::eq(held, turn)));
    let kernel = within.filter(|level| matches!(level.what, What::Kernel(_))).last();
    kernel.map_or_else(String::new, Level::described)
}

/// The innermost kernel, in words, or else that an op is asked how it is computed.
pub(super) fn innermost_kernel() -> String {
    let kernel = levels().find(|level| matches!(level.what, What::Kernel(_)));
    kernel.map_or_else(|| "the lowering of an op".to_owned(), Level::described)
}

/// The levels that this thread is inside of, the innermost first.
fn levels() -> impl Iterator<Item = &'static Level> {
    let mut next = INNERMOST.get();
    std::iter::from_fn(move || {
        // SAFETY: a level is there while a thread is inside of it: it lies on the stack of a thread that waits for what
        // is inside, a kernel's on the stack of the thread that does it, a run's on that of its caller, which stays
        // until all tasks are done. These references are used by code inside of the levels only, and not kept: they
        // leave this file as text.
        let level = unsafe { next.as_ref() }?;
        next = level.outer;
        Some(level)
    })
}

impl Level {
    /// That of a run which this thread begins, with the turn that it holds if it assigns. Nothing may run inside of it
    /// before it is [checked](Level::check).
    #[inline]
    pub(super) fn run(graph: &Shared, turn: Option<&Turn>) -> Self {
        Level::new(graph, What::Run(turn.map_or(ptr::null(), ptr::from_ref)))
    }

    #[inline]
    fn new(graph: &Shared, what: What) -> Self {
        let outer = INNERMOST.get();
        // SAFETY: the innermost level is there while its thread is inside of it.
        let depth = unsafe { outer.as_ref() }.map_or(0, |outer| outer.depth + 1);
        Level { outer, depth, graph, what }
    }

    /// Refuses a level that is too deep. Apart from making it, so that a level is made where it stays.
    #[inline]
    pub(super) fn check(&self) -> Result<(), Nested> {
        if self.depth < MOST_LEVELS {
            return Ok(());
        }
        Err(Nested { inside: innermost_kernel(), reason: Nesting::TooDeep { most: MOST_LEVELS } })
    }

    /// Runs something inside of this level.
    pub(super) fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        /// Goes back to the level before, also when a panic passes through.
        struct Leave(*const Level);
        impl Drop for Leave {
            fn drop(&mut self) {
                INNERMOST.set(self.0);
            }
        }
        let _leave = Leave(INNERMOST.replace(self));
        run()
    }

    /// Runs the kernel of a node in a run, on any thread of the run's.
    pub(super) fn within_kernel<R>(&self, node: NodeId, run: impl FnOnce() -> R) -> R {
        let (depth, graph) = (self.depth + 1, self.graph);
        Level { outer: self, depth, graph, what: What::Kernel(node) }.within(run)
    }

    /// A kernel in words: its node, and where that was built.
    fn described(&self) -> String {
        let What::Kernel(node) = self.what else { return String::new() };
        // SAFETY: a run holds the graph of its session.
        unsafe { &*self.graph }.site(node).to_string()
    }
}
